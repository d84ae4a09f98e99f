"""A WebSocket of the dialect in this process, without a port; and what the official client takes a frame for."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator
from typing import Any

import orjson
from agentmail.core.unchecked_base_model import construct_type

from postroom.http.agentmail.websocket import SEND_S, EventSocket
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the client imports the legacy half of websockets
    from agentmail.websockets.socket_client import WebsocketsSocketClientResponse


def taken_for(frame: Any) -> type:
    """Return the class that the official client makes of a frame."""
    return type(construct_type(type_=WebsocketsSocketClientResponse, object_=frame))  # type: ignore[arg-type]


class Socket:
    """The peer of one connection. While `is_reading` is cleared, what is sent to it does not leave."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_reading = asyncio.Event()
        self.is_reading.set()

    async def send(self, message: Any) -> None:
        """Take what the server sends."""
        await self.is_reading.wait()
        self.sent.put_nowait(dict(message))

    async def says(self, frame: Any) -> None:
        """Send a frame to the server: text as it is, anything else as JSON."""
        text = frame if isinstance(frame, str) else orjson.dumps(frame).decode()
        self.coming.put_nowait({"type": "websocket.receive", "text": text})

    async def hears(self) -> dict[str, Any]:
        """Return the next frame."""
        message = await self.sent.get()
        assert message["type"] == "websocket.send", message
        frame: dict[str, Any] = orjson.loads(message["text"])
        return frame

    async def subscribes(self, **fields: Any) -> None:
        """Subscribe and hear that it was done."""
        await self.says({"type": "subscribe", **fields})
        assert await self.hears() == {"type": "subscribed", **fields}


@contextlib.asynccontextmanager
async def connected(house: Bed, key: str, *, in_query: bool = False, send_s: float = SEND_S) -> AsyncIterator[Socket]:
    """Connect as the bearer of `key`; the handshake's answer is the first thing in `sent`."""
    versions = iter(range(10**9))
    app = EventSocket(house.desk, KeyRing(house.desk, lambda: next(versions)), house.house.hub, send_s=send_s)
    socket = Socket()
    socket.coming.put_nowait({"type": "websocket.connect"})
    scope = {
        "type": "websocket",
        "path": "/v0",
        "query_string": f"api_key={key}".encode() if in_query else b"",
        "headers": [] if in_query else [(b"authorization", f"Bearer {key}".encode())],
        "extensions": {"websocket.http.response": {}},
        "subprotocols": [],
    }
    serving = asyncio.create_task(app(scope, socket.coming.get, socket.send))
    try:
        yield socket
    finally:
        socket.is_reading.set()
        socket.coming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await serving
