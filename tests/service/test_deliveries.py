"""The outbound queue: delivered once, bounced with a word, put off when it cannot be now, never lost with a process."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from postroom.model.delivery import Delivery, DeliveryState
from postroom.model.errors import StorageFull, Temporary
from postroom.model.event import EventType
from postroom.model.tenant import SYSTEM
from postroom.mta.outbound import Outbound
from postroom.service import deliver
from postroom.service.deliver import Attempt, Claim, Failure
from postroom.service.desk import Desk
from postroom.service.operation import Operation
from tests.fakes.bed import DOMAIN, Bed, facts
from tests.fakes.clock import FakeClock

AGENT = f"agent@{DOMAIN}"


def _states(house: Bed) -> list[str]:
    return [row[0] for row in house.rows("SELECT state FROM delivery ORDER BY recipient")]


async def _claim(house: Bed, owner: str, limit: int = 50) -> tuple[Delivery, ...]:
    return tuple(await house.desk.call("deliveries.claim", SYSTEM, Claim(owner=owner, limit=limit)))


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the house's own worker from the queue: the test is the worker."""
    monkeypatch.setattr(Outbound, "run", _nothing)
    monkeypatch.setattr(Outbound, "reclaim", _nothing)


async def test_mail_to_an_inbox_here_is_delivered_and_told_to_the_sender_alone(house: Bed) -> None:
    inbox, other = await house.inbox("agent"), await house.inbox("other")
    await house.send(AGENT, other.address)
    await house.settled()
    assert _states(house) == ["delivered"]
    (told,) = facts(await house.events(inbox, EventType.MESSAGE_DELIVERED))
    assert told["recipients"] == [other.address]
    assert await house.events(other, EventType.MESSAGE_DELIVERED) == []


async def test_mail_to_an_unknown_name_here_bounces_with_an_event_and_a_label(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, f"nobody@{DOMAIN}")
    await house.settled()
    assert _states(house) == ["bounced"]
    (told,) = facts(await house.events(inbox, EventType.MESSAGE_BOUNCED))
    assert (told["recipients"], told["message_id"]) == ([f"nobody@{DOMAIN}"], sent.message_id)
    assert "550" in told["reason"]
    assert set((await house.message(AGENT, sent.id)).labels) == {"sent", "bounced"}


async def test_one_unknown_name_takes_nothing_from_the_others(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    await house.send(AGENT, other.address, f"nobody@{DOMAIN}")
    assert len(await house.arrived(other.address)) == 1
    assert sorted(_states(house)) == ["bounced", "delivered"]


async def test_a_message_with_all_the_labels_it_can_have_bounces_all_the_same(house: Bed) -> None:
    await house.inbox()
    sent = await house.send(AGENT, f"nobody@{DOMAIN}", labels=[f"l{n}" for n in range(100)])
    await house.settled()
    assert "bounced" in (await house.message(AGENT, sent.id)).labels


async def test_two_names_of_one_inbox_are_one_message_and_two_deliveries(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    await house.send(AGENT, other.address, f"other+tag@{DOMAIN}")
    assert len(await house.arrived(other.address)) == 1
    assert _states(house) == ["delivered", "delivered"]


@pytest.mark.usefixtures("idle")
async def test_what_is_claimed_by_one_is_not_claimed_by_another(house: Bed) -> None:
    await _due(house, 3)
    first, second = await _claim(house, "one", 2), await _claim(house, "two")
    assert (len(first), len(second)) == (2, 1)
    assert await _claim(house, "three") == ()


@pytest.mark.usefixtures("idle")
async def test_a_lease_that_has_run_out_is_claimed_again_and_counted(house: Bed, clock: FakeClock) -> None:
    await _due(house)
    (first,) = await _claim(house, "one")
    clock.advance(deliver.LEASE_MS)
    (again,) = await _claim(house, "two")
    assert (again.delivery_id, again.attempts) == (first.delivery_id, first.attempts + 1)


@pytest.mark.usefixtures("idle")
async def test_only_who_holds_the_lease_records_an_outcome(house: Bed, clock: FakeClock) -> None:
    await _due(house)
    late = await _claim(house, "slow")
    clock.advance(deliver.LEASE_MS)
    await _claim(house, "quick")
    await house.desk.call("deliveries.bounce", SYSTEM, Failure(owner="slow", deliveries=late, error="no"))
    await house.desk.call("deliveries.defer", SYSTEM, Failure(owner="slow", deliveries=late, error="no"))
    await house.desk.call("deliveries.attempt", SYSTEM, Attempt(owner="slow", deliveries=late))
    assert house.rows("SELECT state, lease_owner, last_error FROM delivery") == [("sending", "quick", None)]
    assert house.rows("SELECT count(*) FROM message") == [(1,)]


async def test_what_a_dead_process_had_leased_is_delivered_by_another(
    home: Path, clock: FakeClock, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Outbound, "run", _nothing)
        async with Bed(home, clock, migrated) as first:
            await _due(first)
            other = await first.inbox("other0")
            assert len(await _claim(first, "99999999-dead")) == 1
    async with Bed(home, clock) as second:
        await second.until(lambda: _states(second) == ["delivered"])
        assert len(await second.messages(other.address)) == 1


@pytest.mark.usefixtures("idle")
async def test_a_failure_of_ours_puts_a_delivery_off_and_the_wait_doubles(house: Bed, clock: FakeClock) -> None:
    await _due(house)
    for attempt in range(1, 10):
        claimed = await _claim(house, "me")
        assert [d.attempts for d in claimed] == [attempt]
        failure = Failure(owner="me", deliveries=claimed, error="The disk is full.")
        await house.desk.call("deliveries.defer", SYSTEM, failure)
        ((state, due_at, error),) = house.rows("SELECT state, due_at, last_error FROM delivery")
        assert (state, error) == ("deferred", "The disk is full.")
        assert due_at - clock.now == min(deliver.LONGEST_RETRY_MS, deliver.FIRST_RETRY_MS * 2 ** min(attempt - 1, 7))
        clock.now = due_at


@pytest.mark.usefixtures("idle")
async def test_a_delivery_that_was_tried_enough_bounces(house: Bed, clock: FakeClock) -> None:
    await _due(house)
    inbox = await house.call("inboxes.get", inbox_id=AGENT)
    (claimed,) = await _claim(house, "me")
    spent = claimed.model_copy(update={"attempts": deliver.MAX_ATTEMPTS})
    failure = Failure(owner="me", deliveries=(spent,), error="Never.")
    await house.desk.call("deliveries.defer", SYSTEM, failure)
    assert _states(house) == ["bounced"]
    assert len(await house.events(inbox, EventType.MESSAGE_BOUNCED)) == 1


async def test_a_full_disk_ends_neither_the_queue_nor_the_house(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.inbox("agent")
    other = await house.inbox("other")
    full = [2]
    transact = Desk._transact

    async def sometimes(self: Desk, operation: Operation, actor: Any, command: Any, *, positioned: bool) -> Any:
        if operation.name in ("deliveries.arrive", "deliveries.defer") and full[0]:
            full[0] -= 1
            raise StorageFull("The disk is full.")
        return await transact(self, operation, actor, command, positioned=positioned)

    monkeypatch.setattr(Desk, "_transact", sometimes)
    await house.send(AGENT, other.address)
    await house.until(lambda: _states(house) == ["delivered"])
    assert full == [0]
    assert len(await house.messages(other.address)) == 1


async def test_a_message_that_breaks_the_worker_does_not_stop_the_next(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.inbox("agent")
    other = await house.inbox("other")
    parser = house.desk.rooms.parser
    parse = parser.parse
    broken = [True]

    async def sometimes(incoming: Any) -> Any:
        if incoming.origin == "local" and broken:
            broken.clear()
            raise IndexError("a fault of ours")
        return await parse(incoming)

    monkeypatch.setattr(parser, "parse", sometimes)
    await house.send(AGENT, other.address, subject="first")
    await house.until(lambda: _states(house) == ["deferred"])
    await house.send(AGENT, other.address, subject="second")
    await house.until(lambda: "delivered" in _states(house))
    assert [m.subject for m in await house.messages(other.address)] == ["second"]


@pytest.mark.usefixtures("idle")
async def test_mail_of_an_inbox_deleted_meanwhile_is_not_delivered(house: Bed) -> None:
    await _due(house)
    claimed = await _claim(house, "me")
    await house.call("inboxes.delete", inbox_id=AGENT)
    await house.until(lambda: not house.rows("SELECT 1 FROM purge"))
    await house.inbox("other0")
    await house.desk.call("deliveries.attempt", SYSTEM, Attempt(owner="me", deliveries=claimed))
    assert house.rows("SELECT count(*) FROM message") == [(0,)]


@pytest.mark.usefixtures("idle")
async def test_a_temporary_failure_while_filing_leaves_the_message_due(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _due(house)
    claimed = await _claim(house, "me")

    async def fails(_incoming: Any) -> Any:
        raise Temporary("No memory.")

    monkeypatch.setattr(house.desk.rooms.parser, "parse", fails)
    await house.desk.call("deliveries.attempt", SYSTEM, Attempt(owner="me", deliveries=claimed))
    assert house.rows("SELECT state, last_error FROM delivery") == [(DeliveryState.DEFERRED.value, "No memory.")]


async def _due(house: Bed, count: int = 1) -> None:
    """Queue one message to `count` names here, of which one inbox may be made later."""
    await house.inbox("agent")
    await house.send(AGENT, *[f"other{n}@{DOMAIN}" for n in range(count)])


async def _nothing(_self: object) -> None:
    await asyncio.Event().wait()
