"""A Reception whose answers are written beside the addresses they are about, and a server around it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from postroom.model.message import Incoming
from postroom.mta.inbound import Inbound, InboundLimits, Verdict
from tests.mta.dialogue import Peer

Answer = Verdict | Exception


class FakeReception:
    """`here.test` is our domain; any local part that begins with "agent" is an inbox.

    `verdicts` and `failures` map addresses to what `verdict` and `take` do for them instead.
    """

    def __init__(
        self, verdicts: Mapping[str, Answer] | None = None, failures: Mapping[str, BaseException] | None = None
    ) -> None:
        self.verdicts = verdicts or {}
        self.failures = failures or {}
        self.asked: list[str] = []
        self.kept: list[Incoming] = []
        self.contents: list[bytes] = []
        self.taking = asyncio.Event()
        self.may_return = asyncio.Event()
        self.may_return.set()

    async def verdict(self, address: str) -> Verdict:
        self.asked.append(address)
        local, _, domain = address.rpartition("@")
        usual = Verdict.ACCEPTED if local.lower().lstrip('"').startswith(("agent", "größe")) else Verdict.UNKNOWN
        answer = self.verdicts.get(address, usual if domain.lower() == "here.test" else Verdict.FOREIGN)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def take(self, mail: Incoming) -> None:
        self.taking.set()
        await self.may_return.wait()
        for recipient in mail.recipients:
            if recipient in self.failures:
                raise self.failures[recipient]
        content = mail.content if mail.spool is None else await asyncio.to_thread(mail.spool.read_bytes)
        assert content is not None
        self.kept.append(mail)
        self.contents.append(content)
        if mail.spool is not None:
            mail.spool.unlink()


class Running:
    """A server that runs: its port, its reception, its spool folder and its task."""

    def __init__(self, port: int, reception: FakeReception, spool: Path, server: Inbound) -> None:
        self.port = port
        self.reception = reception
        self.spool = spool
        self.server = server
        self.task: asyncio.Task[None] | None = None
        self._peers: list[Peer] = []

    async def peer(self) -> Peer:
        peer = await Peer.connect(self.port)
        self._peers.append(peer)
        return peer

    async def play(self, dialogue: str) -> Peer:
        """Act out a dialogue on a new connection and return it, still open."""
        peer = await self.peer()
        await peer.play(dialogue)
        return peer

    def spooled(self) -> list[Path]:
        return sorted(self.spool.iterdir())

    async def quiet(self) -> None:
        """Wait until no session is left."""
        await self.down_to(0)

    async def down_to(self, number: int) -> None:
        """Wait until no more than `number` sessions are left."""
        async with asyncio.timeout(15):
            while len(self.server.sessions) > number:
                ended = [session.ended for session in self.server.sessions]
                await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        for peer in self._peers:
            peer.abort()
        await asyncio.gather(*(peer.writer.wait_closed() for peer in self._peers), return_exceptions=True)


@asynccontextmanager
async def running(
    folder: Path, limits: InboundLimits | None = None, reception: FakeReception | None = None
) -> AsyncIterator[Running]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    sock = socket.create_server(("127.0.0.1", 0))
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    fake = reception or FakeReception()
    server = Inbound(fake, "mail.here.test", spool, limits or InboundLimits())
    it = Running(sock.getsockname()[1], fake, spool, server)
    it.task = asyncio.create_task(server.serve(sock))
    try:
        async with asyncio.timeout(30):
            yield it
    finally:
        await it.stop()
        sock.close()  # a server that ended before it listened has left it open
