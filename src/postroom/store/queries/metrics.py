"""Queries that count: events by time, what inboxes held at a moment, how much there was of what."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Table, and_, bindparam, delete, func, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import BigInteger

from postroom.model.tenant import Within
from postroom.store.query import Query
from postroom.store.tables import DomainRow, EventRow, InboxRow, PodRow, ThreadRow, UsageRow
from postroom.store.tables.mail import OF_METRICS

_E = EventRow.__table__  # type: ignore[attr-defined]
_I = InboxRow.__table__  # type: ignore[attr-defined]
_U = UsageRow.__table__  # type: ignore[attr-defined]
_T = ThreadRow.__table__  # type: ignore[attr-defined]


class _Recipients(GenericFunction[int]):
    """How many recipients the facts of an event name."""

    name = "number_of_recipients"
    type = BigInteger()
    inherit_cache = True


@compiles(_Recipients)
def _of_sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"json_array_length({compiler.process(element.clauses, **given)}, '$.recipients')"


@compiles(_Recipients, "postgresql")
def _of_postgresql(element: Any, compiler: Any, **given: Any) -> str:
    return f"json_array_length(CAST({compiler.process(element.clauses, **given)} AS json) -> 'recipients')"


class Bucket(NamedTuple):
    """A span of time: its number from the origin on, and how much fell into it."""

    number: int
    amount: int


def _counted(name: str, amount: Any, *, descending: bool = False) -> Query[Bucket]:
    """Return a count by buckets of `span` milliseconds from `origin` on: parameters org, type, since, until, n."""
    # In the very words of the index that has these events alone; it also holds all that the reach compares.
    number = ((_E.c.at - bindparam("origin", type_=BigInteger())) // bindparam("span", type_=BigInteger())).label("k")
    return Query(
        name,
        select(number, amount)
        .where(
            _E.c.org_id == bindparam("org"),
            _E.c.type == bindparam("type"),
            OF_METRICS,
            _E.c.at >= bindparam("since"),
            _E.c.at < bindparam("until"),
        )
        .group_by("k")
        .order_by(number.desc() if descending else number)
        .limit(bindparam("n")),
        row=Bucket._make,
        reached=_E,
        steered=True,
    )


EVENTS_UP = _counted("metrics.events_up", func.count())
EVENTS_DOWN = _counted("metrics.events_down", func.count(), descending=True)
RECIPIENTS = _counted("metrics.recipients", func.sum(func.coalesce(_Recipients(_E.c.data), 1)))


class Held(NamedTuple):
    """What inboxes held at a moment."""

    storage_bytes: int
    message_count: int
    thread_count: int


@cache
def held(within: Within) -> Query[Held]:
    """Return what the inboxes of an owner held at a moment: parameters owner, at (UTC milliseconds)."""
    last = (
        select(func.max(_U.c.at))
        .where(_U.c.inbox_id == _I.c.inbox_id, _U.c.at <= bindparam("at"))
        .correlate(_I)
        .scalar_subquery()
    )
    sums = (func.coalesce(func.sum(column), 0) for column in (_U.c.bytes, _U.c.messages, _U.c.threads))
    return Query(
        f"metrics.held_by_{within}",
        select(*sums)
        .select_from(_I.join(_U, and_(_U.c.inbox_id == _I.c.inbox_id, _U.c.at == last)))
        .where(_I.c[within] == bindparam("owner")),
        row=lambda row: Held(*map(int, row)),
        reached=_I,
        steered=True,
    )


@cache
def there(of: str, within: Within) -> Query[int]:
    """Return how many of `of` an owner had at a moment, of those that are left: parameters owner, at."""
    table = _COUNTED[of]
    return Query(
        f"metrics.{of}_by_{within}",
        select(func.count())
        .select_from(table)
        .where(table.c[within] == bindparam("owner"), table.c.created_at <= bindparam("at")),
        row=lambda row: int(row[0]),
        reached=table,
        steered=True,
    )


_COUNTED: dict[str, Table] = {
    "inbox_count": _I,
    "domain_count": DomainRow.__table__,  # type: ignore[attr-defined]
    "pod_count": PodRow.__table__,  # type: ignore[attr-defined]
}
_BOTH: tuple[Within, ...] = ("org_id", "pod_id")
HELD = tuple(held(within) for within in (*_BOTH, "inbox_id"))
THERE = (
    *(there(of, within) for of in ("inbox_count", "domain_count") for within in _BOTH),
    there("pod_count", "org_id"),
)
FORGET = Query[None]("metrics.forget", delete(_U).where(_U.c.inbox_id == bindparam("inbox_id")), inner=True)
# Of a thread that is about to be deleted: what it held is gone from then on.
END_THREAD = Query[None](
    "metrics.end_thread",
    update(_T).where(_T.c.seq == bindparam("key")).values(updated_at=bindparam("now")),
    inner=True,
)
