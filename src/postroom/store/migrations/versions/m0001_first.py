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


def upgrade() -> None:
    """Create everything that version 0.1 keeps."""
    _tenants()
    _mail()
    _keys_to_mail()
    _queues()
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
    op.create_table(
        "search_queue",
        sa.Column("message_seq", ROWID, primary_key=True),
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
