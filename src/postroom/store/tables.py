"""The tables, and with them every column and index of the database: the only place that knows either.

Columns are text, integer, real and blob; times are integers of UTC milliseconds; lists and maps are JSON text. A table
that a caller reaches by its own query carries `org_id`, `pod_id`, `inbox_id`; the others are reached by inner keys that
such a query gave. Indexes exist for the queries that name them and for nothing else: each costs about 5 us a message.
"""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

# Most messages are in their row: an entry for each of them would be written for nothing.
_HAS_BLOB = text("blob IS NOT NULL")
# SQLite counts rows by itself only in a column that is INTEGER to the letter.
_ROWID = BigInteger().with_variant(Integer(), "sqlite")


def _text(**given: Any) -> Any:
    return Field(sa_type=Text, **given)


def _ms(**given: Any) -> Any:
    return Field(sa_type=BigInteger, **given)


def _row_number() -> Any:
    return Field(sa_type=_ROWID, primary_key=True)


class OrganizationRow(SQLModel, table=True):
    """A tenant."""

    __tablename__: ClassVar[Any] = "organization"

    id: str = _text(primary_key=True)
    name: str = _text()
    created_at: int = _ms()


class PodRow(SQLModel, table=True):
    """A part of an organization; the oldest is its default."""

    __tablename__: ClassVar[Any] = "pod"
    __table_args__ = (Index("pod_by_organization", "org_id", "created_at"),)

    id: str = _text(primary_key=True)
    org_id: str = _text()
    name: str = _text()
    created_at: int = _ms()


class ApiKeyRow(SQLModel, table=True):
    """A key: SHA-256 of the secret, found by its displayable head. `permissions` NULL = all within its reach."""

    __tablename__: ClassVar[Any] = "api_key"
    __table_args__ = (
        Index("api_key_by_prefix", "prefix"),
        Index("api_key_by_organization", "org_id", "created_at", "id"),
    )

    id: str = _text(primary_key=True)
    org_id: str = _text()
    pod_id: str | None = _text()
    inbox_id: str | None = _text()
    name: str = _text()
    prefix: str = _text()
    hash: bytes
    permissions: str | None = _text()
    created_at: int = _ms()
    expires_at: int | None = _ms()


class InboxRow(SQLModel, table=True):
    """An inbox. A deleted one has no row: its mail is unreachable at once and purged in batches."""

    __tablename__: ClassVar[Any] = "inbox"
    __table_args__ = (
        Index("inbox_address_key", "address_key", unique=True),
        Index("inbox_client_id", "org_id", "client_id", unique=True),
        Index("inbox_by_organization", "org_id", "created_at", "inbox_id"),
    )

    inbox_id: str = _text(primary_key=True)  # inner id; named so that `Reach` finds it as everywhere
    org_id: str = _text()
    pod_id: str = _text()
    address: str = _text()
    address_key: str = _text()
    client_id: str | None = _text()
    display_name: str | None = _text()
    metadata_: str = Field(sa_type=Text, sa_column_kwargs={"name": "metadata"})
    created_at: int = _ms()
    updated_at: int = _ms()


class ThreadRow(SQLModel, table=True):
    """A conversation as one inbox sees it, with what a list shows of it."""

    __tablename__: ClassVar[Any] = "thread"
    __table_args__ = (
        Index("thread_id", "id", unique=True),
        Index("thread_by_time", "inbox_id", "timestamp", "seq"),
        Index("thread_by_subject", "inbox_id", "subject_key", "timestamp"),
    )

    seq: int = _row_number()
    id: str = _text()
    org_id: str = _text()
    pod_id: str = _text()
    inbox_id: str = _text()
    inbox_address: str = _text()
    subject: str | None = _text()
    subject_key: str | None = _text()  # base subject (RFC 5256 2.1), NULL where it is empty
    preview: str | None = _text()
    labels: str = _text()
    senders: str = _text()
    recipients: str = _text()
    last_message_id: str = _text()
    message_count: int
    size: int = _ms()
    timestamp: int = _ms()
    received_timestamp: int | None = _ms()
    sent_timestamp: int | None = _ms()
    created_at: int = _ms()
    updated_at: int = _ms()


class MessageRow(SQLModel, table=True):
    """A message as lists show it. `public_id` is what faces show: found, and kept unique, by message_reference."""

    __tablename__: ClassVar[Any] = "message"
    __table_args__ = (
        Index("message_id", "id", unique=True),
        Index("message_by_time", "inbox_id", "timestamp", "seq"),
        Index("message_by_thread", "thread_id", "timestamp", "seq"),
    )

    seq: int = _row_number()
    id: str = _text()
    org_id: str = _text()
    pod_id: str = _text()
    inbox_id: str = _text()
    inbox_address: str = _text()
    thread_id: str = _text()
    public_id: str = _text()
    labels: str = _text()
    timestamp: int = _ms()
    from_: str = Field(sa_type=Text, sa_column_kwargs={"name": "from"})
    reply_to: str = _text()
    to: str = _text()
    cc: str = _text()
    bcc: str = _text()
    subject: str | None = _text()
    preview: str | None = _text()
    attachments: str = _text()
    in_reply_to: str | None = _text()
    size: int = _ms()
    parse_error: str | None = _text()
    created_at: int = _ms()
    updated_at: int = _ms()


class MessageBodyRow(SQLModel, table=True):
    """What only the reading of one message needs. `extracted_text` NULL = it equals `text`; so for HTML.

    `text_at` is given, and `text` NULL, where the text is what `raw` has from that byte on (UTF-8, CRLF for line ends):
    most mail is one plain text, and kept once it takes half the disk. The raw bytes are `raw`, or the file of the blob
    folder that `blob` names (SHA-256, hex).
    """

    __tablename__: ClassVar[Any] = "message_body"
    __table_args__ = (Index("message_body_blob", "blob", sqlite_where=_HAS_BLOB, postgresql_where=_HAS_BLOB),)

    message_seq: int = _row_number()
    text: str | None = _text()
    text_at: int | None
    html: str | None = _text()
    extracted_text: str | None = _text()
    extracted_html: str | None = _text()
    references: str = _text()
    headers: str = _text()
    date: int | None = _ms()
    threaded_by: str | None = _text()  # why it joined its thread; NULL = it began it
    origin: str = _text()
    envelope_from: str | None = _text()
    client: str | None = _text()
    helo: str | None = _text()
    blob: str | None = _text()
    raw: bytes | None


class MessageLabelRow(SQLModel, table=True):
    """The index by which a list is filtered by label, newest first."""

    __tablename__: ClassVar[Any] = "message_label"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = _text(primary_key=True)
    label: str = _text(primary_key=True)
    timestamp: int = _ms(primary_key=True)
    message_seq: int = _ms(primary_key=True)


class MessageReferenceRow(SQLModel, table=True):
    """The ids of an inbox: which thread and message each belongs to. One random place of the file a message, no more.

    `reference` is a Message-ID, or `digest:…` for an arrival that no Message-ID tells from others. `message_seq` NULL:
    the id was only referred to, its message never came. `digest` (with `at`, when) tells a sender's second try.
    """

    __tablename__: ClassVar[Any] = "message_reference"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = _text(primary_key=True)
    reference: str = _text(primary_key=True)
    thread_id: str = _text()
    message_seq: int | None = _ms()
    digest: bytes | None
    at: int = _ms()


class DeliveryRow(SQLModel, table=True):
    """One message on its way to one recipient: a leased row. `due_at` NULL = it has ended."""

    __tablename__: ClassVar[Any] = "delivery"
    __table_args__ = (
        Index("delivery_due", "due_at"),
        Index("delivery_by_message", "message_id"),
        Index("delivery_by_owner", "lease_owner"),
    )

    id: str = _text(primary_key=True)
    org_id: str = _text()
    pod_id: str = _text()
    inbox_id: str = _text()
    message_id: str = _text()
    recipient: str = _text()
    envelope_from: str = _text()
    state: str = _text()
    due_at: int | None = _ms()
    lease_until: int = _ms()
    lease_owner: str | None = _text()
    attempts: int
    last_error: str | None = _text()
    created_at: int = _ms()
    updated_at: int = _ms()


class EventRow(SQLModel, table=True):
    """The log. `seq` is the position: on SQLite the order of commits, since one connection writes at a time."""

    __tablename__: ClassVar[Any] = "event"
    __table_args__ = (Index("event_by_inbox", "inbox_id", "seq"), {"sqlite_autoincrement": True})

    seq: int = _row_number()
    type: str = _text()
    org_id: str = _text()
    pod_id: str = _text()
    inbox_id: str | None = _text()
    at: int = _ms()
    data: str = _text()


class PurgeRow(SQLModel, table=True):
    """Inboxes that were deleted and whose mail is still being taken off the disk."""

    __tablename__: ClassVar[Any] = "purge"

    inbox_id: str = _text(primary_key=True)
    at: int = _ms()
