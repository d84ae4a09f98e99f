"""The toolsets that are off unless asked for: webhooks, lists, figures, keys and pods."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from postroom.mcp.face import Hands
from postroom.mcp.selection import read_selection
from postroom.mcp.tools import admin, lists, metrics, webhooks
from postroom.model.errors import Unauthenticated
from postroom.model.tenant import Actor
from tests.fakes.bed import Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of
from tests.mcp.walk import Walk
from tests.processes.running import Agent

INBOX = "agent@postroom.localhost"
HOOK = "https://example.com/hook"


@contextlib.asynccontextmanager
async def _agent(house: Bed, actor: Actor | None = None) -> AsyncIterator[Agent]:
    async with client_of(house, actor, selection=read_selection("all")) as client:
        yield Agent(client)


def _names() -> set[str]:
    return {row.name for resource in (webhooks, lists, metrics, admin) for row in resource.rows(Hands())}


async def _absent(agent: Agent, tool: str, field: str, theirs: str, /, **more: Any) -> None:
    """Another tenant's thing must answer word by word as one that is not there."""
    absent = "ep_absent" if tool.endswith("webhook") else "absent"
    missing = await agent.refuses(tool, **{field: absent}, **more)
    assert await agent.refuses(tool, **{field: theirs}, **more) == missing.replace(absent, theirs)


async def test_none_of_them_is_offered_unless_asked_for(house: Bed) -> None:
    extra = _names()
    async with client_of(house) as client:
        assert not extra & {tool.name for tool in (await client.list_tools()).tools}
        assert "not offered" in await Agent(client).refuses("create_key", name="x")
    async with client_of(house, selection=read_selection("all")) as client:
        assert extra <= {tool.name for tool in (await client.list_tools()).tools}


async def test_a_webhook_is_made_shown_changed_and_deleted(house: Bed) -> None:
    inbox = await house.inbox()
    async with _agent(house) as agent:
        given = {"url": HOOK, "event_types": "message.received", "inbox_ids": inbox.address, "client_id": "one"}
        made = await agent.does("create_webhook", **given, headers={"X-Team": "a"})
        assert made["secret"].startswith("whsec_")
        assert (await agent.does("create_webhook", **given))["webhook_id"] == made["webhook_id"]
        ref = {"webhook_id": made["webhook_id"]}
        shown = await agent.does("get_webhook", **ref)
        assert (shown["inbox_ids"], shown["event_types"]) == ([inbox.address], ["message.received"])
        assert "secret" not in shown
        assert made["secret"] not in await agent.says("list_webhooks")
        assert (await agent.does("get_webhook", **ref, show_secret=True))["secret"] == made["secret"]
        changed = await agent.does("update_webhook", **ref, event_types=["message.sent"], enabled=False)
        assert (changed["enabled"], changed["event_types"]) == (False, ["message.sent"])
        assert "disabled" in await agent.says("get_webhook", **ref)
        assert (await house.call("webhooks.get", **ref)).enabled is False
        assert (await agent.does("delete_webhook", **ref))["id"] == made["webhook_id"]
        assert (await agent.does("list_webhooks"))["webhooks"] == []
        own = await agent.does("create_webhook", url=HOOK, inbox_id=inbox.address)
        assert (await house.call("webhooks.get", webhook_id=own["webhook_id"])).inbox_address == inbox.address


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("create_webhook", {"url": HOOK, "event_types": "message.recieved"}, "is no event"),
        ("create_webhook", {"url": HOOK, "headers": {"Host": "a"}}, "cannot be set"),
        ("create_webhook", {"url": HOOK, "inbox_ids": "nobody@example.com"}, "No inbox"),
        ("create_webhook", {"url": HOOK, "inbox_id": INBOX, "pod_id": "pod_x"}, "exclusive"),
        ("create_webhook", {"url": HOOK, "event_type": "message.sent"}, "'event_types'"),
        ("update_webhook", {"webhook_id": "ep_x", "enabled": False}, "No webhook"),
        ("list_entries", {"direction": "sideways", "type": "block"}, "direction"),
        ("add_list_entry", {"direction": "send", "type": "block", "entry": "no address"}, "neither an address nor"),
        ("add_list_entry", {"direction": "send", "typ": "block", "entry": "a@b.c"}, "'type'"),
        ("remove_list_entry", {"direction": "send", "type": "block", "entry": "a@b.c"}, "No entry"),
        ("count_events", {"event_types": "message.eaten"}, "event_types"),
        ("count_events", {"start": "2001-01-01T00:00:00Z"}, "90 days"),
        ("get_rates", {"window": 1}, "multiple"),
        ("get_usage", {"inbox_id": INBOX, "usage_types": "pod_count"}, "not counted here"),
        ("create_key", {"name": "x", "permissions": ["fly"]}, "unknown: fly"),
        ("create_key", {"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "past"),
        ("create_key", {"name": "x", "inbox_id": "nobody@example.com"}, "No inbox"),
        ("update_key", {"api_key_id": "key_x", "name": "y"}, "No API key"),
        ("delete_pod", {"pod_id": "pod_x"}, "No pod"),
    ],
)
async def test_what_cannot_be_is_refused_in_a_sentence(house: Bed, tool: str, given: dict[str, Any], said: str) -> None:
    await house.inbox()
    async with _agent(house) as agent:
        assert said in await agent.refuses(tool, **given)


async def test_a_list_entry_holds_mail_of_its_inbox_until_it_is_taken_off(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    async with _agent(house) as agent:
        on = {"direction": "send", "type": "block", "inbox_id": INBOX}
        added = await agent.does("add_list_entry", **on, entry="Example.COM", reason="They asked.")
        assert (added["entry"], added["entry_type"], added["inbox_id"]) == ("example.com", "domain", INBOX)
        assert "They asked." in await agent.says("list_entries", **on)
        assert (await agent.does("list_entries", direction="send", type="block"))["entries"] == []
        letter = {"to": "ann@example.com", "text": "x"}
        assert "Nothing was sent" in await agent.says("send_message", inbox_id=INBOX, **letter)
        assert (await agent.does("list_messages", inbox_id=INBOX))["messages"] == []
        await agent.does("send_message", inbox_id="other@postroom.localhost", **letter)
        assert (await agent.does("remove_list_entry", **on, entry="example.com"))["id"] == "example.com"
        await agent.does("send_message", inbox_id=INBOX, **letter)
        assert len((await agent.does("list_messages", inbox_id=INBOX))["messages"]) == 1


async def test_events_usage_and_rates_are_told(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    await house.receive(mail())
    await house.receive(mail())
    async with _agent(house) as agent:
        counts = (await agent.does("count_events", event_types="message.received", inbox_id=INBOX))["counts"]
        assert [point["value"] for point in counts["message.received"]] == [2]
        assert "message.received: 2 in all" in await agent.says("count_events", event_types=["message.received"])
        other = {"event_types": "message.received", "inbox_id": "other@postroom.localhost"}
        assert (await agent.does("count_events", **other))["counts"] == {"message.received": []}
        usage = await agent.does("get_usage")
        assert set(usage["counts"]) >= {"message_count", "inbox_count", "pod_count"}
        assert "rates" in await agent.does("get_rates")
        assert "nothing sent" in await agent.says("get_rates", rate_types="bounce")


async def test_a_key_is_made_used_changed_and_deleted_and_its_secret_is_shown_once(house: Bed) -> None:
    await house.inbox()
    async with _agent(house) as agent:
        may = ["message_read", "inbox_read"]
        made = await agent.does("create_key", name="reader", inbox_id=INBOX, permissions=may)
        secret, ref = made["api_key"], {"api_key_id": made["api_key_id"]}
        actor = await house.house.actor(secret)
        assert (actor.api_key_id, actor.permissions) == (made["api_key_id"], frozenset(may))
        listed = await agent.says("list_keys", inbox_id=INBOX)
        assert made["api_key_id"] in listed
        assert secret not in listed
        changed = await agent.does("update_key", **ref, name="all of it", permissions=["all"])
        assert ("permissions" in changed, changed["name"]) == (False, "all of it")
        assert (await house.house.actor(secret)).permissions is None
        none = await agent.does("update_key", **ref, permissions=[])
        assert none["permissions"] == []
        assert (await agent.does("delete_key", **ref))["success"]
        with pytest.raises(Unauthenticated):
            await house.house.actor(secret)


async def test_a_key_makes_no_key_that_may_more_than_itself(house: Bed) -> None:
    inbox = await house.inbox()
    await house.inbox("other")
    may = ["api_key_create", "api_key_read", "api_key_update", "message_read", "inbox_read"]
    actor = await house.key(inbox_id=inbox.address, permissions=may)
    async with _agent(house, actor) as agent:
        assert "more than it has" in await agent.refuses("create_key", name="x", permissions=["message_send"])
        assert "more than it has" in await agent.refuses("create_key", name="x")
        made = await agent.does("create_key", name="x", permissions=["message_read"])
        assert made["inbox_id"] == INBOX
        ref = {"api_key_id": made["api_key_id"]}
        assert "more than it has" in await agent.refuses("update_key", **ref, permissions=["all"])
        assert "No inbox" in await agent.refuses("create_key", name="x", inbox_id="other@postroom.localhost")
        assert "lacks the permission" in await agent.refuses("delete_key", **ref)


async def test_a_pod_is_made_listed_and_deleted_when_it_is_empty(house: Bed) -> None:
    async with _agent(house) as agent:
        made = await agent.does("create_pod", name="west", client_id="w")
        assert (await agent.does("create_pod", client_id="w"))["pod_id"] == made["pod_id"]
        assert {pod["name"] for pod in (await agent.does("list_pods"))["pods"]} == {"west", "default"}
        key = await agent.does("create_key", name="of west", pod_id=made["pod_id"])
        assert key["pod_id"] == made["pod_id"]
        assert "not empty" in await agent.refuses("delete_pod", pod_id=made["pod_id"])
        await agent.does("delete_key", api_key_id=key["api_key_id"])
        assert (await agent.does("delete_pod", pod_id=made["pod_id"]))["id"] == made["pod_id"]
        default = (await agent.does("list_pods"))["pods"][0]["pod_id"]
        assert "default pod stays" in await agent.refuses("delete_pod", pod_id=default)


async def test_things_of_others_answer_as_absent(house: Bed) -> None:
    stranger = await house.stranger()
    inbox = await house.inbox("eve", stranger)
    hook = await house.call("webhooks.create", stranger, url=HOOK)
    key = (await house.call("keys.create", stranger)).key
    pod = await house.call("pods.create", stranger, name="theirs")
    async with _agent(house) as agent:
        for tool, more in (("get_webhook", {}), ("update_webhook", {"enabled": False}), ("delete_webhook", {})):
            await _absent(agent, tool, "webhook_id", hook.webhook_id, **more)
        await _absent(agent, "update_key", "api_key_id", key.api_key_id, permissions=["inbox_read"])
        await _absent(agent, "delete_key", "api_key_id", key.api_key_id)
        await _absent(agent, "delete_pod", "pod_id", pod.pod_id)
        for tool in ("count_events", "get_usage", "get_rates", "list_keys"):
            await _absent(agent, tool, "pod_id", pod.pod_id)
            assert "No inbox" in await agent.refuses(tool, inbox_id=inbox.address)
        on = {"direction": "send", "type": "block", "entry": "a@b.example"}
        assert "No inbox" in await agent.refuses("add_list_entry", **on, inbox_id=inbox.address)
        text = json.dumps([await agent.does(tool) for tool in ("list_webhooks", "list_keys", "list_pods")])
        assert not any(theirs in text for theirs in (hook.webhook_id, key.api_key_id, pod.pod_id))


async def test_every_result_follows_its_schema_and_its_text_has_every_id(house: Bed) -> None:
    await house.inbox()
    async with client_of(house, selection=read_selection("all")) as client:
        tools = Walk(Agent(client))
        await tools.begin()
        hook = await tools.does("create_webhook", url=HOOK)
        ref = {"webhook_id": hook["webhook_id"]}
        for tool, more in (("get_webhook", {}), ("update_webhook", {"enabled": True})):
            await tools.does(tool, **ref, **more)
        await tools.does("list_webhooks")
        await tools.does("delete_webhook", **ref)
        on = {"direction": "receive", "type": "allow"}
        await tools.does("add_list_entry", **on, entry="a@b.example")
        await tools.does("list_entries", **on)
        await tools.does("remove_list_entry", **on, entry="a@b.example")
        for tool in ("count_events", "get_usage", "get_rates", "list_keys", "list_pods"):
            await tools.does(tool)
        pod = await tools.does("create_pod")
        key = await tools.does("create_key", name="k", pod_id=pod["pod_id"])
        await tools.does("update_key", api_key_id=key["api_key_id"], name="l")
        await tools.does("delete_key", api_key_id=key["api_key_id"])
        await tools.does("delete_pod", pod_id=pod["pod_id"])
        assert tools.called >= _names()
