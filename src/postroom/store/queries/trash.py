"""Queries over the trash, and the condition by which all others leave out inboxes that are in it."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, delete, exists, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement

from postroom.store.query import Query
from postroom.store.tables import ApiKeyRow, InboxRow, TrashRow

_T = TrashRow.__table__  # type: ignore[attr-defined]
_I = InboxRow.__table__  # type: ignore[attr-defined]
_K = ApiKeyRow.__table__  # type: ignore[attr-defined]
_KEPT = TrashRow.__table__.alias("kept")  # type: ignore[attr-defined]


class Trashed(NamedTuple):
    """What is in the trash: a message or an inbox by its inner id; since when, in UTC milliseconds."""

    id: str
    org_id: str
    pod_id: str
    inbox_id: str
    at: int


def not_in_trash(inbox_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that the inbox which a column names is not in the trash."""
    return ~exists().where(_KEPT.c.id == inbox_id)


_NEW = postgresql.insert(_T).values({c.name: bindparam(c.name) for c in _T.c})
# What is there already keeps its time.
ADD = Query[None]("trash.add", _NEW.on_conflict_do_nothing(index_elements=[_T.c.id]))
BY_ID = Query[Trashed](
    "trash.by_id",
    select(*(_T.c[name] for name in Trashed._fields)).where(_T.c.id == bindparam("id")),
    row=Trashed._make,
    reached=_T,
)
REMOVE = Query[None]("trash.remove", delete(_T).where(_T.c.id == bindparam("id")), inner=True)
# A message of an inbox that is in the trash waits for what becomes of that.
DUE = Query[Trashed](
    "trash.due",
    select(*(_T.c[name] for name in Trashed._fields))
    .where(_T.c.at <= bindparam("before"), case((_T.c.id == _T.c.inbox_id, True), else_=not_in_trash(_T.c.inbox_id)))
    .order_by(_T.c.at, _T.c.id)
    .limit(bindparam("n")),
    row=Trashed._make,
    inner=True,
)
# The inbox in the trash that an address or a caller's own id still belongs to.
TAKEN = Query[Trashed](
    "trash.taken",
    select(*(_T.c[name] for name in Trashed._fields))
    .join_from(_I, _T, _T.c.id == _I.c.inbox_id)
    .where(_I.c.address_key == bindparam("address_key")),
    row=Trashed._make,
    inner=True,
)
TAKEN_CLIENT_ID = Query[Trashed](
    "trash.taken_client_id",
    select(*(_T.c[name] for name in Trashed._fields))
    .join_from(_I, _T, _T.c.id == _I.c.inbox_id)
    .where(_I.c.pod_id == bindparam("pod_id"), _I.c.client_id == bindparam("client_id")),
    row=Trashed._make,
    inner=True,
)
DELETE_KEYS = Query[None]("keys.delete_of_inbox", delete(_K).where(_K.c.inbox_id == bindparam("inbox_id")), inner=True)
