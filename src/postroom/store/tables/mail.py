"""Tables of mail: threads, messages, what finds them, deliveries, the log."""

from typing import Any, ClassVar

from sqlalchemy import Index, Text
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from postroom.store.tables.columns import number, row_number, string

# Most messages are in their row: an entry for each of them would be written for nothing.
HAS_BLOB = sql("blob IS NOT NULL")
# Of the log, what was done to labels; of the ids, those that no message bears: few, and each found by one index.
OF_LABELS = sql("type IN ('label.added', 'label.removed')")
NOT_BORNE = sql("message_seq IS NULL")
# Of the log, what metrics count.
OF_METRICS = sql(
    "type IN ('message.received', 'message.received.spam', 'message.received.blocked',"
    " 'message.received.unauthenticated', 'message.sent', 'message.delivered', 'message.bounced',"
    " 'message.complained', 'message.rejected', 'message.opened', 'domain.verified')"
)


class ThreadRow(SQLModel, table=True):
    """A conversation as one inbox sees it, with what a list shows of it."""

    __tablename__: ClassVar[Any] = "thread"
    __table_args__ = (
        Index("thread_id", "id", unique=True),
        Index("thread_by_time", "inbox_id", "timestamp", "seq"),
        Index("thread_by_pod", "pod_id", "timestamp", "seq"),
        Index("thread_by_organization", "org_id", "timestamp", "seq"),
        Index("thread_by_subject", "inbox_id", "subject_key", "timestamp"),
    )

    seq: int = row_number()
    id: str = string()
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    inbox_address: str = string()
    subject: str | None = string()
    subject_key: str | None = string()  # base subject (RFC 5256 2.1), NULL where it is empty
    preview: str | None = string()
    labels: str = string()
    senders: str = string()
    recipients: str = string()
    last_message_id: str = string()
    message_count: int
    size: int = number()
    timestamp: int = number()
    received_timestamp: int | None = number()
    sent_timestamp: int | None = number()
    created_at: int = number()
    updated_at: int = number()


class MessageRow(SQLModel, table=True):
    """A message as lists show it. `public_id` is what faces show: found, and kept unique, by message_reference."""

    __tablename__: ClassVar[Any] = "message"
    __table_args__ = (
        Index("message_id", "id", unique=True),
        Index("message_by_time", "inbox_id", "timestamp", "seq"),
        Index("message_by_thread", "thread_id", "timestamp", "seq"),
    )

    seq: int = row_number()
    id: str = string()
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    inbox_address: str = string()
    thread_id: str = string()
    public_id: str = string()
    labels: str = string()
    timestamp: int = number()
    from_: str = Field(sa_type=Text, sa_column_kwargs={"name": "from"})
    reply_to: str = string()
    to: str = string()
    cc: str = string()
    bcc: str = string()
    subject: str | None = string()
    preview: str | None = string()
    attachments: str = string()
    in_reply_to: str | None = string()
    size: int = number()
    parse_error: str | None = string()
    created_at: int = number()
    updated_at: int = number()
    tainted: bool  # written here of what came from outside: so is each copy that an inbox here got of it
    automatic: bool  # a program wrote it: what answers it is held
    origin: str = string()


class MessageBodyRow(SQLModel, table=True):
    """What only the reading of one message needs. `extracted_text` NULL = it equals `text`; so for HTML.

    `text_at` is given, and `text` NULL, where the text is what `raw` has from that byte on (UTF-8, CRLF for line ends):
    most mail is one plain text, and kept once it takes half the disk. The raw bytes are `raw`, or the file of the blob
    folder that `blob` names (SHA-256, hex).
    """

    __tablename__: ClassVar[Any] = "message_body"
    __table_args__ = (Index("message_body_blob", "blob", sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB),)

    message_seq: int = row_number()
    text: str | None = string()
    text_at: int | None
    html: str | None = string()
    extracted_text: str | None = string()
    extracted_html: str | None = string()
    references: str = string()
    headers: str = string()
    date: int | None = number()
    threaded_by: str | None = string()  # why it joined its thread; NULL = it began it
    envelope_from: str | None = string()
    client: str | None = string()
    helo: str | None = string()
    blob: str | None = string()
    raw: bytes | None


class MessageLabelRow(SQLModel, table=True):
    """The index by which a list is filtered by label, newest first."""

    __tablename__: ClassVar[Any] = "message_label"
    __table_args__ = ({"sqlite_with_rowid": False},)

    inbox_id: str = string(primary_key=True)
    label: str = string(primary_key=True)
    timestamp: int = number(primary_key=True)
    message_seq: int = number(primary_key=True)


class MessageReferenceRow(SQLModel, table=True):
    """The ids of an inbox: which thread and message each belongs to. One random place of the file a message, no more.

    `reference` is a Message-ID, or `digest:…` for an arrival that no Message-ID tells from others. `message_seq` NULL:
    the id was only referred to, its message never came. `digest` (with `at`, when) tells a sender's second try.
    """

    __tablename__: ClassVar[Any] = "message_reference"
    __table_args__ = (
        Index("message_reference_not_borne", "thread_id", sqlite_where=NOT_BORNE, postgresql_where=NOT_BORNE),
        {"sqlite_with_rowid": False},
    )

    inbox_id: str = string(primary_key=True)
    reference: str = string(primary_key=True)
    thread_id: str = string()
    message_seq: int | None = number()
    digest: bytes | None
    at: int = number()


class DeliveryRow(SQLModel, table=True):
    """One message on its way to one recipient: a leased row. `due_at` NULL = it has ended."""

    __tablename__: ClassVar[Any] = "delivery"
    __table_args__ = (
        Index("delivery_due", "due_at"),
        Index("delivery_by_message", "message_id"),
        Index("delivery_by_owner", "lease_owner"),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str = string()
    message_id: str = string()
    recipient: str = string()
    envelope_from: str = string()
    state: str = string()
    due_at: int | None = number()
    lease_until: int = number()
    lease_owner: str | None = string()
    attempts: int
    last_error: str | None = string()
    created_at: int = number()
    updated_at: int = number()


class EventRow(SQLModel, table=True):
    """The log. `seq` is the position: on SQLite the order of commits, since one connection writes at a time."""

    __tablename__: ClassVar[Any] = "event"
    __table_args__ = (
        Index("event_by_inbox", "inbox_id", "seq"),
        Index("event_of_labels", "inbox_id", "seq", sqlite_where=OF_LABELS, postgresql_where=OF_LABELS),
        Index(
            "event_of_metrics",
            *("org_id", "type", "at", "pod_id", "inbox_id"),
            sqlite_where=OF_METRICS,
            postgresql_where=OF_METRICS,
        ),
        {"sqlite_autoincrement": True},
    )

    seq: int = row_number()
    type: str = string()
    org_id: str = string()
    pod_id: str = string()
    inbox_id: str | None = string()
    at: int = number()
    data: str = string()
