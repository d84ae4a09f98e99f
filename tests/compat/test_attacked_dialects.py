"""What attacks on /api/v0 and /v1/agent-email broke once: who is shown what, what is refused, what is counted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import product
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from postroom.model.tenant import Actor
from tests.compat.inai.client import app as inai_app
from tests.compat.official import BASE, owner_key, wire
from tests.compat.transactional.client import app as email_app
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import HOUR, FakeClock
from tests.fakes.mail import CORRESPONDENT, mail

INAI, EMAIL = "/api/v0", "/v1/agent-email"
AGENT = f"agent@{DOMAIN}"


@asynccontextmanager
async def _on(app: ASGIApp, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers) as http:
        yield http


def _later(clock: FakeClock) -> str:
    return datetime.fromtimestamp((clock.now + HOUR) / 1000, UTC).isoformat()


async def test_a_key_that_may_not_read_is_shown_no_message_by_marking_labelling_or_answering_it(house: Bed) -> None:
    inbox = await house.inbox()
    one = await house.receive(mail(subject="secret plan", text="secret words", sender="secret@away.example"))
    made = await house.call("keys.create", permissions=["message_update", "message_send", "inbox_read"])
    path = f"{EMAIL}/inbox"
    async with _on(email_app(house), made.api_key) as http:
        forbidden = [
            *[
                await http.post(f"{path}/{mark}", json={"messageIds": [one.id]})
                for mark in ("mark-read", "mark-unread", "archive", "unarchive")
            ],
            await http.post(f"{path}/{one.id}/labels", json={"labels": ["mine"]}),
        ]
        unshown = await http.delete(f"{path}/{one.id}/labels/mine")
        answered = await http.post(f"{EMAIL}/messages/{one.id}/reply", json={"text": "x"})
        passed_on = await http.post(f"{EMAIL}/messages/{one.id}/forward", json={"to": "a@b.example"})
    async with _on(inai_app(house), made.api_key) as http:
        at = f"{INAI}/inboxes/{inbox.inbox_id[4:]}/messages/{one.id}"
        forbidden.append(await http.patch(at, json={"labels": ["mine"]}))
    assert [answer.status_code for answer in forbidden] == [403] * 6
    assert (unshown.status_code, answered.status_code, passed_on.status_code) == (204, 202, 202)
    assert not [answer.text for answer in (*forbidden, answered, passed_on) if "secret" in answer.text]
    assert "unread" in (await house.message(AGENT, one.id)).labels


async def test_a_key_that_may_not_read_drafts_is_shown_none_by_cancelling_it(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    draft = await house.call("drafts.create", inbox_id=AGENT, to="secret@away.example", text="x", send_at=_later(clock))
    made = await house.call("keys.create", permissions=["draft_delete"])
    async with _on(email_app(house), made.api_key) as http:
        refused = await http.post(f"{EMAIL}/messages/msg_{draft.draft_id[4:]}/cancel", json={})
    assert (refused.status_code, "secret" in refused.text) == (403, False)
    assert (await house.call("drafts.get", draft_id=draft.draft_id)).send_status == "scheduled"


@pytest.mark.parametrize("wrong", ["nobody", "nothing to say", "a paused mailbox", "a blocked recipient"])
async def test_what_could_not_be_sent_now_is_refused_at_once_when_it_is_scheduled(
    house: Bed, clock: FakeClock, wrong: str
) -> None:
    await house.inbox()
    body: dict[str, Any] = {"from": AGENT, "to": ["a@b.example"], "text": "x"}
    if wrong == "nobody":
        body["to"] = []
    elif wrong == "nothing to say":
        body["text"] = ""
    elif wrong == "a paused mailbox":
        await house.call("inboxes.update", inbox_id=AGENT, status="paused")
    else:
        await house.call("lists.create", direction="send", type="block", entry="a@b.example")
    async with _on(email_app(house), await owner_key(house)) as http:
        at_once = await http.post(f"{EMAIL}/messages/send", json=body)
        later = await http.post(f"{EMAIL}/messages/send", json={**body, "scheduledAt": _later(clock)})
    assert at_once.status_code >= 400
    assert (later.status_code, later.json()) == (at_once.status_code, at_once.json())
    assert house.rows("SELECT count(*) FROM draft") == [(0,)]


async def test_a_scheduled_message_leaves_with_the_header_fields_that_it_was_given(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    body = {"from": AGENT, "to": "a@b.example", "text": "x", "headers": {"X-Run": "7"}, "scheduledAt": _later(clock)}
    async with _on(email_app(house), await owner_key(house)) as http:
        for wrong in ({"From": "x@y.example"}, {"X A": "b"}, {"X-A": "b\r\nBcc: c@d.example"}, {"References": "<a@b>"}):
            refused = await http.post(f"{EMAIL}/messages/send", json={**body, "headers": wrong})
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
            assert "headers" in refused.json()["error"]["message"]
        sent = (await http.post(f"{EMAIL}/messages/send", json=body)).json()["data"]
        clock.advance(2 * HOUR)
        await house.until(lambda: house.rows("SELECT count(*) FROM draft") == [(0,)])
        shown = (await http.get(f"{EMAIL}/inbox/{sent['id']}")).json()["data"]
    assert shown["headers"]["X-Run"] == "7"


async def test_header_fields_of_a_draft_are_kept_changed_cleared_and_shown_to_who_approves(house: Bed) -> None:
    await house.inbox()
    await house.call("policies.set", inbox_id=AGENT, approval="all")
    draft = await house.call(
        "drafts.create", inbox_id=AGENT, to=CORRESPONDENT, text="t", headers={"X-First": "1", "X-Second": "2"}
    )
    kept = await house.call("drafts.update", draft_id=draft.draft_id, subject="other")
    assert kept.headers == {"X-First": "1", "X-Second": "2"}
    changed = await house.call("drafts.update", draft_id=draft.draft_id, headers={"X-Third": "3"})
    assert changed.headers == {"X-Third": "3"}
    held = await house.call("drafts.send", draft_id=draft.draft_id)
    shown = await house.call("approvals.get", approval_id=held.approval_id)
    assert ("X-Third", "3") in shown.on_the_wire.header
    cleared = await house.call("drafts.update", draft_id=draft.draft_id, headers=None)
    assert cleared.headers == {}


async def test_a_held_message_that_is_changed_before_it_leaves_keeps_its_header_fields(house: Bed) -> None:
    await house.inbox()
    await house.call("policies.set", inbox_id=AGENT, approval="all")
    words = {"to": CORRESPONDENT, "text": "t", "headers": {"X-Run": "7"}}
    held = await house.call("messages.send", inbox_id=AGENT, **words)
    await house.call("drafts.update", draft_id=held.draft_id, text="other")
    again = await house.call("drafts.send", draft_id=held.draft_id)
    shown = await house.call("approvals.get", approval_id=again.approval_id)
    assert ("X-Run", "7") in shown.on_the_wire.header


async def test_a_held_forward_whose_words_replace_the_original_does_not_get_it_back_by_a_change(house: Bed) -> None:
    inbox = await house.inbox()
    one = await house.receive(mail(subject="s", text="secret words"))
    await house.call("policies.set", inbox_id=AGENT, approval="all")
    async with _on(inai_app(house), await owner_key(house)) as http:
        path = f"{INAI}/inboxes/{inbox.inbox_id[4:]}/messages/{one.id}/forward"
        refused = await http.post(path, json={"to": ["a@b.example"], "text": "only this"})
    assert refused.status_code == 403
    (held,) = (await house.call("drafts.list", inbox_id=AGENT)).items
    await house.call("drafts.update", draft_id=held.draft_id, text="only that")
    again = await house.call("drafts.send", draft_id=held.draft_id)
    shown = await house.call("approvals.get", approval_id=again.approval_id)
    assert [part.text.strip() for part in shown.on_the_wire.parts] == ["only that"]
    approved = await house.call("approvals.approve", Actor(reach=house.owner.reach), approval_id=again.approval_id)
    assert approved.thread_id != one.thread_id


async def test_of_messages_deleted_together_those_that_are_left_go_though_another_was_quicker(house: Bed) -> None:
    await house.inbox()
    ids = [(await house.receive(mail(subject=f"s{n}"))).id for n in range(3)]
    ask = house.desk.ask

    async def quicker(operation: str, actor: Actor, given: Any) -> Any:
        if operation == "messages.delete" and given.message_id == ids[0]:
            await ask("messages.delete", actor, given)
        return await ask(operation, actor, given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.desk, "ask", quicker)
        async with _on(email_app(house), await owner_key(house)) as http:
            deleted = await http.request("DELETE", f"{EMAIL}/inbox", json={"messageIds": ids})
    assert deleted.status_code == 204
    assert await house.messages(AGENT) == []


async def test_totals_of_unread_and_archived_mail_are_those_of_the_rows_after_every_change(
    house: Bed, clock: FakeClock
) -> None:
    inbox = await house.inbox()
    ids = [(await house.receive(mail(subject=f"s{n}"))).id for n in range(5)]
    await house.send(AGENT, AGENT, subject="to myself")
    await house.settled()
    filters = [
        {**label, **unread}
        for label, unread in product(({}, {"label": "inbox"}), ({}, {"unread": "true"}, {"unread": "false"}))
    ]
    async with _on(email_app(house), await owner_key(house)) as http:

        async def look() -> None:
            for given in filters:
                page = (await http.get(f"{EMAIL}/mailboxes/mbx_{inbox.inbox_id[4:]}/inbox", params=given)).json()
                assert page["meta"]["total"] == len(page["data"]), given

        await look()
        for label in ("archived", "spam", "trash", "unread", "mine"):
            for add, remove in (([label], []), ([], [label])):
                for one in ids[:2]:
                    words = {"inbox_id": AGENT, "message_id": one, "add_labels": add, "remove_labels": remove}
                    await house.call("messages.update", **words)
                    await look()
        await http.post(f"{EMAIL}/inbox/archive", json={"messageIds": ids})
        await look()
        await house.call("messages.trash", inbox_id=AGENT, message_id=ids[0])
        await look()
        await house.call("messages.restore", inbox_id=AGENT, message_id=ids[0])
        await look()
        await http.request("DELETE", f"{EMAIL}/inbox", json={"messageIds": ids[1:]})
        await look()


@pytest.mark.parametrize("way", ["trash", "delete"])
async def test_messages_of_an_inbox_that_is_away_are_absent_by_their_ids_alone(house: Bed, way: str) -> None:
    await house.inbox()
    one = await house.receive(mail())
    path = f"{EMAIL}/inbox"
    async with _on(email_app(house), await owner_key(house)) as http:
        await house.call(f"inboxes.{way}", inbox_id=AGENT)
        answers = [
            await http.get(f"{path}/{one.id}"),
            await http.post(f"{path}/mark-read", json={"messageIds": [one.id]}),
            await http.request("DELETE", path, json={"messageIds": [one.id]}),
            await http.post(f"{path}/{one.id}/labels", json={"labels": ["mine"]}),
            await http.post(f"{EMAIL}/messages/{one.id}/reply", json={"text": "x"}),
            await http.post(f"{EMAIL}/messages/{one.id}/cancel", json={}),
        ]
    said = [(answer.status_code, answer.json()["error"]["code"]) for answer in answers]
    assert said == [(404, "MESSAGE_NOT_FOUND")] * 6


async def test_labels_that_hidden_mail_alone_bears_are_not_listed_for_a_key_that_may_not_see_it(house: Bed) -> None:
    inbox = await house.inbox()
    for labels in (["spam", "of spam", "of both"], ["of both", "of mail"]):
        one = await house.receive(mail())
        await house.call("messages.update", inbox_id=AGENT, message_id=one.id, add_labels=labels)
    made = await house.call("keys.create", permissions=["message_read", "inbox_read"])
    listed: list[list[str]] = []
    for key in (await owner_key(house), made.api_key):
        async with _on(email_app(house), key) as http:
            answer = await http.get(f"{EMAIL}/mailboxes/mbx_{inbox.inbox_id[4:]}/labels")
            listed.append([label["name"] for label in answer.json()["data"]])
    assert listed == [["of both", "of mail", "of spam"], ["of both", "of mail"]]


async def test_header_fields_of_a_draft_are_no_field_of_v0(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as http:
        made = await http.post(f"/v0/inboxes/{AGENT}/drafts", json={"text": "x", "headers": {"X-A": "b"}})
        draft = (await http.post(f"/v0/inboxes/{AGENT}/drafts", json={"text": "x"})).json()
        path = f"/v0/inboxes/{AGENT}/drafts/{draft['draft_id']}"
        changed = await http.patch(path, json={"headers": {"X-A": "b"}})
    assert (made.status_code, changed.status_code) == (400, 400)
    assert "headers" not in draft


async def test_a_batch_over_what_a_policy_lets_leave_in_a_day_is_refused_whole(house: Bed) -> None:
    await house.inbox()
    await house.call("policies.set", inbox_id=AGENT, max_mails_per_day=3)
    one = {"to": "a@b.example", "text": "x"}
    async with _on(email_app(house), await owner_key(house)) as http:
        over = await http.post(f"{EMAIL}/messages/send-batch", json={"from": AGENT, "messages": [one] * 4})
        assert house.rows("SELECT count(*) FROM message") == [(0,)]
        within = await http.post(f"{EMAIL}/messages/send-batch", json={"from": AGENT, "messages": [one] * 3})
    assert (over.status_code, within.status_code) == (403, 202)
    assert "messages.3" in over.json()["error"]["message"]
