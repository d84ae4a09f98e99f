"""MCP over streamable HTTP: the same tools at /mcp, behind a bearer key.

A call of a tool that has nothing to say before its answer is answered with one JSON object, any other request with an
event stream; the body is looked at for that and not read: what it means is the SDK's. What waits for somebody ends when
he goes.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextvars import ContextVar
from functools import partial
from http import HTTPStatus
from typing import cast

from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import INVALID_REQUEST
from pydantic import AnyHttpUrl

from postroom.mcp.auth import KeyVerifier
from postroom.mcp.door import Message, Names, Receive, Scope, Send, refuse, with_bearer
from postroom.mcp.face import Face, Hands
from postroom.mcp.peer import Peer
from postroom.mcp.server import Server
from postroom.mcp.single_exchange import SingleExchange
from postroom.service.keyring import KeyRing
from postroom.service.oauth_issuer import Issuer
from postroom.service.oauth_parameters import resource_of

# Seconds after which a client of an older era that asks nothing is forgotten, with what it follows. Few of them say
# that they go (DELETE).
IDLE_S = 1_800.0
MAX_BODY = 40 * 2**20  # bytes of a request: what a host sends at once, a file of 25 MB in base64 among it
# What stands in the body of a call that may be told of its progress, and an escape, in which a name could hide.
_SPEAKS: tuple[bytes, ...] = (b"progressToken", b"\\u")
_NAMES = re.compile(rb'"name"\s*:\s*"(\w{1,64})"', re.ASCII)
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
        verifier = KeyVerifier(keys, resource, issuer)
        self._server = server(hands, verifier=verifier, auth=auth, state_key=state_key)
        self._names = Names(public_url)
        self._max_body = max_body
        self._ended = False
        self._waiting: set[asyncio.Timeout] = set()  # one for each that waits for what its peer does
        self._protocol = self._server.streamable_http_app(
            max_request_body_size=max_body,
            session_idle_timeout=IDLE_S,
            # The names are looked at before: the SDK's list knows no addresses of a machine that has several.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            json_response=cast("bool", _PlainAnswers()),
        )
        manager = self._server.session_manager
        sessions = manager._server_instances
        self._exchange = SingleExchange(manager.app, verifier, self._server.only_reads, sessions)
        self._server.meets = self._exchange.meet

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whoever waits for its peer to go hears of the end of the server as well."""
        if scope["type"] == "http":
            _PLAIN.set(None)  # a request that waited behind another on its connection has the context of that one
            if (refusal := self._names.refusal(scope)) is not None:
                await refuse(send, *refusal)
                return
            inside = with_bearer(scope)
            received = partial(self._received, receive, Peer(inside))
            if (rest := await self._exchange.answer(inside, received, send)) is not None:
                await self._protocol(inside, rest, self._worded(send))
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

    def _worded(self, send: Send) -> Send:
        """Return a `send` that says in words of the protocol what the SDK says by a status alone: too large a body."""
        words: bytes | None = None

        async def worded(message: Message) -> None:
            nonlocal words
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                words = _too_large(self._max_body)
                fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(words))]
                await send({**message, "headers": fields})
            elif words is not None:
                await send({"type": "http.response.body", "body": words})
            else:
                await send(message)

        return worded

    async def _received(self, receive: Receive, peer: Peer) -> Message:
        message = await self._heard(receive)
        if message["type"] == "http.disconnect":
            peer.leave()
        return message

    async def _heard(self, receive: Receive) -> Message:
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
            _PLAIN.set(self._is_plain(message))
        return message

    def _is_plain(self, message: Message) -> bool:
        """Tell whether this is the whole body of a call of a tool that is sure to say nothing before its answer.

        A stream serves every client as well; an object would lose what is said before.
        """
        body = message.get("body", b"")
        whole = message["type"] == "http.request" and not message.get("more_body", False)
        if not whole or b'"tools/call"' not in body:
            return False
        names, speaking = self._server.names
        called = any(found[1] in names for found in _NAMES.finditer(body))
        return called and not any(word in body for word in (*_SPEAKS, *speaking))

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run the sessions."""
        async with self._server.session_manager.run():
            yield


def _too_large(limit: int) -> bytes:
    """Return the error that refuses a body of more than `limit` bytes, whose id nobody has read."""
    told = (
        f"The request is over {limit} bytes, and nothing was done. Hand a file in by POST /v1/postroom/attachments"
        "?inbox_id=&filename= (its bytes are the body) and attach it by its handle, or attach it by url."
    )
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": told}}).encode()
