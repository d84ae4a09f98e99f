"""Tables of what an inbox has of labels besides its messages: those that were made, and what spares a count."""

from typing import Any, ClassVar

from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string


class LabelRow(SQLModel, table=True):
    """A label that was made in an inbox, whether or not a message has it. `color` is #RRGGBB."""

    __tablename__: ClassVar[Any] = "label"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = string(primary_key=True)
    name: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()
    color: str | None = string()
    created_at: int = number()


class OutgoingCountRow(SQLModel, table=True):
    """How many messages lists of an inbox show that it did not receive, kept by triggers; no row where it is none."""

    __tablename__: ClassVar[Any] = "outgoing_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = string(primary_key=True)
    messages: int = number()


class MarkCountRow(SQLModel, table=True):
    """How many messages that an inbox received, and its lists show, are read, are archived, and are both.

    Kept by triggers; no row where it is none. What arrives is neither: so it costs nothing to count.
    """

    __tablename__: ClassVar[Any] = "mark_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = string(primary_key=True)
    seen: int = number()
    archived: int = number()
    seen_archived: int = number()
