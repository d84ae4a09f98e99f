"""The table of what was deleted and can be brought back."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string

IS_INBOX = sql("id = inbox_id")


class TrashRow(SQLModel, table=True):
    """A message, a draft or an inbox (`id` is its inner id) that was put into the trash at `at`, and goes later.

    An inbox or a draft with such a row is shown to nobody. A message has the label `trash` as well, which hides it.
    """

    __tablename__: ClassVar[Any] = "trash"
    __table_args__ = (
        Index("trash_by_time", "at", "id"),
        Index("trash_by_organization", "org_id", "at", "id"),
        Index("trash_by_pod", "pod_id", "at", "id"),
        Index("trash_by_inbox", "inbox_id", "at", "id"),
        Index("trash_of_inboxes", "org_id", sqlite_where=IS_INBOX, postgresql_where=IS_INBOX),
        {"sqlite_with_rowid": False},
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    at: int = number()
