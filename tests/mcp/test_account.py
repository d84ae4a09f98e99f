"""Who calls, as the server tells it: reach, permissions, limits, toolsets."""

from mcp import Client

from postroom.mcp.selection import read_selection
from tests.fakes.bed import Bed
from tests.mcp.bedside import client_of
from tests.mcp.conftest import KEY
from tests.processes.running import Agent, Server, remote


async def _said(client: Client) -> str:
    return await Agent(client).says("whoami")


async def test_the_owner_reaches_the_organization_and_may_do_everything(house: Bed) -> None:
    async with client_of(house) as client:
        data = await Agent(client).does("whoami")
        assert (data["scope"], data["sandbox"], data["toolsets"]) == ("organization", True, ["core", "domains"])
        assert data["organization_id"] == house.owner.reach.org_id
        assert (data["domain"], data["limits"]["max_recipients"]) == ("postroom.localhost", 50)
        assert "permissions" not in data
        text = await _said(client)
        assert "everything within that reach" in text
        assert "sandbox" in text
        assert "50 MiB and 50 recipients" in text


async def test_a_key_of_an_inbox_hears_its_inbox_its_permissions_and_its_end(house: Bed) -> None:
    inbox = await house.inbox()
    allowed = ["inbox_read", "message_read", "label_spam_read"]
    actor = await house.key(inbox_id=inbox.address, permissions=allowed, expires_at="2031-01-01T00:00:00Z")
    async with client_of(house, actor) as client:
        data = await Agent(client).does("whoami")
        assert (data["scope"], data["inbox_id"]) == ("inbox", inbox.address)
        assert (data["permissions"], data["toolsets"]) == (sorted(allowed), ["core"])
        assert (data["api_key_id"], data["expires_at"]) == (actor.api_key_id, "2031-01-01T00:00:00.000Z")
        text = await _said(client)
        assert f"one inbox: {inbox.address}" in text
        assert "permissions: inbox: read; label spam: read; message: read" in text
        assert "not allowed: api key: create, delete, read, update;" in text


async def test_a_key_of_a_pod_hears_its_pod(house: Bed) -> None:
    pod = await house.call("pods.create", name="west")
    owner = house.owner.model_copy(update={"reach": house.owner.reach.model_copy(update={"pod_id": pod.pod_id})})
    async with client_of(house, await house.key(owner)) as client:
        assert (await Agent(client).does("whoami"))["scope"] == "pod"
        assert pod.pod_id in await _said(client)


async def test_the_policies_in_force_are_told_with_what_is_left_of_their_budgets(house: Bed) -> None:
    inbox = await house.inbox()
    actor = await house.key(inbox_id=inbox.address)
    async with client_of(house, actor) as client:
        assert "policies: none" in await _said(client)
        names = [f"friend{n}@example.com" for n in range(25)]
        own = {"recipients": "allowlist", "allowed": names, "max_recipients_per_day": 9}
        await house.call("policies.set", max_mails_per_day=3, taint=False)
        await house.call("policies.set", api_key_id=actor.api_key_id, **own)
        await house.call("messages.send", actor, inbox_id=inbox.address, to=names[:2], text="Hello.")
        data = await Agent(client).does("whoami")
        text = await _said(client)
    whole, of_key = data["policies"]
    assert (whole["of"], whole["mails_left_today"], whole["taint"]) == ("the organization", 2, False)
    assert (of_key["recipients"], of_key["recipients_left_today"], of_key["more_allowed"]) == ("allowlist", 7, 5)
    assert data["default_inbox"] == inbox.address
    assert "policy of the organization: recipients open, approval none, 2 mails left today" in text
    assert "friend19@example.com and 5 more), approval none, taint, 7 recipients left today" in text


async def test_who_reaches_several_inboxes_hears_of_the_policies_of_each(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    await house.call("policies.set", inbox_id=other.address, recipients="deny")
    async with client_of(house) as client:
        (policy,) = (await Agent(client).does("whoami"))["policies"]
        assert (policy["inbox_id"], policy["recipients"]) == (other.address, "deny")
        text = await _said(client)
    assert f"policy of the inbox {other.address} (for what is sent from there): recipients deny" in text
    assert "default inbox: none" in text


async def test_only_what_the_connection_offers_is_named(house: Bed) -> None:
    for asked, offered in (("all", 6), ("webhooks,core", 2), ("core", 1)):
        async with client_of(house, selection=read_selection(asked)) as client:
            assert len((await Agent(client).does("whoami"))["toolsets"]) >= offered
    async with client_of(house, selection=read_selection("all", read_only="yes")) as client:
        assert "core" in (await Agent(client).does("whoami"))["toolsets"]


async def test_whoami_takes_no_argument_and_answers_over_http(server: Server) -> None:
    async with remote(server.http, KEY) as agent:
        assert (await agent.does("whoami"))["scope"] == "organization"
        assert "Unknown argument" in await agent.refuses("whoami", inbox_id="a@b")
