"""Adds to drafts the header fields that their writer gives, and whether words of a forward stand for the original's.

Counts what inboxes received and is read, or put aside: as mail arrives, neither is so, and it costs a comparison.
"""

import sqlalchemy as sa
from alembic import op

from postroom.store.migrations.versions.m0017_counts import trigger

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
_HIDDEN = ("spam", "blocked", "unauthenticated", "trash")
_COUNTS = ("seen", "archived", "seen_archived")


def upgrade() -> None:
    """Change the schema of the version before."""
    dialect = op.get_bind().dialect.name
    op.add_column("draft", sa.Column("headers", sa.Text()))
    op.add_column("draft", sa.Column("replaces", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "mark_count",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        *(sa.Column(name, BIG, nullable=False) for name in _COUNTS),
        sqlite_with_rowid=False,
    )
    sums = ", ".join(f"sum({_marked('', name, dialect)})" for name in _COUNTS)
    op.execute(
        f"INSERT INTO mark_count (inbox_id, {', '.join(_COUNTS)})"
        f" SELECT inbox_id, {sums} FROM message WHERE {_is_marked('', dialect)} GROUP BY inbox_id"
    )
    for statement in counting(dialect):
        op.execute(statement)


def _has(row: str, label: str, dialect: str) -> str:
    """Return the condition that a row has a label; in JSON it stands in quotes."""
    labels = f"{row}.labels" if row else "labels"
    return f"{'instr' if dialect == 'sqlite' else 'strpos'}({labels}, '\"{label}\"') > 0"


def _is_marked(row: str, dialect: str) -> str:
    """Return the condition that a row counts; what is just arriving fails its first part."""
    marked = f"(NOT {_has(row, 'unread', dialect)} OR {_has(row, 'archived', dialect)})"
    shown = [f"NOT {_has(row, label, dialect)}" for label in _HIDDEN]
    return f"({' AND '.join((marked, _has(row, 'received', dialect), *shown))})"


def _marked(row: str, name: str, dialect: str) -> str:
    """Return 1 where a row counts in a column, else 0."""
    seen, archived = f"NOT {_has(row, 'unread', dialect)}", _has(row, "archived", dialect)
    own = {"seen": seen, "archived": archived, "seen_archived": f"{seen} AND {archived}"}[name]
    return f"CASE WHEN {own} AND {_is_marked(row, dialect)} THEN 1 ELSE 0 END"


def counting(dialect: str) -> tuple[str, ...]:
    """Return what keeps `mark_count`."""
    old, new = ({name: _marked(row, name, dialect) for name in _COUNTS} for row in ("OLD", "NEW"))
    made: list[str] = []
    for change, when, row, amounts in (
        ("INSERT", _is_marked("NEW", dialect), "NEW", [new[name] for name in _COUNTS]),
        (
            "UPDATE OF labels",
            " OR ".join(f"{old[name]} <> {new[name]}" for name in _COUNTS),
            "NEW",
            [f"{new[name]} - {old[name]}" for name in _COUNTS],
        ),
        ("DELETE", _is_marked("OLD", dialect), "OLD", [f"-{old[name]}" for name in _COUNTS]),
    ):
        steps = (
            f"INSERT INTO mark_count (inbox_id, {', '.join(_COUNTS)}) VALUES ({row}.inbox_id, {', '.join(amounts)})"
            " ON CONFLICT (inbox_id) DO UPDATE SET"
            f" {', '.join(f'{name} = mark_count.{name} + excluded.{name}' for name in _COUNTS)};"
            f" DELETE FROM mark_count WHERE inbox_id = {row}.inbox_id AND seen = 0 AND archived = 0"
        )
        made += trigger(dialect, f"mark_{change.split()[0].lower()}", f"{change} ON message", when, steps)
    return tuple(made)
