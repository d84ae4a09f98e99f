"""Tables of drafts: what is written and not sent yet, a queue of leased rows as well, and the files of each."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, row_number, string

HAS_BLOB = sql("blob IS NOT NULL")


class DraftRow(SQLModel, table=True):
    """A draft. `due_at` NULL = nobody is to send it; `labels` are the caller's own. The bodies stand last."""

    __tablename__: ClassVar[Any] = "draft"
    __table_args__ = (
        Index("draft_id", "id", unique=True),
        Index("draft_client_id", "inbox_id", "client_id", unique=True),
        Index("draft_by_inbox", "inbox_id", "updated_at", "seq"),
        Index("draft_by_pod", "pod_id", "updated_at", "seq"),
        Index("draft_by_organization", "org_id", "updated_at", "seq"),
        Index("draft_due", "due_at"),
        Index("draft_by_owner", "lease_owner"),
    )

    seq: int = row_number()
    id: str = string()
    version: int
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    inbox_address: str = string()
    client_id: str | None = string()
    labels: str = string()
    reply_to: str = string()
    to: str = string()
    cc: str = string()
    bcc: str = string()
    subject: str | None = string()
    preview: str | None = string()
    attachments: str = string()
    in_reply_to: str | None = string()
    forward_of: str | None = string()
    original_id: str | None = string()
    thread_id: str | None = string()
    references: str = string()
    send_status: str | None = string()
    send_at: int | None = number()
    send_error: str | None = string()
    due_at: int | None = number()
    lease_until: int = number()
    lease_owner: str | None = string()
    created_at: int = number()
    updated_at: int = number()
    written_by: str | None = string()
    tainted: str | None = string()
    headers: str | None = string()
    replaces: bool
    text: str | None = string()
    html: str | None = string()


class DraftFileRow(SQLModel, table=True):
    """The bytes of a draft's file: `content`, or the file of the blob folder that `blob` names (SHA-256, hex)."""

    __tablename__: ClassVar[Any] = "draft_file"
    __table_args__ = (
        Index("draft_file_by_draft", "inbox_id", "draft_id"),
        Index("draft_file_blob", "blob", sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB),
    )

    id: str = string(primary_key=True)
    inbox_id: str = string()
    draft_id: str = string()
    size: int = number()
    blob: str | None = string()
    content: bytes | None
