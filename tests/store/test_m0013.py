"""The migration of the claims: mail that was unread before waits for a worker after; and how the queue is read."""

import contextlib
import sqlite3
from collections import defaultdict
from pathlib import Path

import pytest
from alembic import command

from postroom.model.tenant import Reach
from postroom.store.queries import claims
from postroom.store.query import shape_of
from postroom.store.schema import migrate, revision
from postroom.store.sqlite import DIALECT

MESSAGES = (
    ("thd_new", 20, '["received","unread"]'),
    ("thd_old", 30, '["received","unread"]'),
    ("thd_old", 10, '["received","unread"]'),
    ("thd_read", 1, '["received"]'),
    ("thd_spam", 2, '["received","spam","unread"]'),
    ("thd_sent", 3, '["sent"]'),
)


def _add(connection: sqlite3.Connection) -> None:
    inbox = (
        "INSERT INTO inbox (inbox_id, org_id, pod_id, address, address_key, status, metadata, created_at, updated_at)"
    )
    connection.execute(f"{inbox} VALUES ('inb', 'org', 'pod', 'a@x.test', 'a@x.test', 'active', '{{}}', 1, 1)")
    columns = [row for row in connection.execute("PRAGMA table_info(message)") if row[3]]  # those that must be given
    for number, (thread, at, labels) in enumerate(MESSAGES):
        known: dict[str, object] = {"org_id": "org", "pod_id": "pod", "inbox_id": "inb", "id": f"msg_{number}"}
        known |= {"thread_id": thread, "timestamp": at, "labels": labels}
        values = {name: known.get(name, 0 if kind in ("BIGINT", "INTEGER") else "") for _n, name, kind, *_ in columns}
        values["seq"] = number + 1
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO message ({names}) VALUES ({marks})", list(values.values()))


def test_what_was_unread_before_waits_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, "0012"))
        migrate(path, tmp_path)
    assert revision(path) == "0012"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        _add(connection)
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT thread_id, due_at, lease_until FROM claim ORDER BY due_at").fetchall()
    assert found == [("thd_old", 10, 0), ("thd_new", 20, 0)]


@pytest.mark.parametrize(
    "query", [claims.TAKE, claims.HELD, claims.PUT, claims.NEXT_DUE, claims.PAGE], ids=lambda q: q.name
)
def test_each_step_of_the_queue_is_found_by_an_index(migrated: Path, query: object) -> None:
    assert isinstance(query, type(claims.TAKE))
    with contextlib.closing(sqlite3.connect(migrated)) as connection:
        for reach in (Reach.EVERYWHERE, Reach(org_id="o"), Reach(org_id="o", pod_id="p", inbox_id="i")):
            compiled = query.compiled(DIALECT, shape_of(DIALECT, reach))
            values = compiled.values(defaultdict(lambda: None))
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", values)]
            assert not [step for step in plan if step.startswith("SCAN")], plan
