"""Sends mail over SMTP as fast as the other side takes it, in sessions that are kept: the same load for every server.

A process of its own, whose processor time counts for nobody: `python -m benchmarks.load --help`. Prints one JSON line.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from typing import cast

from benchmarks.loops import run
from benchmarks.mail import Writer

_DEADLINE_S = 120.0


class Session(asyncio.Protocol):
    """One connection: sends a message after another, a command a reply (no pipelining), until none is left."""

    def __init__(self, letters: "deque[tuple[str, bytes]]") -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self.accepted = 0
        self.last_at = 0.0
        self._letters = letters
        self._pending = b""
        self._step = "220"
        self._letter = ("", b"")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.ready, self.done):
            if not future.done():
                future.set_exception(error or ConnectionError(f"closed at {self._step}"))

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while b"\n" in self._pending:
            line, _, self._pending = self._pending.partition(b"\n")
            if line[3:4] != b"-":
                self._replied(line)

    def next(self) -> None:
        """Begin the next message."""
        if self._letters:
            self._letter = self._letters.popleft()
            self._ask("250 MAIL", b"MAIL FROM:<sender@example.org>\r\n")
        else:
            self._ask("221", b"QUIT\r\n")

    def _ask(self, step: str, line: bytes) -> None:
        self._step = step
        self._wire.write(line)

    def _replied(self, line: bytes) -> None:
        if not line.startswith(self._step[:3].encode()):
            self._fail(f"{self._step}: {line.decode('latin-1')}")
            return
        match self._step:
            case "220":
                self._ask("250 EHLO", b"EHLO load.example.org\r\n")
            case "250 EHLO":
                self.ready.set_result(None)
            case "250 MAIL":
                self._ask("250 RCPT", b"RCPT TO:<" + self._letter[0].encode() + b">\r\n")
            case "250 RCPT":
                self._ask("354", b"DATA\r\n")
            case "354":
                self._ask("250 sent", self._letter[1] + b".\r\n")
            case "250 sent":
                self.accepted += 1
                self.last_at = time.monotonic()
                self.next()
            case "221":
                self.done.set_result(None)
                self._wire.close()

    def _fail(self, why: str) -> None:
        future = self.done if self.ready.done() else self.ready
        if not future.done():
            future.set_exception(RuntimeError(why))
        self._wire.abort()


async def send(host: str, port: int, letters: "deque[tuple[str, bytes]]", sessions: int) -> dict[str, float]:
    """Send all `letters` (recipient, bytes); return when the first began, when the last was accepted, how many.

    Raises RuntimeError, ConnectionError or TimeoutError where the other side did not take them all.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_DEADLINE_S):
        made = [await loop.create_connection(lambda: Session(letters), host, port) for _ in range(sessions)]
        all_ = [session for _transport, session in made]
        await asyncio.gather(*(session.ready for session in all_))
        begun = time.monotonic()
        for session in all_:
            session.next()
        await asyncio.gather(*(session.done for session in all_))
    accepted = sum(session.accepted for session in all_)
    return {"begun": begun, "accepted_at": max(session.last_at for session in all_), "accepted": accepted}


def main() -> int:
    """Write the letters, send them, print the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.load")
    parser.add_argument("address", help="host:port")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--size", type=int, default=5120)
    parser.add_argument("--to", required=True, help="comma list of recipients, taken in turn")
    parser.add_argument("--tag", required=True, help="what makes these messages different from all others")
    given = parser.parse_args()
    writer, people = Writer(given.tag), given.to.split(",")
    recipients = [people[i % len(people)] for i in range(given.count)]
    letters = deque((to, writer.message(to, given.size)) for to in recipients)
    host, _, port = given.address.rpartition(":")
    print(json.dumps(run(send(host, int(port), letters, given.sessions))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
