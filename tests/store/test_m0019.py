"""The migration of automatic mail: what programs wrote before is known after, and what arrives is kept as before."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.store.migrations.versions import m0019_automatic
from postroom.store.schema import migrate
from tests.store.test_m0013 import _add

_HEADERS = {
    "thd_robot": [["From", "a@b.example"], ["Auto-Submitted", "auto-replied"]],
    "thd_list": [["List-ID", "<a.b.example>"]],
    "thd_person": [["Auto-Submitted", "no"], ["Subject", "List-Id"]],
}


def test_what_programs_wrote_before_is_known_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, str(m0019_automatic.down_revision)))
        migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        _add(connection)
        connection.execute("INSERT INTO correspondent (inbox_id, party) VALUES ('inb', x'01')")
        seqs = [seq for (seq,) in connection.execute("SELECT seq FROM message ORDER BY seq LIMIT 3")]
        assert len(seqs) == len(_HEADERS)
        for seq, headers in zip(seqs, _HEADERS.values(), strict=True):
            told = json.dumps(headers, separators=(",", ":"))
            connection.execute(
                'INSERT INTO message_body (message_seq, headers, origin, envelope_from, "references")'
                " VALUES (?, ?, 'smtp', 'a@b.example', '[]')",
                (seq, told),
            )
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = dict(connection.execute("SELECT seq, automatic FROM message"))
        assert [found[seq] for seq in seqs] == [1, 0, 0]
        assert connection.execute("SELECT latest FROM correspondent").fetchall() == [("",)]
