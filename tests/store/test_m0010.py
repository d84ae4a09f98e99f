"""The migration of the totals: what inboxes held before is told of their pods and organizations after."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.schema import migrate, revision

BEFORE = """
INSERT INTO organization VALUES ('org_a', 'a', 1);
INSERT INTO pod (id, org_id, name, created_at) VALUES ('pod_a', 'org_a', 'a', 1), ('pod_b', 'org_a', 'b', 60000);
INSERT INTO inbox (inbox_id, org_id, pod_id, address, address_key, status, metadata, created_at, updated_at) VALUES
 ('inb_a', 'org_a', 'pod_a', 'a@x.test', 'a@x.test', 'active', '{}', 60000, 1),
 ('inb_b', 'org_a', 'pod_b', 'b@x.test', 'b@x.test', 'active', '{}', 60001, 1);
INSERT INTO usage VALUES ('inb_a', 61000, 1, 10, 1), ('inb_a', 62000, 3, 30, 2), ('inb_a', 180000, 2, 20, 1),
 ('inb_b', 120000, 5, 50, 4), ('inb_gone', 1000, 1, 1, 1);
"""


def test_a_database_of_before_has_its_past_in_all_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, "0009"))
        migrate(path, tmp_path)
    assert revision(path) == "0009"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(BEFORE)
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT * FROM usage ORDER BY place, at").fetchall()
    assert found == [
        ("inb_a", 60_000, 3, 30, 2, 0, 0, 0),
        ("inb_a", 180_000, 2, 20, 1, 0, 0, 0),
        ("inb_b", 120_000, 5, 50, 4, 0, 0, 0),
        ("org_a", 0, 0, 0, 0, 0, 0, 1),
        ("org_a", 60_000, 3, 30, 2, 2, 0, 2),
        ("org_a", 120_000, 8, 80, 6, 2, 0, 2),
        ("org_a", 180_000, 7, 70, 5, 2, 0, 2),
        ("pod_a", 60_000, 3, 30, 2, 1, 0, 0),
        ("pod_a", 180_000, 2, 20, 1, 1, 0, 0),
        ("pod_b", 60_000, 0, 0, 0, 1, 0, 0),
        ("pod_b", 120_000, 5, 50, 4, 1, 0, 0),
    ]
