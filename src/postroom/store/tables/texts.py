"""The table of what files of messages say."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string


class AttachmentTextRow(SQLModel, table=True):
    """The text of a file as it was read once, or (`text` NULL) why it has none. It goes with its message.

    `sha256` (hex) is of the kind that it was read as and of the file's bytes: another message of the organization that
    has both is given the same text.
    `version` is that of the reading; an older one is read again.
    `removed` is JSON: how much was left out of it, NULL: nothing.
    """

    __tablename__: ClassVar[Any] = "attachment_text"
    __table_args__ = (Index("attachment_text_by_hash", "org_id", "sha256"),)

    message_seq: int = number(primary_key=True)
    part: int = number(primary_key=True)
    org_id: str = string()
    sha256: str = string()
    version: int
    text: str | None = string()
    reason: str | None = string()
    is_cut: bool
    removed: str | None = string()
