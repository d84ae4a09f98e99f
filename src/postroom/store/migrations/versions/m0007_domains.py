"""Adds domains of one's own."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
IS_VERIFIED = sa.text("verified_at IS NOT NULL")


def upgrade() -> None:
    """Create the table of domains."""
    op.create_table(
        "domain",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text()),
        sa.Column("inbox_id", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("feedback_enabled", sa.Integer(), nullable=False),
        sa.Column("inbound_enabled", sa.Integer(), nullable=False),
        sa.Column("subdomains_enabled", sa.Integer(), nullable=False),
        sa.Column("tracking_enabled", sa.Integer(), nullable=False),
        sa.Column("verified_at", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    op.create_index("domain_name", "domain", ["org_id", "name"], unique=True)
    op.create_index(
        "domain_verified", "domain", ["name"], unique=True, sqlite_where=IS_VERIFIED, postgresql_where=IS_VERIFIED
    )
    op.create_index("domain_by_organization", "domain", ["org_id", "created_at", "id"])
    op.create_index("domain_by_pod", "domain", ["pod_id"])
