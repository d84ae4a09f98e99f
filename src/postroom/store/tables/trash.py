"""The table of what was deleted and can be brought back."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string


class TrashRow(SQLModel, table=True):
    """A message or an inbox (`id` is its inner id) that was put into the trash at `at` and goes for good later.

    An inbox with such a row is shown to nobody. A message has the label `trash` as well, which is what hides it.
    """

    __tablename__: ClassVar[Any] = "trash"
    __table_args__ = (Index("trash_by_time", "at", "id"), {"sqlite_with_rowid": False})

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    at: int = number()
