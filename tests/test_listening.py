"""Who listens: the spelling of an address does not matter."""

import asyncio
import socket
from pathlib import Path

from postroom.config import Settings
from postroom.listening import Listeners, Serve


async def _idle(_sock: socket.socket) -> None:
    await asyncio.get_running_loop().create_future()


async def test_localhost_and_its_address_are_one_door(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    spelled = [
        Settings(home=tmp_path, http=f"{host}:{port}", smtp="127.0.0.1:0") for host in ("localhost", "127.0.0.1")
    ]
    servers: dict[str, Serve] = {"http": _idle, "smtp": _idle}
    first, second = (Listeners(settings) for settings in spelled)
    async with first.listening(servers, must=True) as ours, second.listening(servers, must=True) as theirs:
        assert (ours, theirs) == (True, False)
