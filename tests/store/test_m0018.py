"""The migration of the labels: what was sent before is counted after, and every change of labels after that."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.migrations.versions import m0018_labels
from postroom.store.schema import migrate
from tests.store.test_m0013 import _add


def test_what_an_inbox_shows_that_it_did_not_receive_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, str(m0018_labels.down_revision)))
        migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        _add(connection)
        before = connection.execute("SELECT labels FROM message").fetchall()
        outgoing = sum('"received"' not in row[0] and '"spam"' not in row[0] for row in before)
        assert outgoing
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:

        def counted() -> list[tuple[str, int]]:
            return connection.execute("SELECT * FROM outgoing_count").fetchall()

        assert counted() == [("inb", outgoing)]
        connection.execute("UPDATE message SET labels = '[\"sent\",\"trash\"]' WHERE thread_id = 'thd_sent'")
        assert counted() == ([("inb", outgoing - 1)] if outgoing > 1 else [])
        connection.execute("UPDATE message SET labels = '[\"sent\",\"spam\"]' WHERE thread_id = 'thd_sent'")
        connection.execute("UPDATE message SET labels = '[\"sent\"]' WHERE thread_id = 'thd_sent'")
        assert counted() == [("inb", outgoing)]
        connection.execute("DELETE FROM message")
        assert counted() == []
