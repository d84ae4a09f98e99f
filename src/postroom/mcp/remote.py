"""MCP over streamable HTTP: the same tools at /mcp, behind a bearer key."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from postroom.mcp.auth import KeyVerifier
from postroom.mcp.face import Face, Hands
from postroom.mcp.server import Server

# ASGI, spelled out: starlette is the HTTP face's.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class RemoteServer:
    """The ASGI app for /mcp and the lifespan that must be entered around it."""

    def __init__(self, face: Face, *, public_url: str, max_body: int, version: Callable[[], int]) -> None:
        hands = Hands()
        hands.open(face)
        auth = AuthSettings(issuer_url=AnyHttpUrl(public_url), resource_server_url=None, required_scopes=[])
        self._server = Server(hands, verifier=KeyVerifier(hands, version), auth=auth)
        self._ended = False
        self._waiting: set[asyncio.Timeout] = set()  # one for each that waits for what its peer does
        self._protocol = self._server.streamable_http_app(
            max_request_body_size=max_body, transport_security=_hosts(public_url)
        )

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whoever waits for its peer to go hears of the end of the server as well."""
        if scope["type"] == "http":
            await self._protocol(scope, partial(self._received, receive), send)
        else:
            await self._protocol(scope, receive, send)

    def end_streams(self) -> None:
        """End the streams that clients hold open, and the calls that wait: none of them would end in time by itself."""
        if self._ended:
            return
        self._ended = True
        now = asyncio.get_running_loop().time()
        for waiting in self._waiting:
            waiting.reschedule(now)

    async def _received(self, receive: Receive) -> Message:
        if self._ended:
            return {"type": "http.disconnect"}
        # A time limit that the end of the server sets and nothing else: a task for each of the two would cost more.
        waiting = asyncio.timeout(None)
        try:
            async with waiting:
                self._waiting.add(waiting)
                return await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        finally:
            self._waiting.discard(waiting)

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run the sessions."""
        async with self._server.session_manager.run():
            yield


def _hosts(public_url: str) -> TransportSecuritySettings:
    """Allow the names of this machine and of the public address: no page elsewhere can rebind its name to us."""
    names = (*_LOOPBACK, urlsplit(public_url).hostname or "localhost")
    hosts = [form for name in dict.fromkeys(names) for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)
