"""The table of messages of ours whose opening is to be told."""

from typing import Any, ClassVar

from sqlmodel import SQLModel

from postroom.store.tables.columns import number


class MessageOpenRow(SQLModel, table=True):
    """A message that was sent with `track_opens`. `opened_at` NULL: nobody has opened it yet."""

    __tablename__: ClassVar[Any] = "message_open"
    __table_args__ = ({"sqlite_with_rowid": False},)

    message_seq: int = number(primary_key=True)
    opened_at: int | None = number()
