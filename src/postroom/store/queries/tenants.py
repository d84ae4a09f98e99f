"""Queries over organizations."""

from sqlalchemy import bindparam, insert, select

from postroom.model.tenant import Organization
from postroom.store.query import Query, Row
from postroom.store.tables import OrganizationRow

_O = OrganizationRow.__table__  # type: ignore[attr-defined]


def _organization(row: Row) -> Organization:
    return Organization(organization_id=row[0], name=row[1], created_at=row[2])


ADD_ORGANIZATION = Query[None]("organizations.add", insert(_O).values({c.name: bindparam(c.name) for c in _O.c}))
FIRST_ORGANIZATION = Query[Organization](
    "organizations.first", select(_O).order_by(_O.c.created_at, _O.c.id).limit(1), row=_organization, inner=True
)
ORGANIZATIONS = Query[Organization](
    "organizations.all", select(_O).order_by(_O.c.created_at, _O.c.id), row=_organization, inner=True
)
# By the id that the actor's reach holds: nobody names another.
ORGANIZATION = Query[Organization](
    "organizations.by_id", select(_O).where(_O.c.id == bindparam("id")), row=_organization, inner=True
)
