"""Starts Postroom as others do: `serve` as a process of its own, stdio servers by the official client. Every wait has a
deadline, and every process group that was started is killed at the end.
"""

import asyncio
import contextlib
import json
import os
import queue
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import httpx2
from mcp import Client
from mcp.client.client import ConnectMode
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.processes.forking import Forked

START_S = 25.0
PATIENCE_S = 50.0
COMMAND = [sys.executable, "-m", "postroom"]
PLAIN = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # for http: to read the certificates of the machine takes a client 50 ms


P = ParamSpec("P")


def patient(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Give a test that starts several processes PATIENCE_S: on a busy machine each takes seconds to start."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), PATIENCE_S))

    return run


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Return this process's environment with the settings of a Postroom in `home` that takes free ports."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    ours = {"POSTROOM_HOME": str(home), "POSTROOM_HTTP": "127.0.0.1:0", "POSTROOM_SMTP": "127.0.0.1:0"}
    return {**outside, **ours, **{f"POSTROOM_{name.upper()}": value for name, value in settings.items()}}


def free_port() -> int:
    """Return a port that nothing holds, of those that no system hands out: until it is used nobody else is given it."""
    while True:
        port = 10_240 + secrets.randbelow(22_000)  # `random` is seeded alike in all processes that run tests
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def until(holds: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Look every few milliseconds until something holds, at most `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        threading.Event().wait(0.02)


def spawned(arguments: Sequence[str], env: dict[str, str], errors: Path) -> subprocess.Popen[str]:
    """Begin a command as a person does, imports and all; `stdout` is what it prints."""
    with errors.open("ab") as log:
        return subprocess.Popen(
            [*COMMAND, *arguments], env=env, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )


Command = subprocess.Popen[str] | Forked
Begin = Callable[[Sequence[str], dict[str, str], Path], Command]


class Server:
    """A `postroom serve` that runs. `lines` is what it has printed."""

    def __init__(self, home: Path, log: Path, settings: dict[str, str], begin: Begin) -> None:
        self.home = home
        self.log = log
        self.lines: list[str] = []
        self._coming: queue.Queue[str] = queue.Queue()
        self.process = begin(["serve"], environment(home, **settings), log)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                self._coming.put(line.rstrip("\n"))

    def line(self, begins: str) -> str:
        """Return the first line that begins so, and wait for it."""
        end = time.monotonic() + START_S
        while True:
            for line in self.lines:
                if line.startswith(begins):
                    return line
            try:
                self.lines.append(self._coming.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"no line {begins!r} came; stderr:\n{self.errors()}") from None

    def started(self) -> "Server":
        """Wait until everything was printed that a start prints."""
        self.line("Remote agents")
        return self

    @property
    def http(self) -> str:
        return self.line("http ").removeprefix("http ")

    @property
    def smtp(self) -> tuple[str, int]:
        return endpoint(self.line("smtp ").removeprefix("smtp "))

    @property
    def owner_key(self) -> str:
        return self.line("owner key ").split()[2]

    def errors(self) -> str:
        return self.log.read_text("utf-8") if self.log.exists() else ""

    def end(self, number: int = signal.SIGTERM, within: float = 10.0) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=within)

    def kill(self) -> None:
        """End the whole process group at once, as a crash does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # one that has only just begun leads no group yet
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


def furnish(home: Path, template: Path | None) -> Path:
    """Put a copy of a database into a data folder that has none; return the folder."""
    database = home / "postroom.db"
    if template is not None and not database.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(template, database)
        database.chmod(0o600)
    return home


class Processes:
    """What a test started: it ends with the test, and none of it may have shown a traceback.

    Commands are forked over a copy of `template`, a database with the newest schema and nothing in it: two thirds of a
    start are the imports, and the schema takes another.
    """

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._template: Path | None = template
        self._begin: Begin = Forked
        self._servers: list[Server] = []
        self._logs: list[Path] = []

    def as_a_person_does(self) -> None:
        """Spawn each command from now on, and let the first make the schema."""
        self._begin, self._template = spawned, None

    def new_log(self) -> Path:
        self._logs.append(self.folder / f"stderr-{len(self._logs)}.txt")
        return self._logs[-1]

    def serve(self, home: Path | None = None, /, **settings: str) -> Server:
        """Start a server and return at once."""
        server = Server(furnish(home or self.home, self._template), self.new_log(), settings, self._begin)
        self._servers.append(server)
        return server

    @contextlib.asynccontextmanager
    async def agent(
        self, home: Path | None = None, mode: ConnectMode = "auto", /, **settings: str
    ) -> AsyncIterator["Agent"]:
        """Start a stdio server and connect to it."""
        folder, log = furnish(home or self.home, self._template), self.new_log()
        given = {k: v for k, v in environment(folder, **settings).items() if k.startswith("POSTROOM_")}
        parameters = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "mcp"], env=given)
        with log.open("w") as errors:
            async with Client(stdio_client(parameters, errlog=errors), mode=mode) as client:
                yield Agent(client, log)

    def begin(self, *arguments: str, **settings: str) -> tuple[Command, Path]:
        """Begin a command and return at once, with where it complains."""
        log = self.folder / f"stderr-of-{uuid.uuid4().hex}.txt"
        return self._begin(arguments, environment(furnish(self.home, self._template), **settings), log), log

    def run(self, *arguments: str, status: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, which must have this exit status."""
        process, log = self.begin(*arguments, **settings)
        assert process.stdout is not None
        with process.stdout as out, ThreadPoolExecutor(1) as reader:
            printed = reader.submit(out.read)
            try:
                ended = process.wait(timeout=START_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        done = subprocess.CompletedProcess(arguments, ended, printed.result(), log.read_text("utf-8"))
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def end(self) -> None:
        """Kill what still runs and look at what was said."""
        for server in self._servers:
            server.kill()
        for log in self._logs:
            said = log.read_text("utf-8") if log.exists() else ""
            assert "Traceback" not in said, said


@contextlib.asynccontextmanager
async def remote(http: str, key: str, mode: ConnectMode = "auto") -> AsyncIterator["Agent"]:
    """Connect to a server over HTTP with an API key."""
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=30, verify=PLAIN) as carrier,
        Client(streamable_http_client(f"{http}/mcp", http_client=carrier), mode=mode) as client,
    ):
        yield Agent(client)


class Agent:
    """An MCP client that fails a test where a tool refuses."""

    def __init__(self, client: Client, log: Path | None = None) -> None:
        self.client = client
        self.log = log

    async def does(self, tool: str, **given: Any) -> dict[str, Any]:
        """Call a tool and return its structured content; `from_` is `from`."""
        result = await self.client.call_tool(tool, {"from" if k == "from_" else k: v for k, v in given.items()})
        assert not result.is_error, result.content
        assert isinstance(result.structured_content, dict)
        return result.structured_content

    async def says(self, tool: str, **given: Any) -> str:
        """Call a tool and return its text."""
        result = await self.client.call_tool(tool, {"from" if k == "from_" else k: v for k, v in given.items()})
        assert not result.is_error, result.content
        return text_of(result)

    async def refuses(self, tool: str, **given: Any) -> str:
        """Call a tool that must refuse and return what it says."""
        result = await self.client.call_tool(tool, given)
        assert result.is_error, result.content
        return text_of(result)


def text_of(result: Any) -> str:
    """Return the text of a tool's result."""
    return "\n".join(str(part.text) for part in result.content)


def endpoint(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def reached(home: Path) -> dict[str, str]:
    """Return where the house listens, as run.json says, once it does."""
    file = home / "run.json"

    def known() -> bool:
        return file.exists() and {"http", "smtp"} <= json.loads(file.read_text("utf-8")).keys()

    until(known, "run.json names http and smtp", START_S)
    found: dict[str, str] = json.loads(file.read_text("utf-8"))
    return found


def mail(to: str, subject: str = "Hello", text: str = "Good day.\n", message_id: str | None = None) -> EmailMessage:
    """Return a message of Ann's."""
    message = EmailMessage()
    message["From"] = "Ann Field <ann@example.com>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Sat, 21 Nov 2026 10:00:00 +0000"
    if message_id is not None:
        message["Message-ID"] = message_id
    message.set_content(text)
    return message


def send(address: tuple[str, int], message: EmailMessage, to: str | None = None) -> None:
    """Send over SMTP; smtplib's errors say what was answered."""
    with smtplib.SMTP(*address, timeout=20) as smtp:
        smtp.send_message(message, "ann@example.com", [to or str(message["To"])])


def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, header fields in lower case, and body of a GET."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, _lower(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _lower(error.headers), error.read()


def follows(http: str, smtp: tuple[str, int]) -> None:
    """Wait until another process of the folder listens at both addresses, as it must within two seconds."""

    def answers() -> bool:
        try:
            with smtplib.SMTP(*smtp, timeout=2) as peer:
                return fetch(f"{http}/healthz")[0] == 200 and peer.noop()[0] == 250
        except OSError:
            return False

    until(answers, "another process listens", 2.0)


def _lower(fields: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in fields.items()}
