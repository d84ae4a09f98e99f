"""The migration of headers and marks: what was read or archived before is counted after, as is every change."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.migrations.versions import m0020_headers_and_marks
from postroom.store.schema import migrate
from tests.store.test_m0013 import _add

_COUNTED = "SELECT seen, archived, seen_archived FROM mark_count"


def test_what_an_inbox_received_that_is_read_or_archived_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, upgrade = tmp_path / "old.db", command.upgrade
    before = str(m0020_headers_and_marks.down_revision)
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, before))
        migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        _add(connection)
        connection.execute('UPDATE message SET labels = \'["received","unread"]\'')
        connection.execute('UPDATE message SET labels = \'["archived","received"]\' WHERE seq = 1')
        connection.execute('UPDATE message SET labels = \'["received","spam"]\' WHERE seq = 2')
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(_COUNTED).fetchall() == [(1, 1, 1)]
        connection.execute('UPDATE message SET labels = \'["archived","received","unread"]\' WHERE seq = 1')
        assert connection.execute(_COUNTED).fetchall() == [(0, 1, 0)]
        connection.execute("UPDATE message SET labels = '[\"received\"]' WHERE seq = 2")
        assert connection.execute(_COUNTED).fetchall() == [(1, 1, 0)]
        connection.execute("DELETE FROM message")
        assert connection.execute(_COUNTED).fetchall() == []
