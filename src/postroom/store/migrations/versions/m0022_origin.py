"""Keeps how a message came with what lists show of it: behind a long text, a list had to read that to say it."""

import sqlalchemy as sa
from alembic import op

from postroom.store.migrations.versions.m0001_first import file_anew

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema of the version before."""
    op.add_column("message", sa.Column("origin", sa.Text(), nullable=False, server_default="smtp"))
    op.execute(
        "UPDATE message SET origin = coalesce((SELECT b.origin FROM message_body b WHERE b.message_seq = seq), origin)"
    )
    file_anew("tainted", "automatic", "origin")
    op.drop_column("message_body", "origin")
