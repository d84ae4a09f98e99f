"""Adds what is counted, and the keys of requests that are to have one effect."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
OF_METRICS = sa.text(
    "type IN ('message.received', 'message.received.spam', 'message.received.blocked',"
    " 'message.received.unauthenticated', 'message.sent', 'message.delivered', 'message.bounced',"
    " 'message.complained', 'message.rejected', 'domain.verified')"
)
_CHANGES = {
    "INSERT": ("NEW", "NEW.message_count", "NEW.size", "1"),
    "UPDATE": ("NEW", "NEW.message_count - OLD.message_count", "NEW.size - OLD.size", "0"),
    # Who deletes a thread has said when by `updated_at`.
    "DELETE": ("OLD", "-OLD.message_count", "-OLD.size", "-1"),
}


def upgrade() -> None:
    """Change the schema of the version before."""
    op.create_table(
        "idempotency_key",
        sa.Column("org_id", sa.Text(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", BIG, nullable=False),
        sa.Column("message", sa.Text()),
        sa.Column("message_id", sa.Text()),
        sa.Column("thread_id", sa.Text()),
        sqlite_with_rowid=False,
    )
    op.create_index("idempotency_key_until", "idempotency_key", ["until"])
    op.create_index(
        "event_of_metrics",
        "event",
        ["org_id", "type", "at", "pod_id", "inbox_id"],
        sqlite_where=OF_METRICS,
        postgresql_where=OF_METRICS,
    )
    op.create_table(
        "usage",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("at", BIG, primary_key=True),
        sa.Column("messages", BIG, nullable=False),
        sa.Column("bytes", BIG, nullable=False),
        sa.Column("threads", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO usage (inbox_id, at, messages, bytes, threads) SELECT inbox_id,"
        " max(timestamp) - max(timestamp) % 1000, sum(message_count), sum(size), count(*) FROM thread GROUP BY inbox_id"
    )
    for statement in counting(op.get_bind().dialect.name):
        op.execute(statement)


def counting(dialect: str) -> tuple[str, ...]:
    """Return what keeps `usage`: every change of a thread's numbers is one statement more.

    A trigger on threads, because all that adds or takes away a message corrects its thread.
    """
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER usage_{change.lower()} AFTER {_of(change)} ON thread BEGIN {_step(*parts)}; END"
            for change, parts in _CHANGES.items()
        )
    return tuple(
        statement
        for change, parts in _CHANGES.items()
        for statement in (
            f"CREATE FUNCTION usage_{change.lower()}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {_step(*parts)}; RETURN NULL; END $$",
            f"CREATE TRIGGER usage_{change.lower()} AFTER {_of(change)} ON thread"
            f" FOR EACH ROW EXECUTE FUNCTION usage_{change.lower()}()",
        )
    )


def _of(change: str) -> str:
    return "UPDATE OF message_count, size" if change == "UPDATE" else change


def _step(row: str, messages: str, size: str, threads: str) -> str:
    """Return the statement that writes the totals after a change; a clock that stepped back adds to the last row."""
    second = f"{row}.updated_at - {row}.updated_at % 1000"
    greater = f"CASE WHEN u.at > {second} THEN u.at ELSE {second} END"
    return (
        "INSERT INTO usage (inbox_id, at, messages, bytes, threads)"
        f" SELECT {row}.inbox_id, {greater}, coalesce(u.messages, 0) + ({messages}), coalesce(u.bytes, 0) + ({size}),"
        f" coalesce(u.threads, 0) + ({threads}) FROM (SELECT 1 AS one) AS o LEFT JOIN usage u"
        f" ON u.inbox_id = {row}.inbox_id AND u.at = (SELECT max(at) FROM usage WHERE inbox_id = {row}.inbox_id)"
        " WHERE true ON CONFLICT (inbox_id, at) DO UPDATE SET messages = excluded.messages,"
        " bytes = excluded.bytes, threads = excluded.threads"
    )
