"""What a handler holds while its transaction is open: queries under its reach, events, and the bells to ring after.

Nothing here commits; the store does, once for all functions that waited together.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import Dialect

from postroom.model.event import EventType
from postroom.model.tenant import Reach
from postroom.store.json import as_json, from_json
from postroom.store.queries import events
from postroom.store.query import Query, reach_parameters, shape_of

T = TypeVar("T")


class Owned(Protocol):
    """What lies in an inbox, or is one; or lies in a pod alone."""

    @property
    def org_id(self) -> str: ...

    @property
    def pod_id(self) -> str: ...

    @property
    def inbox_id(self) -> str | None: ...


class Transaction:
    """One open transaction as one caller sees it. `now` is UTC milliseconds, the same for all it does."""

    def __init__(self, connection: sqlite3.Connection, dialect: Dialect, reach: Reach, now: int) -> None:
        self._connection = connection
        self._dialect = dialect
        self._within = reach_parameters(reach)
        self._shape = shape_of(dialect, reach)
        self.reach = reach
        self.now = now
        self.rings: set[str] = set()

    def one(self, query: Query[T], **parameters: Any) -> T | None:
        """Return the first row of `query` as a record, or None."""
        row = self._execute(query, parameters).fetchone()
        return None if row is None else query.row(row)

    def all(self, query: Query[T], **parameters: Any) -> list[T]:
        """Return all rows of `query` as records."""
        answer = self._execute(query, parameters)
        rows = from_json(answer.fetchone()[0]) if query.is_packed(self._dialect) else answer.fetchall()
        return [query.row(row) for row in rows]

    def among(self, query: Query[T], names: Sequence[str], values: Sequence[Any], **parameters: Any) -> list[T]:
        """Return the rows of `query` for all of `values`, of which it takes as many at once as it has `names` for."""
        rows: list[T] = []
        for first in range(0, len(values), len(names)):
            few = [*values[first : first + len(names)], *([values[-1]] * len(names))]  # one twice changes nothing
            rows += self.all(query, **dict(zip(names, few, strict=False)), **parameters)
        return rows

    def run(self, query: Query[Any], **parameters: Any) -> int:
        """Execute a statement and return the number of rows that it changed."""
        return self._execute(query, parameters).rowcount

    def insert(self, query: Query[Any], values: Mapping[str, Any]) -> int:
        """Insert one row, which must lie within reach; return its row number where the table counts rows."""
        if self._within and any(values[c] != self._within.get(f"reach_{c}", values[c]) for c in query.guarded):
            raise PermissionError(f"{query.name}: a row outside the reach of its transaction")
        return self._execute(query, values).lastrowid or 0

    def sql(self, text: str, **parameters: Any) -> sqlite3.Cursor:
        """Execute SQL that only this database has (full-text search); the caller sees to the reach."""
        return self._connection.execute(text, parameters)

    def position(self) -> int:
        """Return the position of the newest event: all that is at or before it has happened."""
        return self.one(events.NEWEST) or 0

    def emit(self, kind: EventType, owner: Owned, data: Mapping[str, Any]) -> int:
        """Write an event of what lies where `owner` does into this transaction and return its position."""
        self.rings.add("event")
        return self.insert(
            events.APPEND,
            {
                "type": kind.value,
                "org_id": owner.org_id,
                "pod_id": owner.pod_id,
                "inbox_id": owner.inbox_id,
                "at": self.now,
                "data": as_json(data),
            },
        )

    def ring(self, bell: str) -> None:
        """Ask for `bell` to be rung when this transaction has been committed."""
        self.rings.add(bell)

    def _execute(self, query: Query[Any], parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        compiled = query.compiled(self._dialect, self._shape)
        if self._within or compiled.constants:
            parameters = {**compiled.constants, **parameters, **self._within}
        return self._connection.execute(compiled.text, compiled.values(parameters))
