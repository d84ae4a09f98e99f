"""Queries over messages whose opening is to be told."""

from sqlalchemy import bindparam, delete, insert, update

from postroom.model.message import MessageSummary
from postroom.store.queries import messages
from postroom.store.query import Query
from postroom.store.tables import MessageOpenRow, MessageRow

_M = MessageRow.__table__  # type: ignore[attr-defined]
_O = MessageOpenRow.__table__  # type: ignore[attr-defined]

TRACK = Query[None]("opens.track", insert(_O).values({c.name: bindparam(c.name) for c in _O.c}))
UNTRACK = Query[None]("opens.untrack", delete(_O).where(_O.c.message_seq == bindparam("seq")), inner=True)
AWAITED = Query[MessageSummary](
    "opens.awaited",
    messages.BY_ID.statement.join(_O, _O.c.message_seq == _M.c.seq).where(_O.c.opened_at.is_(None)),  # type: ignore[union-attr]
    row=messages.BY_ID.row,
    reached=_M,
)
OPEN = Query[None](
    "opens.open",
    update(_O).where(_O.c.message_seq == bindparam("key")).values(opened_at=bindparam("now")),
    inner=True,
)
