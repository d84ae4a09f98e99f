"""Tables of what is counted, and of requests that are to have one effect however often they come."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string


class IdempotencyKeyRow(SQLModel, table=True):
    """A key of an organization: claimed by `owner` while `message` is NULL, else bound to what was sent.

    `until` is when the lease of the claim, or the memory of what was sent, ends.
    """

    __tablename__: ClassVar[Any] = "idempotency_key"
    __table_args__ = (Index("idempotency_key_until", "until"), {"sqlite_with_rowid": False})

    org_id: str = string(primary_key=True)
    key: str = string(primary_key=True)
    digest: bytes
    owner: str = string()
    until: int = number()
    message: str | None = string()
    message_id: str | None = string()
    thread_id: str | None = string()


class UsageRow(SQLModel, table=True):
    """What an inbox, a pod or an organization held from the minute `at` on, until its next row.

    `place` is the id of either. Totals, kept by triggers on thread, inbox, domain and pod.
    """

    __tablename__: ClassVar[Any] = "usage"
    __table_args__ = ({"sqlite_with_rowid": False},)

    place: str = string(primary_key=True)
    at: int = number(primary_key=True)
    messages: int = number()
    bytes: int = number()
    threads: int = number()
    inboxes: int = number()
    domains: int = number()
    pods: int = number()
