"""The migration of taint: keys that other keys made before are of their families after."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.schema import migrate, revision

# By name: the makers nearest first, its permissions, its inbox.
KEYS: dict[str, tuple[list[str], list[str] | None, str | None]] = {
    "owner": ([], None, None),
    "second": (["owner"], None, None),
    "agent": (["owner"], ["message_send"], None),
    "child": (["agent", "owner"], ["message_send"], None),
    "grandchild": (["child", "agent", "owner"], ["message_send"], None),
    "confined": (["second", "owner"], None, "inb"),
    "of_confined": (["confined", "second", "owner"], None, "inb"),
    "bound": (["owner"], None, None),
    "of_bound": (["bound", "owner"], None, None),
    "orphan": (["deleted", "owner"], None, None),
}


def _add(connection: sqlite3.Connection) -> None:
    for name, (made_by, permissions, inbox) in KEYS.items():
        connection.execute(
            "INSERT INTO api_key (id, org_id, inbox_id, name, prefix, hash, permissions, created_at, updated_at,"
            " made_by) VALUES (?, 'org', ?, ?, 'p', x'00', ?, 1, 1, ?)",
            (name, inbox, name, permissions and json.dumps(permissions), json.dumps(made_by) if made_by else None),
        )
    columns = [row for row in connection.execute("PRAGMA table_info(policy)") if row[3]]
    values = {name: 0 if kind in ("BIGINT", "BOOLEAN") else "" for _n, name, kind, *_ in columns} | {"place": "bound"}
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO policy ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def test_keys_that_were_made_before_are_of_their_families_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, "0014"))
        migrate(path, tmp_path)
    assert revision(path) == "0014"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        _add(connection)
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = dict(connection.execute("SELECT api_key_id, family FROM key_family").fetchall())
    assert found == {
        "child": "agent",
        "grandchild": "agent",
        "of_confined": "confined",
        "of_bound": "bound",
        "orphan": "deleted",
    }
