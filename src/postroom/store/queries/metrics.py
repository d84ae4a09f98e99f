"""Queries that count: events by time, what inboxes held at a moment, how much there was of what."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, exists, func, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import BigInteger

from postroom.store.query import Query
from postroom.store.tables import DomainRow, EventRow, InboxRow, PodRow, ThreadRow, UsageRow
from postroom.store.tables.mail import OF_METRICS

_E = EventRow.__table__  # type: ignore[attr-defined]
_I = InboxRow.__table__  # type: ignore[attr-defined]
_U = UsageRow.__table__  # type: ignore[attr-defined]
_T = ThreadRow.__table__  # type: ignore[attr-defined]
_D = DomainRow.__table__  # type: ignore[attr-defined]
_P = PodRow.__table__  # type: ignore[attr-defined]


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
    """What an inbox, a pod or an organization held at a moment, and how much of what it had."""

    storage_bytes: int = 0
    message_count: int = 0
    thread_count: int = 0
    inbox_count: int = 0
    domain_count: int = 0
    pod_count: int = 0


# By the id of a place that the actor's reach gave: parameters place, at (UTC milliseconds).
HELD = Query[Held](
    "metrics.held",
    select(_U.c.bytes, _U.c.messages, _U.c.threads, _U.c.inboxes, _U.c.domains, _U.c.pods)
    .where(_U.c.place == bindparam("place"), _U.c.at <= bindparam("at"))
    .order_by(_U.c.at.desc())
    .limit(1),
    row=Held._make,
    inner=True,
)
FORGET = Query[None]("metrics.forget", delete(_U).where(_U.c.place == bindparam("place")), inner=True)
# What is about to be deleted says when: what it counted for is gone from then on.
END_THREAD = Query[None](
    "metrics.end_thread",
    update(_T).where(_T.c.seq == bindparam("key")).values(updated_at=bindparam("now")),
    inner=True,
)
END_INBOX = Query[None](
    "metrics.end_inbox",
    update(_I).where(_I.c.inbox_id == bindparam("key")).values(updated_at=bindparam("now")),
    reached=_I,
)
END_DOMAIN = Query[None](
    "metrics.end_domain", update(_D).where(_D.c.id == bindparam("key")).values(updated_at=bindparam("now")), reached=_D
)
END_POD = Query[None](
    "metrics.end_pod", update(_P).where(_P.c.id == bindparam("key")).values(created_at=bindparam("now")), reached=_P
)
# Of rows that are old, all but the last of a day: parameters place, before.
_LATER = _U.alias("later")
_DAY = 86_400_000
THIN = Query[None](
    "metrics.thin",
    delete(_U).where(
        _U.c.place == bindparam("key"),
        _U.c.at < bindparam("before"),
        exists().where(
            _LATER.c.place == _U.c.place,
            _LATER.c.at > _U.c.at,
            _LATER.c.at < _U.c.at - _U.c.at % _DAY + _DAY,
        ),
    ),
    inner=True,
)
NEXT_PLACE = Query[str](
    "metrics.next_place",
    select(_U.c.place).where(_U.c.place > bindparam("after")).order_by(_U.c.place).limit(1),
    row=lambda row: str(row[0]),
    inner=True,
)
