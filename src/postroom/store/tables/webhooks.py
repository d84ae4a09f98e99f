"""Tables of webhooks: who is told, which events nobody has looked at for them, and what is on its way."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, row_number, string

IS_OPEN = sql("due_at IS NOT NULL")


class WebhookRow(SQLModel, table=True):
    """An address that is told of events. `place` is the innermost of inbox, pod and organization that it was made in.

    `secret` and `headers` (JSON) are sealed; `inboxes` maps inner ids to addresses. `failing_since` is when the first
    of the tries was that have failed without one between that did not.
    """

    __tablename__: ClassVar[Any] = "webhook"
    __table_args__ = (
        Index("webhook_by_organization", "org_id", "created_at", "id"),
        Index("webhook_by_pod", "pod_id", "created_at", "id"),
        Index("webhook_by_inbox", "inbox_id", "created_at", "id"),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str | None = string()
    inbox_id: str | None = string()
    inbox_address: str | None = string()
    place: str = string()
    client_id: str | None = string()
    dialect: str = string()
    url: str = string()
    event_types: str = string()
    pod_ids: str = string()
    inboxes: str = string()
    secret: str = string()
    headers: str | None = string()
    enabled: bool
    created_at: int = number()
    updated_at: int = number()
    failing_since: int | None = number()


class EventWaitingRow(SQLModel, table=True):
    """Positions of events that no dispatcher has taken yet: a trigger adds those whose organization has a webhook."""

    __tablename__: ClassVar[Any] = "event_waiting"

    event_seq: int = row_number()


class WebhookDeliveryRow(SQLModel, table=True):
    """One event on its way to one webhook: a leased row. `due_at` NULL = it has ended, and its body is gone."""

    __tablename__: ClassVar[Any] = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_once", "event_seq", "webhook_id", unique=True),
        Index("webhook_delivery_due", "due_at"),
        Index("webhook_delivery_by_owner", "lease_owner"),
        Index("webhook_delivery_by_webhook", "webhook_id", "lease_until"),
        Index("webhook_delivery_open", "inbox_id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str | None = string()
    inbox_id: str | None = string()
    webhook_id: str = string()
    event_seq: int = number()
    state: str = string()
    due_at: int | None = number()
    lease_until: int = number()
    lease_owner: str | None = string()
    attempts: int
    status: int | None  # of the last answer over HTTP
    last_error: str | None = string()
    body: bytes | None
    created_at: int = number()
    updated_at: int = number()
