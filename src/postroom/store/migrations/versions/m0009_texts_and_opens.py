"""Adds the texts of files, and counts what was opened."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
OF_METRICS = sa.text(
    "type IN ('message.received', 'message.received.spam', 'message.received.blocked',"
    " 'message.received.unauthenticated', 'message.sent', 'message.delivered', 'message.bounced',"
    " 'message.complained', 'message.rejected', 'message.opened', 'domain.verified')"
)


def upgrade() -> None:
    """Change the schema of the version before."""
    op.create_table(
        "attachment_text",
        sa.Column("message_seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("part", BIG, primary_key=True, autoincrement=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
    )
    op.create_index("attachment_text_by_hash", "attachment_text", ["org_id", "sha256"])
    op.drop_index("event_of_metrics", "event")
    op.create_index(
        "event_of_metrics",
        "event",
        ["org_id", "type", "at", "pod_id", "inbox_id"],
        sqlite_where=OF_METRICS,
        postgresql_where=OF_METRICS,
    )
    # Without a pixel in it, nobody can tell that it is opened: such was never sent before.
    op.execute("DELETE FROM message_open")
