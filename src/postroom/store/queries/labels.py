"""Queries over the labels of an inbox: those that were made, those in use, the messages that bear one."""

from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite compiles it as well

from postroom.model.label import Label
from postroom.model.message import MessageSummary
from postroom.store.queries.messages import SUMMARY, summary
from postroom.store.query import Query
from postroom.store.tables import LabelRow, MarkCountRow, MessageLabelRow, MessageRow, OutgoingCountRow

_A = LabelRow.__table__  # type: ignore[attr-defined]
_L = MessageLabelRow.__table__  # type: ignore[attr-defined]
_M = MessageRow.__table__  # type: ignore[attr-defined]
_K = MarkCountRow.__table__  # type: ignore[attr-defined]
_O = OutgoingCountRow.__table__  # type: ignore[attr-defined]

# One that is made again has the new colour.
SET = Query[None](
    "label_rows.set",
    upsert(_A)
    .values({c.name: bindparam(c.name) for c in _A.c})
    .on_conflict_do_update(index_elements=["inbox_id", "name"], set_={"color": bindparam("color")}),
)
GET = Query[Label](
    "label_rows.get",
    select(_A.c.name, _A.c.color, _A.c.created_at).where(
        _A.c.inbox_id == bindparam("inbox_id"), _A.c.name == bindparam("name")
    ),
    row=lambda row: Label(name=row[0], color=row[1], created_at=row[2]),
    reached=_A,
    steered=True,
)
MADE = Query[Label](
    "label_rows.made",
    select(_A.c.name, _A.c.color, _A.c.created_at).where(_A.c.inbox_id == bindparam("inbox_id")).order_by(_A.c.name),
    row=lambda row: Label(name=row[0], color=row[1], created_at=row[2]),
    reached=_A,
    steered=True,
)
DELETE = Query[None](
    "label_rows.delete",
    delete(_A).where(_A.c.inbox_id == bindparam("inbox_id"), _A.c.name == bindparam("name")),
    reached=_A,
    steered=True,
)
DELETE_OF_INBOX = Query[None](
    "label_rows.delete_of_inbox", delete(_A).where(_A.c.inbox_id == bindparam("inbox_id")), reached=_A, steered=True
)
_FIRST = select(func.min(_L.c.label).label("label")).where(_L.c.inbox_id == bindparam("inbox_id"))
_SEEN = _FIRST.cte("seen", recursive=True)
_NEXT = (
    select(func.min(_L.c.label)).where(_L.c.inbox_id == bindparam("inbox_id"), _L.c.label > _SEEN.c.label)
).scalar_subquery()
_STEPS = _SEEN.union_all(select(_NEXT).where(_SEEN.c.label.is_not(None)))
# One look into the index for each label, however many messages have it.
IN_USE = Query[str](
    "labels.in_use",
    select(_STEPS.c.label).where(_STEPS.c.label.is_not(None)),
    row=lambda row: str(row[0]),
    inner=True,
)
BEARING = Query[MessageSummary](
    "labels.bearing",
    select(*SUMMARY)
    .join(_L, _L.c.message_seq == _M.c.seq)
    .where(_L.c.inbox_id == bindparam("inbox_id"), _L.c.label == bindparam("name"))
    .order_by(_L.c.timestamp, _L.c.message_seq)
    .limit(bindparam("n")),
    row=summary,
    reached=_M,
    steered=True,
)
# Of an inbox (inner id) that the actor reaches: how many messages its lists show that it did not receive.
OUTGOING = Query[int](
    "counts.outgoing",
    select(_O.c.messages).where(_O.c.inbox_id == bindparam("inbox_id")),
    row=lambda row: int(row[0]),
    inner=True,
)


class Marks(NamedTuple):
    """How many messages that an inbox received, and its lists show, are read, are archived, and are both."""

    seen: int = 0
    archived: int = 0
    seen_archived: int = 0


# Of an inbox (inner id) that the actor reaches.
MARKS = Query[Marks](
    "counts.marks",
    select(_K.c.seen, _K.c.archived, _K.c.seen_archived).where(_K.c.inbox_id == bindparam("inbox_id")),
    row=Marks._make,
    inner=True,
)
