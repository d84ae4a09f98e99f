"""Runs the HTTP application on a socket of ours. The process owns its signals: uvicorn only hears `should_exit`."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from postroom.http.one_write import OneWriteProtocol

_GRACE_S = 3
_MAX_FRAME = 64 * 1024  # bytes that a client may send over a WebSocket at once


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: ASGIApp, sock: socket.socket, end_streams: Callable[[], None] = lambda: None) -> None:
    """Serve `app` on a bound socket until cancelled; then end what streams, and let requests end for a few seconds."""
    config = uvicorn.Config(
        app,
        http=OneWriteProtocol,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=_MAX_FRAME,
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )
    server = _Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[sock]))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True
        end_streams()
        await asyncio.wait([task], timeout=_GRACE_S + 2)
        raise
