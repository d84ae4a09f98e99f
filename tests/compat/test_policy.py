"""Policies and approvals over HTTP: /v0 says 403 where a message is held or refused; /v1/postroom has what it lacks."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from agentmail.core.api_error import ApiError

from postroom.http.postroom.app import Ours
from postroom.service.keyring import KeyRing
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import CORRESPONDENT

AGENT = f"agent@{DOMAIN}"
OURS = "/v1/postroom"


@contextlib.asynccontextmanager
async def _ours(house: Bed, api_key: str) -> AsyncIterator[httpx.AsyncClient]:
    versions = iter(range(10**9))
    keys = KeyRing(house.desk, lambda: next(versions))
    app = Ours(house.desk, keys, house.house.hub, house.house.links, 2**20)
    headers = {"authorization": f"Bearer {api_key}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mail.test", headers=headers) as client:
        yield client


async def test_what_is_held_is_told_as_403_with_the_approval_and_listed_as_a_draft_with_a_label(house: Bed) -> None:
    await house.inbox("agent")
    await house.call("policies.set", inbox_id=AGENT, approval="all")
    async with official(house) as client:
        with pytest.raises(ApiError) as caught:
            await client.inboxes.messages.send(AGENT, to=CORRESPONDENT, subject="s", text="t")
        assert caught.value.status_code == 403
        body: Any = caught.value.body
        drafts = await client.inboxes.drafts.list(AGENT)
    said = body if isinstance(body, dict) else body.model_dump()
    assert said["code"] == "message_rejected"
    assert "apr_" in said["fix"]
    (draft,) = drafts.drafts or []
    assert "pending_approval" in (draft.labels or [])
    assert draft.send_status is None


async def test_a_refusal_names_the_rule_and_whose_it_is(house: Bed) -> None:
    await house.inbox("agent")
    await house.call("policies.set", recipients="allowlist", allowed=["other.example"])
    async with wire(house, await owner_key(house)) as client:
        answer = await client.post(f"/v0/inboxes/{AGENT}/messages/send", json={"to": CORRESPONDENT, "text": "t"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "message_rejected"
    assert "rule recipients" in answer.json()["message"]
    assert "the organization" in answer.json()["message"]


async def test_a_person_keeps_policies_and_decides_over_our_own_dialect(house: Bed) -> None:
    await house.inbox("agent")
    agent = await owner_key(house, inbox_id=AGENT)
    async with _ours(house, await owner_key(house)) as person, _ours(house, agent) as bot:
        put = await person.put(f"{OURS}/policies/inboxes/{AGENT}", json={"approval": "external"})
        assert (put.status_code, put.json()["approval"], put.json()["inbox_id"]) == (200, "external", AGENT)
        assert (await person.get(f"{OURS}/policies")).json()["count"] == 1
        about = {"to": CORRESPONDENT}
        checked = (await bot.post(f"{OURS}/inboxes/{AGENT}/check-send", json=about)).json()
        assert (checked["outcome"], checked["rule"]) == ("held", "approval")
        held = await bot.post(f"{OURS}/inboxes/{AGENT}/messages/send", json={**about, "text": "t"})
        assert held.status_code == 403
        (approval,) = (await person.get(f"{OURS}/approvals")).json()["approvals"]
        one = f"{OURS}/approvals/{approval['approval_id']}"
        assert (await bot.post(f"{one}/approve", json={})).status_code == 403
        assert (await person.post(f"{one}/approve", json={"comment": "yes"})).status_code == 200
        assert (await person.post(f"{one}/approve", json={})).status_code == 409
        assert (await person.get(one)).json()["state"] == "approved"
        assert (await bot.put(f"{OURS}/policies/inboxes/{AGENT}", json={})).status_code == 403
        assert (await person.delete(f"{OURS}/policies/inboxes/{AGENT}")).status_code == 204
    assert house.rows("SELECT count(*) FROM delivery") == [(1,)]


async def test_events_of_approvals_are_told_to_nobody_over_v0(house: Bed) -> None:
    await house.inbox("agent")
    async with official(house) as client:
        await client.webhooks.create(url="https://hook.example/x", event_types=["message.received"])
    await house.call("policies.set", approval="all")
    held = await house.call("messages.send", inbox_id=AGENT, to=CORRESPONDENT, text="t")
    await house.call("approvals.reject", approval_id=held.approval_id)
    assert house.rows("SELECT count(*) FROM event WHERE type LIKE 'approval.%' OR type = 'message.held'") == [(2,)]
    await house.until(lambda: house.rows("SELECT count(*) FROM event_waiting") == [(0,)])
    assert house.rows("SELECT count(*) FROM webhook_delivery") == [(0,)]
