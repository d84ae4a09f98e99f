"""Answers a call of a tool that reads in the exchange that brought it. The SDK hands one of an older client's session
through three tasks and four streams, and writes an answer to a newer client in two steps.

What a session is, who may open, continue and end it, what is wrong with a request, and all other requests stay the
SDK's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext, authorization_context
from mcp.server.auth.provider import TokenVerifier
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, modern_error_data
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    MCP_PARAM_HEADER_PREFIX,
    InboundLadderRejection,
    classify_inbound_request,
)
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp.types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from postroom.mcp.door import Message, Receive, Scope, Send
from postroom.model.errors import PostroomError

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

# Seconds after which a call of a session goes the SDK's way again, so that the SDK sees that the session is used.
FRESH_S = 60.0
_MOST_BYTES = 65_536  # of a call: one that reads is small
_MOST_DIGITS = 5  # of the content-length of such a call: what says that it is longer is not waited for
_PATH, _BEARER = "/mcp", "Bearer "
_SESSION, _VERSION, _JSON = "mcp-session-id", "mcp-protocol-version", "application/json"
_OLDER = frozenset({None, *HANDSHAKE_PROTOCOL_VERSIONS})
_NEWER = frozenset(MODERN_PROTOCOL_VERSIONS)
# Headers that few send: the first choose tools and are refused where they are wrong, the second repeat arguments.
_MORE = ("x-mcp-", MCP_PARAM_HEADER_PREFIX.lower())


@dataclass(frozen=True)
class _Session:
    owner: AuthorizationContext
    runner: ServerRunner[Any]
    until: float  # of the monotonic clock


@dataclass(frozen=True)
class _Request:
    """The request as tools and the SDK look at it."""

    scope: Scope
    headers: Mapping[str, str]


@dataclass
class _Exchange:
    """What the SDK calls a dispatch context: nothing can be said to the client but the answer."""

    request_id: RequestId
    message_metadata: ServerMessageMetadata
    transport: TransportContext = field(default=TransportContext(kind="streamable-http", can_send_request=False))
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)
    can_send_request: bool = False

    async def send_raw_request(self, method: str, _params: Mapping[str, Any] | None, _opts: Any = None) -> Any:
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: Any = None) -> None:
        """Say nothing: an object has no room for it."""

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Say nothing: who asks for progress is given a stream."""


class SingleExchange:
    """Stands in front of the SDK's app. `server` is the SDK's, `reads` tells whether a tool only reads, `sessions` are
    those that the SDK serves.
    """

    def __init__(
        self, server: Any, verifier: TokenVerifier, reads: Callable[[str], bool], sessions: Mapping[str, Any]
    ) -> None:
        self._server = server
        self._verifier = verifier
        self._reads = reads
        self._sessions = sessions
        self._known: dict[str, _Session] = {}
        self._lifespan: tuple[Any] | None = None  # what the SDK's way was seen to hand on, in a tuple: it may be None

    def meet(self, ctx: "ServerRequestContext[Any, Any]") -> None:
        """Learn from a call that reads, which the SDK has let in, whose its session is and what the client can do."""
        request, client = ctx.request, ctx.session.client_params
        self._lifespan = (ctx.lifespan_context,)
        if request is None or client is None or isinstance(request, _Request):
            return
        session, user = request.headers.get(_SESSION), request.scope.get("user")
        if ctx.method == "initialize":
            self._known.pop(session, None)  # a client may say once more what it can do
        if not self._is_reading(ctx):
            return
        if session is None or ctx.protocol_version not in _OLDER or not isinstance(user, AuthenticatedUser):
            return
        connection = Connection.from_envelope(ctx.protocol_version, client.client_info, client.capabilities)
        runner = ServerRunner(self._server, connection, ctx.lifespan_context)
        now = monotonic()
        self._known.pop(session, None)
        self._known[session] = _Session(authorization_context(user), runner, now + FRESH_S)
        while (oldest := next(iter(self._known))) != session and self._known[oldest].until < now:
            del self._known[oldest]

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer a call that reads; for every other request return the `receive` with which it goes on."""
        request = _Request(scope, {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]})
        session = self._session(request)
        if (session is None and request.headers.get(_VERSION) not in _NEWER) or not _is_usual(request):
            return receive
        user = await self._user(request)
        if user is None or (session is not None and authorization_context(user) != session.owner):
            return receive
        heard = await _heard(receive)
        # A session may have ended while its client was slow to say what it asks.
        call = None if session is not None and not self._is_open(request) else self._reading(heard)
        runner = None if call is None else session.runner if session is not None else self._of_envelope(request, call)
        if call is None or runner is None:
            return _again(heard, receive)
        token = auth_context_var.set(user)
        try:
            await _answer(runner, request, call, send)
        finally:
            auth_context_var.reset(token)
        return None

    def _session(self, request: _Request) -> _Session | None:
        """Return the session of a request of the older era, None where none is known, or not of late."""
        session = self._known.get(request.headers.get(_SESSION, ""))
        is_newer = request.headers.get(_VERSION) in _NEWER
        if session is None or is_newer or session.until < monotonic():
            return None
        return session if self._is_open(request) else None

    def _is_open(self, request: _Request) -> bool:
        """Tell whether the SDK still serves the session: a call on its way may be met after the end was asked for."""
        transport = self._sessions.get(request.headers.get(_SESSION, ""))
        return transport is not None and not transport.is_terminated

    async def _user(self, request: _Request) -> AuthenticatedUser | None:
        """Return whose request it is, None where the SDK has to look at it, or to refuse it."""
        shown = request.headers.get("authorization", "")
        if not shown.startswith(_BEARER):
            return None
        try:
            token = await self._verifier.verify_token(shown.removeprefix(_BEARER))
        except PostroomError:
            return None  # the SDK's way finds the same, and answers
        return AuthenticatedUser(token) if token is not None and token.expires_at is None else None

    def _of_envelope(self, request: _Request, call: JSONRPCRequest) -> ServerRunner[Any] | None:
        """Return the runner of a call that says itself what its client is and can (2026-07-28)."""
        if self._lifespan is None:
            return None
        found = classify_inbound_request({"method": call.method, "params": call.params}, headers=request.headers)
        if isinstance(found, InboundLadderRejection):
            return None
        connection = Connection.from_envelope(found.protocol_version, found.client_info, found.client_capabilities)
        return ServerRunner(self._server, connection, self._lifespan[0])

    def _reading(self, heard: list[Message]) -> JSONRPCRequest | None:
        """Return the call of a tool that reads which is the whole body, None for anything else."""
        if heard[-1]["type"] != "http.request" or heard[-1].get("more_body", False):
            return None
        try:
            call = JSONRPCRequest.model_validate_json(_body(heard), by_name=False)
        except ValidationError:
            return None  # the SDK words what is wrong
        meta = (call.params or {}).get("_meta", {})
        speaks = not isinstance(meta, dict) or "progressToken" in meta
        return call if self._is_reading(call) and not speaks else None

    def _is_reading(self, call: "JSONRPCRequest | ServerRequestContext[Any, Any]") -> bool:
        name = (call.params or {}).get("name")
        return call.method == "tools/call" and isinstance(name, str) and self._reads(name)


def _is_usual(request: _Request) -> bool:
    """Tell whether the SDK would take a request with these headers as it is, whatever stands in it."""
    fields = request.headers
    return (
        (request.scope["method"], request.scope["path"]) == ("POST", _PATH)
        and len(fields) == len(request.scope["headers"])  # one that stands twice the SDK judges
        and len(fields.get("content-length", "")) <= _MOST_DIGITS
        and fields.get("content-type") == _JSON
        and _JSON in (kind.partition(";")[0].strip() for kind in fields.get("accept", "").split(","))
        and (fields.get(_VERSION) in _OLDER or fields[_VERSION] in _NEWER)
        and not any(name.startswith(_MORE) for name in fields)
    )


async def _heard(receive: Receive) -> list[Message]:
    """Return what comes of a body, to its end or to where it is too long for a call that reads."""
    heard = [await receive()]
    size = len(_body(heard))
    while heard[-1].get("more_body", False) and size <= _MOST_BYTES:
        heard.append(await receive())
        size += len(_body(heard[-1:]))
    return heard


def _body(heard: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in heard)


def _again(heard: list[Message], receive: Receive) -> Receive:
    """Return a `receive` that begins with what was received."""
    waiting = heard[::-1]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


async def _answer(runner: ServerRunner[Any], request: _Request, call: JSONRPCRequest, send: Send) -> None:
    exchange = _Exchange(call.id, ServerMessageMetadata(request_context=request))
    told: JSONRPCResponse | JSONRPCError
    try:
        told = JSONRPCResponse(
            jsonrpc="2.0", id=call.id, result=await runner.on_request(exchange, call.method, call.params)
        )
    except Exception as error:  # the boundary to the wire: the SDK says what of an error may be told
        told = JSONRPCError(jsonrpc="2.0", id=call.id, error=modern_error_data(error))
    older = runner.connection.protocol_version in _OLDER
    status = HTTPStatus.OK
    if isinstance(told, JSONRPCError) and not older:
        status = HTTPStatus(ERROR_CODE_HTTP_STATUS.get(told.error.code, status))
    body = told.model_dump_json(by_alias=True, exclude_unset=older, exclude_none=not older).encode()
    fields = [(b"content-type", _JSON.encode()), (b"content-length", b"%d" % len(body))]
    if older:
        fields.append((_SESSION.encode(), request.headers[_SESSION].encode("latin-1")))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
