"""The SQLite database: connections, the one writer with group commit, the readers, and what SQLite's errors mean.

Functions that wait together run in one transaction and are answered after its one fsync. Where one of them fails, all
run once more, a SAVEPOINT each: the others are kept. After any error, if the connection is no longer in a transaction
(a full disk ends it), the whole batch has failed.
"""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.dialects import sqlite as _dialects

from postroom.model.errors import Busy, PostroomError, StorageFull, Temporary
from postroom.model.tenant import Reach
from postroom.store.pace import Pace
from postroom.store.transaction import Transaction

log = logging.getLogger(__name__)
T = TypeVar("T")
# By place: named parameters are looked up one by one, 0.2 us each, and a message binds about eighty.
DIALECT = _dialects.dialect(paramstyle="qmark")
MAX_BATCH = 256
_BUSY_MS = 10_000
_LONG_S = 0.002
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # NORMAL survives kill -9 and loses acknowledged mail on power loss
    "temp_store=MEMORY",
    "journal_size_limit=67108864",
    # fsync on macOS does not reach the platter; F_FULLFSYNC does.
    *(("fullfsync=1",) if sys.platform == "darwin" else ()),
)


def connect(path: Path) -> sqlite3.Connection:
    """Open the database file as every part of Postroom must: WAL, FULL, autocommit off our hands."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    try:
        for pragma in (f"busy_timeout={_BUSY_MS}", *_PRAGMAS):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:  # a file that is no database: its connection goes with it
        connection.close()
        raise
    return connection


def translate(error: sqlite3.Error) -> PostroomError:
    """Return what an error of SQLite means to a caller."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or "disk is full" in str(error):
        return StorageFull("The disk is full.", fix="Free some space; nothing was stored.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy("The database is busy.", fix="Try again in a moment.")
    log.error("database failed code=%s error=%s", getattr(error, "sqlite_errorname", None), error)
    return Temporary(f"The database failed ({type(error).__name__}).", fix="Try again; the log says more.")


@dataclass(slots=True)
class _Waiting:
    """A function that waits for its turn, and what became of it."""

    function: Callable[[Transaction], Any]
    reach: Reach
    now: int
    future: "asyncio.Future[Any]"
    alone: bool = False  # shares its transaction with no other
    kind: str = ""  # of a read that may be quick
    took: float = 0.0  # seconds
    result: Any = None
    error: BaseException | None = None
    rings: frozenset[str] | set[str] = frozenset()

    def run(self, connection: sqlite3.Connection) -> None:
        transaction = Transaction(connection, DIALECT, self.reach, self.now)
        begun = time.monotonic()
        try:
            self.result = self.function(transaction)
        finally:
            self.took = time.monotonic() - begun
        self.rings = transaction.rings

    def fail(self, error: BaseException) -> None:
        self.result, self.rings = None, frozenset()
        self.error = translate(error) if isinstance(error, sqlite3.Error) else error
        if isinstance(error, StopIteration):  # no future takes one (PEP 479): all behind it would wait for ever
            self.error = RuntimeError(f"a function raised {error!r}")
            self.error.__cause__ = error


class _Worker(ABC):
    """A thread with a connection of its own that answers, in one hop, all functions that wait for it."""

    def __init__(self, name: str, path: Path, loop: asyncio.AbstractEventLoop, on_done: Callable[[set[str]], None]):
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._connection = connect(path)
        self._loop = loop
        self._on_done = on_done
        self._closed = False
        self._begun: float | None = None  # when the batch that runs was begun
        self._thread = threading.Thread(target=self._loop_forever, name=name, daemon=True)
        self._thread.start()

    def put(self, waiting: _Waiting) -> None:
        if self._closed:  # nobody would ever answer
            raise Temporary("The store is closing.", fix="Try again in a moment.")
        self._queue.put(waiting)

    def is_held_up(self) -> bool:
        """Tell whether what it does takes so long that others had better not wait behind it."""
        begun = self._begun
        return begun is not None and time.monotonic() - begun > _LONG_S

    def close(self) -> None:
        """Answer what still waits, then end the thread and its connection."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _loop_forever(self) -> None:
        batch, after = self._gather(self._queue.get())
        while batch:
            self._begun = time.monotonic()
            self._run(batch)
            self._begun = None
            self._loop.call_soon_threadsafe(self._answer, batch)
            batch, after = self._gather(after or self._queue.get())

    def _gather(self, first: _Waiting | None) -> tuple[list[_Waiting], _Waiting | None]:
        """Return what waits and belongs together, none at the end, and what was taken already but comes after it."""
        batch: list[_Waiting] = []
        waiting = first
        while waiting is not None:
            if waiting.alone and batch:
                return batch, waiting
            batch.append(waiting)
            if waiting.alone or len(batch) == MAX_BATCH or self._queue.empty():
                return batch, None
            waiting = self._queue.get()
        if batch:
            self._queue.put(None)  # the end, which was taken, comes after them
        return batch, None

    @abstractmethod
    def _run(self, batch: Sequence[_Waiting]) -> None:
        """Run all functions of `batch`; leave a result or an error in each."""

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        rings: set[str] = set()
        for waiting in batch:
            rings |= waiting.rings
            if waiting.future.done():
                continue
            if waiting.error is not None:
                waiting.future.set_exception(waiting.error)
            else:
                waiting.future.set_result(waiting.result)
        if rings:
            self._on_done(rings)


class _Reader(_Worker):
    def __init__(
        self, name: str, path: Path, loop: asyncio.AbstractEventLoop, on_done: Callable[[set[str]], None], pace: Pace
    ) -> None:
        self._pace = pace
        super().__init__(name, path, loop, on_done)

    def _run(self, batch: Sequence[_Waiting]) -> None:
        _read_all(self._connection, batch)

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            if waiting.kind:
                self._pace.took(waiting.kind, waiting.took, here=False)
        super()._answer(batch)


def _read_all(connection: sqlite3.Connection, batch: Sequence[_Waiting]) -> None:
    """Run all functions of `batch` on one snapshot: what a result says and the position beside it were true at once."""
    try:
        connection.execute("BEGIN")
        for waiting in batch:
            try:
                waiting.run(connection)
            except BaseException as error:  # belongs to the caller, who waits for it
                waiting.fail(error)
        if connection.in_transaction:  # a failing disk ends it
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        for waiting in batch:
            waiting.fail(waiting.error or error)


class _Writer(_Worker):
    batches = 0
    others = 0  # how often somebody else was seen to have committed: data_version leaves out one's own (3 us)
    _version = 0

    def _run(self, batch: Sequence[_Waiting]) -> None:
        self.batches += 1
        try:
            self._begin()
            if not self._run_together(batch):
                self._run_apart(batch)
            self._connection.execute("COMMIT")
        except BaseException as error:  # the batch has failed as a whole: each caller hears of it
            _roll_back(self._connection)
            for waiting in batch:
                waiting.fail(waiting.error or error)

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        if (version := _data_version(self._connection)) != self._version:
            self._version = version
            self.others += 1

    def _run_together(self, batch: Sequence[_Waiting]) -> bool:
        """Run all functions in the open transaction; tell whether none failed. Where one did, nothing was done.

        Without savepoints, which cost a third of what filing a message costs: SQLite copies each page aside that is
        changed under one.
        """
        try:
            for waiting in batch:
                waiting.run(self._connection)
        except BaseException as error:
            if len(batch) == 1 or not self._connection.in_transaction:
                raise
            log.debug("batch runs again functions=%d error=%s", len(batch), error)
            self._connection.execute("ROLLBACK")
            self._begin()
            return False
        return True

    def _run_apart(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            self._connection.execute("SAVEPOINT f")
            try:
                waiting.run(self._connection)
            except BaseException as error:  # belongs to the caller, who waits for it
                if not self._connection.in_transaction:
                    raise
                self._connection.execute("ROLLBACK TO f")
                waiting.fail(error)
            self._connection.execute("RELEASE f")


def _roll_back(connection: sqlite3.Connection) -> None:
    """End what is left of a failed transaction; where that fails too, the next one fails and tries again."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):  # raised, it would end the thread, and nobody be answered any more
            connection.execute("ROLLBACK")


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


class SqliteStore:
    """The store: plain functions in, results out, durable when answered. Made inside a running event loop."""

    def __init__(self, path: Path, on_commit: Callable[[set[str]], None], readers: int = 2) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._writer = _Writer("postroom-writer", path, loop, on_commit)
        self._pace = Pace()
        self._readers = [_Reader(f"postroom-reader-{n}", path, loop, on_commit, self._pace) for n in range(readers)]
        self._here = connect(path)
        self._here.execute("PRAGMA busy_timeout=0")  # whoever has to wait does so in a thread
        self._at_work = threading.Lock()  # it is closed by another thread than it works in
        self._closed = False
        self._watch = connect(path)
        self._seen, self._batches, self._others = _data_version(self._watch), 0, 0

    async def write(self, function: Callable[[Transaction], T], reach: Reach, now: int, *, alone: bool = False) -> T:
        """Run `function` in a transaction and return its result once that is on disk; `alone`: in one of its own.

        It may be run a second time when another one of its batch fails: all that it does, it does to the transaction.
        """
        return await self._ask(self._writer, function, reach, now, alone=alone)

    async def read(self, function: Callable[[Transaction], T], reach: Reach, now: int, kind: str = "") -> T:
        """Run `function` on a snapshot and return its result.

        `kind` names what reads few rows by their keys: where such reads are quick, the hop to a thread is saved.
        """
        if self._pace.is_quick(kind) and not self._closed:
            waiting = _Waiting(function, reach, now, self._loop.create_future(), kind=kind)
            with self._at_work:
                _read_all(self._here, [waiting])
            self._pace.took(kind, waiting.took, here=True)
            await asyncio.sleep(0)  # others go on, as they do while somebody waits for a thread
            if waiting.error is None:
                result: T = waiting.result
                return result
            if not isinstance(waiting.error, Busy):
                raise waiting.error
        return await self._ask(self._reader(), function, reach, now, kind=kind)

    def _reader(self) -> _Reader:
        """Return the first reader that is not held up, else the last.

        Each that runs beside the loop takes the interpreter from it, and what waits together is answered in one hop.
        """
        return next((reader for reader in self._readers if not reader.is_held_up()), self._readers[-1])

    async def changed_by_others(self) -> bool:
        """Tell whether somebody else has committed since the last look: perhaps once too often, never too rarely."""
        seen, batches = self._seen, self._batches
        try:
            self._seen, self._batches = _data_version(self._watch), self._writer.batches
        except sqlite3.Error as error:
            raise translate(error) from error
        if self._seen == seen:
            return False
        if self._batches == batches:
            return True
        # Our own commits are among them: only the writer can tell, at the beginning of a transaction.
        await self.write(lambda _tx: None, Reach.EVERYWHERE, 0)
        others, self._others = self._others, self._writer.others
        return self._others != others

    def close(self) -> None:
        """Finish what waits and close all connections."""
        self._closed = True
        for worker in (*self._readers, self._writer):
            worker.close()
        with self._at_work:
            self._here.close()
        self._watch.close()

    def _ask(
        self,
        worker: _Worker,
        function: Callable[[Transaction], T],
        reach: Reach,
        now: int,
        *,
        alone: bool = False,
        kind: str = "",
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        worker.put(_Waiting(function, reach, now, future, alone, kind))
        return future
