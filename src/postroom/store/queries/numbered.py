"""Pages by number: what stands from the n-th place of a list on, and how many places there are.

Rows are numbered along an index alone; only those of the page are read. The inbox is one that the actor reaches.
"""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, exists, func, or_, select

from postroom.model.message import HIDDEN, MessageLine
from postroom.model.thread import Thread
from postroom.store.queries import messages, threads
from postroom.store.query import Query
from postroom.store.tables import MessageLabelRow, MessageRow, ThreadRow

_M = MessageRow.__table__  # type: ignore[attr-defined]
_L = MessageLabelRow.__table__  # type: ignore[attr-defined]
_T = ThreadRow.__table__  # type: ignore[attr-defined]
MAX_LABELS = 10  # that one list is filtered by


class Filter(NamedTuple):
    """What a list of messages is filtered by: with `labels`, without `lacking`, and whether by a part of the sender.

    The values are parameters: label_0, label_1, …; lacking_0, …; sender, a pattern of LIKE in lower case.
    """

    labels: int = 0
    lacking: int = 0
    sender: bool = False

    @property
    def name(self) -> str:
        """What tells the queries apart."""
        return f"_with_{self.labels}_without_{self.lacking}{'_from' if self.sender else ''}"


def _bearing(along: Any, seq: Any, name: str) -> Any:
    """Return the condition that a message has the label that a parameter names; found by the key of the labels."""
    own = _L.alias()
    return exists().where(
        own.c.inbox_id == bindparam("inbox_id"),
        own.c.label == bindparam(name),
        own.c.timestamp == along.c.timestamp,
        own.c.message_seq == seq,
    )


def _messages(filtered: Filter) -> tuple[Select[Any], Any, Any]:
    """Return the messages of an inbox that a filter lets through, as row numbers; and what orders them."""
    along = _L if filtered.labels else _M
    seq = _L.c.message_seq if filtered.labels else _M.c.seq
    statement = select(seq.label("seq")).where(
        along.c.inbox_id == bindparam("inbox_id"),
        along.c.timestamp >= bindparam("since"),
        along.c.timestamp < bindparam("until"),
    )
    if filtered.labels:
        statement = statement.where(_L.c.label == bindparam("label_0"))
    for number in range(1, filtered.labels):
        statement = statement.where(_bearing(along, seq, f"label_{number}"))
    for number in range(filtered.lacking):
        statement = statement.where(~_bearing(along, seq, f"lacking_{number}"))
    if filtered.sender:
        statement = statement.join(_M, _M.c.seq == seq) if filtered.labels else statement
        statement = statement.where(func.lower(_M.c["from"]).like(bindparam("sender"), escape="\\"))
    return statement, along.c.timestamp, seq


@cache
def message_page(filtered: Filter, ascending: bool) -> Query[MessageLine]:
    """Return the messages of an inbox by time: parameters inbox_id, since, until, skip, n, and those of the filter."""
    inner, timestamp, seq = _messages(filtered)
    order = (timestamp, seq) if ascending else (timestamp.desc(), seq.desc())
    places = inner.order_by(*order).limit(bindparam("n")).offset(bindparam("skip")).subquery("places")
    outer = (_M.c.timestamp, _M.c.seq) if ascending else (_M.c.timestamp.desc(), _M.c.seq.desc())
    return Query(
        f"messages.numbered_{'up' if ascending else 'down'}{filtered.name}",
        select(*messages.LINE).join(places, places.c.seq == _M.c.seq).order_by(*outer),
        row=MessageLine._make,
        reached=_M,
        steered=True,
        packed=True,
    )


@cache
def message_count(filtered: Filter) -> Query[int]:
    """Return how many messages of an inbox a filter lets through: the parameters of `message_page`."""
    inner, _timestamp, _seq = _messages(filtered)
    return Query(
        f"messages.number{filtered.name}",
        select(func.count()).select_from(inner.subquery("found")),
        row=lambda row: int(row[0]),
        inner=True,
    )


class Last(NamedTuple):
    """A thread, and its newest message by its inner id."""

    thread: Thread
    message: str


@cache
def thread_page(hides: bool, ascending: bool) -> Query[Last]:
    """Return the threads of an inbox by time: parameters inbox_id, skip, n. `hides`: without those that are hidden."""
    inner = select(_T.c.seq).where(_T.c.inbox_id == bindparam("inbox_id"))
    if hides:
        inner = inner.where(~or_(*(_T.c.labels.like(f'%"{label}"%') for label in HIDDEN)))
    order = (_T.c.timestamp, _T.c.seq) if ascending else (_T.c.timestamp.desc(), _T.c.seq.desc())
    places = inner.order_by(*order).limit(bindparam("n")).offset(bindparam("skip")).subquery("places")
    newest = (
        select(_M.c.id)
        .where(_M.c.thread_id == _T.c.id)
        .order_by(_M.c.timestamp.desc(), _M.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return Query(
        f"threads.numbered_{'up' if ascending else 'down'}{'_shown' if hides else ''}",
        select(*threads.SHOWN, newest).join(places, places.c.seq == _T.c.seq).order_by(*order),
        row=lambda row: Last(threads.thread(row[:-1]), str(row[-1])),
        reached=_T,
        steered=True,
    )


_BOTH = (True, False)
_SHOWN = Filter(lacking=len(HIDDEN))
_FILTERS = (Filter(), _SHOWN, Filter(labels=1), Filter(labels=2, lacking=5, sender=True))
NUMBERED = (
    *(message_page(filtered, ascending) for filtered in _FILTERS for ascending in _BOTH),
    *(message_count(filtered) for filtered in _FILTERS),
    *(thread_page(hides, ascending) for hides in _BOTH for ascending in _BOTH),
)
