"""Queries over allow and block lists."""

from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, literal, select
from sqlalchemy.sql.elements import ColumnElement

from postroom.model.lists import Direction, EntryType, ListEntry, ListType
from postroom.store.query import Query, Row
from postroom.store.tables import ListEntryRow

_L = ListEntryRow.__table__  # type: ignore[attr-defined]
_SHOWN = [_L.c[name] for name in ListEntry.model_fields]
_SCOPES = ("inbox", "pod", "org")  # the most specific first


def _entry(row: Row) -> ListEntry:
    values = dict(zip(ListEntry.model_fields, row, strict=True))
    return ListEntry(
        **values
        | {
            "direction": Direction(values["direction"]),
            "list_type": ListType(values["list_type"]),
            "entry_type": EntryType(values["entry_type"]),
            "read_only": bool(values["read_only"]),
        }
    )


def _of_list() -> tuple[ColumnElement[bool], ...]:
    return tuple(_L.c[name] == bindparam(name) for name in ("place", "direction", "list_type"))


def _here() -> ColumnElement[bool]:
    here: ColumnElement[bool] = _L.c.place.in_([bindparam(scope) for scope in _SCOPES])
    return here


def _is_allowing(scope: str) -> ColumnElement[bool]:
    return exists().where(
        _L.c.place == bindparam(scope), _L.c.direction == bindparam("direction"), _L.c.list_type == ListType.ALLOW.value
    )


ADD = Query[None]("lists.add", insert(_L).values({c.name: bindparam(c.name) for c in _L.c}))
ONE = Query[ListEntry](
    "lists.one", select(*_SHOWN).where(*_of_list(), _L.c.entry == bindparam("entry")), row=_entry, reached=_L
)
PAGE = Query[ListEntry](
    "lists.page",
    select(*_SHOWN).where(*_of_list(), _L.c.entry > bindparam("after")).order_by(_L.c.entry).limit(bindparam("n")),
    row=_entry,
    reached=_L,
)
DELETE = Query[None]("lists.delete", delete(_L).where(*_of_list(), _L.c.entry == bindparam("key")), reached=_L)
DELETE_OF_PLACE = Query[None]("lists.delete_of_place", delete(_L).where(_L.c.place == bindparam("place")), reached=_L)
# What judging mail asks, whoever the caller is: the lists of pod and organization hold for the key of an inbox too.
_LOOKS: tuple[Any, ...] = (
    exists().where(_here(), _L.c.direction == bindparam("direction")),
    *(_is_allowing(scope) for scope in _SCOPES),
)
ALLOWING = Query[tuple[bool, ...]](
    "lists.allowing",
    select(*_LOOKS).where(exists(select(_L.c.place))),  # where nobody keeps a list, this look is all
    row=lambda row: tuple(map(bool, row)),
    inner=True,
)
FITTING = Query[
    tuple[str, ListEntry]
](
    "lists.fitting",
    select(_L.c.place, *_SHOWN).where(
        _here(),
        _L.c.direction == bindparam("direction"),
        _L.c.list_type.in_([literal(kind.value) for kind in ListType]),  # so that the key is used whole
        _L.c.entry.in_([bindparam("address"), bindparam("base"), bindparam("domain")]),
    ),
    row=lambda row: (row[0], _entry(row[1:])),
    inner=True,
)
