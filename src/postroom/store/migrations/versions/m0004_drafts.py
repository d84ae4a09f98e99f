"""Adds drafts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HAS_BLOB = sa.text("blob IS NOT NULL")


def upgrade() -> None:
    """Create the tables of drafts and of their files."""
    _drafts()
    op.create_table(
        "draft_file",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("inbox_id", sa.Text(), nullable=False),
        sa.Column("draft_id", sa.Text(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("blob", sa.Text()),
        sa.Column("content", sa.LargeBinary()),
    )
    op.create_index("draft_file_by_draft", "draft_file", ["inbox_id", "draft_id"])
    op.create_index("draft_file_blob", "draft_file", ["blob"], sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB)


def _drafts() -> None:
    op.create_table(
        "draft",
        sa.Column("seq", ROWID, primary_key=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.Text(), nullable=False),
        sa.Column("inbox_address", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text()),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("cc", sa.Text(), nullable=False),
        sa.Column("bcc", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("preview", sa.Text()),
        sa.Column("attachments", sa.Text(), nullable=False),
        sa.Column("in_reply_to", sa.Text()),
        sa.Column("forward_of", sa.Text()),
        sa.Column("original_id", sa.Text()),
        sa.Column("thread_id", sa.Text()),
        sa.Column("references", sa.Text(), nullable=False),
        sa.Column("send_status", sa.Text()),
        sa.Column("send_at", BIG),
        sa.Column("send_error", sa.Text()),
        sa.Column("due_at", BIG),
        sa.Column("lease_until", BIG, nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("html", sa.Text()),
    )
    op.create_index("draft_id", "draft", ["id"], unique=True)
    op.create_index("draft_client_id", "draft", ["inbox_id", "client_id"], unique=True)
    op.create_index("draft_by_inbox", "draft", ["inbox_id", "updated_at", "seq"])
    op.create_index("draft_by_pod", "draft", ["pod_id", "updated_at", "seq"])
    op.create_index("draft_by_organization", "draft", ["org_id", "updated_at", "seq"])
    op.create_index("draft_due", "draft", ["due_at"])
    op.create_index("draft_by_owner", "draft", ["lease_owner"])
