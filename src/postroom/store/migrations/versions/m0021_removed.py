"""Adds to the texts of files how much was left out of them."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema of the version before."""
    op.add_column("attachment_text", sa.Column("removed", sa.Text()))
