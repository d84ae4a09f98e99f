"""Policies: whose hold together, who is new, what taints and for how long, budgets, loops, and who may keep them."""

from typing import Any

import pytest

from postroom.model.errors import Forbidden, InvalidInput, NotFound, OutOfScope, Refused, Unauthenticated
from postroom.model.message import Incoming
from postroom.model.policy import Held
from postroom.model.tenant import Actor
from postroom.service.taint import EXACT_MS, LASTS_MS
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import CORRESPONDENT, mail

AGENT = f"agent@{DOMAIN}"
PEER = f"peer@{DOMAIN}"
NEW = "somebody@new.example"


async def _send(house: Bed, actor: Actor | None, *to: str, **given: Any) -> str:
    words = {"inbox_id": AGENT, "to": to, "text": "t", **given}
    try:
        result = await house.call("messages.send", actor, **words)
    except Refused as error:
        return f"refused:{error.rule}"
    return f"held:{result.rule.value}" if isinstance(result, Held) else "sent"


async def _reply(house: Bed, actor: Actor, message_id: str, **given: Any) -> str:
    words = {"inbox_id": AGENT, "message_id": message_id, "text": "t", **given}
    try:
        result = await house.call("messages.reply", actor, **words)
    except Refused as error:
        return f"refused:{error.rule}"
    return f"held:{result.rule.value}" if isinstance(result, Held) else "sent"


async def _agent(house: Bed, **policy: Any) -> Actor:
    inbox = await house.inbox("agent")
    actor = await house.key(inbox_id=inbox.address)
    if policy:
        await house.call("policies.set", api_key_id=actor.api_key_id, **policy)
    return actor


@pytest.mark.parametrize("scope", ["organization", "pod", "inbox", "key", "maker"])
async def test_a_policy_of_any_scope_binds_the_key_and_no_other_scope_can_widen_it(house: Bed, scope: str) -> None:
    inbox = await house.inbox("agent")
    maker = await house.key()
    actor = await house.key(maker, inbox_id=inbox.address)
    places: dict[str, dict[str, Any]] = {
        "organization": {},
        "pod": {"pod_id": inbox.pod_id},
        "inbox": {"inbox_id": AGENT},
        "key": {"api_key_id": actor.api_key_id},
        "maker": {"api_key_id": maker.api_key_id},
    }
    for place in places.values():
        await house.call("policies.set", **place, recipients="allowlist", allowed=["example.com"])
    assert await _send(house, actor, CORRESPONDENT) == "sent"
    await house.call("policies.set", **places[scope], recipients="allowlist", allowed=["other.example"])
    assert await _send(house, actor, CORRESPONDENT) == "refused:recipients"


@pytest.mark.parametrize(
    ("entry", "address", "outcome"),
    [
        ("carol@example.com", "Carol@EXAMPLE.com", "sent"),
        ("carol@example.com", "carol+x@example.com", "refused:recipients"),
        ("example.com", "a@sub.example.com", "refused:recipients"),
        ("*.example.com", "a@sub.example.com", "sent"),
        ("*.example.com", "a@b.sub.example.com", "sent"),
        ("*.example.com", "a@example.com", "refused:recipients"),
        ("*.example.com", "a@evilexample.com", "refused:recipients"),
        ("example.com", "a@example.com.evil.example", "refused:recipients"),
    ],
)
async def test_an_allowlist_admits_by_name(house: Bed, entry: str, address: str, outcome: str) -> None:
    actor = await _agent(house, recipients="allowlist", allowed=entry)
    assert await _send(house, actor, address) == outcome


@pytest.mark.parametrize("entry", ["*", "*.", "*.com*", "no domain", "*.a@b.example"])
async def test_what_is_no_entry_is_refused(house: Bed, entry: str) -> None:
    with pytest.raises(InvalidInput):
        await _agent(house, recipients="allowlist", allowed=[entry])


async def test_one_recipient_that_may_not_be_written_to_keeps_the_whole_message(house: Bed) -> None:
    actor = await _agent(house, recipients="allowlist", allowed=["example.com"])
    assert await _send(house, actor, CORRESPONDENT, bcc=NEW) == "refused:recipients"
    assert house.rows("SELECT count(*) FROM delivery") == [(0,)]


async def test_whom_the_inbox_wrote_to_before_is_not_new(house: Bed) -> None:
    actor = await _agent(house)
    assert await _send(house, actor, "Known@Example.com") == "sent"
    await house.call("policies.set", approval="new_recipients")
    assert await _send(house, actor, "known@example.com") == "sent"
    assert await _send(house, actor, NEW) == "held:approval"


async def test_a_name_in_a_header_of_a_submitted_mail_makes_nobody_known(house: Bed) -> None:
    actor = await _agent(house, approval="new_recipients")
    other = await house.inbox("peer")
    await house.call("messages.send", inbox_id=other.address, to=AGENT, text="t")
    await house.settled()
    raw = mail(sender=AGENT, to=f"{NEW}, {PEER}")
    envelope = Incoming(envelope_from=AGENT, recipients=(PEER,), content=raw, spool=None, size=len(raw), sha256="")
    await house.call("messages.submit", actor, inbox_id=AGENT, incoming=envelope)
    assert await _send(house, actor, NEW) == "held:approval"


async def test_mail_from_an_inbox_of_the_organization_is_trusted_and_its_sender_known(house: Bed) -> None:
    actor = await _agent(house, approval="new_recipients")
    await house.inbox("peer")
    await house.call("messages.send", inbox_id=PEER, to=AGENT, text="t")
    (came,) = await house.arrived(AGENT)
    await house.call("messages.read", actor, inbox_id=AGENT, message_id=came.message_id)
    assert house.rows("SELECT count(*) FROM taint WHERE reader = ?", actor.api_key_id) == [(0,)]
    assert await _send(house, actor, PEER) == "sent"


async def test_mail_of_another_organization_here_is_from_outside(house: Bed) -> None:
    actor = await _agent(house, recipients="open")
    stranger = await house.stranger()
    await house.inbox("eve", stranger)
    await house.call("messages.send", stranger, inbox_id=f"eve@{DOMAIN}", to=AGENT, text="t")
    (came,) = await house.arrived(AGENT)
    await house.call("messages.read", actor, inbox_id=AGENT, message_id=came.message_id)
    assert await _send(house, actor, NEW) == "held:taint"


async def test_the_sender_of_what_is_answered_is_not_new_but_everybody_else_in_it_is(house: Bed) -> None:
    actor = await _agent(house, recipients="open")
    lure = await house.receive(mail("Reply-To: drop@evil.example", f"Cc: {NEW}"))
    assert await _reply(house, actor, lure.message_id) == "held:taint"  # to Reply-To, at another domain
    assert await _reply(house, actor, lure.message_id, to=CORRESPONDENT) == "sent"
    assert await _reply(house, actor, lure.message_id, to=CORRESPONDENT, cc=NEW) == "held:taint"
    assert await _reply(house, actor, lure.message_id, reply_all=True) == "held:taint"
    plain = await house.receive(mail(sender="Dave <dave@other.example>"))
    assert await _reply(house, actor, plain.message_id) == "sent"


async def test_a_reading_taints_for_an_hour_the_key_and_those_that_it_makes(house: Bed, clock: FakeClock) -> None:
    inbox = await house.inbox("agent")
    actor = await house.key()
    child = await house.key(actor, inbox_id=inbox.address)
    other = await house.key()
    await house.call("policies.set", inbox_id=AGENT)
    await house.receive(mail())
    assert await _send(house, actor, "one@new.example") == "sent"
    (item,) = [m for m in await house.messages(AGENT) if "received" in m.labels]
    await house.call("messages.get", actor, inbox_id=AGENT, message_id=item.message_id)
    assert await _send(house, actor, NEW) == "held:taint"
    assert await _send(house, child, NEW) == "held:taint"
    assert await _send(house, other, "two@new.example") == "sent"
    clock.now += LASTS_MS + EXACT_MS + 1
    assert await _send(house, actor, NEW) == "sent"


@pytest.mark.parametrize(
    "operation", ["messages.get", "messages.read", "messages.raw", "messages.since", "threads.get", "threads.read"]
)
async def test_every_way_of_reading_a_body_taints(house: Bed, operation: str) -> None:
    actor = await _agent(house, recipients="open")
    came = await house.receive(mail())
    given: dict[str, Any] = {"inbox_id": AGENT}
    fields = house.desk.operations[operation].input.model_fields
    names = {"message_id": came.message_id, "thread_id": came.thread_id, "after": 0}
    given |= {name: value for name, value in names.items() if name in fields and operation != "messages.list"}
    given = {k: v for k, v in given.items() if k != "after" or operation == "messages.since"}
    await house.call(operation, actor, **given)
    assert house.rows("SELECT count(*) FROM taint WHERE reader = ?", actor.api_key_id) == [(1,)]


async def test_reading_writes_at_most_once_a_minute(house: Bed, clock: FakeClock) -> None:
    actor = await _agent(house)
    came = await house.receive(mail())
    at = []
    for _ in range(4):
        await house.call("messages.get", actor, inbox_id=AGENT, message_id=came.message_id)
        at.append(house.rows("SELECT at FROM taint WHERE reader = ?", actor.api_key_id)[0][0])
        clock.now += 30_000
    assert len(set(at)) == 2


async def test_budgets_count_messages_and_recipients_of_a_day_and_end_with_it(house: Bed, clock: FakeClock) -> None:
    actor = await _agent(house, max_mails_per_day=3, max_recipients_per_day=4)
    assert await _send(house, actor, "a@b.example", "c@d.example") == "sent"
    assert await _send(house, actor, "a@b.example", "c@d.example", "e@f.example") == "refused:max_recipients_per_day"
    assert await _send(house, actor, "a@b.example") == "sent"
    assert await _send(house, actor, "a@b.example") == "sent"
    assert await _send(house, actor, "a@b.example") == "refused:max_mails_per_day"
    clock.now += 86_400_000
    assert await _send(house, actor, "a@b.example") == "sent"


async def test_a_budget_is_shared_with_the_keys_that_a_key_makes(house: Bed) -> None:
    await house.inbox("agent")
    actor = await house.key()
    children = [await house.key(actor) for _ in range(3)]
    await house.call("policies.set", api_key_id=actor.api_key_id, max_mails_per_day=2)
    said = [await _send(house, child, "a@b.example") for child in children]
    assert said == ["sent", "sent", "refused:max_mails_per_day"]


async def test_two_that_answer_each_other_are_held_after_ten_messages_each(house: Bed, clock: FakeClock) -> None:
    actor = await _agent(house)
    last = await house.receive(mail(message_id="<0@c>"))
    for number in range(1, 11):
        assert await _reply(house, actor, last.message_id) == "sent"
        clock.now += 1_000
        newest = (await house.messages(AGENT))[-1]
        answer = mail(message_id=f"<{number}@c>", answers=newest.message_id, text=str(number))
        last = await house.receive(answer)
    assert await _reply(house, actor, last.message_id) == "held:loop"
    clock.now += 3_700_000
    assert await _reply(house, actor, last.message_id) == "sent"


async def test_reply_only_lets_answers_leave_to_who_wrote_in_the_thread(house: Bed) -> None:
    actor = await _agent(house, reply_only=True, taint=False)
    came = await house.receive(mail())
    assert await _send(house, actor, CORRESPONDENT) == "refused:reply_only"
    assert await _reply(house, actor, came.message_id) == "sent"
    assert await _reply(house, actor, came.message_id, to=NEW) == "refused:reply_only"


async def test_a_scheduled_draft_of_a_key_that_is_gone_is_bound_by_its_policy(house: Bed, clock: FakeClock) -> None:
    actor = await _agent(house, recipients="deny")
    draft = await house.call("drafts.create", actor, inbox_id=AGENT, to=NEW, text="t", send_at=clock.now + 1_000)
    await house.call("keys.delete", api_key_id=actor.api_key_id)
    clock.now += 2_000
    house.house.bells.ring_all()
    failed = "SELECT 1 FROM draft WHERE id = ? AND send_status = 'failed'"
    await house.until(lambda: bool(house.rows(failed, draft.draft_id)))
    assert house.rows("SELECT count(*) FROM delivery") == [(0,)]


@pytest.mark.parametrize(
    ("policy", "outcome", "rule"),
    [
        ({"recipients": "open"}, "sent", None),
        ({"approval": "all"}, "held", "approval"),
        ({"recipients": "deny"}, "refused", "recipients"),
    ],
)
async def test_check_send_tells_beforehand_and_changes_nothing(
    house: Bed, policy: dict[str, Any], outcome: str, rule: str | None
) -> None:
    actor = await _agent(house, **policy)
    came = await house.receive(mail())
    before = house.rows("SELECT max(seq) FROM event"), house.rows("SELECT count(*) FROM draft")
    for given in ({"to": NEW}, {"message_id": came.message_id}, {"message_id": came.message_id, "reply_all": True}):
        checked = await house.call("messages.check_send", actor, inbox_id=AGENT, **given)
        assert (checked.outcome, checked.rule) == (outcome, rule), given
    assert (house.rows("SELECT max(seq) FROM event"), house.rows("SELECT count(*) FROM draft")) == before


@pytest.mark.parametrize(
    ("policy", "words", "outcome"),
    [
        ({"recipients": "allowlist", "allowed": [NEW]}, {"reply_to": "eve@evil.example"}, "refused"),
        ({"recipients": "allowlist", "allowed": [NEW]}, {"headers": {"Errors-To": "eve@evil.example"}}, "refused"),
        ({"recipients": "allowlist", "allowed": [NEW]}, {"reply_to": f"Agent <{AGENT}>"}, "sent"),
        ({"recipients": "open"}, {"cc": CORRESPONDENT, "subject": "Re: Plans"}, "held"),
        ({"recipients": "open"}, {"cc": CORRESPONDENT, "subject": "Plans"}, "sent"),
    ],
)
async def test_check_send_of_a_draft_tells_what_becomes_of_it_when_it_is_sent(
    house: Bed, policy: dict[str, Any], words: dict[str, Any], outcome: str
) -> None:
    actor = await _agent(house, **policy)
    await house.receive(mail(subject="Plans"))
    draft = await house.call("drafts.create", actor, **({"inbox_id": AGENT, "to": NEW, "text": "t"} | words))
    checked = await house.call("messages.check_send", actor, inbox_id=AGENT, draft_id=draft.draft_id)
    assert checked.outcome == outcome
    try:
        became = await house.call("drafts.send", actor, draft_id=draft.draft_id)
    except Refused:
        became = None
    assert outcome == ("refused" if became is None else "held" if isinstance(became, Held) else "sent")


async def test_check_send_of_a_draft_that_waits_tells_so_though_nothing_holds_it_any_more(house: Bed) -> None:
    actor = await _agent(house, approval="all")
    held = await house.call("messages.send", actor, inbox_id=AGENT, to=NEW, text="t")
    await house.call("policies.delete", api_key_id=actor.api_key_id)
    checked = await house.call("messages.check_send", actor, inbox_id=AGENT, draft_id=held.draft_id)
    assert (checked.outcome, checked.rule, held.approval_id in checked.fix) == ("held", "approval", True)
    assert (await house.call("drafts.send", actor, draft_id=held.draft_id)).approval_id == held.approval_id


async def test_check_send_of_an_empty_draft_says_what_sending_it_says(house: Bed) -> None:
    actor = await _agent(house)
    draft = await house.call("drafts.create", actor, inbox_id=AGENT, to=NEW)
    for operation, given in (("messages.check_send", {"inbox_id": AGENT}), ("drafts.send", {})):
        with pytest.raises(InvalidInput, match="An empty draft"):
            await house.call(operation, actor, draft_id=draft.draft_id, **given)


async def test_no_key_keeps_the_policy_that_binds_it(house: Bed) -> None:
    inbox = await house.inbox("agent")
    confined = await house.key(inbox_id=AGENT)
    child = await house.key(confined)
    bound = await house.key()
    await house.call("policies.set", api_key_id=bound.api_key_id, recipients="deny")
    for actor in (confined, child, bound):
        for place in ({}, {"inbox_id": AGENT}, {"pod_id": inbox.pod_id}, {"api_key_id": actor.api_key_id}):
            for verb in ("set", "delete"):
                with pytest.raises((Forbidden, OutOfScope, NotFound)):
                    await house.call(f"policies.{verb}", actor, **place)
    assert await _send(house, bound, NEW) == "refused:recipients"


async def test_a_key_of_a_pod_that_a_bound_key_of_the_organization_made_keeps_no_policy(house: Bed) -> None:
    inbox = await house.inbox("agent")
    bound = await house.key(await house.key())
    await house.call("policies.set", api_key_id=bound.api_key_id, recipients="open")
    await house.call("policies.set", inbox_id=AGENT, recipients="allowlist", allowed=["example.com"])
    child = await _of_pod(house, bound, inbox.pod_id)
    for verb in ("set", "delete"):
        with pytest.raises(Forbidden):
            await house.call(f"policies.{verb}", child, inbox_id=AGENT)
    assert await _send(house, bound, NEW) == "refused:recipients"


async def _of_pod(house: Bed, maker: Actor, pod_id: str) -> Actor:
    """Let a key make one of a pod, as POST /v0/pods/{pod_id}/api-keys does."""
    return await house.key(maker.model_copy(update={"reach": maker.reach.model_copy(update={"pod_id": pod_id})}))


async def test_who_labels_a_scheduled_draft_does_not_take_it_out_of_its_writers_policies(
    house: Bed, clock: FakeClock
) -> None:
    actor = await _agent(house, recipients="allowlist", allowed=["example.com"])
    at = clock.now + 1_000
    drafts = [await house.call("drafts.create", actor, inbox_id=AGENT, to=NEW, text="t", send_at=at) for _ in "ab"]
    await house.call("drafts.update", draft_id=drafts[0].draft_id, add_labels=["seen"])
    await house.call("drafts.update", draft_id=drafts[1].draft_id, subject="Mine now")
    clock.now = at + 1
    house.house.bells.ring_all()
    await house.until(lambda: not house.rows("SELECT 1 FROM draft WHERE send_status IN ('scheduled', 'sending')"))
    (error,) = house.rows("SELECT send_error FROM draft WHERE id = ?", drafts[0].draft_id)[0]
    assert "(rule recipients)" in error
    assert house.rows("SELECT 1 FROM draft WHERE id = ?", drafts[1].draft_id) == []  # the owner wrote it, and it left


@pytest.mark.parametrize("lost", ["key", "permission"])
async def test_who_was_let_in_by_a_key_that_is_gone_loosens_no_policy(house: Bed, lost: str) -> None:
    actor = await house.key()
    await house.call("policies.set", approval="all")
    if lost == "key":
        await house.call("keys.delete", api_key_id=actor.api_key_id)
    else:
        await house.call("keys.update", api_key_id=actor.api_key_id, permissions=["policy_read"])
    for verb in ("set", "delete"):
        with pytest.raises(Unauthenticated if lost == "key" else Forbidden):
            await house.call(f"policies.{verb}", actor)
    assert (await house.call("policies.get")).approval == "all"


async def test_a_policy_of_others_is_neither_seen_nor_kept(house: Bed) -> None:
    actor = await _agent(house, recipients="deny")
    stranger = await house.stranger()
    for place in ({"inbox_id": AGENT}, {"api_key_id": actor.api_key_id}):
        for verb in ("set", "get", "delete"):
            with pytest.raises(NotFound):
                await house.call(f"policies.{verb}", stranger, **place)
    assert (await house.call("policies.list", stranger)).items == ()


async def test_policies_are_listed_replaced_and_deleted(house: Bed) -> None:
    actor = await _agent(house, recipients="deny", max_mails_per_day=5)
    replaced = await house.call("policies.set", api_key_id=actor.api_key_id, approval="all")
    assert (replaced.recipients, replaced.max_mails_per_day, replaced.taint) == ("open", None, True)
    assert [p.place for p in (await house.call("policies.list")).items] == [actor.api_key_id]
    await house.call("policies.delete", api_key_id=actor.api_key_id)
    assert await _send(house, actor, NEW) == "sent"
    with pytest.raises(NotFound):
        await house.call("policies.get", api_key_id=actor.api_key_id)


async def test_the_policy_of_a_deleted_inbox_goes_with_it(house: Bed) -> None:
    await house.inbox("agent")
    await house.call("policies.set", inbox_id=AGENT, approval="all")
    held = await house.call("messages.send", inbox_id=AGENT, to=NEW, text="t")
    assert isinstance(held, Held)
    await house.call("inboxes.delete", inbox_id=AGENT)
    assert house.rows("SELECT count(*) FROM approval") == [(0,)]
    assert house.rows("SELECT count(*) FROM policy") == [(0,)]
