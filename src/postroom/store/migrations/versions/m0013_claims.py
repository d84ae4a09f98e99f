"""Adds the queue of conversations that wait for an answer, filled with those that do, and files that are handed in
before they are attached.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
IS_CLAIMED = sa.text("token IS NOT NULL")
HAS_BLOB = sa.text("blob IS NOT NULL")
_HIDDEN = ("spam", "blocked", "unauthenticated", "trash")


def upgrade() -> None:
    """Change the schema of the version before."""
    _claims()
    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("org_id", "pod_id", "inbox_id", "inbox_address")),
        sa.Column("filename", sa.Text()),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("content", sa.LargeBinary()),
    )
    op.create_index("upload_by_inbox", "upload", ["inbox_id"])
    op.create_index("upload_by_end", "upload", ["expires_at"])
    op.create_index("upload_blob", "upload", ["blob"], sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB)


def _claims() -> None:
    op.create_table(
        "claim",
        sa.Column("thread_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("org_id", "pod_id", "inbox_id")),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("token", sa.Text()),
        sa.Column("lease_until", BIG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("claim_by_inbox", "claim", ["inbox_id", "due_at", "thread_id"])
    op.create_index(
        "claim_by_token", "claim", ["token"], unique=True, sqlite_where=IS_CLAIMED, postgresql_where=IS_CLAIMED
    )
    seen = " AND ".join(f"labels NOT LIKE '%\"{label}\"%'" for label in _HIDDEN)
    op.execute(
        "INSERT INTO claim (thread_id, org_id, pod_id, inbox_id, due_at, lease_until, attempts, messages, updated_at)"
        " SELECT thread_id, org_id, pod_id, inbox_id, min(timestamp), 0, 0, '[]', min(timestamp) FROM message"
        f" WHERE labels LIKE '%\"received\"%' AND labels LIKE '%\"unread\"%' AND {seen}"
        " AND inbox_id IN (SELECT inbox_id FROM inbox) GROUP BY thread_id, org_id, pod_id, inbox_id"
    )
    # A thread that goes takes its row along, whatever takes it away.
    for statement in ending(op.get_bind().dialect.name):
        op.execute(statement)


def ending(dialect: str) -> tuple[str, ...]:
    """Return what deletes the row of a thread that goes."""
    step = "DELETE FROM claim WHERE thread_id = OLD.id"
    if dialect == "sqlite":
        return (f"CREATE TRIGGER claim_ends AFTER DELETE ON thread BEGIN {step}; END",)
    return (
        f"CREATE FUNCTION claim_ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {step}; RETURN NULL; END $$",
        "CREATE TRIGGER claim_ends AFTER DELETE ON thread FOR EACH ROW EXECUTE FUNCTION claim_ends()",
    )
