"""Keeps totals of pods and organizations beside those of inboxes, counts inboxes, domains and pods with them, and adds
when a key was last used and since when a webhook fails.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
IS_OPEN = sa.text("due_at IS NOT NULL")
_NUMBERS = ("messages", "bytes", "threads", "inboxes", "domains", "pods")
_MINUTE = 60_000
# What a change of a row counts, by table and kind: the row, when it was, the places, and how much of what. Who deletes
# has said when: by `updated_at`, of a pod, which has none, by `created_at`.
_OF_THREAD = ("inbox_id", "pod_id", "org_id")
_CHANGES: tuple[tuple[str, str, str, tuple[str, ...], dict[str, str]], ...] = (
    (
        "thread",
        "INSERT",
        "updated_at",
        _OF_THREAD,
        {"messages": "NEW.message_count", "bytes": "NEW.size", "threads": "1"},
    ),
    (
        *("thread", "UPDATE", "updated_at", _OF_THREAD),
        {"messages": "NEW.message_count - OLD.message_count", "bytes": "NEW.size - OLD.size"},
    ),
    (
        *("thread", "DELETE", "updated_at", _OF_THREAD),
        {"messages": "-OLD.message_count", "bytes": "-OLD.size", "threads": "-1"},
    ),
    ("inbox", "INSERT", "created_at", ("pod_id", "org_id"), {"inboxes": "1"}),
    ("inbox", "DELETE", "updated_at", ("pod_id", "org_id"), {"inboxes": "-1"}),
    ("domain", "INSERT", "created_at", ("pod_id", "org_id"), {"domains": "1"}),
    ("domain", "DELETE", "updated_at", ("pod_id", "org_id"), {"domains": "-1"}),
    ("pod", "INSERT", "created_at", ("org_id",), {"pods": "1"}),
    ("pod", "DELETE", "created_at", ("org_id",), {"pods": "-1"}),
)


def upgrade() -> None:
    """Change the schema of the version before."""
    dialect = op.get_bind().dialect.name
    op.add_column("api_key", sa.Column("used_at", BIG))
    op.add_column("webhook", sa.Column("failing_since", BIG))
    _indexes()
    for change in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER usage_{change}" + ("" if dialect == "sqlite" else " ON thread"))
        if dialect != "sqlite":
            op.execute(f"DROP FUNCTION usage_{change}()")
    op.rename_table("usage", "usage_before")
    op.create_table(
        "usage",
        sa.Column("place", sa.Text(), primary_key=True),
        sa.Column("at", BIG, primary_key=True),
        *(sa.Column(number, BIG, nullable=False) for number in _NUMBERS),
        sqlite_with_rowid=False,
    )
    op.execute(_history())
    op.drop_table("usage_before")
    for statement in counting(dialect):
        op.execute(statement)


def _indexes() -> None:
    """Let a pod's, and an inbox's, list be read along an index of its own."""
    op.drop_index("domain_by_pod", "domain")
    op.create_index("domain_by_pod", "domain", ["pod_id", "created_at", "id"])
    op.create_index("webhook_by_pod", "webhook", ["pod_id", "created_at", "id"])
    op.create_index("webhook_by_inbox", "webhook", ["inbox_id", "created_at", "id"])
    op.create_index(
        "webhook_delivery_open",
        "webhook_delivery",
        ["inbox_id"],
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    )


def _history() -> str:
    """Return the statement that adds up, minute by minute, what was held and what there was."""
    held = ", ".join(f"u.{n} - coalesce(lag(u.{n}) OVER w, 0) AS {n}" for n in ("messages", "bytes", "threads"))
    changes = [
        f"SELECT {place} AS place, at, messages, bytes, threads, 0 AS inboxes, 0 AS domains, 0 AS pods FROM step"
        for place in _OF_THREAD
    ]
    for table, change, at, places, amounts in _CHANGES:
        if change == "INSERT" and table != "thread":
            numbers = ", ".join(amounts.get(n, "0") for n in _NUMBERS)
            changes += [
                f"SELECT {place}, {at} - {at} % {_MINUTE}, {numbers} FROM {table} WHERE {place} IS NOT NULL"
                for place in places
            ]
    totals = ", ".join(f"sum(sum({n})) OVER (PARTITION BY place ORDER BY at)" for n in _NUMBERS)
    return (
        f"INSERT INTO usage (place, at, {', '.join(_NUMBERS)}) WITH owned AS"
        " (SELECT inbox_id, pod_id, org_id FROM inbox UNION SELECT inbox_id, pod_id, org_id FROM thread),"
        f" step AS (SELECT o.inbox_id, o.pod_id, o.org_id, u.at - u.at % {_MINUTE} AS at, {held}"
        " FROM usage_before u JOIN owned o ON o.inbox_id = u.inbox_id"
        " WINDOW w AS (PARTITION BY u.inbox_id ORDER BY u.at)),"
        f" change AS ({' UNION ALL '.join(changes)}) SELECT place, at, {totals} FROM change GROUP BY place, at"
    )


def counting(dialect: str) -> tuple[str, ...]:
    """Return what keeps `usage`: every change of a thread's numbers, or of what there is, is one statement more.

    Triggers, because all that adds or takes away a message corrects its thread, and nothing that counts is forgotten.
    """
    return tuple(statement for change in _CHANGES for statement in _trigger(dialect, *change))


def _trigger(
    dialect: str, table: str, change: str, at: str, places: tuple[str, ...], amounts: dict[str, str]
) -> tuple[str, ...]:
    name, step = f"usage_{table}_{change.lower()}", _step(change, at, places, amounts)
    event = f"{change} OF message_count, size" if change == "UPDATE" else change
    if dialect == "sqlite":
        return (f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {step}; END",)
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {step}; RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


def _step(change: str, at: str, places: tuple[str, ...], amounts: dict[str, str]) -> str:
    """Return the statement that writes the totals after a change; a clock that stepped back adds to the last row."""
    row = "OLD" if change == "DELETE" else "NEW"
    # What goes is taken from what was counted: a pod that is gone has no totals any more.
    join = "JOIN" if change == "DELETE" else "LEFT JOIN"
    minute = f"{row}.{at} - {row}.{at} % {_MINUTE}"
    named = " UNION ALL ".join(f"SELECT {row}.{place} AS place" for place in places)
    totals = ", ".join(
        f"coalesce(u.{n}, 0) + ({amounts[n]})" if n in amounts else f"coalesce(u.{n}, 0)" for n in _NUMBERS
    )
    kept = ", ".join(f"{n} = excluded.{n}" for n in amounts)
    return (
        f"INSERT INTO usage (place, at, {', '.join(_NUMBERS)})"
        f" SELECT p.place, CASE WHEN u.at > {minute} THEN u.at ELSE {minute} END, {totals} FROM ({named}) AS p"
        f" {join} usage u ON u.place = p.place AND u.at = (SELECT max(at) FROM usage WHERE place = p.place)"
        f" WHERE p.place IS NOT NULL ON CONFLICT (place, at) DO UPDATE SET {kept}"
    )
