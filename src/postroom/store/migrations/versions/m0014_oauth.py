"""Adds remote access by OAuth."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()


def upgrade() -> None:
    """Create the tables of clients, grants and tokens."""
    op.create_table(
        "oauth_client",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("redirect_uris", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("used_at", BIG),
    )
    op.create_index("oauth_client_by_time", "oauth_client", ["created_at"])
    op.create_table(
        "oauth_grant",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text()),
        sa.Column("inbox_id", sa.Text()),
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.Column("code_until", BIG, nullable=False),
        sa.Column("used_at", BIG),
        sa.Column("created_at", BIG, nullable=False),
    )
    op.create_index("oauth_grant_code", "oauth_grant", ["code"], unique=True)
    op.create_index("oauth_grant_request", "oauth_grant", ["request"], unique=True)
    op.create_table(
        "oauth_token",
        sa.Column("hash", sa.LargeBinary(), primary_key=True),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("replaced_at", BIG),
        sqlite_with_rowid=False,
    )
    op.create_index("oauth_token_by_grant", "oauth_token", ["grant_id"])
    op.create_index("oauth_token_until", "oauth_token", ["expires_at"])
