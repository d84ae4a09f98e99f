"""Mail as work: one conversation is answered by one worker, whatever happens to the others."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroom.events.claiming import claim_next, claimed
from postroom.model.claim import WorkState
from postroom.model.errors import Conflict, Forbidden, InvalidInput, NotFound, PostroomError, StorageFull
from postroom.service import settling
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import MINUTE, SECOND, FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"


async def _next(house: Bed, **given: Any) -> Any:
    return await house.call("claims.next", inbox_id=AGENT, **given)


async def _states(house: Bed) -> list[str]:
    return [item.state.value for item in (await house.call("claims.list", inbox_id=AGENT, limit=100)).items]


async def _came(house: Bed, clock: FakeClock, *subjects: str) -> None:
    for subject in subjects:
        await house.take(mail(subject=subject), AGENT)
        clock.advance(SECOND)


async def test_the_conversation_that_waits_longest_is_claimed_first_and_by_one_alone(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    await _came(house, clock, "one", "two")
    first, second, third = await asyncio.gather(*[_next(house) for _ in range(3)])
    assert [first.thread.subject, second.thread.subject, third] == ["one", "two", None]
    assert first.claim_id != second.claim_id
    assert first.lease_until == clock.now + 5 * MINUTE


async def test_what_is_read_hidden_or_sent_waits_for_nobody(house: Bed) -> None:
    await house.inbox()
    read = await house.receive(mail(subject="read"))
    await house.call("messages.update", inbox_id=AGENT, message_id=read.id, remove_labels="unread")
    spam = await house.receive(mail(subject="spam"))
    await house.call("messages.update", inbox_id=AGENT, message_id=spam.id, add_labels="spam")
    await house.send(AGENT, "x@example.com")
    assert await _next(house) is None
    await house.call("messages.update", inbox_id=AGENT, message_id=spam.id, remove_labels="spam")
    assert (await _next(house)).thread.subject == "spam"


async def test_an_acknowledged_conversation_is_read_and_waits_no_more(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail())
    claim = await _next(house)
    assert [m.id for m in claim.messages] == [message.id]
    settled = await house.call("claims.ack", claim_id=claim.claim_id)
    assert not settled.waits
    assert "unread" not in (await house.message(AGENT, message.id)).labels
    assert await _states(house) == []


async def test_new_mail_in_a_claimed_conversation_waits_for_the_end_of_the_claim(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(message_id="<1@example.com>"))
    claim = await _next(house)
    late = await house.receive(mail(message_id="<2@example.com>", answers="<1@example.com>"))
    assert late.thread_id == first.thread_id
    assert await _next(house) is None
    assert (await house.call("claims.ack", claim_id=claim.claim_id)).waits
    again = await _next(house)
    assert [m.id for m in again.messages] == [late.id]
    assert again.attempt == 1


async def test_a_lease_that_ends_gives_the_conversation_to_another_and_its_token_ends_nothing(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    old = await _next(house, lease_seconds=60)
    clock.advance(59 * SECOND)
    assert await _next(house) is None
    clock.advance(SECOND)
    new = await _next(house, lease_seconds=60)
    assert (new.thread.thread_id, new.attempt) == (old.thread.thread_id, 2)
    later: dict[str, dict[str, Any]] = {"defer": {"until": clock.now + MINUTE}, "reply": {"text": "Hi."}}
    for name, more in {"ack": {}, "nack": {}, "extend": {}, **later}.items():
        with pytest.raises(NotFound, match="lease"):
            await house.call(f"claims.{name}", claim_id=old.claim_id, **more)
    await house.call("claims.ack", claim_id=new.claim_id)


async def test_a_lease_that_is_over_acknowledges_nothing_even_if_nobody_took_over(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    claim = await _next(house, lease_seconds=1)
    clock.advance(SECOND)
    with pytest.raises(NotFound):
        await house.call("claims.ack", claim_id=claim.claim_id)
    assert await _states(house) == ["waiting"]


async def test_a_lease_that_is_extended_lasts_from_now_on_and_never_shorter(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    claim = await _next(house, lease_seconds=60)
    clock.advance(50 * SECOND)
    longer = await house.call("claims.extend", claim_id=claim.claim_id, lease_seconds=60)
    assert (longer.thread_id, longer.lease_until) == (claim.thread.thread_id, clock.now + MINUTE)
    clock.advance(50 * SECOND)
    assert (await _next(house), await _states(house)) == (None, ["claimed"])
    same = await house.call("claims.extend", claim_id=claim.claim_id, lease_seconds=1)
    assert same.lease_until == longer.lease_until
    clock.advance(10 * SECOND)
    again = await _next(house)
    assert (again.thread.thread_id, again.attempt) == (claim.thread.thread_id, 2)


async def test_the_last_try_stays_the_last_however_often_it_is_extended(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    claim = await _next(house, max_tries=1)
    await house.call("claims.extend", claim_id=claim.claim_id, lease_seconds=600)
    clock.advance(10 * MINUTE)
    assert (await _next(house), await _states(house)) == (None, ["set_aside"])


async def test_nobody_extends_a_claim_out_of_its_reach(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    await house.take(mail(), AGENT)
    claim = await _next(house)
    stranger = await house.key(inbox_id=other.address)
    with pytest.raises(NotFound):
        await house.desk.call("claims.extend", stranger, {"claim_id": claim.claim_id})


async def test_what_is_given_back_waits_behind_the_others(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await _came(house, clock, "one", "two")
    claim = await _next(house)
    assert (await house.call("claims.nack", claim_id=claim.claim_id, reason="no idea")).waits
    assert [(await _next(house)).thread.subject for _ in range(2)] == ["two", "one"]


async def test_what_is_deferred_is_due_at_its_time_and_counts_as_no_try(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    for _ in range(7):
        claim = await _next(house)
        assert claim.attempt == 1
        await house.call("claims.defer", claim_id=claim.claim_id, until=clock.now + MINUTE)
        assert (await _states(house), await _next(house)) == (["deferred"], None)
        clock.advance(MINUTE)


async def test_new_mail_brings_back_what_was_deferred(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.receive(mail(message_id="<1@example.com>"))
    claim = await _next(house)
    await house.call("claims.defer", claim_id=claim.claim_id, until=clock.now + MINUTE)
    await house.receive(mail(message_id="<2@example.com>", answers="<1@example.com>"))
    assert len((await _next(house)).messages) == 2


@pytest.mark.parametrize("until", [-MINUTE, 0, 400 * 24 * 60 * MINUTE])
async def test_a_time_that_is_not_to_come_is_refused(house: Bed, clock: FakeClock, until: int) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    claim = await _next(house)
    with pytest.raises(InvalidInput, match="until"):
        await house.call("claims.defer", claim_id=claim.claim_id, until=clock.now + until)


@pytest.mark.parametrize("how", ["nack", "expire"])
async def test_what_fails_five_times_is_set_aside_until_it_is_put_back(house: Bed, clock: FakeClock, how: str) -> None:
    await house.inbox()
    await _came(house, clock, "poison", "other")
    for number in range(10):
        claim = await _next(house, lease_seconds=1)
        assert claim.is_last is (number >= 8)
        if how == "nack":
            await house.call("claims.nack", claim_id=claim.claim_id, reason="It breaks me.")
        clock.advance(SECOND)
    assert await _next(house) is None
    page = await house.call("claims.list", inbox_id=AGENT, state="set_aside")
    assert [(item.attempts, item.state) for item in page.items] == [(5, WorkState.SET_ASIDE)] * 2
    thread = next(item.thread for item in page.items if item.thread.subject == "poison")
    await house.receive(mail(subject="Re: poison"))
    assert await _next(house) is None
    await house.call("claims.requeue", inbox_id=AGENT, thread_id=thread.thread_id)
    claim = await _next(house)
    assert (claim.thread.subject, claim.attempt, claim.is_last) == ("poison", 1, False)
    with pytest.raises(Conflict):
        await house.call("claims.requeue", inbox_id=AGENT, thread_id=thread.thread_id)


async def test_lists_go_on_from_page_to_page_in_the_order_in_which_things_are_due(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await _came(house, clock, *"abcde")
    page = await house.call("claims.list", inbox_id=AGENT, limit=2)
    shown = [item.thread.subject for item in page.items]
    while page.next_page_token:
        page = await house.call("claims.list", inbox_id=AGENT, limit=2, page_token=page.next_page_token)
        shown += [item.thread.subject for item in page.items]
    assert shown == list("abcde")


async def test_an_answer_and_the_end_of_its_claim_are_one(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(sender="carol@example.com"))
    claim = await _next(house)
    sent = await house.call("claims.reply", claim_id=claim.claim_id, text="Yes.", idempotency_key="once")
    assert sent.thread_id == message.thread_id
    assert sent.recipients == ("carol@example.com",)
    assert await _states(house) == []
    assert "unread" not in (await house.message(AGENT, message.id)).labels
    again = await house.call("claims.reply", claim_id=claim.claim_id, text="Yes.", idempotency_key="once")
    assert again.message_id == sent.message_id


async def test_an_answer_whose_lease_ended_while_it_was_written_is_not_sent(
    house: Bed, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    claim = await _next(house, lease_seconds=60)
    parse = house.desk.rooms.parser.parse

    async def slow(incoming: Any) -> Any:
        clock.advance(60 * SECOND)
        return await parse(incoming)

    monkeypatch.setattr(house.desk.rooms.parser, "parse", slow)
    with pytest.raises(NotFound, match="claim"):
        await house.call("claims.reply", claim_id=claim.claim_id, text="Too late.")
    assert house.rows("SELECT 1 FROM delivery") == []
    assert await _states(house) == ["waiting"]


async def test_where_the_answer_cannot_be_written_the_claim_stays(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    claim = await _next(house)
    settle = settling.settle

    def full(*given: Any) -> Any:
        settle(*given)
        raise StorageFull("The disk is full.")

    monkeypatch.setattr("postroom.service.leaving.settle", full)
    with pytest.raises(StorageFull):
        await house.call("claims.reply", claim_id=claim.claim_id, text="Yes.")
    assert (await _states(house), house.rows("SELECT 1 FROM delivery")) == (["claimed"], [])


async def test_an_answer_that_waits_for_a_person_ends_its_claim_as_well(house: Bed) -> None:
    inbox = await house.inbox()
    await house.take(mail(), AGENT)
    worker = await house.key()
    await house.call("policies.set", inbox_id=inbox.address, approval="all")
    claim = await _next(house)
    held = await house.call("claims.reply", worker, claim_id=claim.claim_id, text="Yes.")
    assert held.approval_id
    assert (await _states(house), house.rows("SELECT 1 FROM delivery")) == ([], [])


async def test_a_claim_answers_no_message_of_another_conversation(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await _came(house, clock, "one", "two")
    claim = await _next(house)
    (other,) = [m for m in await house.messages(AGENT) if m.subject == "two"]
    with pytest.raises(NotFound, match="message"):
        await house.call("claims.reply", claim_id=claim.claim_id, message_id=other.message_id, text="Yes.")


async def test_claims_of_others_are_absent(house: Bed) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    claim = await _next(house)
    await house.inbox("eve")
    for actor in (await house.stranger(), await house.key(inbox_id=f"eve@{DOMAIN}")):
        for claim_id in (claim.claim_id, "clm_absent"):
            with pytest.raises(NotFound, match="claim"):
                await house.call("claims.ack", actor, claim_id=claim_id)
    assert await _states(house) == ["claimed"]


@pytest.mark.parametrize("missing", ["message_read", "message_update"])
async def test_a_key_that_lacks_a_permission_claims_nothing(house: Bed, missing: str) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    permissions = {"message_read": True, "message_update": True, "inbox_read": True} | {missing: False}
    worker = await house.key(permissions={name: True for name, given in permissions.items() if given})
    with pytest.raises(Forbidden, match=missing):
        await house.call("claims.next", worker, inbox_id=AGENT)


async def test_threads_that_are_deleted_leave_the_queue(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await _came(house, clock, "one", "two")
    claim = await _next(house)
    await house.call("messages.delete", inbox_id=AGENT, message_id=claim.messages[0].id)
    assert len(await _states(house)) == 1
    assert (await _next(house)).thread.subject == "two"
    assert await _next(house) is None


async def test_a_waiter_has_the_conversation_as_soon_as_it_comes(house: Bed) -> None:
    await house.inbox()
    waiters = [
        asyncio.create_task(claim_next(house.desk, house.house.hub, house.owner, {"inbox_id": AGENT, "wait": 10}))
        for _ in range(3)
    ]
    await house.until(lambda: not house.house.hub.is_empty)
    begun = time.monotonic()
    await house.take(mail(), AGENT)
    done, rest = await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    assert time.monotonic() - begun < 2
    (won,) = done
    claim = won.result().result
    assert claim is not None
    await house.call("claims.nack", claim_id=claim.claim_id)
    second = await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
    assert len(second[0]) == 1
    for waiter in second[1]:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)


@pytest.mark.parametrize("steps", range(6))
async def test_what_was_taken_for_somebody_who_is_cancelled_waits_at_its_old_place_and_was_no_try(
    house: Bed, clock: FakeClock, steps: int
) -> None:
    await house.inbox()
    await _came(house, clock, "one", "two")
    given = {"inbox_id": AGENT, "max_tries": 1}
    claiming = asyncio.create_task(claim_next(house.desk, house.house.hub, house.owner, given))
    for _ in range(steps):
        await asyncio.sleep(0)
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    page = await house.call("claims.list", inbox_id=AGENT)
    assert [(item.state, item.attempts) for item in page.items] == [("waiting", 0)] * 2
    assert (await _next(house)).thread.subject == "one"


async def test_what_cannot_be_told_is_given_back_and_was_no_try(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await _came(house, clock, "one", "two")
    given = {"inbox_id": AGENT, "max_tries": 1}
    for _ in range(3):
        with contextlib.suppress(RuntimeError):
            async with claimed(house.desk, house.house.hub, house.owner, given) as found:
                assert found.result is not None
                assert found.result.is_last
                raise RuntimeError
    page = await house.call("claims.list", inbox_id=AGENT)
    assert [(item.state, item.attempts) for item in page.items] == [("waiting", 0)] * 2
    assert (await _next(house)).thread.subject == "one"


async def test_a_claim_that_has_ended_cannot_be_let_go(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await _came(house, clock, "one")
    claim = await _next(house)
    await house.call("claims.ack", claim_id=claim.claim_id)
    await house.call("claims.let_go", claim_id=claim.claim_id)
    assert await _states(house) == []


async def test_who_waits_for_nothing_hears_so_at_the_end_of_the_time(house: Bed) -> None:
    await house.inbox()
    found = await claim_next(house.desk, house.house.hub, house.owner, {"inbox_id": AGENT, "wait": 0.05})
    assert found.result is None


async def test_a_claim_among_ten_thousand_costs_what_it_costs_among_ten(house: Bed, clock: FakeClock) -> None:
    inbox = await house.inbox()
    await _came(house, clock, *map(str, range(10)))
    few = await _seconds(house)
    house.write(
        "INSERT INTO claim (thread_id, org_id, pod_id, inbox_id, due_at, lease_until, attempts, messages, updated_at)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
        " SELECT 'thd_' || i, ?, ?, ?, ? + i, 0, 0, '[]', 0 FROM n",
        *(inbox.org_id, inbox.pod_id, inbox.inbox_id, clock.now - 10 * MINUTE),
    )
    house.write("UPDATE claim SET due_at = 1 WHERE thread_id NOT LIKE 'thd_' || CAST(substr(thread_id, 5) AS INTEGER)")
    many = await _seconds(house)
    house.write("DELETE FROM claim WHERE thread_id NOT IN (SELECT id FROM thread)")
    assert many < 5 * few + 0.01


async def _seconds(house: Bed) -> float:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        assert await _next(house) is not None
        times.append(time.perf_counter() - begun)
    return min(times)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from("mmcccankdw"), min_size=5, max_size=40))
def test_nobody_ever_holds_what_another_holds_in_two_processes(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory, migrated: Path
) -> None:
    home = tmp_path_factory.mktemp("claims")
    asyncio.run(asyncio.wait_for(_play(home, migrated, steps), 20))


async def _play(home: Path, migrated: Path, steps: list[str]) -> None:
    clock = FakeClock()
    async with Bed(home, clock, migrated) as one, Bed(home, clock) as two:
        await one.inbox()
        held: dict[str, tuple[str, int]] = {}  # thread: claim, until
        for number, step in enumerate(steps):
            await _step((one, two)[number % 2], clock, step, held, number)


async def _step(house: Bed, clock: FakeClock, step: str, held: dict[str, tuple[str, int]], number: int) -> None:
    if step == "m":
        await house.take(mail(subject=f"Re: {number % 4}"), AGENT)
    elif step == "w":
        clock.advance(20 * SECOND)
    elif step == "c":
        claim = await _next(house, lease_seconds=45, max_tries=3)
        if claim is not None:
            _token, until = held.get(claim.thread.thread_id, ("", 0))
            assert until <= clock.now, "claimed twice at a time"
            held[claim.thread.thread_id] = (claim.claim_id, claim.lease_until)
    elif held:
        thread_id = sorted(held)[number % len(held)]
        token, until = held.pop(thread_id)
        shown: dict[str, dict[str, Any]] = {"d": {"until": clock.now + 30 * SECOND}, "k": {"text": "Yes."}}
        more = shown.get(step, {})
        name = {"a": "ack", "n": "nack", "d": "defer", "k": "reply"}[step]
        try:
            await house.call(f"claims.{name}", claim_id=token, **more)
            assert until > clock.now
        except PostroomError:
            assert until <= clock.now
