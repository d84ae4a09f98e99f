"""The table of files that were handed in to be attached later."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string

HAS_BLOB = sql("blob IS NOT NULL")


class UploadRow(SQLModel, table=True):
    """A file of an inbox, until `expires_at`: its bytes are `content`, or the file of the blob folder `blob`."""

    __tablename__: ClassVar[Any] = "upload"
    __table_args__ = (
        Index("upload_by_inbox", "inbox_id"),
        Index("upload_by_end", "expires_at"),
        Index("upload_blob", "blob", sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    inbox_address: str = string()
    filename: str | None = string()
    content_type: str = string()
    size: int = number()
    sha256: str = string()
    blob: str | None = string()
    created_at: int = number()
    expires_at: int = number()
    content: bytes | None
