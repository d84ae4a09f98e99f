"""Who listens: the spelling of an address does not matter, and what a dead process wrote is not believed."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.config import Settings
from postroom.listening import Listeners, Serve
from postroom.store.locks import Presence
from tests.processes.running import free_port

WRITER = """
import asyncio, pathlib, sys
from postroom.config import Settings
from postroom.listening import Listeners
from postroom.store.locks import Presence

async def serve(_sock):
    await asyncio.get_running_loop().create_future()

async def main(home):
    listeners = Listeners(Settings(home=home, http="127.0.0.1:0", smtp="127.0.0.1:0"), Presence(home / "run", "writer"))
    async with listeners.listening({"http": serve, "smtp": serve}, must=True):
        print("here", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.fixture
def presence(tmp_path: Path) -> Iterator[Presence]:
    """This process, as others of the folder know it."""
    me = Presence(tmp_path / "run", "me")
    yield me
    me.leave()


async def _idle(_sock: socket.socket) -> None:
    await asyncio.get_running_loop().create_future()


async def test_localhost_and_its_address_are_one_door(tmp_path: Path, presence: Presence) -> None:
    port = free_port()
    spelled = [
        Settings(home=tmp_path, http=f"{host}:{port}", smtp="127.0.0.1:0") for host in ("localhost", "127.0.0.1")
    ]
    servers: dict[str, Serve] = {"http": _idle, "smtp": _idle}
    first, second = (Listeners(settings, presence) for settings in spelled)
    async with first.listening(servers, must=True) as ours, second.listening(servers, must=True) as theirs:
        assert (ours, theirs) == (True, False)


def test_what_a_process_wrote_that_was_killed_is_not_believed(tmp_path: Path, presence: Presence) -> None:
    listeners = Listeners(Settings(home=tmp_path), presence)
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "here\n"
        assert listeners.reached().keys() == {"http", "smtp"}
        writer.kill()
        writer.wait(timeout=20)
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["pid"] == writer.pid
    assert listeners.reached() == {}
    assert listeners.public_url() is None


@pytest.mark.parametrize("process", [None, 7, "", "nobody", "../me", "a\0b", "x" * 5000])
def test_a_run_file_that_names_nobody_alive_is_not_believed(
    tmp_path: Path, presence: Presence, process: object
) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"http": "http://127.0.0.1:1", "process": process}), "utf-8")
    assert Listeners(Settings(home=tmp_path), presence).reached() == {}
