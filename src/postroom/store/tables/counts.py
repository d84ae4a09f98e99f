"""Tables that spare a look at many rows: how much an inbox hides, and whose a caller's own id is."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string


class HiddenCountRow(SQLModel, table=True):
    """How many messages and threads of an inbox its lists leave out, kept by triggers; no row where there are none."""

    __tablename__: ClassVar[Any] = "hidden_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = string(primary_key=True)
    messages: int = number()
    threads: int = number()


class ClientIdRow(SQLModel, table=True):
    """The inbox or the webhook (`id`, an inner one) that a second create with a caller's own id gives again.

    `place` is the pod of an inbox, the place of a webhook. It goes, by triggers, with what it names.
    """

    __tablename__: ClassVar[Any] = "client_id"
    __table_args__ = (Index("client_id_of", "id", unique=True), {"sqlite_with_rowid": False})

    kind: str = string(primary_key=True)  # inbox or webhook
    place: str = string(primary_key=True)
    client_id: str = string(primary_key=True)
    id: str = string()
