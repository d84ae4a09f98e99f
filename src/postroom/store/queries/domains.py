"""Queries over domains."""

from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

from sqlalchemy import bindparam, delete, insert, select, tuple_, update

from postroom.model.domain import Finding, Host
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import DomainRow

_D = DomainRow.__table__  # type: ignore[attr-defined]
Within = Literal["org_id", "pod_id"]


class Kept(NamedTuple):
    """A row as it is kept, without the private key; `found` is what the last look-up gave, by the record's key."""

    id: str
    org_id: str
    pod_id: str | None
    name: str
    status: str
    reason: str | None
    selector: str
    public_key: str
    feedback_enabled: int
    inbound_enabled: int
    subdomains_enabled: int
    tracking_enabled: int
    verified_at: int | None
    created_at: int
    updated_at: int
    found: Mapping[str, Finding]


_SHOWN = [_D.c[name] for name in Kept._fields]
_CHANGED = (
    *("status", "reason", "found", "verified_at", "updated_at"),
    *("feedback_enabled", "inbound_enabled", "subdomains_enabled", "tracking_enabled"),
)


def _kept(row: Row) -> Kept:
    found = {key: Finding(**finding) for key, finding in from_json(row[-1]).items()}
    return Kept._make((*row[:-1], found))


def _host(row: Row) -> Host:
    return Host(row[0], row[1], row[2], *map(bool, row[3:]))


ADD = Query[None]("domains.add", insert(_D).values({c.name: bindparam(c.name) for c in _D.c}))
BY_NAME = Query[Kept]("domains.by_name", select(*_SHOWN).where(_D.c.name == bindparam("name")), row=_kept, reached=_D)
BY_ID = Query[Kept]("domains.by_id", select(*_SHOWN).where(_D.c.id == bindparam("id")), row=_kept, reached=_D)
TAKEN = Query[str](
    "domains.taken",
    select(_D.c.id).where(_D.c.org_id == bindparam("org_id"), _D.c.name == bindparam("name")),
    row=lambda row: str(row[0]),
    inner=True,
)
# Whose mail for a domain is, looked up for whoever may write from outside.
HOST = Query[Host](
    "domains.host",
    select(*[_D.c[name] for name in Host._fields]).where(_D.c.name == bindparam("name"), _D.c.verified_at.is_not(None)),
    row=_host,
    inner=True,
)


@cache
def page(within: Within, ascending: bool) -> Query[Kept]:
    """Return the list of the domains of an organization or a pod: parameters owner, at, seq (the place), n; skip."""
    place, mark = tuple_(_D.c.created_at, _D.c.id), tuple_(bindparam("at"), bindparam("seq"))
    order = (_D.c.created_at, _D.c.id) if ascending else (_D.c.created_at.desc(), _D.c.id.desc())
    return Query(
        f"domains.page_{'up' if ascending else 'down'}_by_{within}",
        select(*_SHOWN)
        .where(_D.c[within] == bindparam("owner"), place > mark if ascending else place < mark)
        .order_by(*order)
        .limit(bindparam("n"))
        .offset(bindparam("skip", 0)),
        row=_kept,
        reached=_D,
        steered=True,
    )


_ALL: tuple[Within, ...] = ("org_id", "pod_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))
UPDATE = Query[None](
    "domains.update",
    update(_D).where(_D.c.id == bindparam("key")).values({c: bindparam(c) for c in _CHANGED}),
    reached=_D,
)
DELETE = Query[None]("domains.delete", delete(_D).where(_D.c.id == bindparam("key")), reached=_D)
