"""Callers of a REST server: each keeps a connection and asks again as soon as it is answered.

The least HTTP client there is: GET only, an answer has a Content-Length. What it saves, the server gets.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import cast
from urllib.parse import urlsplit

from benchmarks.loops import run

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_DEADLINE_S = 60.0


class _Caller(asyncio.Protocol):
    """One connection: asks for one path after another until `left` says that it is enough."""

    def __init__(self, requests: Iterator[bytes], left: "list[int]") -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._left = left
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def ask(self) -> None:
        """Ask for the next path, or be done."""
        if not self._left[0]:
            self.done.set_result(None)
            self._wire.close()
            return
        self._left[0] -= 1
        self._wire.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._pending += data
        head, found, body = self._pending.partition(_HEAD_END)
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            if not self.done.done():
                self.done.set_exception(RuntimeError(self._pending[:400].decode("latin-1")))
            self._wire.abort()
            return
        at = head.lower().index(_LENGTH) + len(_LENGTH)
        if len(body) >= int(head[at:].split(b"\r\n", 1)[0]):
            self._pending = b""
            self.ask()


def rate(url: str, key: str, paths: Sequence[str], count: int, callers: int) -> float:
    """Ask for `paths` in turn, `count` times in all by so many callers; return the answers a second.

    Raises RuntimeError for an answer other than 200, ConnectionError, TimeoutError.
    """
    host = urlsplit(url).netloc
    head = f"Host: {host}\r\nAuthorization: Bearer {key}\r\nAccept: application/json\r\n\r\n"
    requests = [f"GET {path} HTTP/1.1\r\n{head}".encode() for path in paths]
    return run(_rate(host, requests, count, callers))


async def _rate(host: str, requests: Sequence[bytes], count: int, callers: int) -> float:
    name, _, port = host.rpartition(":")
    loop, turns, left = asyncio.get_running_loop(), cycle(requests), [count]
    async with asyncio.timeout(_DEADLINE_S):
        made = [
            (await loop.create_connection(lambda: _Caller(turns, left), name, int(port)))[1] for _ in range(callers)
        ]
        begun = time.perf_counter()
        for caller in made:
            caller.ask()
        await asyncio.gather(*(caller.done for caller in made))
    return count / (time.perf_counter() - begun)
