"""Approvals across processes: of two that decide at once one wins, and one that is killed lets nothing leave twice."""

import json
import signal
import threading
import time
from contextlib import closing
from sqlite3 import connect as open_database
from urllib.parse import quote

import httpx2
import pytest

from tests.processes.running import Command, Processes, mail, send, until

INBOX = "agent@postroom.localhost"
WORDS = ("--to", "carol@example.com", "--text", "t")


def _held(processes: Processes) -> str:
    """Send what a policy holds, by the command line; return the approval."""
    sent = processes.run("messages", "send", INBOX, *WORDS, "--json")
    return str(json.loads(sent.stdout)["approval_id"])


def _count(processes: Processes, sql: str) -> int:
    with closing(open_database(processes.home / "postroom.db")) as database:
        return int(database.execute(sql).fetchone()[0])


def _approve(processes: Processes, approval_id: str) -> Command:
    return processes.begin("approvals", "approve", approval_id, "--json")[0]


def _ended(process: Command) -> int:
    assert process.stdout is not None
    with process.stdout:
        return process.wait(timeout=40)


@pytest.fixture
def approval(processes: Processes) -> str:
    processes.run("inboxes", "create", "--username", "agent")
    processes.run("policies", "set", "--approval", "all")
    return _held(processes)


def test_of_two_processes_that_approve_at_once_one_wins(processes: Processes, approval: str) -> None:
    both = [_approve(processes, approval) for _ in range(2)]
    assert sorted(_ended(process) for process in both) == [0, 1]
    assert _count(processes, "SELECT count(*) FROM delivery") == 1


def test_a_process_that_is_killed_while_it_approves_lets_nothing_leave_twice(
    processes: Processes, approval: str
) -> None:
    for pause in (0.05, 0.1, 0.15, 0.2, 0.3):
        process = _approve(processes, approval)
        threading.Event().wait(pause)
        process.send_signal(signal.SIGKILL)
        _ended(process)
        approved = _count(processes, "SELECT count(*) FROM approval WHERE state = 'approved'")
        assert _count(processes, "SELECT count(*) FROM delivery") == approved
    last = _approve(processes, approval)
    _ended(last)
    assert _count(processes, "SELECT count(*) FROM delivery") == 1
    assert _count(processes, "SELECT count(*) FROM approval WHERE state = 'approved'") == 1
    assert _count(processes, "SELECT count(*) FROM draft") == 0


@pytest.fixture
def one_day() -> None:
    """Let midnight (UTC) pass where it is near: budgets are of a day, and a test of them lies within one."""
    until(lambda: time.time() % 86_400 < 86_375, "a new day has begun", 30)


@pytest.mark.usefixtures("one_day")
def test_budgets_and_taint_hold_for_another_process(processes: Processes) -> None:
    processes.run("inboxes", "create", "--username", "agent")
    processes.run("policies", "set", "--max-mails-per-day", "1", "--taint", "off")
    processes.run("messages", "send", INBOX, *WORDS)
    refused = processes.run("messages", "send", INBOX, *WORDS, status=1)
    assert "max_mails_per_day" in refused.stderr


@pytest.mark.usefixtures("one_day")
def test_taint_budgets_and_moments_survive_kill_9(processes: Processes) -> None:
    processes.run("inboxes", "create", "--username", "agent")
    processes.run("policies", "set", "--max-mails-per-day", "2")
    server = processes.serve().started()
    send(server.smtp, mail(INBOX))
    messages = f"{server.http}/v0/inboxes/{INBOX}/messages"
    headers = {"authorization": f"Bearer {(processes.home / 'owner.key').read_text().strip()}"}
    assert _posted(f"{messages}/send", headers, "carol@example.com") == (200, "")
    (item,) = httpx2.get(f"{messages}?labels=received", headers=headers, timeout=20).json()["messages"]
    one = f"{messages}/{quote(item['message_id'], safe='')}"
    assert httpx2.get(one, headers=headers, timeout=20).status_code == 200
    server.kill()
    messages = f"{processes.serve().started().http}/v0/inboxes/{INBOX}/messages"
    status, fix = _posted(f"{messages}/send", headers, "eve@evil.example")
    assert (status, "approval apr_" in fix) == (403, True)
    assert _count(processes, "SELECT count(*) FROM approval WHERE rule = 'taint'") == 1
    assert _posted(f"{messages}/send", headers, "carol@example.com") == (200, "")
    assert _posted(f"{messages}/send", headers, "carol@example.com")[0] == 403
    assert _count(processes, "SELECT max(length(latest)) FROM correspondent") == 2 * 13
    assert _count(processes, "SELECT count(*) FROM delivery") == 2


def _posted(url: str, headers: dict[str, str], to: str) -> tuple[int, str]:
    """Send a message over HTTP; return the status, and what to do where it did not leave."""
    answer = httpx2.post(url, headers=headers, json={"to": to, "text": "t"}, timeout=20)
    return answer.status_code, answer.json().get("fix", "")
