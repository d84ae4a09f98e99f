"""`postroom mcp` over pipes, sockets and files, with a host that reads late, shares its pipe, or is gone."""

import asyncio
import fcntl
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from postroom.cli.pipes import _Lines
from tests.processes.running import COMMAND, environment, fetch, patient, reached
from tests.processes.test_stdio import INITIALIZE

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def _list(number: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/list"}


@contextmanager
def _running(home: Path, stdin: Any, stdout: Any, stderr: Any = None) -> Iterator[subprocess.Popen[bytes]]:
    env = environment(home)
    with subprocess.Popen([*COMMAND, "mcp"], env=env, stdin=stdin, stdout=stdout, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


def _say(wire: Any, *messages: dict[str, Any]) -> None:
    for message in messages:
        wire.write(json.dumps(message).encode() + b"\n")
    wire.flush()


def _hear(wire: Any) -> Any:
    return json.loads(wire.readline())


def test_a_host_that_reads_late_misses_nothing_and_holds_up_nobody_else(tmp_path: Path) -> None:
    numbers = list(range(2, 12))  # ten lists are several times what a pipe holds
    with _running(tmp_path / "home", subprocess.PIPE, subprocess.PIPE) as process:
        _say(process.stdin, INITIALIZE)
        _hear(process.stdout)
        _say(process.stdin, INITIALIZED, *map(_list, numbers))
        http = reached(tmp_path / "home")["http"]
        for _ in range(3):
            assert fetch(f"{http}/healthz")[0] == 200
        answers = [_hear(process.stdout) for _ in numbers]
        assert sorted(answer["id"] for answer in answers) == numbers
        assert {len(answer["result"]["tools"]) for answer in answers} == {len(answers[0]["result"]["tools"])}


def test_what_shares_the_pipe_with_stdout_finds_it_as_it_was(tmp_path: Path) -> None:
    out, shared = os.pipe()
    with (
        os.fdopen(out, "rb") as wire,
        os.fdopen(shared, "wb") as kept,
        _running(tmp_path / "home", subprocess.PIPE, kept, subprocess.STDOUT) as process,
    ):
        _say(process.stdin, INITIALIZE)
        assert _hear(wire)["id"] == 1
        assert not fcntl.fcntl(kept, fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_host_that_speaks_by_sockets_is_served(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rwb") as wire, _running(tmp_path / "home", theirs, theirs):
        _say(wire, INITIALIZE)
        assert _hear(wire)["id"] == 1
        _say(wire, INITIALIZED, *map(_list, range(2, 6)))
        assert sorted(_hear(wire)["id"] for _ in range(2, 6)) == [2, 3, 4, 5]


def test_whoever_shares_the_pipe_with_stdin_finds_it_as_it_was_once_the_server_has_ended(tmp_path: Path) -> None:
    shared, into = os.pipe()
    with os.fdopen(shared, "rb") as kept, os.fdopen(into, "wb") as wire:
        with _running(tmp_path / "home", kept, subprocess.PIPE) as process:
            _say(wire, INITIALIZE)
            _hear(process.stdout)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        assert not fcntl.fcntl(kept, fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_host_of_one_socket_that_is_gone_before_it_has_read_everything_ends_the_server(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    errors = tmp_path / "errors"
    with errors.open("wb") as log, _running(tmp_path / "home", theirs, theirs, log) as process:
        theirs.close()
        with ours, ours.makefile("rwb") as wire:
            _say(wire, INITIALIZE)
            _hear(wire)
            _say(wire, INITIALIZED, *map(_list, range(2, 40)))  # more than a socket holds
            _hear(wire)
        assert process.wait(timeout=20) == 0
    assert "the host " in errors.read_text()  # it reads no more, or is gone: whichever is seen first
    assert "Traceback" not in errors.read_text()


def test_without_a_stderr_nothing_but_protocol_comes_out(tmp_path: Path) -> None:
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND, "mcp"]
    env = environment(tmp_path / "home", tls_key="x")  # of which it warns
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        _say(process.stdin, INITIALIZE)
        assert _hear(process.stdout)["id"] == 1
        _say(process.stdin, INITIALIZED, _list(2))
        assert _hear(process.stdout)["id"] == 2
        told, _errors = process.communicate(timeout=20)
        assert (told, process.returncode) == (b"", 0)


def test_requests_from_a_file_are_answered_into_a_file(tmp_path: Path) -> None:
    asked, told = tmp_path / "asked", tmp_path / "told"
    asked.write_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in (INITIALIZE, INITIALIZED)))
    with asked.open("rb") as stdin, told.open("wb") as stdout, _running(tmp_path / "home", stdin, stdout) as process:
        assert process.wait(timeout=20) == 0
    assert json.loads(told.read_bytes())["id"] == 1


def test_a_line_of_many_megabytes_is_read_whole(tmp_path: Path) -> None:
    params = {"name": "whoami", "arguments": {"what": "x" * 2**23}}
    with _running(tmp_path / "home", subprocess.PIPE, subprocess.PIPE) as process:
        _say(process.stdin, INITIALIZE)
        _hear(process.stdout)
        _say(process.stdin, INITIALIZED, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})
        assert "Unknown argument 'what'" in str(_hear(process.stdout))


async def test_a_line_without_an_end_ends_the_input_in_words(caplog: pytest.LogCaptureFixture) -> None:
    reader = asyncio.StreamReader(limit=100)
    reader.feed_data(b"{}\n" + b"x" * 200)
    async with asyncio.timeout(5):
        assert [line async for line in _Lines(reader)] == ["{}\n"]
    assert "the host wrote a line of more than" in caplog.text


@patient
async def test_a_host_that_is_gone_while_its_pipe_stays_ends_the_server(tmp_path: Path) -> None:
    with _running(tmp_path / "home", subprocess.PIPE, subprocess.PIPE, subprocess.PIPE) as process:
        _say(process.stdin, INITIALIZE)
        _hear(process.stdout)
        assert process.stdout is not None
        process.stdout.close()
        _say(process.stdin, INITIALIZED, _list(2))
        assert await asyncio.to_thread(process.wait, 20) == 0
        assert process.stderr is not None
        errors = process.stderr.read()
        assert b"the host reads no more" in errors
        assert b"Traceback" not in errors
