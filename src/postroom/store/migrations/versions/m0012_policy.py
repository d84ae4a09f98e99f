"""Adds policies and approvals; whom an inbox has written to before stays known."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
HAS_BLOB = sa.text("blob IS NOT NULL")
IS_PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    """Change the schema of the version before."""
    op.add_column("draft", sa.Column("written_by", sa.Text()))
    op.add_column("api_key", sa.Column("made_by", sa.Text()))
    _policies()
    _approvals()
    _acquaint(op.get_bind())


def _policies() -> None:
    op.create_table(
        "policy",
        sa.Column("place", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("pod_id", "inbox_id", "name")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("recipients", "allowed", "approval")),
        sa.Column("reply_only", sa.Boolean(), nullable=False),
        sa.Column("max_recipients_per_day", BIG),
        sa.Column("max_mails_per_day", BIG),
        sa.Column("taint", sa.Boolean(), nullable=False),
        sa.Column("elicitation", sa.Boolean(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    for name, column in (("organization", "org_id"), ("pod", "pod_id"), ("inbox", "inbox_id")):
        op.create_index(f"policy_by_{name}", "policy", [column, "created_at", "place"])
    op.create_table(
        "policy_count",
        sa.Column("place", sa.Text(), primary_key=True),
        sa.Column("day", BIG, primary_key=True, autoincrement=False),
        sa.Column("mails", BIG, nullable=False),
        sa.Column("recipients", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "correspondent",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("party", sa.LargeBinary(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "taint",
        sa.Column("reader", sa.Text(), primary_key=True),
        sa.Column("at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )


def _approvals() -> None:
    texts = ("org_id", "pod_id", "inbox_id", "inbox_address", "draft_id")
    op.create_table(
        "approval",
        sa.Column("id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("draft_version", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Text()),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("state", "rule", "reason")),
        sa.Column("subject", sa.Text()),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("recipients", "bcc", "labels", "digest", "asked_by")),
        sa.Column("decided_by", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("decided_at", BIG),
        sa.Column("shown", sa.Text()),
        sa.Column("size", BIG, nullable=False),
        sa.Column("blob", sa.Text()),
        sa.Column("content", sa.LargeBinary()),
    )
    for name, column in (("organization", "org_id"), ("pod", "pod_id"), ("inbox", "inbox_id")):
        op.create_index(f"approval_by_{name}", "approval", [column, "state", "created_at", "id"])
    op.create_index("approval_by_draft", "approval", ["draft_id"])
    op.create_index(
        "approval_expiring", "approval", ["expires_at"], sqlite_where=IS_PENDING, postgresql_where=IS_PENDING
    )
    op.create_index("approval_blob", "approval", ["blob"], sqlite_where=HAS_BLOB, postgresql_where=HAS_BLOB)


def _acquaint(connection: sa.Connection) -> None:
    """Write down whom each inbox has written to. The hash is that of `service/correspondents`, as it is today."""
    from postroom.model.address import address_key

    found = connection.execute(sa.text("SELECT DISTINCT inbox_id, recipient FROM delivery"))
    add = sa.text("INSERT INTO correspondent (inbox_id, party) VALUES (:inbox_id, :party) ON CONFLICT DO NOTHING")
    while rows := found.fetchmany(500):
        parties = [(inbox, f"{inbox}\0{address_key(recipient)}".encode()) for inbox, recipient in rows]
        values = [{"inbox_id": i, "party": hashlib.blake2b(p, digest_size=16).digest()} for i, p in parties]
        connection.execute(add, values)
