"""Adds threads of a pod and of an organization, the journal of labels, and messages whose opening is to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
OF_LABELS = sa.text("type IN ('label.added', 'label.removed')")
NOT_BORNE = sa.text("message_seq IS NULL")


def upgrade() -> None:
    """Change the schema of the version before."""
    op.create_index("thread_by_pod", "thread", ["pod_id", "timestamp", "seq"])
    op.create_index("thread_by_organization", "thread", ["org_id", "timestamp", "seq"])
    op.create_index("event_of_labels", "event", ["inbox_id", "seq"], sqlite_where=OF_LABELS, postgresql_where=OF_LABELS)
    op.create_index(
        "message_reference_not_borne",
        "message_reference",
        ["thread_id"],
        sqlite_where=NOT_BORNE,
        postgresql_where=NOT_BORNE,
    )
    op.create_table(
        "message_open",
        sa.Column("message_seq", BIG, primary_key=True),
        sa.Column("opened_at", BIG),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        # Rows say now of which pod and organization they are: the worker that indexes begins anew.
        op.execute("INSERT INTO message_search(message_search) VALUES ('delete-all')")
