"""The first schema: tenants, mail, the queues, the log, and full-text search."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HAS_BLOB = sa.text("blob IS NOT NULL")
OF_MESSAGE = [
    *("id", "org_id", "pod_id", "inbox_id", "inbox_address", "thread_id", "public_id", "labels", "timestamp"),
    *("from", "reply_to", "to", "cc", "bcc", "subject", "preview", "attachments", "in_reply_to", "size"),
    *("parse_error", "created_at", "updated_at"),
]
OF_BODY = [
    *("text", "text_at", "html", "extracted_text", "extracted_html", "references", "headers", "date", "threaded_by"),
    *("origin", "envelope_from", "client", "helo", "blob", "raw"),
]


def upgrade() -> None:
    """Create everything that version 0.1 keeps."""
    _tenants()
    _mail()
    _keys_to_mail()
    _queues()
    for statement in filing(op.get_bind().dialect.name):
        op.execute(statement)
    if op.get_bind().dialect.name == "sqlite":
        # Contentless: the words are already in message_body, and a copy would double the file.
        op.execute(
            "CREATE VIRTUAL TABLE message_search USING fts5("
            "inbox, subject, people, body, content='', tokenize='unicode61 remove_diacritics 2')"
        )


def _tenants() -> None:
    op.create_table(
        "organization",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
    )
    op.create_table(
        "pod",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
    )
    op.create_index("pod_by_organization", "pod", ["org_id", "created_at"])
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text()),
        sa.Column("inbox_id", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("permissions", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG),
    )
    op.create_index("api_key_by_organization", "api_key", ["org_id", "created_at", "id"])
    op.create_index("api_key_by_prefix", "api_key", ["prefix"])
    op.create_table(
        "inbox",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text()),
        sa.Column("display_name", sa.Text()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    op.create_index("inbox_address_key", "inbox", ["address_key"], unique=True)
    op.create_index("inbox_by_organization", "inbox", ["org_id", "created_at", "inbox_id"])
    op.create_index("inbox_client_id", "inbox", ["org_id", "client_id"], unique=True)
    op.create_table(
        "purge",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("at", BIG, nullable=False),
    )


def _mail() -> None:
    op.create_table(
        "thread",
        sa.Column("seq", ROWID, primary_key=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.Text(), nullable=False),
        sa.Column("inbox_address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("subject_key", sa.Text()),
        sa.Column("preview", sa.Text()),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("senders", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("last_message_id", sa.Text(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("timestamp", BIG, nullable=False),
        sa.Column("received_timestamp", BIG),
        sa.Column("sent_timestamp", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    op.create_index("thread_by_subject", "thread", ["inbox_id", "subject_key", "timestamp"])
    op.create_index("thread_by_time", "thread", ["inbox_id", "timestamp", "seq"])
    op.create_index("thread_id", "thread", ["id"], unique=True)
    op.create_table(
        "message",
        sa.Column("seq", ROWID, primary_key=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.Text(), nullable=False),
        sa.Column("inbox_address", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("timestamp", BIG, nullable=False),
        sa.Column("from", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("cc", sa.Text(), nullable=False),
        sa.Column("bcc", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("preview", sa.Text()),
        sa.Column("attachments", sa.Text(), nullable=False),
        sa.Column("in_reply_to", sa.Text()),
        sa.Column("size", BIG, nullable=False),
        sa.Column("parse_error", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    op.create_index("message_by_thread", "message", ["thread_id", "timestamp", "seq"])
    op.create_index("message_by_time", "message", ["inbox_id", "timestamp", "seq"])
    op.create_index("message_id", "message", ["id"], unique=True)
    op.create_table(
        "message_body",
        sa.Column("message_seq", ROWID, primary_key=True),
        sa.Column("text", sa.Text()),
        sa.Column("text_at", sa.Integer()),
        sa.Column("html", sa.Text()),
        sa.Column("extracted_text", sa.Text()),
        sa.Column("extracted_html", sa.Text()),
        sa.Column("references", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("date", BIG),
        sa.Column("threaded_by", sa.Text()),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("envelope_from", sa.Text()),
        sa.Column("client", sa.Text()),
        sa.Column("helo", sa.Text()),
        sa.Column("blob", sa.Text()),
        sa.Column("raw", sa.LargeBinary()),
    )
    op.create_index("message_body_blob", "message_body", ["blob"], sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB)


def _keys_to_mail() -> None:
    op.create_table(
        "message_label",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("label", sa.Text(), primary_key=True),
        sa.Column("timestamp", BIG, primary_key=True),
        sa.Column("message_seq", BIG, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message_reference",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("reference", sa.Text(), primary_key=True),
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("message_seq", BIG),
        sa.Column("digest", sa.LargeBinary()),
        sa.Column("at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )


def _queues() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("envelope_from", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", BIG),
        sa.Column("lease_until", BIG, nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    op.create_index("delivery_by_message", "delivery", ["message_id"])
    op.create_index("delivery_by_owner", "delivery", ["lease_owner"])
    op.create_index("delivery_due", "delivery", ["due_at"])
    op.create_table(
        "event",
        sa.Column("seq", ROWID, primary_key=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.Text()),
        sa.Column("at", BIG, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("event_by_inbox", "event", ["inbox_id", "seq"])


def file_anew(*more: str) -> None:
    """Put the view `filing` of the version of before in the shape that `filing` says."""
    dialect = op.get_bind().dialect.name
    op.execute("DROP VIEW filing")  # its trigger goes with it
    if dialect != "sqlite":
        op.execute("DROP FUNCTION filing_insert()")
    for statement in filing(dialect, *more):
        op.execute(statement)


def filing(dialect: str, *more: str) -> tuple[str, ...]:
    """Return what makes the view `filing`: a row put into it is a message with all that belongs to one.

    `more` are columns that later versions gave the table of messages, or took there from that of bodies. One statement
    instead of eight: on SQLite each gives up the interpreter, on PostgreSQL each is a round trip.
    """
    of_message = [*OF_MESSAGE, *more]
    of_body = [name for name in OF_BODY if name not in more]
    view = (
        f"CREATE VIEW filing AS SELECT {_columns('m', of_message)}, {_columns('b', of_body)}, r.digest, t.subject_key,"
        " t.labels AS thread_labels, t.senders, t.recipients, t.received_timestamp, t.sent_timestamp,"
        " CAST(NULL AS TEXT) AS event_type, CAST(NULL AS TEXT) AS event_data"
        " FROM message m JOIN message_body b ON b.message_seq = m.seq JOIN thread t ON t.id = m.thread_id"
        " JOIN message_reference r ON r.inbox_id = m.inbox_id AND r.reference = m.public_id"
    )
    if dialect == "sqlite":
        steps = "; ".join(_steps(of_message, of_body, "last_insert_rowid()", "json_each(NEW.labels)"))
        return view, f"CREATE TRIGGER filing_insert INSTEAD OF INSERT ON filing BEGIN {steps}; END"
    first, *steps_after = _steps(of_message, of_body, "number", "json_array_elements_text(NEW.labels::json) AS value")
    steps = "; ".join((f"{first} RETURNING seq INTO number", *steps_after))
    return (
        view,
        "CREATE FUNCTION filing_insert() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ DECLARE number BIGINT; BEGIN {steps}; RETURN NEW; END $$",
        "CREATE TRIGGER filing_insert INSTEAD OF INSERT ON filing FOR EACH ROW EXECUTE FUNCTION filing_insert()",
    )


def _columns(of: str, names: list[str]) -> str:
    return ", ".join(f'{of}."{name}"' for name in names)


def _steps(of_message: list[str], of_body: list[str], number: str, labels: str) -> tuple[str, ...]:
    """Return the statements behind one row of the view; `number` is the row number that the first has made."""
    plain = ", ".join(f'"{name}"' for name in of_message)
    body = ", ".join(f'"{name}"' for name in of_body)
    owner = "org_id, pod_id, inbox_id"
    new_owner = _columns("NEW", owner.split(", "))
    return (
        f"INSERT INTO message ({plain}) VALUES ({_columns('NEW', of_message)})",
        f"INSERT INTO message_body (message_seq, {body}) VALUES ({number}, {_columns('NEW', of_body)})",
        "INSERT INTO message_label (inbox_id, label, timestamp, message_seq)"
        f" SELECT NEW.inbox_id, value, NEW.timestamp, {number} FROM {labels}",
        # An id that was only referred to so far is this message's from now on.
        "INSERT INTO message_reference (inbox_id, reference, thread_id, message_seq, digest, at)"
        f" VALUES (NEW.inbox_id, NEW.public_id, NEW.thread_id, {number}, NEW.digest, NEW.timestamp)"
        " ON CONFLICT (inbox_id, reference) DO UPDATE SET thread_id = excluded.thread_id,"
        " message_seq = excluded.message_seq, digest = excluded.digest, at = excluded.at"
        " WHERE message_reference.message_seq IS NULL",
        # It begins a thread, or joins one that is there.
        f"INSERT INTO thread (id, {owner}, inbox_address, subject, subject_key, preview, labels, senders, recipients,"
        " last_message_id, message_count, size, timestamp, received_timestamp, sent_timestamp, created_at, updated_at)"
        f" SELECT NEW.thread_id, {new_owner}, NEW.inbox_address, NEW.subject, NEW.subject_key, NEW.preview,"
        " NEW.thread_labels, NEW.senders, NEW.recipients, NEW.public_id, 1, NEW.size, NEW.timestamp,"
        " NEW.received_timestamp, NEW.sent_timestamp, NEW.timestamp, NEW.timestamp WHERE NEW.senders IS NOT NULL",
        f"INSERT INTO event (type, {owner}, at, data) SELECT NEW.event_type, {new_owner}, NEW.timestamp, NEW.event_data"
        " WHERE NEW.event_type IS NOT NULL",
    )
