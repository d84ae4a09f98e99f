"""Scheduled drafts of a server that is killed while it sends them: each is sent, once."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from sqlite3 import connect as open_database

import httpx
import pytest

from postroom.client import connect
from tests.processes.running import Processes, until

DRAFTS = 60


def _sent(processes: Processes) -> int:
    with closing(open_database(processes.home / "postroom.db")) as database:
        return int(database.execute("SELECT count(*) FROM message").fetchone()[0])


def test_scheduled_drafts_survive_kill_9_and_each_is_sent_once(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROOM_HOME", str(processes.home))
    server = processes.serve().started()
    with httpx.Client() as wire:
        client = connect(httpx_client=wire)
        inbox = client.inboxes.create().inbox_id
        at = datetime.now(UTC) + timedelta(seconds=4)
        for number in range(DRAFTS):
            client.inboxes.drafts.create(inbox, to=["a@example.com"], subject=str(number), text="t", send_at=at)
    until(lambda: _sent(processes) >= 5, "some were sent", 20)
    server.kill()
    processes.serve().started()
    until(lambda: _sent(processes) >= DRAFTS, "the others were sent", 20)
    with httpx.Client() as wire:
        client = connect(httpx_client=wire)
        subjects = [m.subject or "" for m in client.inboxes.messages.list(inbox, limit=100).messages]
        assert sorted(map(int, subjects)) == list(range(DRAFTS))
        assert client.drafts.list().drafts == []
