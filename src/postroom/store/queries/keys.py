"""Queries over API keys."""

from functools import cache

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update

from postroom.model.tenant import ApiKey, Within
from postroom.store.json import from_json
from postroom.store.queries.trash import not_in_trash
from postroom.store.query import Query, Row
from postroom.store.tables import ApiKeyRow, InboxRow, KeyFamilyRow

_K = ApiKeyRow.__table__  # type: ignore[attr-defined]
_I = InboxRow.__table__  # type: ignore[attr-defined]
_F = KeyFamilyRow.__table__  # type: ignore[attr-defined]
_COLUMNS = [c for c in _K.c if c.name not in ("id", "hash")]
_SHOWN = (_K.c.id, *_COLUMNS, _I.c.address)
_FIELDS = ("api_key_id", *(c.name for c in _COLUMNS), "inbox_address")
_WITH_INBOX = _K.outerjoin(_I, _I.c.inbox_id == _K.c.inbox_id)
# The keys of an inbox that is in the trash open nothing until it comes back.
_OPENS = not_in_trash(_K.c.inbox_id)


def _key(row: Row) -> ApiKey:
    values = dict(zip(_FIELDS, row, strict=False))
    permissions = values["permissions"]
    values["made_by"] = tuple(from_json(values["made_by"] or "[]"))
    return ApiKey(**{**values, "permissions": None if permissions is None else frozenset(from_json(permissions))})


ADD = Query[None]("keys.add", insert(_K).values({c.name: bindparam(c.name) for c in _K.c}))
COUNT = Query[int]("keys.count", select(func.count()).select_from(_K), row=lambda row: row[0], inner=True)
# With the hash of its secret, and the first key of its family where it has one that is not itself.
BY_PREFIX = Query[tuple[ApiKey, bytes, str | None]](
    "keys.by_prefix",
    select(*_SHOWN, _K.c.hash, _F.c.family)
    .select_from(_WITH_INBOX.outerjoin(_F, _F.c.api_key_id == _K.c.id))
    .where(_K.c.prefix == bindparam("prefix"), _OPENS),
    row=lambda row: (_key(row), row[-2], row[-1]),
    inner=True,
)
BY_ID = Query[ApiKey](
    "keys.by_id",
    select(*_SHOWN).select_from(_WITH_INBOX).where(_K.c.id == bindparam("id"), _OPENS),
    row=_key,
    reached=_K,
)
# Of the key that wrote a scheduled draft, when that is due: what it may do now.
STANDING = Query[ApiKey](
    "keys.standing",
    select(*_SHOWN).select_from(_WITH_INBOX).where(_K.c.id == bindparam("id"), _OPENS),
    row=_key,
    inner=True,
)
OF_INBOX = Query[str](
    "keys.of_inbox",
    select(_K.c.id).where(_K.c.inbox_id == bindparam("inbox_id")).limit(1),
    row=lambda row: str(row[0]),
    inner=True,
)
UPDATE = Query[None](
    "keys.update",
    update(_K)
    .where(_K.c.id == bindparam("key"))
    .values({c: bindparam(c) for c in ("name", "permissions", "updated_at")}),
    reached=_K,
)
USE = Query[None](
    "keys.use",
    update(_K)
    .where(_K.c.id == bindparam("key"), func.coalesce(_K.c.used_at, 0) < bindparam("moment"))
    .values(used_at=bindparam("moment")),
    inner=True,
)
DELETE = Query[None]("keys.delete", delete(_K).where(_K.c.id == bindparam("id")), reached=_K)


@cache
def page(within: Within, ascending: bool) -> Query[ApiKey]:
    """Return the keys of an organization, a pod or an inbox: parameters owner, at, seq (the place), n, and skip."""
    place, mark = tuple_(_K.c.created_at, _K.c.id), tuple_(bindparam("at"), bindparam("seq"))
    order = (_K.c.created_at, _K.c.id) if ascending else (_K.c.created_at.desc(), _K.c.id.desc())
    return Query(
        f"keys.page_{'up' if ascending else 'down'}_by_{within}",
        select(*_SHOWN)
        .select_from(_WITH_INBOX)
        .where(_K.c[within] == bindparam("owner"), place > mark if ascending else place < mark, _OPENS)
        .order_by(*order)
        .limit(bindparam("n"))
        .offset(bindparam("skip", 0)),
        row=_key,
        reached=_K,
        steered=True,
    )


_ALL: tuple[Within, ...] = ("org_id", "pod_id", "inbox_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))


@cache
def number(within: Within) -> Query[int]:
    """Return how many keys an organization, a pod or an inbox has: parameter owner."""
    return Query(
        f"keys.number_by_{within}",
        select(func.count()).select_from(_K).where(_K.c[within] == bindparam("owner"), _OPENS),
        row=lambda row: int(row[0]),
        reached=_K,
        steered=True,
    )


NUMBERS = tuple(map(number, _ALL))
