"""Queries over threads."""

from functools import cache
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, exists, select, tuple_, update

from postroom.model.thread import Thread
from postroom.store.json import from_json
from postroom.store.queries.trash import not_in_trash
from postroom.store.query import REACH_COLUMNS, Query, Row
from postroom.store.tables import MessageRow, PurgeRow, ThreadRow

_T = ThreadRow.__table__  # type: ignore[attr-defined]
_M = MessageRow.__table__  # type: ignore[attr-defined]
_P = PurgeRow.__table__  # type: ignore[attr-defined]
_LISTS = ("labels", "senders", "recipients")
SHOWN = [c for c in _T.c if c.name != "subject_key"]
_NAMES = tuple("thread_id" if c.name == "id" else c.name for c in SHOWN)


def thread(row: Row) -> Thread:
    """Return a row of the columns SHOWN as a record."""
    values = dict(zip(_NAMES, row, strict=True))
    for name in _LISTS:
        values[name] = tuple(from_json(values[name]))
    return Thread(**values)


# An inbox that was deleted is gone at once; its threads are taken off the disk afterwards.
_OF_A_LIVING_INBOX = and_(~exists().where(_P.c.inbox_id == _T.c.inbox_id), not_in_trash(_T.c.inbox_id))
BY_ID = Query[Thread](
    "threads.by_id",
    select(*SHOWN).where(_T.c.id == bindparam("id"), _OF_A_LIVING_INBOX),
    row=thread,
    reached=_T,
)
_CHANGING = (
    *("preview", "labels", "senders", "recipients", "last_message_id", "message_count", "size"),
    *("timestamp", "received_timestamp", "sent_timestamp", "updated_at"),
)
UPDATE = Query[None](
    "threads.update",
    update(_T).where(_T.c.seq == bindparam("key")).values({c: bindparam(c) for c in _CHANGING}),
    inner=True,
)
SET_LABELS = Query[None](
    "threads.set_labels",
    update(_T)
    .where(_T.c.id == bindparam("key"))
    .values(labels=bindparam("labels"), updated_at=bindparam("updated_at")),
    inner=True,
)
LABELS_OF_MESSAGES = Query[tuple[str, ...]](
    "threads.labels_of_messages",
    select(_M.c.labels).where(_M.c.thread_id == bindparam("thread_id")).distinct(),
    row=lambda row: tuple(from_json(row[0])),
    inner=True,
)
# A subject alone never joins: the caller also asks for a reply prefix, a shared participant and 30 days.
BY_SUBJECT = Query[Thread](
    "threads.by_subject",
    select(*SHOWN)
    .where(
        _T.c.inbox_id == bindparam("inbox_id"),
        _T.c.subject_key == bindparam("subject_key"),
        _T.c.timestamp >= bindparam("since"),
    )
    .order_by(_T.c.timestamp.desc())
    .limit(bindparam("n")),
    row=thread,
    inner=True,
)
# What a thread shows after some of its messages went.
CORRECT = Query[None](
    "threads.correct",
    update(_T)
    .where(_T.c.seq == bindparam("key"))
    .values({c: bindparam(c) for c in (*_CHANGING, "subject", "subject_key")}),
    inner=True,
)


class Part(NamedTuple):
    """What a message gives to the row of its thread; lists are JSON text."""

    public_id: str
    timestamp: int
    size: int
    subject: str | None
    preview: str | None
    labels: str
    from_: str
    to: str
    cc: str
    bcc: str


PARTS = Query[Part](
    "threads.parts",
    select(*(_M.c[name.removesuffix("_")] for name in Part._fields))
    .where(_M.c.thread_id == bindparam("thread_id"))
    .order_by(_M.c.timestamp, _M.c.seq),
    row=Part._make,
    inner=True,
)
OF_INBOX = Query[tuple[int, str]](
    "threads.of_inbox",
    select(_T.c.seq, _T.c.id).where(_T.c.inbox_id == bindparam("inbox_id")).limit(bindparam("n")),
    row=lambda row: (row[0], row[1]),
    inner=True,
)
DELETE = Query[None]("threads.delete", delete(_T).where(_T.c.seq == bindparam("seq")), inner=True)


@cache
def page(ascending: bool, by: str = "inbox_id") -> Query[Thread]:
    """Return the list by time of the threads of an inbox, a pod or an organization, as the column `by` says.

    Parameters: owner (its id), at, seq (the place), n, and where it ends: until, or since for the newest first.
    """
    place = tuple_(_T.c.timestamp, _T.c.seq)
    mark = tuple_(bindparam("at"), bindparam("seq"))
    order = (_T.c.timestamp, _T.c.seq) if ascending else (_T.c.timestamp.desc(), _T.c.seq.desc())
    return Query(
        f"threads.page_{'up' if ascending else 'down'}_by_{by}",
        select(*SHOWN)
        .where(
            _T.c[by] == bindparam("owner"),
            place > mark if ascending else place < mark,
            _T.c.timestamp < bindparam("until") if ascending else _T.c.timestamp >= bindparam("since"),
            _OF_A_LIVING_INBOX,
        )
        .order_by(*order)
        .limit(bindparam("n")),
        row=thread,
        reached=_T,
        steered=True,
    )


PAGES = tuple(page(ascending, by) for ascending in (True, False) for by in REACH_COLUMNS)
