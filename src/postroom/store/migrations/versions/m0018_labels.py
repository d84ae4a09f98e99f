"""Gives labels rows of their own, for their colours, and counts what inboxes show that they did not receive."""

import sqlalchemy as sa
from alembic import op

from postroom.store.migrations.versions.m0017_counts import trigger

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
_HIDDEN = ("spam", "blocked", "unauthenticated", "trash")


def upgrade() -> None:
    """Change the schema of the version before."""
    dialect = op.get_bind().dialect.name
    op.create_table(
        "label",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("color", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outgoing_count",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("messages", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO outgoing_count (inbox_id, messages)"
        f" SELECT inbox_id, count(*) FROM message WHERE {_is_counted('', dialect)} GROUP BY inbox_id"
    )
    for statement in counting(dialect):
        op.execute(statement)


def _is_counted(row: str, dialect: str) -> str:
    """Return the condition that lists show a row that was not received; in JSON a label stands in quotes."""
    find = "instr" if dialect == "sqlite" else "strpos"
    labels = f"{row}.labels" if row else "labels"
    absent = [f"{find}({labels}, '\"{label}\"') = 0" for label in ("received", *_HIDDEN)]
    return f"({' AND '.join(absent)})"


def counting(dialect: str) -> tuple[str, ...]:
    """Return what keeps `outgoing_count`: of a message that arrives, it costs a comparison."""
    old, new = _is_counted("OLD", dialect), _is_counted("NEW", dialect)
    made: list[str] = []
    for change, when, row, amount in (
        ("INSERT", new, "NEW", "1"),
        ("UPDATE OF labels", f"{old} <> {new}", "NEW", f"CASE WHEN {new} THEN 1 ELSE -1 END"),
        ("DELETE", old, "OLD", "-1"),
    ):
        name = f"outgoing_{change.split()[0].lower()}"
        steps = (
            f"INSERT INTO outgoing_count (inbox_id, messages) VALUES ({row}.inbox_id, {amount})"
            " ON CONFLICT (inbox_id) DO UPDATE SET messages = outgoing_count.messages + excluded.messages;"
            f" DELETE FROM outgoing_count WHERE inbox_id = {row}.inbox_id AND messages = 0"
        )
        made += trigger(dialect, name, f"{change} ON message", when, steps)
    return tuple(made)
