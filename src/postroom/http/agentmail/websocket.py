"""Events as they happen, over a WebSocket at /v0 (contract 2.9): nothing until a subscription, then a frame an event,
the same bytes as a webhook's body. Nothing is kept for a listener: who reads too slowly is told to come back.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from postroom.events.hub import Hub
from postroom.http import auth
from postroom.http.agentmail import errors
from postroom.http.agentmail.events import render
from postroom.model.errors import InvalidInput, PostroomError, Temporary, TooMany, Unauthenticated
from postroom.model.event import Event
from postroom.model.tenant import SYSTEM, Actor
from postroom.model.webhook import Subscription, permissions_for
from postroom.service import taint
from postroom.service.bells import heard
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.log import After, Happening

log = logging.getLogger(__name__)
POLL_S = 5.0
PER_KEY = 1000
SEND_S = 10.0  # for one frame to leave
_CLOSE_S = 2.0
_FIELDS = ("event_types", "inbox_ids", "pod_ids")
# RFC 6455 7.4.1, and the registry that it opens.
_POLICY, _INTERNAL, _TRY_LATER = 1008, 1011, 1013


class _TooSlow(Exception):
    """A frame did not leave in time."""


class EventSocket:
    """Answers a WebSocket: who asks is found at the handshake, by the header or `?api_key=`."""

    def __init__(self, desk: Desk, keys: KeyRing, hub: Hub, *, send_s: float = SEND_S, per_key: int = PER_KEY) -> None:
        self._per_key = per_key
        self._held: Counter[str | None] = Counter()  # connections by the id of their key
        self._desk = desk
        self._keys = keys
        self._hub = hub
        self._send_s = send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until either side ends it."""
        socket = WebSocket(scope, receive, send)
        try:
            actor = await auth.bearer(socket, self._keys, in_query=True)
            self._take(actor)
        except PostroomError as error:
            await socket.send_denial_response(errors.answer(error))
            return
        try:
            await socket.accept()
            await self._serve(socket, actor)
        finally:
            self._held -= Counter([actor.api_key_id])  # leaves no key behind that holds none

    def _take(self, actor: Actor) -> None:
        """Count a connection of a key. Raises TooMany."""
        if self._held[actor.api_key_id] >= self._per_key:
            raise TooMany(
                f"This key holds {self._per_key} WebSockets already.",
                fix="Close some: one connection hears of all inboxes that a key reaches.",
            )
        self._held[actor.api_key_id] += 1

    async def _serve(self, socket: WebSocket, actor: Actor) -> None:
        listener = _Listener(self._desk, socket, actor, self._send_s)
        reading = asyncio.create_task(listener.read())
        telling = asyncio.create_task(self._tell(listener))
        try:
            await asyncio.wait((reading, telling), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reading, telling):
                task.cancel()
            ended = await asyncio.gather(reading, telling, return_exceptions=True)
        await _close(socket, ended)

    async def _tell(self, listener: "_Listener") -> None:
        with self._hub.listen(listener.actor.reach.org_id or "") as bell:
            while True:
                await heard(bell, POLL_S)
                # A key that was deleted or restricted since ends, or narrows, what its connections are told.
                listener.actor = await auth.bearer(listener.socket, self._keys, in_query=True, again=True)
                await listener.tell()


class _Listener:
    """One connection: what it asked for, and up to which position of the log it has been told."""

    def __init__(self, desk: Desk, socket: WebSocket, actor: Actor, send_s: float) -> None:
        self.socket = socket
        self.actor = actor
        self._desk = desk
        self._send_s = send_s
        self._subscription: Subscription | None = None
        self._position = 0

    async def read(self) -> None:
        """Take subscriptions until the peer goes; a later one takes the place of the one before."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                self._desk.rates.take(self.actor)
                await self._subscribe(_asked(message.get("text")))
            except Temporary:
                raise
            except PostroomError as error:
                shown = errors.envelope(error)
                await self.send(orjson.dumps({"type": "error", "name": shown["name"], "message": shown["message"]}))

    async def _subscribe(self, asked: dict[str, Any]) -> None:
        answer = await self._desk.ask("events.subscribe", self.actor, asked)
        await self.send(orjson.dumps({"type": "subscribed", **asked}))
        self._subscription, self._position = answer.result, answer.position

    async def tell(self) -> None:
        """Send what has happened since the last look."""
        while (subscription := self._subscription) is not None:
            after = self._position
            events: list[Event] = await self._desk.call("events.since", self.actor, After(position=after, limit=100))
            if not events:
                return
            for event in events:
                if subscription.includes(event) and self._may_see(event):
                    await self._send_event(event)
            if self._position == after:  # nobody has subscribed anew meanwhile
                self._position = events[-1].position

    async def _send_event(self, event: Event) -> None:
        found: Happening | None = await self._desk.call("events.at", SYSTEM, After(position=event.position))
        if found is not None:
            if found.is_outside:
                await taint.remember(self._desk, self.actor)
            await self.send(render(found))

    def _may_see(self, event: Event) -> bool:
        return all(self.actor.may(permission) for permission in permissions_for(event.type.value))

    async def send(self, frame: bytes) -> None:
        """Send a frame. Raises _TooSlow."""
        try:
            async with asyncio.timeout(self._send_s):
                await self.socket.send_text(frame.decode())
        except TimeoutError as error:
            raise _TooSlow from error


def _asked(text: str | None) -> dict[str, Any]:
    """Return the fields of a subscription. Raises InvalidInput for any other frame."""
    try:
        frame = orjson.loads(text or "")
    except orjson.JSONDecodeError as error:
        raise InvalidInput("The frame is not JSON.", fix='Send {"type": "subscribe"}.') from error
    if not isinstance(frame, dict) or frame.get("type") != "subscribe":
        raise InvalidInput("The frame is no subscription.", fix='Send {"type": "subscribe"}.')
    return {name: frame[name] for name in _FIELDS if frame.get(name) is not None}


async def _close(socket: WebSocket, ended: Sequence[Any]) -> None:
    """Close with the code that says why the connection ended; a peer that went has nothing to hear."""
    code = next((code for outcome in ended if (code := _code(outcome)) is not None), None)
    if code is None:
        return
    try:
        async with asyncio.timeout(_CLOSE_S):
            await socket.close(code)
    except (TimeoutError, RuntimeError, WebSocketDisconnect, OSError):
        log.info("websocket ended unheard code=%d", code)


def _code(outcome: Any) -> int | None:
    if not isinstance(outcome, Exception) or isinstance(outcome, WebSocketDisconnect):
        return None
    if isinstance(outcome, Unauthenticated):
        return _POLICY
    if isinstance(outcome, _TooSlow | Temporary):
        return _TRY_LATER
    log.error("websocket failed", exc_info=outcome)
    return _INTERNAL
