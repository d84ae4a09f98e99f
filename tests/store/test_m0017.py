"""The migration of the counts: what was hidden before is counted after, and callers' own ids stay unique."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.migrations.versions import m0017_counts
from postroom.store.schema import migrate
from tests.store.test_m0013 import _add


def test_what_was_hidden_and_named_before_is_known_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, str(m0017_counts.down_revision)))
        migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        _add(connection)
        connection.execute("UPDATE inbox SET client_id = 'mine'")
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("SELECT * FROM hidden_count").fetchall() == [("inb", 1, 0)]
        assert connection.execute("SELECT * FROM client_id").fetchall() == [("inbox", "pod", "mine", "inb")]
        connection.execute("UPDATE message SET labels = '[\"trash\"]' WHERE thread_id = 'thd_sent'")
        connection.execute("UPDATE message SET labels = '[\"spam\",\"trash\"]' WHERE thread_id = 'thd_sent'")
        assert connection.execute("SELECT messages FROM hidden_count").fetchall() == [(2,)]
        connection.execute("UPDATE message SET labels = '[\"spammer\"]' WHERE thread_id = 'thd_sent'")
        connection.execute("DELETE FROM message WHERE thread_id = 'thd_spam'")
        assert connection.execute("SELECT * FROM hidden_count").fetchall() == []
        connection.execute("DELETE FROM inbox")
        assert connection.execute("SELECT * FROM client_id").fetchall() == []
