"""The migration of policies: whom an inbox has written to before is known to it after."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command

from postroom.service.correspondents import party
from postroom.store.schema import migrate

BEFORE = """
INSERT INTO delivery (id, org_id, pod_id, inbox_id, message_id, recipient, envelope_from, state, lease_until, attempts,
 created_at, updated_at) VALUES
 ('dlv_1', 'org', 'pod', 'inb_a', 'msg_1', 'Carol@Example.com', 'a@x.test', 'captured', 0, 0, 1, 1),
 ('dlv_2', 'org', 'pod', 'inb_a', 'msg_2', 'carol@example.com', 'a@x.test', 'captured', 0, 0, 1, 1),
 ('dlv_3', 'org', 'pod', 'inb_b', 'msg_3', 'carol@example.com', 'b@x.test', 'captured', 0, 0, 1, 1);
"""


def test_whom_an_inbox_wrote_to_before_is_known_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _target: upgrade(config, "0011"))
        migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(BEFORE)
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = set(connection.execute("SELECT inbox_id, party FROM correspondent"))
    assert found == {(inbox, party(inbox, "carol@example.com")) for inbox in ("inb_a", "inb_b")}
