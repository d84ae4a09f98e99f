"""MCP over streamable HTTP: the same tools at /mcp, behind a bearer key.

A call of a tool that has nothing to say before its answer is answered with one JSON object, any other request with an
event stream; the body is looked at for that and not read: what it means is the SDK's.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from postroom.mcp.auth import KeyVerifier
from postroom.mcp.door import Names, refuse, with_bearer
from postroom.mcp.face import Face, Hands
from postroom.mcp.server import Server
from postroom.service.keyring import KeyRing
from postroom.service.oauth_issuer import Issuer
from postroom.service.oauth_parameters import resource_of

# ASGI, spelled out: starlette is the HTTP face's.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
MAX_BODY = 40 * 2**20  # bytes of a request: what a host sends at once, a file of 25 MB in base64 among it
# What stands in the body of a call that says something before its answer, or may: progress, pings while it waits, and
# an escape, in which a name could hide.
_SPEAKS: tuple[bytes, ...] = (b"progressToken", b"wait_for_message", b"\\u")
# Whether the request at hand is answered with one JSON object; None: its body has not come yet.
_PLAIN: ContextVar[bool | None] = ContextVar("_PLAIN", default=None)


class _PlainAnswers:
    """The SDK's `json_response`, which it asks at each request: true for some of them, where a bool is for all.

    A stream of one event costs 1.2 ms of processor time more than the object in it.
    """

    def __bool__(self) -> bool:
        return bool(_PLAIN.get())


class RemoteServer:
    """The ASGI app for /mcp and the lifespan that must be entered around it. `server` makes the protocol's side."""

    def __init__(
        self,
        face: Face,
        *,
        public_url: str,
        max_body: int,
        keys: KeyRing,
        server: type[Server] = Server,
        issuer: Issuer | None = None,
    ) -> None:
        hands = Hands()
        hands.open(face)
        resource = resource_of(public_url)
        auth = AuthSettings(
            issuer_url=AnyHttpUrl(public_url),
            resource_server_url=AnyHttpUrl(resource),  # a 401 says where its metadata is (RFC 9728 section 5.1)
            validate_token_resource=False,  # our verifier does; API keys are for no resource
            required_scopes=[],
        )
        state_key = face.desk.house.secret.sign("MCP request state", b"")
        self._server = server(hands, verifier=KeyVerifier(keys, resource, issuer), auth=auth, state_key=state_key)
        self._names = Names(public_url)
        self._ended = False
        self._waiting: set[asyncio.Timeout] = set()  # one for each that waits for what its peer does
        self._protocol = self._server.streamable_http_app(
            max_request_body_size=max_body,
            # The names are looked at before: the SDK's list knows no addresses of a machine that has several.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            json_response=cast("bool", _PlainAnswers()),
        )

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whoever waits for its peer to go hears of the end of the server as well."""
        if scope["type"] == "http":
            _PLAIN.set(None)  # a request that waited behind another on its connection has the context of that one
            if (refusal := self._names.refusal(scope)) is not None:
                await refuse(send, *refusal)
                return
            await self._protocol(with_bearer(scope), partial(self._received, receive), send)
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
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        finally:
            self._waiting.discard(waiting)
        # In the context of the request: the SDK reads its body before it decides how to answer.
        if _PLAIN.get() is None:
            _PLAIN.set(_is_plain(message))
        return message

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run the sessions."""
        async with self._server.session_manager.run():
            yield


def _is_plain(message: Message) -> bool:
    """Tell whether this is the whole body of a call that is sure to say nothing before its answer.

    A stream serves every client as well; an object would lose what is said before.
    """
    body = message.get("body", b"")
    whole = message["type"] == "http.request" and not message.get("more_body", False)
    return whole and b'"tools/call"' in body and not any(word in body for word in _SPEAKS)
