"""The table of domains of one's own."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string

IS_VERIFIED = sql("verified_at IS NOT NULL")


class DomainRow(SQLModel, table=True):
    """A domain. Several organizations may ask for one; one alone can have it verified."""

    __tablename__: ClassVar[Any] = "domain"
    __table_args__ = (
        Index("domain_name", "org_id", "name", unique=True),
        Index("domain_verified", "name", unique=True, sqlite_where=IS_VERIFIED, postgresql_where=IS_VERIFIED),
        Index("domain_by_organization", "org_id", "created_at", "id"),
        Index("domain_by_pod", "pod_id", "created_at", "id"),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str | None = string()
    inbox_id: str | None = string()  # always NULL: no key of an inbox reaches a domain
    name: str = string()
    status: str = string()
    reason: str | None = string()
    selector: str = string()
    public_key: str = string()
    private_key: str = string()  # sealed
    found: str = string()
    feedback_enabled: int
    inbound_enabled: int
    subdomains_enabled: int
    tracking_enabled: int
    verified_at: int | None = number()
    created_at: int = number()
    updated_at: int = number()
