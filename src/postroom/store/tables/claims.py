"""The table of conversations that wait for an answer, and who is at work on which: a queue of leased rows."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from postroom.store.tables.columns import number, string

IS_CLAIMED = sql("token IS NOT NULL")


class ClaimRow(SQLModel, table=True):
    """A thread with mail that is received, unread and not hidden. No row: there is nothing to do.

    `due_at` is the moment from which it may be claimed: when its mail came, when a lease ends, until when it was put
    off; NEVER (2^62) at its last try and after it. `token` names the claim that `lease_until` ends (0: none was made,
    or it was given back), `messages` what that claim is about (inner ids).
    """

    __tablename__: ClassVar[Any] = "claim"
    __table_args__ = (
        Index("claim_by_inbox", "inbox_id", "due_at", "thread_id"),
        Index("claim_by_token", "token", unique=True, sqlite_where=IS_CLAIMED, postgresql_where=IS_CLAIMED),
        {"sqlite_with_rowid": False},
    )

    thread_id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    due_at: int = number()
    token: str | None = string()
    lease_until: int = number()
    attempts: int
    reason: str | None = string()
    messages: str = string()
    updated_at: int = number()
