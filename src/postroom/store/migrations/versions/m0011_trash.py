"""Adds the trash: what was deleted and can be brought back."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()


def upgrade() -> None:
    """Change the schema of the version before."""
    op.create_table(
        "trash",
        sa.Column("id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("org_id", "pod_id", "inbox_id")),
        sa.Column("at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("trash_by_time", "trash", ["at", "id"])
