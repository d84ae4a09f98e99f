"""Adds who may write and be written to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of allow and block lists."""
    op.create_table(
        "list_entry",
        sa.Column("place", sa.Text(), primary_key=True),
        sa.Column("direction", sa.Text(), primary_key=True),
        sa.Column("list_type", sa.Text(), primary_key=True),
        sa.Column("entry", sa.Text(), primary_key=True),
        sa.Column("entry_type", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text()),
        sa.Column("inbox_id", sa.Text()),
        sa.Column("inbox_address", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
