"""The SQLite store: one fsync for all who wait, one failure alone, nothing acknowledged lost, snapshots for readers."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from postroom.model.errors import Busy, NotFound, StorageFull, Temporary
from postroom.model.event import EventType
from postroom.model.inbox import Mailbox
from postroom.model.tenant import Reach
from postroom.store import sqlite
from postroom.store.queries import events, keys, messages
from postroom.store.sqlite import SqliteStore
from postroom.store.transaction import Transaction

HERE = Reach(org_id="org_a")
INBOX = Mailbox(inbox_id="inb_a", org_id="org_a", pod_id="pod_a", address="a@b.test")


@contextlib.asynccontextmanager
async def opened(path: Path, on_commit: Callable[[set[str]], None] = lambda rings: None) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, on_commit)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


def _write(store: SqliteStore, function: Callable[[Transaction], Any]) -> "asyncio.Task[Any]":
    return asyncio.ensure_future(store.write(function, Reach.EVERYWHERE, 1))


async def _read(store: SqliteStore, function: Callable[[Transaction], Any]) -> Any:
    return await store.read(function, Reach.EVERYWHERE, 1)


def _event(tx: Transaction, what: str = "", size: int = 0) -> int:
    return tx.emit(EventType.INBOX_CREATED, INBOX, {"what": what, "x": "x" * size})


def _count(tx: Transaction) -> int:
    return int(tx.sql("SELECT count(*) FROM event").fetchone()[0])


def _kept(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT json_extract(data, '$.what') FROM event")}


@contextlib.asynccontextmanager
async def gathered(store: SqliteStore) -> AsyncIterator[None]:
    """Hold the writer back: what the block asks for waits together and becomes one batch."""
    began, may_go = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        began.set()
        may_go.wait(10)

    holding = _write(store, hold)
    await asyncio.to_thread(began.wait, 10)
    yield
    await asyncio.sleep(0)
    may_go.set()
    await holding


async def test_writes_that_wait_together_are_one_commit(database: Path) -> None:
    async with opened(database) as store:
        said: list[str] = []
        store._writer._connection.set_trace_callback(said.append)
        async with gathered(store):
            writes = [_write(store, _event) for _ in range(50)]
        assert sorted(await asyncio.gather(*writes)) == list(range(1, 51))
        assert said.count("COMMIT") == 2


async def test_a_write_is_on_disk_when_it_is_answered(database: Path) -> None:
    async with opened(database) as store:
        said: list[str] = []
        store._writer._connection.set_trace_callback(said.append)
        await _write(store, _event)
        assert said[-1] == "COMMIT"
        assert store._writer._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert _kept(database) == {""}


@pytest.mark.parametrize("error", [NotFound("inbox", "x"), KeyError("k"), sqlite3.IntegrityError("2"), SystemExit(1)])
async def test_one_failing_function_is_rolled_back_alone(database: Path, error: BaseException) -> None:
    def fails(tx: Transaction) -> None:
        _event(tx, "bad")
        raise error

    async with opened(database) as store:
        async with gathered(store):
            tasks = [store._ask(store._writer, f, Reach.EVERYWHERE, 1) for f in (_event, fails, _event)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(a, int) for a in answers] == [True, False, True]
        assert isinstance(answers[1], Temporary if isinstance(error, sqlite3.Error) else type(error))
        assert await _read(store, _count) == 2
    assert _kept(database) == {""}


async def test_a_function_that_fails_alone_in_its_batch_leaves_nothing(database: Path) -> None:
    def fails(tx: Transaction) -> None:
        _event(tx)
        raise LookupError("a fault")

    async with opened(database) as store:
        with pytest.raises(LookupError):
            await _write(store, fails)
        assert await _read(store, _count) == 0
        assert await _write(store, _event) == 1


async def test_a_full_disk_refuses_and_loses_nothing_that_was_acknowledged(database: Path) -> None:
    async with opened(database) as store:
        connection = store._writer._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 10}")
        async with gathered(store):
            sizes = [10, 10, 2_000_000, 10, 30_000, 30_000, 10]
            writes = [_write(store, lambda tx, n=n, s=s: _event(tx, str(n), s)) for n, s in enumerate(sizes)]  # type: ignore[misc]
        answers = await asyncio.gather(*writes, return_exceptions=True)
        assert isinstance(answers[2], StorageFull)
        assert all(isinstance(a, int | StorageFull) for a in answers)
        assert _kept(database) == {str(n) for n, a in enumerate(answers) if isinstance(a, int)}
        with pytest.raises(StorageFull):
            await _write(store, lambda tx: _event(tx, "big", 2_000_000))
        connection.execute("PRAGMA max_page_count = 1073741823")
        await _write(store, lambda tx: _event(tx, "later", 2_000_000))
        assert "later" in _kept(database)


async def test_what_a_failing_database_says_stands_in_the_log(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(tx: Transaction) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async with opened(database) as store:
        with pytest.raises(Temporary, match="the log says more"):
            await store.write(fail, HERE, 0)
    assert "disk I/O error" in caplog.text


async def test_a_disk_that_is_full_at_the_commit_fails_the_whole_batch(database: Path) -> None:
    def ends(tx: Transaction) -> None:
        tx.sql("ROLLBACK")  # what SQLite itself does when the disk is full
        raise sqlite3.OperationalError("database or disk is full")

    async with opened(database) as store:
        async with gathered(store):
            writes = [_write(store, f) for f in (_event, ends, _event)]
        answers = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(a) for a in answers] == [StorageFull] * 3
        assert await _read(store, _count) == 0
        assert await _write(store, _event) == 1


async def test_a_reader_sees_one_moment_however_long_it_looks(database: Path) -> None:
    looked, may_go = threading.Event(), threading.Event()

    def twice(tx: Transaction) -> tuple[int, int]:
        first = _count(tx)
        looked.set()
        may_go.wait(10)
        return first, _count(tx)

    async with opened(database) as store:
        reading = asyncio.ensure_future(_read(store, twice))
        await asyncio.to_thread(looked.wait, 10)
        await _write(store, _event)
        may_go.set()
        assert await reading == (0, 0)
        assert await _read(store, _count) == 1


async def test_a_reader_sees_what_its_caller_was_told(database: Path) -> None:
    async with opened(database) as store:
        for number in range(1, 30):
            await _write(store, _event)
            assert await _read(store, _count) == number


@pytest.mark.parametrize("ending", ["ROLLBACK", "COMMIT"])
async def test_a_reader_whose_transaction_was_ended_goes_on_answering(database: Path, ending: str) -> None:
    async with opened(database) as store:
        for _ in range(3):
            await _read(store, lambda tx: tx.sql(ending))
        assert await _read(store, _count) == 0


async def test_a_reader_cannot_be_made_to_fail_for_others(database: Path) -> None:
    def fails(_tx: Transaction) -> None:
        raise KeyError

    async with opened(database) as store:
        reads = [asyncio.ensure_future(_read(store, f)) for f in (_count, fails, _count, fails)]
        answers = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(a) for a in answers] == [int, KeyError, int, KeyError]


async def test_a_read_that_takes_long_holds_up_no_other(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_LONG_S", 0.0)
    begun, go_on = threading.Event(), threading.Event()

    def slow(_tx: Transaction) -> bool:
        begun.set()
        return go_on.wait(10)

    async with asyncio.timeout(10), opened(database) as store:
        waiting = asyncio.ensure_future(_read(store, slow))
        await asyncio.to_thread(begun.wait, 10)
        assert await _read(store, _count) == 0
        assert not waiting.done()
        go_on.set()
        assert await waiting


async def test_reads_that_wait_together_are_answered_by_one_reader(database: Path) -> None:
    async with asyncio.timeout(10), opened(database) as store:
        names = [await _read(store, lambda _tx: threading.current_thread().name) for _ in range(4)]
    assert len(set(names)) == 1


async def test_two_stores_on_one_file_write_in_turn_and_notice_each_other(database: Path) -> None:
    async with opened(database) as one, opened(database) as two:
        assert not await two.changed_by_others()
        await _write(one, _event)
        assert await two.changed_by_others()
        assert not await two.changed_by_others()
        await _write(one, _event)
        await _write(two, _event)
        assert await two.changed_by_others()
        positions = await asyncio.gather(*[_write(store, _event) for _ in range(40) for store in (one, two)])
        assert sorted(positions) == list(range(4, 84))


async def test_a_store_does_not_take_its_own_commits_for_another_s(database: Path) -> None:
    async with opened(database) as store:
        await _write(store, _event)
        await store.changed_by_others()
        for _ in range(3):
            await _write(store, _event)
            assert not await store.changed_by_others()


async def test_a_database_that_another_holds_is_busy_and_then_serves_again(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_MS", 20)
    async with opened(database) as store:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Busy):
                await _write(store, _event)
            other.execute("ROLLBACK")
        assert await _write(store, _event) == 1


async def test_a_caller_who_was_cancelled_disturbs_nobody(database: Path) -> None:
    async with opened(database) as store:
        async with gathered(store):
            writes = [_write(store, _event) for _ in range(5)]
            await asyncio.sleep(0)
            writes[2].cancel()
        answers = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(a) for a in answers] == [int, int, asyncio.CancelledError, int, int]
        assert await _write(store, _event) == 6


async def test_bells_ring_after_the_commit_once_for_a_batch(database: Path) -> None:
    rung: list[tuple[set[str], int]] = []
    async with opened(database, lambda rings: rung.append((rings, len(_kept(database))))) as store:
        async with gathered(store):
            writes = [_write(store, lambda tx, n=n: _event(tx, str(n))) for n in range(3)]  # type: ignore[misc]
        await asyncio.gather(*writes)
        assert rung == [({"event"}, 3)]


async def test_a_failing_function_rings_nothing(database: Path) -> None:
    def fails(tx: Transaction) -> None:
        tx.ring("delivery")
        raise LookupError("a fault")

    rung: list[set[str]] = []
    async with opened(database, rung.append) as store:
        with pytest.raises(LookupError):
            await _write(store, fails)
    assert rung == []


async def test_a_store_that_is_closed_refuses_and_keeps_nobody_waiting(database: Path) -> None:
    async with opened(database) as store:
        last = _write(store, _event)
        await asyncio.sleep(0)
    assert await last == 1
    with pytest.raises(Temporary):
        await store.write(_event, Reach.EVERYWHERE, 1)
    with pytest.raises(Temporary):
        await store.read(_count, Reach.EVERYWHERE, 1)


async def test_a_row_outside_the_reach_of_its_transaction_cannot_be_written(database: Path) -> None:
    async with opened(database) as store:
        with pytest.raises(PermissionError):
            await store.write(_event, Reach(org_id="org_b"), 1)
        assert await store.write(_event, HERE, 1) == 1


async def test_a_reached_query_shows_rows_of_its_reach_alone(database: Path) -> None:
    def listed(tx: Transaction) -> list[Any]:
        return tx.all(keys.BY_ID, id="key_a")

    def add(tx: Transaction) -> None:
        row = {"pod_id": None, "inbox_id": None, "name": "", "prefix": "", "hash": b"", "permissions": None}
        times = {"created_at": 1, "updated_at": 1, "expires_at": None, "used_at": None, "made_by": None}
        tx.insert(keys.ADD, {**row, **times, "id": "key_a", "org_id": "org_a"})

    async with opened(database) as store:
        await store.write(add, HERE, 1)
        assert len(await store.read(listed, HERE, 1)) == 1
        assert await store.read(listed, Reach(org_id="org_b"), 1) == []
        assert await store.read(listed, Reach(org_id="org_a", pod_id="pod_b"), 1) == []


async def test_an_unreached_parameter_cannot_widen_a_reach(database: Path) -> None:
    def listed(tx: Transaction) -> list[Any]:
        return tx.all(keys.BY_ID, id="key_a", reach_org_id="org_a")

    async with opened(database) as store:
        assert await store.read(listed, Reach(org_id="org_b"), 1) == []


async def test_positions_are_never_given_twice(database: Path) -> None:
    async with opened(database) as store:
        first = await _write(store, _event)
        await _write(store, lambda tx: tx.sql("DELETE FROM event"))
        assert await _write(store, _event) > first
        assert await _read(store, lambda tx: tx.one(events.NEWEST)) == first + 1


async def test_a_query_must_say_what_reaches_it() -> None:
    with pytest.raises(TypeError, match="reaches"):
        type(messages.BY_ID)("nameless", messages.BY_ID.statement)


async def test_a_function_that_wants_a_transaction_of_its_own_has_one_and_the_order_stays(database: Path) -> None:
    async with opened(database) as store:
        begun = store._writer.batches
        asked = [
            asyncio.ensure_future(store.write(_event, Reach.EVERYWHERE, 0, alone=alone))
            for alone in (False, False, True, True, False)
        ]
        positions = await asyncio.gather(*asked)
        assert positions == sorted(positions)
        assert store._writer.batches - begun >= 4


async def test_an_exception_that_no_future_takes_keeps_nobody_waiting(database: Path) -> None:
    def runs_dry(tx: Transaction) -> None:
        _event(tx, "bad")
        next(iter(()))

    async with opened(database) as store:
        async with gathered(store):
            tasks = [store._ask(store._writer, f, Reach.EVERYWHERE, 1) for f in (_event, runs_dry, _event)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(a) for a in answers] == [int, RuntimeError, int]
        with pytest.raises(RuntimeError, match="StopIteration"):
            await _read(store, lambda _tx: next(iter(())))
    assert _kept(database) == {""}


async def test_what_fails_in_the_second_run_alone_keeps_nothing_of_the_first(database: Path) -> None:
    runs = 0

    def fails_later(tx: Transaction) -> str:
        nonlocal runs
        runs += 1
        tx.ring("later")
        _event(tx, "bad")
        if runs == 2:
            raise LookupError("a fault")
        return "the first run's result"

    def fails(_tx: Transaction) -> None:
        raise KeyError("k")

    rings: list[str] = []
    async with opened(database, rings.extend) as store:
        async with gathered(store):
            tasks = [_write(store, f) for f in (_event, fails_later, fails)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(a) for a in answers] == [int, LookupError, KeyError]
    assert (runs, rings, _kept(database)) == (2, ["event"], {""})


async def test_a_database_that_another_takes_between_the_two_runs_fails_the_whole_batch(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_MS", 20)
    other = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    begin = sqlite._Writer._begin

    def fails(_tx: Transaction) -> None:
        def taken_first(writer: sqlite._Writer) -> None:
            other.execute("BEGIN IMMEDIATE")
            begin(writer)

        monkeypatch.setattr(sqlite._Writer, "_begin", taken_first)
        raise KeyError("k")

    rings: list[str] = []
    with contextlib.closing(other):
        async with opened(database, rings.extend) as store:
            async with gathered(store):
                tasks = [_write(store, f) for f in (_event, fails, _event)]
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert ([type(a) for a in answers], rings) == ([Busy, Busy, Busy], [])
            monkeypatch.setattr(sqlite._Writer, "_begin", begin)
            other.execute("ROLLBACK")
            assert (await _read(store, _count), await _write(store, _event)) == (0, 1)
