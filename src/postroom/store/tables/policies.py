"""Tables of policies: what they say, what was counted for them, who read, who is known, what waits."""

from typing import Any, ClassVar

from sqlalchemy import Index, Text
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from postroom.store.tables.columns import number, string

HAS_BLOB = sql("blob IS NOT NULL")
IS_PENDING = sql("state = 'pending'")


class PolicyRow(SQLModel, table=True):
    """A policy. `place` is the key, inbox, pod or organization whose it is; a deleted key's stays, for its drafts."""

    __tablename__: ClassVar[Any] = "policy"
    __table_args__ = (
        Index("policy_by_organization", "org_id", "created_at", "place"),
        Index("policy_by_pod", "pod_id", "created_at", "place"),
        Index("policy_by_inbox", "inbox_id", "created_at", "place"),
    )

    place: str = string(primary_key=True)
    subject: str = string()
    org_id: str = string()
    pod_id: str | None = string()
    inbox_id: str | None = string()
    name: str | None = string()
    recipients: str = string()
    allowed: str = string()
    approval: str = string()
    reply_only: bool
    max_recipients_per_day: int | None = number()
    max_mails_per_day: int | None = number()
    taint: bool
    elicitation: bool
    created_at: int = number()
    updated_at: int = number()


class PolicyCountRow(SQLModel, table=True):
    """What was sent under a policy on a day (UTC, in days since 1970)."""

    __tablename__: ClassVar[Any] = "policy_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    place: str = string(primary_key=True)
    day: int = number(primary_key=True)
    mails: int = number()
    recipients: int = number()


class CorrespondentRow(SQLModel, table=True):
    """Whom an inbox wrote to, and when lately, or got trusted mail from. `party` is a hash: it outlives the mail and
    names nobody.
    """

    __tablename__: ClassVar[Any] = "correspondent"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = string(primary_key=True)
    party: bytes = Field(primary_key=True)
    latest: str = string()  # when the last ten messages left to it: 13 digits each, newest first


class KeyFamilyRow(SQLModel, table=True):
    """A key that an agent's key has made, and the first of the family. A deleted key's stays: what it read was read."""

    __tablename__: ClassVar[Any] = "key_family"
    __table_args__ = ({"sqlite_with_rowid": False},)

    api_key_id: str = string(primary_key=True)
    family: str = string()


class TaintRow(SQLModel, table=True):
    """When a family of keys last read what came from outside; `reader` is its first key, or the organization of the
    local owner.
    """

    __tablename__: ClassVar[Any] = "taint"
    __table_args__ = ({"sqlite_with_rowid": False},)

    reader: str = string(primary_key=True)
    at: int = number()


class ApprovalRow(SQLModel, table=True):
    """A held message. Its composed bytes are `content`, or the file that `blob` names; decided, it has neither.

    `shown` is JSON of bodies that differ from those in the bytes, which have a pixel.
    """

    __tablename__: ClassVar[Any] = "approval"
    __table_args__ = (
        Index("approval_by_organization", "org_id", "state", "created_at", "id"),
        Index("approval_by_pod", "pod_id", "state", "created_at", "id"),
        Index("approval_by_inbox", "inbox_id", "state", "created_at", "id"),
        Index("approval_by_draft", "draft_id"),
        Index("approval_expiring", "expires_at", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
        Index("approval_blob", "blob", sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    inbox_address: str = string()
    draft_id: str = string()
    draft_version: int
    message: str = string()
    thread_id: str | None = string()
    state: str = string()
    rule: str = string()
    reason: str = string()
    subject: str | None = string()
    recipients: str = string()
    bcc: str = string()
    labels: str = string()
    digest: str = string()
    asked_by: str = string()
    decided_by: str | None = string()
    comment: str | None = string()
    created_at: int = number()
    expires_at: int = number()
    decided_at: int | None = number()
    shown: str | None = string()
    size: int = number()
    blob: str | None = Field(default=None, sa_type=Text)
    content: bytes | None = None
