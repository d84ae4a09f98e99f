"""The table of who may write and be written to."""

from typing import Any, ClassVar

from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string


class ListEntryRow(SQLModel, table=True):
    """An entry of a list. `place` is the innermost of inbox, pod and organization whose list it is.

    The key is the index of all questions: which entries fit an address, whether a list is empty, a page in order.
    """

    __tablename__: ClassVar[Any] = "list_entry"
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    place: str = string(primary_key=True)
    direction: str = string(primary_key=True)
    list_type: str = string(primary_key=True)
    entry: str = string(primary_key=True)
    entry_type: str = string()
    org_id: str = string()
    pod_id: str | None = string()
    inbox_id: str | None = string()
    inbox_address: str | None = string()
    reason: str | None = string()
    read_only: bool
    created_at: int = number()
