"""Approvals: who may decide, what the answer is bound to, that it works once, and what ends it without an answer."""

from typing import Any

import pytest

from postroom.model.errors import Conflict, Forbidden, InvalidInput, NotFound, OutOfScope, Refused, Unauthenticated
from postroom.model.event import EventType
from postroom.model.message import Incoming, ParsedMessage
from postroom.model.policy import ApprovalState, Held
from postroom.model.tenant import SYSTEM, Actor
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import CORRESPONDENT, mail

AGENT = f"agent@{DOMAIN}"
WEEK_MS = 7 * 86_400_000


async def _held(house: Bed, actor: Actor | None = None, **given: Any) -> Held:
    """Send what a policy of the organization holds."""
    await house.call("policies.set", approval="all")
    words = {"inbox_id": AGENT, "to": CORRESPONDENT, "subject": "Plans", "text": "Hello."}
    held = await house.call("messages.send", actor, **(words | given))
    assert isinstance(held, Held)
    return held


async def _agent(house: Bed) -> Actor:
    inbox = await house.inbox("agent")
    return await house.key(inbox_id=inbox.address)


def _sent(house: Bed) -> int:
    return int(house.rows("SELECT count(*) FROM delivery")[0][0])


async def test_an_approved_message_leaves_as_it_was_composed_and_its_draft_is_gone(house: Bed) -> None:
    actor = await _agent(house)
    held = await _held(house, actor, bcc="dave@example.com", labels=["mine"], headers={"X-Case": "7"})
    raw = house.rows("SELECT content FROM approval")[0][0]
    sent = await house.call("approvals.approve", approval_id=held.approval_id, comment="fine")
    assert set(sent.recipients) == {CORRESPONDENT, "dave@example.com"}
    assert await house.call("messages.raw", inbox_id=AGENT, message_id=sent.message_id) == raw
    assert b"X-Case: 7" in raw
    message = await house.message(AGENT, sent.message_id)
    assert {"mine", "sent"} <= set(message.labels)
    assert house.rows("SELECT count(*) FROM draft") == [(0,)]
    approval = await house.call("approvals.get", approval_id=held.approval_id)
    assert (approval.state, approval.comment, approval.subject) == (ApprovalState.APPROVED, "fine", None)


async def test_a_held_message_is_a_draft_that_shows_what_was_written_and_no_worker_sends_it(
    house: Bed, clock: FakeClock
) -> None:
    held = await _held(house, await _agent(house), attachments=[{"content": "aGk=", "filename": "a.txt"}])
    draft = await house.call("drafts.get", draft_id=held.draft_id)
    assert (draft.subject, draft.text, draft.to) == ("Plans", "Hello.", (CORRESPONDENT,))
    assert [file.filename for file in draft.attachments] == ["a.txt"]
    assert "pending_approval" in draft.labels
    clock.now += 86_400_000
    assert await house.desk.call("drafts.next_due", SYSTEM, {}) is None
    assert _sent(house) == 0


async def test_an_approval_works_once(house: Bed) -> None:
    held = await _held(house, await _agent(house))
    await house.call("approvals.approve", approval_id=held.approval_id)
    for verb in ("approve", "reject"):
        with pytest.raises(Conflict):
            await house.call(f"approvals.{verb}", approval_id=held.approval_id)
    assert _sent(house) == 1


@pytest.mark.parametrize("change", [{"to": "eve@evil.example"}, {"text": "Other."}, {"add_labels": ["x"]}])
async def test_a_changed_draft_voids_its_approval(house: Bed, change: dict[str, Any]) -> None:
    actor = await _agent(house)
    held = await _held(house, actor)
    draft = await house.call("drafts.update", actor, draft_id=held.draft_id, **change)
    assert draft.send_status is None
    with pytest.raises(Conflict):
        await house.call("approvals.approve", approval_id=held.approval_id)
    assert (await house.call("approvals.get", approval_id=held.approval_id)).state is ApprovalState.VOIDED
    again = await house.call("drafts.send", actor, draft_id=held.draft_id)
    assert isinstance(again, Held)
    assert again.approval_id != held.approval_id
    assert _sent(house) == 0


async def test_a_draft_that_is_changed_while_it_is_being_approved_does_not_leave(house: Bed) -> None:
    actor = await _agent(house)
    held = await _held(house, actor)
    ask = house.desk.ask

    async def meanwhile(name: str, who: Actor, given: Any) -> Any:
        if name == "approvals.commit":
            await ask("drafts.update", actor, {"draft_id": held.draft_id, "text": "Other."})
        return await ask(name, who, given)

    house.desk.ask = meanwhile  # type: ignore[method-assign, assignment]
    with pytest.raises(Conflict):
        await house.call("approvals.approve", approval_id=held.approval_id)
    assert _sent(house) == 0


async def test_a_forged_departure_is_not_what_was_approved(house: Bed) -> None:
    held = await _held(house, await _agent(house))
    caught: list[Any] = []
    ask = house.desk.ask

    async def keep(name: str, who: Actor, given: Any) -> Any:
        if name == "approvals.commit":
            caught.append(given)
            raise Conflict("kept")
        return await ask(name, who, given)

    house.desk.ask = keep  # type: ignore[method-assign, assignment]
    with pytest.raises(Conflict, match="kept"):
        await house.call("approvals.approve", approval_id=held.approval_id)
    house.desk.ask = ask  # type: ignore[method-assign]
    departure = caught[0].departure
    other = departure.incoming.model_copy(update={"content": departure.incoming.content + b"more"})
    for change in ({"recipients": ("eve@evil.example",)}, {"incoming": other}):
        forged = caught[0].model_copy(update={"departure": departure.model_copy(update=change)})
        with pytest.raises(Conflict, match="not the message"):
            await house.desk.call("approvals.commit", house.owner, forged)
    assert _sent(house) == 0


async def test_a_key_never_decides_what_it_sent_nor_does_a_key_that_it_made(house: Bed) -> None:
    await house.inbox("agent")
    wide = await house.key()
    child = await house.key(wide)
    grandchild = await house.key(child)
    held = await _held(house, wide)
    for actor in (wide, child, grandchild):
        for verb in ("approve", "reject"):
            with pytest.raises(Forbidden):
                await house.call(f"approvals.{verb}", actor, approval_id=held.approval_id)
    other = await house.key()
    await house.call("approvals.approve", other, approval_id=held.approval_id)


_MAY = ["message_read", "message_send", "draft_read", "api_key_create", "api_key_delete", "approval_decide"]


@pytest.mark.parametrize("decider", ["parent", "sibling", "child"])
@pytest.mark.parametrize("is_deleted", [False, True])
async def test_no_key_of_an_agents_family_decides_for_another_and_the_owners_key_does(
    house: Bed, decider: str, is_deleted: bool
) -> None:
    await house.inbox("agent")
    owner = await house.key()
    parent = await house.key(owner, permissions=_MAY)
    asker, sibling = await house.key(parent, permissions=_MAY), await house.key(parent, permissions=_MAY)
    child = await house.key(asker, permissions=_MAY)
    held = await _held(house, asker)
    if is_deleted:
        await house.call("keys.delete", parent, api_key_id=asker.api_key_id)
    actor = {"parent": parent, "sibling": sibling, "child": child}[decider]
    for verb in ("approve", "reject"):
        with pytest.raises(Forbidden):
            await house.call(f"approvals.{verb}", actor, approval_id=held.approval_id)
    assert _sent(house) == 0
    await house.call("approvals.approve", owner, approval_id=held.approval_id)


async def test_a_key_of_another_family_decides_what_an_agents_key_asked_for(house: Bed) -> None:
    await house.inbox("agent")
    owner = await house.key()
    asker, other = await house.key(owner, permissions=_MAY), await house.key(owner, permissions=_MAY)
    held = await _held(house, asker)
    await house.call("approvals.approve", other, approval_id=held.approval_id)
    assert _sent(house) == 1


async def test_the_parent_of_a_deleted_key_does_not_decide_its_scheduled_draft(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    parent = await house.key(permissions=[*_MAY, "draft_create", "draft_send"])
    child = await house.key(parent, permissions=["draft_create", "draft_send"])
    words = {"to": CORRESPONDENT, "text": "t", "send_at": clock.now + 1_000}
    await house.call("drafts.create", child, inbox_id=AGENT, **words)
    await house.call("keys.delete", parent, api_key_id=child.api_key_id)
    clock.now += 2_000
    house.house.bells.ring_all()
    await house.until(lambda: bool(house.rows("SELECT 1 FROM approval")))
    (waiting,) = (await house.call("approvals.list")).items
    assert (waiting.rule, waiting.asked_by[0]) == ("key_gone", child.api_key_id)
    with pytest.raises(Forbidden):
        await house.call("approvals.approve", parent, approval_id=waiting.approval_id)
    await house.call("approvals.approve", approval_id=waiting.approval_id)
    assert _sent(house) == 1


async def test_a_key_of_an_inbox_or_without_the_permission_or_whose_own_mail_is_held_decides_nothing(
    house: Bed,
) -> None:
    held = await _held(house, await _agent(house))
    confined = await house.key(inbox_id=AGENT)
    lacking = await house.key(permissions=["message_send", "draft_read"])
    bound = await house.key()
    await house.call("policies.set", api_key_id=bound.api_key_id, approval="all")
    for actor, error in ((confined, OutOfScope), (lacking, Forbidden), (bound, Forbidden)):
        with pytest.raises(error):
            await house.call("approvals.approve", actor, approval_id=held.approval_id)
    assert _sent(house) == 0


async def test_a_key_of_a_pod_decides_nothing_where_the_mail_of_the_key_that_made_it_is_held(house: Bed) -> None:
    held = await _held(house, await _agent(house))
    (inbox,) = (await house.call("inboxes.list")).items
    bound = await house.key()
    await house.call("policies.set", api_key_id=bound.api_key_id, approval="all")
    within = bound.model_copy(update={"reach": bound.reach.model_copy(update={"pod_id": inbox.pod_id})})
    child = await house.key(within)
    with pytest.raises(Forbidden):
        await house.call("approvals.approve", child, approval_id=held.approval_id)
    assert _sent(house) == 0


async def test_a_key_that_got_a_policy_of_its_own_decides_nothing_for_the_keys_that_it_made_before(house: Bed) -> None:
    await house.inbox("agent")
    owner = await house.key()
    maker = await house.key(owner)
    asker = await house.key(maker)
    await house.call("policies.set", api_key_id=maker.api_key_id, max_mails_per_day=100)
    held = await _held(house, asker)
    with pytest.raises(Forbidden):
        await house.call("approvals.approve", maker, approval_id=held.approval_id)
    await house.call("approvals.approve", owner, approval_id=held.approval_id)
    assert _sent(house) == 1


async def test_a_key_that_goes_while_it_approves_lets_nothing_leave(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, decider = await _held(house, await _agent(house)), await house.key()
    parser = house.desk.rooms.parser
    parse = parser.parse

    async def slow(incoming: Incoming) -> ParsedMessage:
        await house.call("keys.delete", api_key_id=decider.api_key_id)
        return await parse(incoming)

    monkeypatch.setattr(parser, "parse", slow)
    with pytest.raises(Unauthenticated):
        await house.call("approvals.approve", decider, approval_id=held.approval_id)
    assert _sent(house) == 0


@pytest.mark.parametrize("lost", ["key", "permission"])
async def test_a_key_that_goes_while_its_person_is_asked_lets_nothing_leave(house: Bed, lost: str) -> None:
    actor = await _agent(house)
    await house.call("policies.set", approval="all", elicitation=True)
    held = await house.call("messages.send", actor, inbox_id=AGENT, to=CORRESPONDENT, text="t")
    if lost == "key":
        await house.call("keys.delete", api_key_id=actor.api_key_id)
    else:
        await house.call("keys.update", api_key_id=actor.api_key_id, permissions=["draft_send"])
    with pytest.raises(Unauthenticated if lost == "key" else Forbidden):
        await house.call("approvals.confirm", actor, approval_id=held.approval_id)
    assert _sent(house) == 0


async def test_what_waits_in_an_inbox_in_the_trash_is_let_go_by_nobody_and_once_when_it_is_back(house: Bed) -> None:
    held = await _held(house, await _agent(house))
    await house.call("inboxes.trash", inbox_id=AGENT)
    with pytest.raises(NotFound):
        await house.call("approvals.approve", approval_id=held.approval_id)
    await house.call("inboxes.restore", inbox_id=AGENT)
    await house.call("approvals.approve", approval_id=held.approval_id)
    with pytest.raises(Conflict):
        await house.call("approvals.approve", approval_id=held.approval_id)
    assert _sent(house) == 1


async def test_another_organization_neither_sees_nor_decides(house: Bed) -> None:
    held = await _held(house, await _agent(house))
    stranger = await house.stranger()
    for verb in ("get", "approve", "reject"):
        with pytest.raises(NotFound):
            await house.call(f"approvals.{verb}", stranger, approval_id=held.approval_id)
    assert (await house.call("approvals.list", stranger)).items == ()


async def test_what_nobody_decides_in_a_week_is_refused_and_told(house: Bed, clock: FakeClock) -> None:
    actor = await _agent(house)
    inbox = await house.call("inboxes.get", inbox_id=AGENT)
    held = await _held(house, actor)
    clock.now += WEEK_MS
    with pytest.raises(Conflict, match="over"):
        await house.call("approvals.approve", approval_id=held.approval_id)
    assert not await house.desk.call("approvals.expire", SYSTEM, {})
    draft = await house.call("drafts.get", draft_id=held.draft_id)
    assert (draft.send_status, "7 days" in (draft.send_error or "")) == ("failed", True)
    assert len(await house.events(inbox, EventType.APPROVAL_EXPIRED)) == 1
    assert _sent(house) == 0


async def test_a_rejected_message_stays_as_a_draft_that_says_why(house: Bed) -> None:
    held = await _held(house, await _agent(house))
    decided = await house.call("approvals.reject", approval_id=held.approval_id, comment="too early")
    assert decided.state is ApprovalState.REJECTED
    draft = await house.call("drafts.get", draft_id=held.draft_id)
    assert "too early" in (draft.send_error or "")
    assert house.rows("SELECT content, blob FROM approval") == [(None, None)]


async def test_what_no_person_may_let_go_is_refused_after_the_approval_too(house: Bed) -> None:
    actor = await _agent(house)
    held = await _held(house, actor)
    await house.call("policies.set", api_key_id=actor.api_key_id, recipients="deny")
    with pytest.raises(Refused):
        await house.call("approvals.approve", approval_id=held.approval_id)
    assert (await house.call("approvals.get", approval_id=held.approval_id)).state is ApprovalState.PENDING
    assert _sent(house) == 0


async def test_sending_a_draft_that_waits_gives_the_same_approval(house: Bed) -> None:
    actor = await _agent(house)
    held = await _held(house, actor)
    again = await house.call("drafts.send", actor, draft_id=held.draft_id)
    assert again.approval_id == held.approval_id


async def test_a_second_try_with_the_same_idempotency_key_holds_nothing_again_and_tells_what_became_of_it(
    house: Bed,
) -> None:
    actor = await _agent(house)
    given = {"inbox_id": AGENT, "to": CORRESPONDENT, "text": "t", "idempotency_key": "once"}
    await house.call("policies.set", approval="all")
    held = await house.call("messages.send", actor, **given)
    again = await house.call("messages.send", actor, **given)
    assert again.approval_id == held.approval_id
    sent = await house.call("approvals.approve", approval_id=held.approval_id)
    assert (await house.call("messages.send", actor, **given)).message_id == sent.message_id
    assert _sent(house) == 1


async def test_a_large_held_message_is_a_file_that_is_kept_while_it_waits(house: Bed) -> None:
    actor = await _agent(house)
    held = await _held(house, actor, text="word " * 40_000)
    blob = house.rows("SELECT blob FROM approval")[0][0]
    assert blob is not None
    assert not await house.desk.call(
        "blobs.delete_lone", SYSTEM, {"sha256": blob, "path": house.desk.rooms.blobs.path(blob)}
    )
    sent = await house.call("approvals.approve", approval_id=held.approval_id)
    assert (await house.message(AGENT, sent.message_id)).text is not None


async def test_a_held_answer_stays_in_its_thread_and_is_quoted_once_when_it_was_changed(house: Bed) -> None:
    actor = await _agent(house)
    original = await house.receive(mail(text="What now?"))
    await house.call("policies.set", approval="all")
    held = await house.call("messages.reply", actor, inbox_id=AGENT, message_id=original.message_id, text="This.")
    draft = await house.call("drafts.get", draft_id=held.draft_id)
    assert (draft.text, draft.in_reply_to) == ("This.", original.message_id)
    await house.call("drafts.update", actor, draft_id=held.draft_id, text="That.")
    again = await house.call("drafts.send", actor, draft_id=held.draft_id)
    sent = await house.call("approvals.approve", approval_id=again.approval_id)
    message = await house.message(AGENT, sent.message_id)
    assert message.thread_id == original.thread_id
    assert (message.text or "").count("What now?") == 1


async def test_the_log_tells_what_was_held_and_who_let_it_go(house: Bed) -> None:
    actor = await _agent(house)
    inbox = await house.call("inboxes.get", inbox_id=AGENT)
    held = await _held(house, actor)
    decider = await house.key()
    await house.call("approvals.approve", decider, approval_id=held.approval_id)
    (told,) = await house.events(inbox, EventType.MESSAGE_HELD)
    assert told.data == {"approval": held.approval_id, "draft": held.draft_id, "rule": "approval"}
    (told,) = await house.events(inbox, EventType.APPROVAL_APPROVED)
    assert told.data["by"] == decider.api_key_id


async def test_a_deleted_draft_takes_its_question_back(house: Bed) -> None:
    actor = await _agent(house)
    held = await _held(house, actor)
    await house.call("drafts.delete", actor, draft_id=held.draft_id)
    assert (await house.call("approvals.list")).items == ()
    assert [a.approval_id for a in (await house.call("approvals.list", state="voided")).items] == [held.approval_id]


async def test_approvals_are_listed_by_state_in_pages(house: Bed) -> None:
    actor = await _agent(house)
    wanted = [(await _held(house, actor, subject=str(n))).approval_id for n in range(3)]
    first = await house.call("approvals.list", limit=2, ascending=True)
    rest = await house.call("approvals.list", limit=2, ascending=True, page_token=first.next_page_token)
    assert sorted(a.approval_id for a in (*first.items, *rest.items)) == sorted(wanted)
    assert rest.next_page_token is None
    with pytest.raises(InvalidInput):
        await house.call("approvals.list", state="gone")
