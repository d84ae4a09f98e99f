"""The invariants of what a test has left behind, asked without the thread that a running server needs for them: each of
the hundred questions would wait for one twice.
"""

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from postroom.store import invariants


def violations(folder: Path) -> list[str]:
    """Return a sentence for each violation in the databases below a folder; no other thread may look meanwhile."""
    with mock.patch.object(invariants, "aiosqlite", SimpleNamespace(connect=_Connection)):
        return [
            violation
            for database in folder.rglob("postroom.db")
            for violation in asyncio.run(invariants.check(database, database.parent / "blobs"))
        ]


class _Connection:
    """As much of a connection of aiosqlite as `check` uses."""

    def __init__(self, database: str, **given: Any) -> None:
        self._connection: sqlite3.Connection = sqlite3.connect(database, **given)

    async def __aenter__(self) -> "_Connection":
        return self

    async def __aexit__(self, *error: object) -> None:
        self._connection.close()

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    async def execute(self, sql: str) -> sqlite3.Cursor:
        return self._connection.execute(sql)

    async def execute_fetchall(self, sql: str) -> Iterable[Any]:
        return self._connection.execute(sql).fetchall()
