"""Tables of who owns: organizations, pods, API keys, inboxes."""

from typing import Any, ClassVar

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from postroom.store.tables.columns import number, string


class OrganizationRow(SQLModel, table=True):
    """A tenant."""

    __tablename__: ClassVar[Any] = "organization"

    id: str = string(primary_key=True)
    name: str = string()
    created_at: int = number()


class PodRow(SQLModel, table=True):
    """A part of an organization. `default_of` names the organization whose default it is, NULL for all others."""

    __tablename__: ClassVar[Any] = "pod"
    __table_args__ = (
        Index("pod_by_organization", "org_id", "created_at", "id"),
        Index("pod_client_id", "org_id", "client_id", unique=True),
        Index("pod_default", "default_of", unique=True),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    name: str = string()
    client_id: str | None = string()
    created_at: int = number()
    default_of: str | None = string()


class ApiKeyRow(SQLModel, table=True):
    """A key: SHA-256 of the secret, found by its displayable head. `permissions` NULL = all within its reach."""

    __tablename__: ClassVar[Any] = "api_key"
    __table_args__ = (
        Index("api_key_by_prefix", "prefix"),
        Index("api_key_by_organization", "org_id", "created_at", "id"),
        Index("api_key_by_pod", "pod_id", "created_at", "id"),
        Index("api_key_by_inbox", "inbox_id", "created_at", "id"),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str | None = string()
    inbox_id: str | None = string()
    name: str = string()
    prefix: str = string()
    hash: bytes
    permissions: str | None = string()
    created_at: int = number()
    updated_at: int = number()
    expires_at: int | None = number()
    used_at: int | None = number()
    made_by: str | None = string()


class InboxRow(SQLModel, table=True):
    """An inbox. A deleted one has no row: its mail is unreachable at once and purged in batches."""

    __tablename__: ClassVar[Any] = "inbox"
    __table_args__ = (
        Index("inbox_address_key", "address_key", unique=True),
        Index("inbox_by_organization", "org_id", "created_at", "inbox_id"),
        Index("inbox_by_pod", "pod_id", "created_at", "inbox_id"),
    )

    inbox_id: str = string(primary_key=True)  # inner id; named so that `Reach` finds it as everywhere
    org_id: str = string()
    pod_id: str = string()
    address: str = string()
    address_key: str = string()
    client_id: str | None = string()
    display_name: str | None = string()
    status: str = string()
    metadata_: str = Field(sa_type=Text, sa_column_kwargs={"name": "metadata"})
    created_at: int = number()
    updated_at: int = number()


class InboxWordRow(SQLModel, table=True):
    """The words of an inbox's address and display name, by whose beginnings it is found."""

    __tablename__: ClassVar[Any] = "inbox_word"
    __table_args__ = (
        Index("inbox_word_by_organization", "org_id", "word", "inbox_id"),
        Index("inbox_word_by_pod", "pod_id", "word", "inbox_id"),
        {"sqlite_with_rowid": False},
    )

    inbox_id: str = string(primary_key=True)
    word: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()


class PurgeRow(SQLModel, table=True):
    """Inboxes that were deleted and whose mail is still being taken off the disk."""

    __tablename__: ClassVar[Any] = "purge"

    inbox_id: str = string(primary_key=True)
    at: int = number()
