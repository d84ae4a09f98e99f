"""The migration of the tenants: what was there before has what is asked of it after."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.schema import migrate, revision

BEFORE = """
INSERT INTO organization VALUES ('org_a', 'a', 1);
INSERT INTO pod VALUES ('pod_b', 'org_a', 'later', 2);
INSERT INTO pod VALUES ('pod_a', 'org_a', 'default', 1);
INSERT INTO inbox (inbox_id, org_id, pod_id, address, address_key, display_name, metadata, created_at, updated_at)
 VALUES ('inb_a', 'org_a', 'pod_a', 'Agent@b.test', 'agent@b.test', 'Émile', '{}', 1, 1);
INSERT INTO api_key (id, org_id, name, prefix, hash, created_at) VALUES ('key_a', 'org_a', 'k', 'pr_', x'00', 7);
"""


def test_a_database_of_the_first_version_gets_words_a_default_pod_and_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, "0001"))
        migrate(path, tmp_path)
    assert revision(path) == "0001"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(BEFORE)
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        words = connection.execute("SELECT word FROM inbox_word WHERE inbox_id = 'inb_a' ORDER BY word").fetchall()
        assert [word for (word,) in words] == ["agent", "b", "emile", "test"]
        assert connection.execute("SELECT id FROM pod WHERE default_of = 'org_a'").fetchall() == [("pod_a",)]
        assert connection.execute("SELECT status FROM inbox").fetchall() == [("active",)]
        assert connection.execute("SELECT updated_at FROM api_key").fetchall() == [(7,)]
