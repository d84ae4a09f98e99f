"""Loops: what answers a program or oneself waits for a person, and what two exchange too often, in any thread."""

from typing import Any

import pytest

from postroom.model.errors import Forbidden
from postroom.model.policy import Held
from postroom.model.tenant import Actor
from postroom.service.loops import MESSAGES
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import CORRESPONDENT, mail

AGENT = f"agent@{DOMAIN}"
PEER = f"peer@{DOMAIN}"
HOUR = 3_600_000


async def _does(house: Bed, operation: str, actor: Actor | None = None, **given: Any) -> str:
    result = await house.call(operation, actor, **{"inbox_id": AGENT, "text": "t", **given})
    return f"held:{result.rule.value}" if isinstance(result, Held) else "sent"


async def _answers(house: Bed, message_id: str, **given: Any) -> str:
    return await _does(house, "messages.reply", message_id=message_id, **given)


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Generated; owner-email=a@b.example",
        "auto-submitted: (by hand?) x-unheard-of",
        "Precedence: bulk",
        "Precedence: Junk",
    ],
)
async def test_what_answers_a_program_waits_for_a_person(house: Bed, field: str) -> None:
    await house.inbox()
    came = await house.receive(mail(field))
    assert came.automatic
    checked = await house.call("messages.check_send", inbox_id=AGENT, message_id=came.message_id)
    assert (checked.outcome, checked.rule) == ("held", "automatic")
    assert await _answers(house, came.message_id) == "held:automatic"
    assert await _answers(house, came.message_id, reply_all=True) == "held:automatic"
    draft = await house.call("drafts.create", inbox_id=AGENT, in_reply_to=came.message_id, text="t")
    held = await house.call("drafts.send", inbox_id=AGENT, draft_id=draft.draft_id)
    assert held.rule == "automatic"
    assert await _does(house, "messages.forward", message_id=came.message_id, to="boss@example.com") == "sent"


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: no (a person)",
        "Precedence: first-class",
        "Precedence: list",
        "List-Id: News <news.example.com>",
        "List-Unsubscribe: <mailto:leave@example.com>",
    ],
)
async def test_what_answers_a_person_or_a_list_leaves(house: Bed, field: str) -> None:
    await house.inbox()
    came = await house.receive(mail(field))
    assert not came.automatic
    assert await _answers(house, came.message_id) == "sent"


async def test_what_answers_a_message_without_a_return_path_waits_for_a_person(house: Bed) -> None:
    await house.inbox()
    came = await house.receive(mail(), envelope_from="")
    assert await _answers(house, came.message_id) == "held:automatic"


async def test_what_a_person_approves_is_answered_all_the_same(house: Bed) -> None:
    await house.inbox()
    came = await house.receive(mail("Auto-Submitted: auto-replied"))
    actor = await house.key(inbox_id=AGENT)
    held = await house.call("messages.reply", actor, inbox_id=AGENT, message_id=came.message_id, text="t")
    await house.call("policies.set", inbox_id=AGENT, taint=True, elicitation=True)
    with pytest.raises(Forbidden):  # no policy holds it, so none lets the person at the client decide
        await house.call("approvals.question", actor, approval_id=held.approval_id)
    await house.call("approvals.approve", approval_id=held.approval_id)
    assert house.rows("SELECT recipient FROM delivery") == [(CORRESPONDENT,)]


async def test_an_agent_that_says_it_is_a_program_is_not_answered_by_another(house: Bed) -> None:
    await house.inbox()
    await house.inbox("peer")
    said = {"headers": {"Auto-Submitted": "auto-replied"}}
    await house.call("messages.send", inbox_id=PEER, to=AGENT, subject="Away", text="t", **said)
    (came,) = await house.arrived(AGENT)
    assert await _answers(house, came.message_id) == "held:automatic"


async def test_mail_to_oneself_leaves_and_an_answer_to_it_waits(house: Bed) -> None:
    await house.inbox()
    note = await house.send(AGENT, AGENT)
    await house.settled()
    assert await _answers(house, note.message_id) == "held:loop"
    assert await _answers(house, note.message_id, to=AGENT) == "held:loop"
    assert await _answers(house, note.message_id, to=CORRESPONDENT) == "sent"
    came = await house.receive(mail())
    assert await _answers(house, came.message_id, to=CORRESPONDENT, cc=AGENT) == "sent"


async def test_two_inboxes_that_write_in_threads_of_their_own_are_held_after_ten_each(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    await house.inbox("peer")
    said: list[str] = []
    for number in range(MESSAGES + 2):
        for sender, to in ((AGENT, PEER), (PEER, AGENT)):
            clock.advance(1_000)
            said.append(await _does(house, "messages.send", inbox_id=sender, to=to, subject=f"s{number}"))
            await house.settled()
    assert said == ["sent"] * 2 * MESSAGES + ["held:loop"] * 4
    assert await _does(house, "messages.send", to=CORRESPONDENT) == "sent"
    clock.advance(HOUR)
    assert await _does(house, "messages.send", to=PEER) == "sent"


async def test_a_robot_that_names_no_message_and_is_answered_ten_times_is_held(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    said: list[str] = []
    for number in range(MESSAGES + 3):
        clock.advance(1_000)
        robot = mail("Reply-To: tickets@example.com", sender="no-reply@example.com", text=str(number))
        came = await house.receive(robot)
        said.append(await _answers(house, came.message_id))
    assert said == ["sent"] * MESSAGES + ["held:loop"] * 3


async def test_many_messages_to_one_who_does_not_write_so_often_leave(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    for number in range(MESSAGES - 1):
        await house.receive(mail(text=str(number)))
    for _ in range(3 * MESSAGES):
        clock.advance(1_000)
        assert await _does(house, "messages.send", to=CORRESPONDENT) == "sent"


async def test_counting_an_exchange_takes_one_statement_for_an_ordinary_message(house: Bed) -> None:
    await house.inbox()
    await _does(house, "messages.send", to=CORRESPONDENT)
    kept = house.rows("SELECT latest FROM correspondent")
    assert [len(moments) for (moments,) in kept] == [13]
    plan = house.rows("EXPLAIN QUERY PLAN SELECT latest FROM correspondent WHERE inbox_id = 'a' AND party = x'00'")
    assert "USING PRIMARY KEY (inbox_id=? AND party=?)" in plan[0][3]


async def test_no_more_than_ten_moments_are_kept_of_a_correspondent(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    for _ in range(MESSAGES + 3):
        clock.advance(1_000)
        await _does(house, "messages.send", to=CORRESPONDENT)
    ((moments,),) = house.rows("SELECT latest FROM correspondent")
    assert moments == "".join(str(clock.now - 1_000 * n) for n in range(MESSAGES))


async def test_what_joins_a_thread_by_its_subject_is_counted_as_one_of_the_thread(house: Bed) -> None:
    await house.inbox("agent")
    first = await house.receive(mail(subject="Plans"))
    for number in range(MESSAGES):
        sender = f"robot{number}@example.com"
        one = await house.receive(mail(subject="Re: Plans", sender=sender, references=first.message_id))
        assert await _answers(house, one.message_id) == "sent"
    words: dict[str, Any] = {"inbox_id": AGENT, "to": "one@new.example", "cc": CORRESPONDENT, "text": "t"}
    assert await _does(house, "messages.send", **words, subject="Re: Plans") == "held:loop"
    assert await _does(house, "messages.send", **words, subject="Other plans") == "sent"
