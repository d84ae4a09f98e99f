"""Counts what inboxes hide, and gives callers' own ids rows of their own: one that only tracks may stand twice."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
IS_INBOX = sa.text("id = inbox_id")
_HIDDEN = ("spam", "blocked", "unauthenticated", "trash")
_TABLES = {"message": "messages", "thread": "threads"}
_OWNERS = {"inbox": "inbox_id", "webhook": "id"}


def upgrade() -> None:
    """Change the schema of the version before."""
    dialect = op.get_bind().dialect.name
    op.create_table(
        "hidden_count",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("messages", BIG, nullable=False),
        sa.Column("threads", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "client_id",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("place", sa.Text(), primary_key=True),
        sa.Column("client_id", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("client_id_of", "client_id", ["id"], unique=True)
    op.create_index("trash_of_inboxes", "trash", ["org_id"], sqlite_where=IS_INBOX, postgresql_where=IS_INBOX)
    op.drop_index("inbox_client_id", "inbox")
    op.drop_index("webhook_client_id", "webhook")
    for kind, place in (("inbox", "pod_id"), ("webhook", "place")):
        op.execute(
            f"INSERT INTO client_id (kind, place, client_id, id) SELECT '{kind}', {place}, client_id, {_OWNERS[kind]}"
            f" FROM {kind} WHERE client_id IS NOT NULL"
        )
    op.execute(_hidden_so_far(dialect))
    for statement in (*counting(dialect), *forgetting(dialect)):
        op.execute(statement)


def _hides(row: str, dialect: str) -> str:
    """Return the condition that the labels of a row keep it out of lists; in JSON a label stands in quotes."""
    find = "instr" if dialect == "sqlite" else "strpos"
    labels = f"{row}.labels" if row else "labels"
    return "(" + " OR ".join(f"{find}({labels}, '\"{label}\"') > 0" for label in _HIDDEN) + ")"


def _hidden_so_far(dialect: str) -> str:
    each = [
        f"SELECT inbox_id, {int(table == 'message')} AS m, {int(table == 'thread')} AS t FROM {table}"
        f" WHERE {_hides('', dialect)}"
        for table in _TABLES
    ]
    return (
        "INSERT INTO hidden_count (inbox_id, messages, threads)"
        f" SELECT inbox_id, sum(m), sum(t) FROM ({' UNION ALL '.join(each)}) AS hidden GROUP BY inbox_id"
    )


def counting(dialect: str) -> tuple[str, ...]:
    """Return what keeps `hidden_count`: a message or a thread that hides nothing and never did costs a comparison.

    Triggers, because labels are written by many, and nothing that counts is forgotten.
    """
    old, new = _hides("OLD", dialect), _hides("NEW", dialect)
    made: list[str] = []
    for table, column in _TABLES.items():
        for change, when, row, amount in (
            ("INSERT", new, "NEW", "1"),
            ("UPDATE OF labels", f"{old} <> {new}", "NEW", f"CASE WHEN {new} THEN 1 ELSE -1 END"),
            ("DELETE", old, "OLD", "-1"),
        ):
            name = f"hidden_{table}_{change.split()[0].lower()}"
            made += trigger(dialect, name, f"{change} ON {table}", when, _steps(column, row, amount))
    return tuple(made)


def _steps(column: str, row: str, amount: str) -> str:
    numbers = ", ".join(amount if name == column else "0" for name in _TABLES.values())
    return (
        f"INSERT INTO hidden_count (inbox_id, messages, threads) VALUES ({row}.inbox_id, {numbers})"
        f" ON CONFLICT (inbox_id) DO UPDATE SET {column} = hidden_count.{column} + excluded.{column};"
        f" DELETE FROM hidden_count WHERE inbox_id = {row}.inbox_id AND messages = 0 AND threads = 0"
    )


def forgetting(dialect: str) -> tuple[str, ...]:
    """Return what lets a caller's own id go with the inbox or the webhook that it names."""
    made: list[str] = []
    for table, key in _OWNERS.items():
        step = f"DELETE FROM client_id WHERE id = OLD.{key}"
        made += trigger(dialect, f"client_id_{table}", f"DELETE ON {table}", "OLD.client_id IS NOT NULL", step)
    return tuple(made)


def trigger(dialect: str, name: str, event: str, when: str, steps: str) -> tuple[str, ...]:
    """Return what makes a trigger: after `event`, for each row that `when` is true of."""
    if dialect == "sqlite":
        return (f"CREATE TRIGGER {name} AFTER {event} WHEN {when} BEGIN {steps}; END",)
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {steps}; RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()",
    )
