"""What is left when a process is killed or the disk is full: all that was acknowledged, once."""

import asyncio
import contextlib
import json
import smtplib
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from postroom.store.invariants import check
from tests.processes.running import Processes, Server, environment, mail, until
from tests.processes.test_stdio import INITIALIZE, Wire

MESSAGES = 80
KILL_AFTER = 25
DISK = 24 * 2**20


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder on the disk, not in memory: what is written takes its time there, and a kill can come in it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_every_message_that_got_250_survives_kill_9_and_retries_make_no_duplicates(processes: Processes) -> None:
    server = processes.serve().started()
    inbox = _inbox(processes)
    acknowledged: list[int] = []
    enough = threading.Event()

    def stream() -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException), smtplib.SMTP(*server.smtp, timeout=20) as peer:
            for number in range(MESSAGES):
                peer.send_message(_numbered(inbox, number))
                acknowledged.append(number)
                if number >= KILL_AFTER:
                    enough.set()

    sender = threading.Thread(target=stream)
    sender.start()
    assert enough.wait(20)
    server.kill()
    sender.join(20)
    again = processes.serve().started()
    first_try = list(acknowledged)
    # The last ones again: of an answer that got lost on the way the sender knows nothing.
    with smtplib.SMTP(*again.smtp, timeout=20) as peer:
        for number in range(max(0, len(first_try) - 5), MESSAGES):
            peer.send_message(_numbered(inbox, number))
    subjects = _subjects(processes, inbox)
    assert set(first_try) <= {int(subject) for subject in subjects}
    assert sorted(map(int, subjects)) == list(range(MESSAGES))


def test_a_delivery_whose_process_was_killed_is_done_once_by_another(processes: Processes) -> None:
    inbox = _inbox(processes)
    tries = 0
    while "sending" not in _states(processes) and tries < 10:  # it may be done before this process comes to kill it
        _kill_who_delivers(processes, inbox, str(tries))
        tries += 1
    assert sorted(_states(processes)) == ["delivered"] * (tries - 1) + ["sending"]
    processes.serve().started()
    until(lambda: set(_states(processes)) == {"delivered"}, "another process delivers", 10)
    assert sorted(_subjects(processes, inbox, "received")) == [str(number) for number in range(tries)]


def _kill_who_delivers(processes: Processes, inbox: str, subject: str) -> None:
    """Let a stdio server send a message to itself and kill it as soon as it has begun to deliver that."""
    wire = Wire(environment(processes.home), processes.folder)
    try:
        wire.ask(INITIALIZE)
        # Large: it is parsed in a process of its own, so there is time to be killed in.
        wire.call(2, "send_message", inbox_id=inbox, to=inbox, subject=subject, text="all work and no play\n" * 40_000)
        until(lambda: "queued" not in _states(processes), "the delivery is under way", 5)
    finally:
        wire.close()


def test_a_full_disk_is_452_and_loses_nothing_and_service_returns_with_the_space(
    processes: Processes, small_disk: Path
) -> None:
    server = processes.serve(small_disk / "home").started()
    processes.home = small_disk / "home"
    inbox = _inbox(processes)
    assert _send(server, inbox, 0) == 250
    ballast = small_disk / "ballast"
    _fill(ballast)
    taken = [0]
    answers = {_send(server, inbox, number, large=True) for number in (1, 2)}
    for number in range(3, 300):
        answer = _send(server, inbox, number)
        answers.add(answer)
        if answer != 250:
            break
        taken.append(number)
    assert answers - {250} == {452}
    ballast.unlink()
    assert [_send(server, inbox, n, large=n < 3) for n in (1, 2, 400)] == [250, 250, 250]
    assert server.process.poll() is None
    found = sorted(map(int, _subjects(processes, inbox)))
    assert found == sorted({*taken, 1, 2, 400})
    assert server.end() == 0


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system that is soon full."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, timeout=10, check=False)
    except OSError as error:
        pytest.skip(f"no mount here: {error}")
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
        assert asyncio.run(check(folder / "home" / "postroom.db", folder / "home" / "blobs")) == []
    finally:
        subprocess.run(["umount", "-l", str(folder)], timeout=10, check=True)


def _inbox(processes: Processes) -> str:
    created = json.loads(processes.run("inboxes", "create", "--json").stdout)
    return str(created["address"])


def _numbered(inbox: str, number: int, large: bool = False) -> EmailMessage:
    text = "all work and no play\n" * (150_000 if large else 20)
    return mail(inbox, str(number), text, f"<{number}@example.com>")


def _send(server: Server, inbox: str, number: int, large: bool = False) -> int:
    with smtplib.SMTP(*server.smtp, timeout=20) as peer:
        try:
            peer.send_message(_numbered(inbox, number, large))
        except smtplib.SMTPDataError as error:
            return error.smtp_code
        except smtplib.SMTPSenderRefused as error:
            return error.smtp_code
    return 250


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass


def _subjects(processes: Processes, inbox: str, label: str = "received") -> list[str]:
    subjects: list[str] = []
    token: list[str] = []
    while True:
        command = ["messages", "list", inbox, "--limit", "100", "--labels", label, "--json", *token]
        page = json.loads(processes.run(*command).stdout)
        subjects += [item["subject"] for item in page["items"]]
        if page["next_page_token"] is None:
            return subjects
        token = ["--page-token", page["next_page_token"]]


def _query(processes: Processes, sql: str) -> list[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(processes.home / "postroom.db", timeout=10)) as database:
        return database.execute(sql).fetchall()


def _states(processes: Processes) -> list[str]:
    return [state for (state,) in _query(processes, "SELECT state FROM delivery")]
