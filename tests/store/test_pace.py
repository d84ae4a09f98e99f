"""Reads that were quick in a thread are done where they are asked for, and slow ones never for long."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from postroom.model.errors import NotFound, Temporary
from postroom.model.tenant import Reach
from postroom.service.catalog import OPERATIONS
from postroom.store.pace import ALLOWED_S, PROVEN, QUICK_S, SHARE, SLOW_S, Pace
from postroom.store.sqlite import SqliteStore
from postroom.store.transaction import Transaction
from tests.store.test_sqlite import opened

NOW = 1
LIST = "messages.list"


def _thread(_tx: Transaction) -> str:
    return threading.current_thread().name


async def _read(store: SqliteStore, function: Callable[[Transaction], Any] = _thread, kind: str = LIST) -> Any:
    async with asyncio.timeout(20):
        return await store.read(function, Reach.EVERYWHERE, NOW, kind)


@asynccontextmanager
async def _proven(path: Path) -> AsyncIterator[SqliteStore]:
    """Open a store that knows that lists are quick, on a machine that holds none of them up."""
    with mock.patch("postroom.store.pace.SLOW_S", 60.0):
        async with opened(path) as store:
            for _ in range(PROVEN):
                store._pace.took(LIST, 0.0, here=False)
            yield store


def test_a_kind_is_quick_once_it_was_so_in_a_thread_a_few_times_in_a_row() -> None:
    pace = Pace(lambda: 0.0)
    for seconds in (QUICK_S, QUICK_S, QUICK_S * 1.1, QUICK_S, QUICK_S):
        pace.took(LIST, seconds, here=False)
        assert not pace.is_quick(LIST)
    pace.took(LIST, QUICK_S, here=False)
    assert pace.is_quick(LIST)
    assert not pace.is_quick("messages.get")


def test_what_holds_up_all_others_does_so_for_a_small_part_of_the_time() -> None:
    now = [100.0]
    pace = Pace(lambda: now[0])
    for _ in range(PROVEN):
        pace.took(LIST, 0.0, here=False)
    for seconds in (SLOW_S, 0.02, 0.02):  # hiccups
        pace.took(LIST, seconds, here=True)
        assert pace.is_quick(LIST)
    pace.took(LIST, 0.1, here=True)
    assert not pace.is_quick(LIST)
    now[0] += (0.14 - ALLOWED_S) * SHARE - 0.01
    assert not pace.is_quick(LIST)
    now[0] += 0.02
    assert pace.is_quick(LIST)
    pace.took(LIST, 1.0, here=True)
    now[0] += 1_000 * SHARE
    for _ in range(3):
        assert pace.is_quick(LIST)
        pace.took(LIST, 0.02, here=True)
    assert not pace.is_quick(LIST)


def test_what_is_slow_in_a_thread_has_to_be_quick_there_anew() -> None:
    pace = Pace(lambda: 0.0)
    for _ in range(PROVEN):
        pace.took(LIST, 0.0, here=False)
    pace.took(LIST, QUICK_S * 2, here=False)
    assert not pace.is_quick(LIST)


async def test_a_quick_read_needs_no_thread_and_what_names_no_kind_always_has_one(database: Path) -> None:
    here = threading.current_thread().name
    async with _proven(database) as store:
        assert await _read(store) == here
        assert (await _read(store, kind="")).startswith("postroom-reader")
        assert (await _read(store, kind="messages.search")).startswith("postroom-reader")


async def test_a_store_learns_from_what_its_readers_do(database: Path) -> None:
    async with opened(database) as store:
        told = [await _read(store) for _ in range(50)]
    assert told[0].startswith("postroom-reader")
    assert threading.current_thread().name in told


async def test_a_read_that_is_done_here_lets_others_go_on(database: Path) -> None:
    went_on = asyncio.Event()
    async with _proven(database) as store:
        asyncio.get_running_loop().call_soon(went_on.set)
        while not went_on.is_set():
            await _read(store)


async def test_an_error_of_a_read_that_is_done_here_is_its_callers_and_of_nobody_else(database: Path) -> None:
    def absent(_tx: Transaction) -> None:
        raise NotFound("message", "nobody")

    async with _proven(database) as store:
        with pytest.raises(NotFound):
            await _read(store, absent)
        assert await _read(store) == threading.current_thread().name


async def test_whoever_would_have_to_wait_for_the_database_waits_in_a_thread(database: Path) -> None:
    asked: list[str] = []

    def busy_here(tx: Transaction) -> str:
        asked.append(_thread(tx))
        if len(asked) == 1:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return "found"

    async with _proven(database) as store:
        assert store._here.execute("PRAGMA busy_timeout").fetchone() == (0,)
        assert await _read(store, busy_here) == "found"
    assert asked[0] == threading.current_thread().name
    assert asked[1].startswith("postroom-reader")


async def test_a_read_sees_what_was_committed_before_and_one_snapshot_throughout(database: Path) -> None:
    def twice(tx: Transaction) -> tuple[Any, Any]:
        before = tx.sql("SELECT count(*) FROM trash").fetchone()
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("CREATE TABLE seen_by_nobody (x)")
        return before, tx.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'seen_by_nobody'").fetchone()

    async with _proven(database) as store:
        assert await _read(store, twice) == ((0,), (0,))
        count = "SELECT count(*) FROM sqlite_schema WHERE name = 'seen_by_nobody'"
        assert await _read(store, lambda tx: tx.sql(count).fetchone()) == (1,)


async def test_a_closed_store_reads_nothing_here_either(database: Path) -> None:
    async with _proven(database) as store:
        await asyncio.to_thread(store.close)
        with pytest.raises(Temporary, match="closing"):
            await _read(store)


def test_only_reads_of_one_transaction_are_called_quick() -> None:
    assert {name for name, row in OPERATIONS.items() if row.quick and row.mode != "read"} == set()
    assert not any(row.quick for name, row in OPERATIONS.items() if "search" in name or "metrics" in name)
