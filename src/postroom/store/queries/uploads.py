"""Queries over files that were handed in to be attached later."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select

from postroom.model.message import Raw
from postroom.model.upload import UploadedFile
from postroom.store.queries.trash import not_in_trash
from postroom.store.query import Query
from postroom.store.tables import UploadRow

_U = UploadRow.__table__  # type: ignore[attr-defined]
_NAMES = tuple(UploadedFile.model_fields)
_SHOWN = [_U.c["id" if name == "handle" else name] for name in _NAMES]

ADD = Query[None]("uploads.add", insert(_U).values({c.name: bindparam(c.name) for c in _U.c}))
BY_ID = Query[UploadedFile](
    "uploads.by_id",
    select(*_SHOWN).where(_U.c.id == bindparam("id"), _U.c.expires_at > bindparam("now"), not_in_trash(_U.c.inbox_id)),
    row=lambda row: UploadedFile.trusted(dict(zip(_NAMES, row, strict=True))),
    reached=_U,
)
CONTENT = Query[Raw](
    "uploads.content",
    select(_U.c.content, _U.c.blob, _U.c.size).where(_U.c.id == bindparam("id")),
    row=lambda row: Raw(content=row[0], blob=row[1], size=row[2]),
    reached=_U,
)
_COUNTED: list[ColumnElement[Any]] = [func.count(_U.c.id), func.coalesce(func.sum(_U.c.size), 0)]
HELD = Query[tuple[int, int]](
    "uploads.held",
    select(*_COUNTED).where(_U.c.inbox_id == bindparam("inbox_id")),
    row=lambda row: (int(row[0]), int(row[1])),
    reached=_U,
    steered=True,
)
DELETE = Query[None]("uploads.delete", delete(_U).where(_U.c.id == bindparam("id")), reached=_U)
DELETE_OF_INBOX = Query[None](
    "uploads.delete_of_inbox", delete(_U).where(_U.c.inbox_id == bindparam("inbox_id")), reached=_U, steered=True
)
SWEEP = Query[None](
    "uploads.sweep",
    delete(_U).where(
        _U.c.id.in_(select(_U.c.id).where(_U.c.expires_at <= bindparam("now")).limit(bindparam("n")).scalar_subquery())
    ),
    inner=True,
)
BLOB_USED = Query[str](
    "uploads.blob_used",
    select(_U.c.id).where(_U.c.blob == bindparam("blob")).limit(1),
    row=lambda row: str(row[0]),
    inner=True,
)
