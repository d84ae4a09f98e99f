"""An answer leaves in one write; a stream begins before its first event."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from postroom.http.listen import serve
from postroom.http.one_write import OneWriteProtocol


@contextlib.asynccontextmanager
async def _asked(app: ASGIApp, fields: str = "") -> AsyncIterator[socket.socket]:
    """Serve `app`, send it a request, and give the socket that the answer comes to."""
    loop = asyncio.get_running_loop()

    async def alive(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await app(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as client:
        listening.setblocking(False)
        client.setblocking(False)
        serving = asyncio.create_task(serve(alive, listening))
        async with asyncio.timeout(20):
            await loop.sock_connect(client, listening.getsockname())
            await loop.sock_sendall(client, f"GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
            yield client
        client.close()
        serving.cancel()
        await asyncio.wait([serving], timeout=10)


async def _whole(client: socket.socket) -> bytes:
    """Return all until the server closes."""
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    while piece := await loop.sock_recv(client, 65536):
        pieces.append(piece)
    return b"".join(pieces)


def _start(**fields: str) -> Message:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return {"type": "http.response.start", "status": 200, "headers": headers}


class _Noting:
    """A transport that notes what is written to it."""

    def __init__(self, transport: asyncio.BaseTransport, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._written.append(data)
        self._transport.write(data)  # type: ignore[attr-defined]


async def test_the_head_of_an_answer_leaves_with_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    made = OneWriteProtocol.connection_made

    def noted(self: OneWriteProtocol, transport: asyncio.BaseTransport) -> None:
        made(self, cast("asyncio.BaseTransport", _Noting(transport, written)))

    monkeypatch.setattr(OneWriteProtocol, "connection_made", noted)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(content_length="2"))
        await send({"type": "http.response.body", "body": b"ok"})

    async with _asked(app) as client:
        got = await asyncio.get_running_loop().sock_recv(client, 65536)
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.endswith(b"\r\n\r\nok")
    assert written == [got]


async def test_the_head_of_a_stream_does_not_wait_for_its_first_event() -> None:
    seen = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(content_length="2"))
        await seen.wait()
        await send({"type": "http.response.body", "body": b"ok"})

    async with _asked(app) as client:
        loop = asyncio.get_running_loop()
        head = await loop.sock_recv(client, 65536)
        assert head.endswith(b"\r\n\r\n")
        seen.set()
        assert await loop.sock_recv(client, 65536) == b"ok"


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
async def test_an_answer_that_ends_its_connection_is_whole(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(content_length=str(size)))
        await send({"type": "http.response.body", "body": body[:size]})

    async with _asked(app, "Connection: close\r\n") as client:
        head, _, got = (await _whole(client)).partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert got == body[:size]


async def test_a_body_that_looks_like_a_head_comes_whole() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(content_length="24"))
        for _ in range(2):
            await send({"type": "http.response.body", "body": b"HTTP/1.1 200", "more_body": True})
        await send({"type": "http.response.body"})

    async with _asked(app, "Connection: close\r\n") as client:
        assert (await _whole(client)).endswith(b"\r\n\r\n" + b"HTTP/1.1 200" * 2)
