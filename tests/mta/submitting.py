"""A submission port on a whole house, and the words of its dialogues."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from postroom.mta.submission import Submission, SubmissionLimits
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail
from tests.mta.dialogue import Peer

AGENT = f"agent@{DOMAIN}"
PEER = f"peer@{DOMAIN}"
BEGIN = f"<< 220 {DOMAIN} ESMTP\n>> EHLO client.test\n<< 250-{DOMAIN}\n"
FAST = {"first_delay": 0.001, "longest_delay": 0.01}


def b64(*parts: str) -> str:
    return base64.b64encode("\0".join(parts).encode()).decode()


def auth(user: str, key: str) -> str:
    return f">> AUTH PLAIN {b64('', user, key)}\n<< 235 2.7.0\n"


def to_data(*to: str, sender: str = AGENT) -> str:
    recipients = "".join(f">> RCPT TO:<{one}>\n<< 250 2.1.5\n" for one in to or (PEER,))
    return f">> MAIL FROM:<{sender}>\n<< 250 2.1.0\n{recipients}>> DATA\n<< 354\n"


class Port:
    """A submission port with an inbox `agent` that sends and an inbox `peer`; `key` is the owner's."""

    def __init__(self, house: Bed, server: Submission, port: int, key: str) -> None:
        self.house = house
        self.server = server
        self.port = port
        self.key = key
        self._peers: list[Peer] = []

    async def peer(self) -> Peer:
        self._peers.append(await Peer.connect(self.port))
        return self._peers[-1]

    async def play(self, dialogue: str) -> Peer:
        peer = await self.peer()
        await peer.play(dialogue)
        return peer

    async def entered(self, after: str = "") -> Peer:
        """Return a peer that is authenticated and has acted out `after`."""
        return await self.play(BEGIN + auth(AGENT, self.key) + after)

    async def submit(self, raw: bytes, *to: str) -> str:
        """Submit bytes and return the last reply."""
        peer = await self.entered(to_data(*to))
        await peer.say(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return await peer.reply()

    async def quiet(self) -> None:
        """Wait until no session is left."""
        async with asyncio.timeout(10):
            while self.server.sessions:
                await asyncio.wait([session.ended for session in self.server.sessions])

    def close(self) -> None:
        for peer in self._peers:
            peer.abort()

    async def sent(self) -> list[Any]:
        return await self.house.messages(AGENT, labels=("sent",))


@asynccontextmanager
async def port_of(house: Bed, **limits: float) -> AsyncIterator[Port]:
    """Serve submission for a house while the block runs."""
    await house.inbox("agent")
    await house.inbox("peer")
    key = (await house.call("keys.create", name="mail")).api_key
    sock = socket.create_server(("127.0.0.1", 0))
    own = house.house.submission
    wanted = SubmissionLimits(**(FAST | limits))  # type: ignore[arg-type]
    server = Submission(own.submissions, own.hostname, own.spool_folder, wanted)
    task = asyncio.create_task(server.serve(sock))
    it = Port(house, server, sock.getsockname()[1], key)
    try:
        yield it
    finally:
        it.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sock.close()  # a server that ended before it listened has left it open


def letter(**fields: str | None) -> bytes:
    """Return what a client of the agent's would send to the peer."""
    return mail(**({"sender": AGENT, "to": PEER} | fields))  # type: ignore[arg-type]
