"""The migration of origins: how a message came is known after as before, and what arrives then is kept whole."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.migrations.versions import m0022_origin
from postroom.store.schema import migrate
from tests.store.test_m0013 import _add

_WAYS = ("smtp", "local", "import")


def test_how_messages_came_before_is_known_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, str(m0022_origin.down_revision)))
        migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        _add(connection)
        seqs = [seq for (seq,) in connection.execute("SELECT seq FROM message ORDER BY seq LIMIT 3")]
        connection.executemany(
            'INSERT INTO message_body (message_seq, headers, origin, text, "references")'
            " VALUES (?, '[]', ?, 'Words.', '[]')",
            list(zip(seqs, _WAYS, strict=True)),
        )
        connection.execute("DELETE FROM message WHERE seq NOT IN (?, ?, ?)", seqs)
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT origin FROM message ORDER BY seq").fetchall() == [(way,) for way in _WAYS]
        assert connection.execute("SELECT DISTINCT text FROM message_body").fetchall() == [("Words.",)]
        kept = [row[1] for row in connection.execute("PRAGMA table_info(message_body)")]
        assert "origin" not in kept
