"""Queries over the trash, and the condition by which all others leave out inboxes and drafts that are in it."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, delete, exists, select, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement

from postroom.model.tenant import Within
from postroom.store.query import Query
from postroom.store.tables import ApiKeyRow, ClientIdRow, DraftRow, InboxRow, PurgeRow, TrashRow

_T = TrashRow.__table__  # type: ignore[attr-defined]
_D = DraftRow.__table__  # type: ignore[attr-defined]
_C = ClientIdRow.__table__  # type: ignore[attr-defined]
_I = InboxRow.__table__  # type: ignore[attr-defined]
_K = ApiKeyRow.__table__  # type: ignore[attr-defined]
_G = PurgeRow.__table__  # type: ignore[attr-defined]
_KEPT = TrashRow.__table__.alias("kept")  # type: ignore[attr-defined]


class Trashed(NamedTuple):
    """What is in the trash: a message, a draft or an inbox by its inner id; since when, in UTC milliseconds."""

    id: str
    org_id: str
    pod_id: str
    inbox_id: str
    at: int


def not_in_trash(inner: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that the inbox or the draft which a column names is not in the trash."""
    return ~exists().where(_KEPT.c.id == inner)


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
REMOVE_DRAFTS = Query[None](
    "trash.remove_drafts_of_inbox",
    delete(_T).where(_T.c.id.in_(select(_D.c.id).where(_D.c.inbox_id == bindparam("inbox_id")))),
    inner=True,
)
# What an inbox that is in the trash has waits for what becomes of that.
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
    .join_from(_C, _T, _T.c.id == _C.c.id)
    .where(_C.c.kind == "inbox", _C.c.place == bindparam("pod_id"), _C.c.client_id == bindparam("client_id")),
    row=Trashed._make,
    inner=True,
)
DELETE_KEYS = Query[None]("keys.delete_of_inbox", delete(_K).where(_K.c.inbox_id == bindparam("inbox_id")), inner=True)


@cache
def page(within: Within) -> Query[Trashed]:
    """Return what is in the trash of an organization, a pod or an inbox, what was deleted last first.

    An inbox stands for all that it has. Parameters: owner, at, seq (an inner id: the place), n.
    """
    return Query(
        f"trash.page_by_{within}",
        select(*(_T.c[name] for name in Trashed._fields))
        .where(
            _T.c[within] == bindparam("owner"),
            tuple_(_T.c.at, _T.c.id) < tuple_(bindparam("at"), bindparam("seq")),
            case((_T.c.id == _T.c.inbox_id, True), else_=not_in_trash(_T.c.inbox_id)),
            ~exists().where(_G.c.inbox_id == _T.c.inbox_id),
        )
        .order_by(_T.c.at.desc(), _T.c.id.desc())
        .limit(bindparam("n")),
        row=Trashed._make,
        reached=_T,
        steered=True,
    )


_REACHES: tuple[Within, ...] = ("org_id", "pod_id", "inbox_id")
PAGES = tuple(page(within) for within in _REACHES)
