"""The two mail servers under the same load: Postroom as it is shipped, and a private Postfix beside it.

Each is started in a temporary folder with ten inboxes, and says how many messages have arrived for good.
"""

import contextlib
import json
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.client import HttpClient
from benchmarks.report import NotMeasured
from benchmarks.tree import Tree, read_line, running, until

DOMAIN = "postroom.localhost"
BOXES = tuple(f"box{n}" for n in range(10))
_POSTFIX = Path(__file__).resolve().parent / "postfix"


class Side(Protocol):
    """A mail server that runs."""

    @property
    def tree(self) -> Tree: ...

    @property
    def smtp(self) -> str: ...  # host:port

    def arrived(self) -> int:
        """Return how many messages are where they are to stay; cheap, for looking often."""

    def at_rest(self) -> bool:
        """Tell whether nothing waits in any queue."""

    def counted(self) -> int:
        """Return how many messages there are, counted one by one."""


@dataclass
class Postroom:
    """A running `postroom serve`."""

    tree: Tree
    home: Path
    http: str  # http://host:port
    smtp: str
    owner_key: str

    def __post_init__(self) -> None:
        self._database = sqlite3.connect(f"file:{self.home / 'postroom.db'}?mode=ro", uri=True)

    def arrived(self) -> int:
        return self._number("SELECT coalesce(max(seq), 0) FROM message")

    def at_rest(self) -> bool:
        return not self._number(
            "SELECT (SELECT coalesce(max(seq), 0) FROM message)"
            " > (SELECT coalesce(max(id), 0) FROM message_search_docsize)"
            " OR EXISTS (SELECT 1 FROM delivery WHERE due_at IS NOT NULL)"
        )

    def counted(self) -> int:
        messages = self._number("SELECT count(*) FROM message_body WHERE raw IS NOT NULL OR blob IS NOT NULL")
        indexed = self._number("SELECT count(*) FROM message_search_docsize")
        return min(messages, indexed)

    def client(self) -> HttpClient:
        """Return an MCP client that acts as the owner."""
        return HttpClient(self.http, self.owner_key)

    def close(self) -> None:
        self._database.close()

    def _number(self, sql: str) -> int:
        return int(self._database.execute(sql).fetchone()[0])


@contextlib.contextmanager
def postroom(folder: Path, *, trace: Path | None = None) -> Iterator[Postroom]:
    """Run `postroom serve` over a new data folder with ten inboxes while the block runs."""
    home = folder / "home"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "postroom", "serve", "--json"]
    with running(command, folder / "log", environment(home), trace=trace) as tree:
        start = json.loads(read_line(tree.process.stdout, 30, "postroom serve"))
        until(lambda: _answers(start["smtp"]), 10, "postroom's SMTP port")
        server = Postroom(tree, home, start["http"], start["smtp"], start["owner_key"])
        try:
            with contextlib.closing(server.client()) as client:
                for box in BOXES:
                    client.call("create_inbox", {"username": box})
            yield server
        finally:
            server.close()


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a Postroom with its data in `home`, on free ports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    listen = {"POSTROOM_HTTP": "127.0.0.1:0", "POSTROOM_SMTP": "127.0.0.1:0"}
    return {**kept, **listen, "POSTROOM_HOME": str(home), "POSTROOM_DOMAIN": DOMAIN}


@dataclass(frozen=True)
class Postfix:
    """A running Postfix of ours."""

    tree: Tree
    folder: Path
    smtp: str

    def arrived(self) -> int:
        return sum(_files(self.folder / "mail" / box / "new") for box in BOXES)

    def at_rest(self) -> bool:
        queues = ("maildrop", "incoming", "active", "deferred")
        return not any(any(files) for queue in queues for _, _, files in os.walk(self.folder / "queue" / queue))

    def counted(self) -> int:
        return self.arrived()


def _files(folder: Path) -> int:
    try:
        return len(os.listdir(folder))
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def postfix(folder: Path, *, trace: Path | None = None) -> Iterator[Postfix]:
    """Run Postfix from a folder of its own while the block runs. Raises NotMeasured where it cannot be."""
    if shutil.which("postfix") is None:
        raise NotMeasured("postfix is not installed (Debian: apt-get install postfix)")
    if os.geteuid() != 0:
        raise NotMeasured("postfix starts as root only, and this is not root")
    port = _free_port()
    _set_up(folder, port)
    command = ["postfix", "-c", str(folder / "etc"), "start"]
    with running(command, folder / "log", trace=trace) as tree:
        until(lambda: _answers(f"127.0.0.1:{port}"), 20, f"postfix (log: {(folder / 'log').read_text()[-500:]})")
        yield Postfix(tree, folder, f"127.0.0.1:{port}")


def _set_up(folder: Path, port: int) -> None:
    for name in ("etc", "queue", "data", "mail"):
        (folder / name).mkdir(parents=True)
    user, daemon = pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
    os.chown(folder / "mail", user.pw_uid, user.pw_gid)
    os.chown(folder / "data", daemon.pw_uid, daemon.pw_gid)
    words = {
        "base": str(folder),
        "port": str(port),
        "domain": DOMAIN,
        "uid": str(user.pw_uid),
        "gid": str(user.pw_gid),
        "recipients": ", ".join(f"{{{box}@{DOMAIN} = {box}/}}" for box in BOXES),
    }
    for name in ("main.cf", "master.cf"):
        text = (_POSTFIX / name).read_text("utf-8")
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        (folder / "etc" / name).write_text(text, "utf-8")


def postfix_version() -> str:
    """Return the version that is installed, or `absent`."""
    if shutil.which("postconf") is None:
        return "absent"
    told = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5) as wire:
            return wire.recv(4) == b"220 "
    except OSError:
        return False
