"""Scheduled drafts through the official client: sent at their moment, once, or failed with a reason."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agentmail.errors import ConflictError, NotFoundError

from postroom.model.errors import StorageFull
from postroom.model.event import EventType
from postroom.model.tenant import SYSTEM
from tests.compat.official import official
from tests.fakes.bed import DOMAIN, Bed, facts
from tests.fakes.clock import DAY, HOUR, MINUTE, FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
PEER = f"peer@{DOMAIN}"


def _in(clock: FakeClock, **given: float) -> datetime:
    return datetime.fromtimestamp(clock.now / 1000, UTC) + timedelta(**given)


def _pass(house: Bed, clock: FakeClock, ms: int) -> None:
    """Let time pass, and the worker look at the clock."""
    clock.advance(ms)
    house.house.bells.ring(["draft"])


async def _turn(house: Bed) -> None:
    """Wait until no draft is due or under way."""
    await house.until(lambda: not _busy(house))


def _busy(house: Bed) -> bool:
    return bool(house.rows("SELECT 1 FROM draft WHERE lease_owner IS NOT NULL OR due_at <= ?", house.now()))


def _stop(house: Bed) -> None:
    """Keep the worker from sending, as if it were cut off where it composes."""

    async def never(_incoming: Any) -> Any:
        await asyncio.Event().wait()

    house.desk.rooms.parser.parse = never  # type: ignore[method-assign, assignment]


@pytest.mark.promise("labels.of-drafts", "drafts.status")
async def test_a_scheduled_draft_is_sent_at_its_moment_and_not_before(house: Bed, clock: FakeClock) -> None:
    await house.inbox(), await house.inbox("peer")
    at = _in(clock, hours=2)
    async with official(house) as client:
        made = await client.inboxes.drafts.create(
            AGENT, to=[PEER], subject="Later", text="t", labels=["own"], send_at=at
        )
        assert (made.send_status, made.send_at, made.labels) == ("scheduled", at, ["draft", "own", "scheduled"])
        assert [d.draft_id for d in (await client.drafts.list(labels=["scheduled"])).drafts] == [made.draft_id]
        _pass(house, clock, 2 * HOUR - 1)
        await _turn(house)
        assert (await client.drafts.get(made.draft_id)).send_status == "scheduled"
        _pass(house, clock, 1)
        await house.until(lambda: house.rows("SELECT 1 FROM draft") == [])
        (arrived,) = await house.arrived(PEER)
        assert (arrived.subject, arrived.timestamp) == ("Later", clock.now)
        (sent,) = (await client.inboxes.messages.list(AGENT)).messages
        assert sorted(sent.labels) == ["own", "sent"]
        with pytest.raises(NotFoundError):
            await client.drafts.get(made.draft_id)


@pytest.mark.promise("drafts.change")
async def test_a_moment_can_be_moved_taken_away_and_set_again(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    async with official(house) as client:
        drafts = client.inboxes.drafts
        made = await drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        moved = await drafts.update(AGENT, made.draft_id, send_at=_in(clock, hours=3))
        assert moved.send_at == _in(clock, hours=3)
        _pass(house, clock, 2 * HOUR)
        await _turn(house)
        assert (await client.drafts.get(made.draft_id)).send_status == "scheduled"
        idle = await drafts.update(AGENT, made.draft_id, send_at=None)
        assert (idle.send_status, idle.send_at, idle.labels) == (None, None, ["draft"])
        _pass(house, clock, 2 * HOUR)
        await _turn(house)
        assert (await client.drafts.get(made.draft_id)) == idle
        await drafts.update(AGENT, made.draft_id, send_at=_in(clock, minutes=1))
        changed = await drafts.update(AGENT, made.draft_id, text="u")
        assert (changed.send_status, changed.send_at) == ("scheduled", _in(clock, minutes=1))
        _pass(house, clock, MINUTE)
        await house.until(lambda: house.rows("SELECT 1 FROM draft") == [])
        (sent,) = (await client.inboxes.messages.list(AGENT)).messages
        assert sent.preview == "u"


async def test_a_deleted_draft_is_never_sent(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    async with official(house) as client:
        made = await client.inboxes.drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        await client.inboxes.drafts.delete(AGENT, made.draft_id)
        _pass(house, clock, 2 * HOUR)
        await _turn(house)
        assert (await client.inboxes.messages.list(AGENT)).messages == []


async def test_a_scheduled_draft_can_be_sent_at_once_and_is_sent_once(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    async with official(house) as client:
        made = await client.inboxes.drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        await client.inboxes.drafts.send(AGENT, made.draft_id)
        _pass(house, clock, 2 * HOUR)
        await _turn(house)
        assert (await client.inboxes.messages.list(AGENT)).count == 1


async def test_a_scheduled_answer_quotes_and_joins_its_thread(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    original = await house.receive(mail(text="Shall we?"))
    async with official(house) as client:
        given: Any = {"in_reply_to": original.message_id, "text": "Yes.", "send_at": _in(clock, hours=1)}
        await client.inboxes.drafts.create(AGENT, **given)
        _pass(house, clock, HOUR)
        await house.until(lambda: house.rows("SELECT 1 FROM draft") == [])
        thread = await client.inboxes.threads.get(AGENT, original.thread_id)
        assert [m.extracted_text for m in thread.messages][-1] == "Yes."
        assert "> Shall we?" in (thread.messages[-1].text or "")


@pytest.mark.parametrize(("late", "sent"), [(DAY, True), (DAY + 1, False)])
@pytest.mark.promise("drafts.24-hours-late")
async def test_a_moment_that_passed_while_nothing_ran_counts_for_24_hours(
    home: Path, clock: FakeClock, migrated: Path, late: int, sent: bool
) -> None:
    async with Bed(home, clock, migrated) as house, official(house) as client:
        inbox = await house.inbox()
        made = await client.inboxes.drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
    clock.advance(HOUR + late)
    async with Bed(home, clock) as house, official(house) as client:
        await _turn(house)
        assert (await client.inboxes.messages.list(AGENT)).count == int(sent)
        assert len((await client.drafts.list()).drafts) == int(not sent)
        if not sent:
            failed: Any = await client.drafts.get(made.draft_id)
            assert (failed.send_status, failed.labels, failed.send_at) == ("failed", ["draft"], made.send_at)
            assert "24 hours late" in failed.send_error
            (told,) = facts(await house.events(inbox, EventType.DRAFT_FAILED))
            assert told == {"draft": made.draft_id, "reason": failed.send_error}


@pytest.mark.parametrize(
    ("given", "reason"),
    [({"to": []}, "nobody to send to"), ({"text": None}, "empty")],
    ids=["no recipient", "no word"],
)
@pytest.mark.promise("drafts.status")
async def test_what_cannot_be_sent_fails_with_the_reason_and_a_new_moment_tries_again(
    house: Bed, clock: FakeClock, given: dict[str, Any], reason: str
) -> None:
    await house.inbox()
    whole: dict[str, Any] = {"to": ["a@example.com"], "text": "t"}
    async with official(house) as client:
        drafts = client.inboxes.drafts
        made = await drafts.create(AGENT, **whole, send_at=_in(clock, hours=1))
        await drafts.update(AGENT, made.draft_id, **given)
        _pass(house, clock, HOUR)
        await _turn(house)
        failed: Any = await client.drafts.get(made.draft_id)
        assert failed.send_status == "failed"
        assert reason in failed.send_error
        mended = await drafts.update(AGENT, made.draft_id, **whole)
        assert mended.send_status == "failed"
        again: Any = await drafts.update(AGENT, made.draft_id, send_at=_in(clock, minutes=1))
        assert (again.send_status, getattr(again, "send_error", None)) == ("scheduled", None)
        _pass(house, clock, MINUTE)
        await house.until(lambda: house.rows("SELECT 1 FROM draft") == [])
        assert (await client.inboxes.messages.list(AGENT)).count == 1


@pytest.mark.promise("paused.drafts-fail")
async def test_the_due_draft_of_a_paused_inbox_fails(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    async with official(house) as client:
        made = await client.inboxes.drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        await client.inboxes.update(AGENT, status="paused")
        _pass(house, clock, HOUR)
        await _turn(house)
        failed: Any = await client.drafts.get(made.draft_id)
        assert (failed.send_status, "paused" in failed.send_error) == ("failed", True)
        await client.inboxes.update(AGENT, status="active")
        await client.inboxes.drafts.send(AGENT, made.draft_id)


@pytest.mark.promise("drafts.sending-409")
async def test_a_draft_that_is_being_sent_can_be_neither_changed_nor_sent(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    options: Any = {"max_retries": 0}
    async with official(house) as client:
        drafts = client.inboxes.drafts
        made = await drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        _stop(house)
        _pass(house, clock, HOUR)
        await house.until(lambda: bool(house.rows("SELECT 1 FROM draft WHERE send_status = 'sending'")))
        assert (await client.drafts.get(made.draft_id)).send_status == "sending"
        with pytest.raises(ConflictError):
            await drafts.update(AGENT, made.draft_id, text="u", request_options=options)
        with pytest.raises(ConflictError):
            await drafts.send(AGENT, made.draft_id, request_options=options)
        await drafts.delete(AGENT, made.draft_id)


async def test_what_a_dead_process_held_is_sent_by_another_once(home: Path, clock: FakeClock, migrated: Path) -> None:
    async with Bed(home, clock, migrated) as house, official(house) as client:
        await house.inbox()
        await client.inboxes.drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        _stop(house)
        _pass(house, clock, HOUR)
        await house.until(lambda: bool(house.rows("SELECT 1 FROM draft WHERE lease_owner IS NOT NULL")))
    async with Bed(home, clock) as house, official(house) as client:
        await house.until(lambda: house.rows("SELECT 1 FROM draft") == [])
        assert (await client.inboxes.messages.list(AGENT)).count == 1


async def test_whose_lease_was_taken_over_sends_nothing(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    async with official(house) as client:
        made = await client.inboxes.drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        _stop(house)
        _pass(house, clock, HOUR)
        await house.until(lambda: bool(house.rows("SELECT 1 FROM draft WHERE lease_owner IS NOT NULL")))
        clock.advance(MINUTE)
        (ours,) = await house.desk.call("drafts.claim", SYSTEM, {"owner": "another"})
        stale = ours.model_copy(update={"version": ours.version - 1})
        await house.desk.call("drafts.attempt", SYSTEM, {"draft": stale})
        assert (await client.drafts.get(made.draft_id)).send_status == "sending"
        assert (await client.inboxes.messages.list(AGENT)).count == 0


async def test_a_failure_of_ours_is_tried_again(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    parse, full = house.desk.rooms.parser.parse, [True]

    async def once(incoming: Any) -> Any:
        if full.pop() if full else False:
            raise StorageFull("The disk is full.")
        return await parse(incoming)

    house.desk.rooms.parser.parse = once  # type: ignore[method-assign]
    async with official(house) as client:
        await client.inboxes.drafts.create(AGENT, to=["a@example.com"], text="t", send_at=_in(clock, hours=1))
        _pass(house, clock, HOUR)
        await house.until(lambda: house.rows("SELECT 1 FROM draft") == [])
        assert (await client.inboxes.messages.list(AGENT)).count == 1


async def test_an_error_of_ours_ends_one_draft_and_no_other(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    parse = house.desk.rooms.parser.parse

    async def fragile(incoming: Any) -> Any:
        if b"Subject: broken" in incoming.content:
            raise RuntimeError("a bug")
        return await parse(incoming)

    house.desk.rooms.parser.parse = fragile  # type: ignore[method-assign]
    async with official(house) as client:
        given: Any = {"to": ["a@example.com"], "text": "t", "send_at": _in(clock, hours=1)}
        made = [await client.inboxes.drafts.create(AGENT, **given, subject=s) for s in ("broken", "whole")]
        _pass(house, clock, HOUR)
        await _turn(house)
        (failed,) = (await client.drafts.list()).drafts
        assert (failed.draft_id, failed.send_status) == (made[0].draft_id, "failed")
        assert (await client.inboxes.messages.list(AGENT)).count == 1


async def test_many_drafts_of_one_moment_are_all_sent_once(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    async with official(house) as client:
        given: Any = {"to": ["a@example.com"], "text": "t", "send_at": _in(clock, hours=1)}
        for number in range(11):
            await client.inboxes.drafts.create(AGENT, **given, subject=str(number))
        _pass(house, clock, HOUR)
        await house.until(lambda: house.rows("SELECT 1 FROM draft") == [])
        subjects = sorted(m.subject or "" for m in (await client.inboxes.messages.list(AGENT, limit=50)).messages)
    assert subjects == sorted(map(str, range(11)))
