"""Who is told that a resource has changed: resources/subscribe of the older eras, subscriptions/listen of 2026-07-28.

A subscription reaches as far as its key, and ends with it. What is told carries an address and no word of a mail.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from postroom.mcp.resources import Address, read_address

if TYPE_CHECKING:
    from mcp.server.auth.provider import AccessToken, TokenVerifier
    from mcp.server.subscriptions import SubscriptionBus

    from postroom.mcp.face import Hands
    from postroom.model.event import Event
    from postroom.model.tenant import Actor

log = logging.getLogger(__name__)
PER_KEY = 100  # streams and connections with subscriptions that a key may hold in this process
PER_STREAM = 100  # resources of one of them
POLL_S = 5.0  # a wake that was lost costs no more
_STATE = "postroom.subscriptions"
Request = ServerRequestContext[Any, Any]
# How each kind is looked up within the asker's reach: the operation, and the field of its result that events name.
_LOOKED_UP = {
    "inbox": ("inboxes.get", "inbox_id"),
    "thread": ("threads.find", "thread_id"),
    "message": ("messages.find", "id"),
    "draft": ("drafts.get", "draft_id"),
    "domain": ("domains.get", "id"),
}


@dataclass
class _Follower:
    """Who is told: up to which position of the log, of which things (addresses by inner id), and by what means."""

    actor: "Actor"
    token: "AccessToken | None"
    tell: Callable[[str], Awaitable[None]]
    position: int = 0
    addresses: dict[str, set[str]] = field(default_factory=dict)

    def add(self, uri: str, inner_id: str, position: int) -> None:
        """Tell of one more from `position` on; the earliest counts, so that nothing is missed."""
        self.position = min(self.position, position) if self.addresses else position
        self.addresses.setdefault(inner_id, set()).add(uri)

    def remove(self, uri: str) -> None:
        self.addresses = {inner: left for inner, uris in self.addresses.items() if (left := uris - {uri})}

    def changed(self, events: "Iterable[Event]") -> list[str]:
        """Return the addresses of what these events changed, each once."""
        found: dict[str, None] = {}
        for event in events:
            for inner in _touched(event) if _may_see(self.actor, event) else ():
                found.update(dict.fromkeys(sorted(self.addresses.get(inner, ()))))
        return list(found)


class Subscriptions:
    """Serves both eras. `offers` tells whether a tool is offered to whoever calls; `own` whether an address that is
    none of ours is told of by `bus`, where tools publish what they change.
    """

    def __init__(
        self,
        hands: "Hands",
        offers: Callable[[str], Awaitable[Any]],
        bus: "SubscriptionBus",
        own: Callable[[str], bool],
        verifier: "TokenVerifier | None",
    ) -> None:
        self._hands = hands
        self._offers = offers
        self._bus = bus
        self._own = own
        self._verifier = verifier
        self._held: Counter[str | None] = Counter()
        self._beginning = asyncio.Lock()

    async def subscribe(self, ctx: Request, params: SubscribeRequestParams) -> EmptyResult:
        """resources/subscribe: tell this connection of a resource from now on."""
        if self._own(params.uri):
            return EmptyResult()
        found = await self._find(params.uri)
        if found is None:
            raise MCPError(code=INVALID_PARAMS, message=f"No resource {params.uri[:1000]!r}.", data={"uri": params.uri})
        async with self._beginning:
            follower = await self._connection(ctx)
        if sum(map(len, follower.addresses.values())) >= PER_STREAM:
            raise MCPError(code=INTERNAL_ERROR, message=f"This connection follows {PER_STREAM} resources already.")
        follower.add(params.uri, *found)
        return EmptyResult()

    async def unsubscribe(self, ctx: Request, params: UnsubscribeRequestParams) -> EmptyResult:
        """resources/unsubscribe: tell of it no longer."""
        follower: _Follower | None = ctx.session._connection.state.get(_STATE)
        if follower is not None:
            follower.remove(params.uri)
        return EmptyResult()

    async def listen(self, ctx: Request, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """subscriptions/listen: what is out of reach or absent is left out of what is acknowledged."""
        wanted = list(dict.fromkeys(params.notifications.resource_subscriptions or ()))[:PER_STREAM]
        stream = _Stream(self._bus)
        follower = await self._follower(lambda uri: stream.publish(ResourceUpdated(uri)))
        kept: list[str] = []
        for uri in wanted:
            if self._own(uri):
                kept.append(uri)
            elif (found := await self._find(uri)) is not None:
                follower.add(uri, *found)
                kept.append(uri)
        narrowed = params.notifications.model_copy(update={"resource_subscriptions": kept or None})
        async with self._held_by(follower.actor), self._watching(follower):
            return await ListenHandler(stream)(ctx, params.model_copy(update={"notifications": narrowed}))

    async def _find(self, uri: str) -> tuple[str, int] | None:
        """Return the inner id of what an address names, and the position at which it was there; None out of reach."""
        from postroom.model.errors import Forbidden, InvalidInput, NotFound

        address = read_address(uri)
        if address is None or address.kind.scheme not in _LOOKED_UP or not await self._offers(address.kind.tool):
            return None
        try:
            return await self._look_up(address)
        except (NotFound, Forbidden, InvalidInput):
            return None

    async def _look_up(self, address: Address) -> tuple[str, int]:
        operation, name = _LOOKED_UP[address.kind.scheme]
        found = await self._hands.ask(operation, address.ids)
        return str(getattr(found.result, name)), found.position

    async def _follower(self, tell: Callable[[str], Awaitable[None]]) -> _Follower:
        from mcp.server.auth.middleware.auth_context import get_access_token

        return _Follower(await self._hands.actor(), get_access_token(), tell)

    async def _connection(self, ctx: Request) -> _Follower:
        """Return what this connection follows; the first subscription begins it, its end ends it."""
        connection = ctx.session._connection
        known: _Follower | None = connection.state.get(_STATE)
        if known is not None:
            return known
        follower = await self._follower(ctx.session.send_resource_updated)
        await connection.exit_stack.enter_async_context(self._held_by(follower.actor))
        await connection.exit_stack.enter_async_context(self._watching(follower))
        connection.state[_STATE] = follower
        return follower

    @contextlib.asynccontextmanager
    async def _held_by(self, actor: "Actor") -> AsyncIterator[None]:
        """Count what a key holds. Raises MCPError where that is too much."""
        if self._held[actor.api_key_id] >= PER_KEY:
            raise MCPError(code=INTERNAL_ERROR, message=f"This key holds {PER_KEY} subscriptions already: end some.")
        self._held[actor.api_key_id] += 1
        try:
            yield
        finally:
            self._held -= Counter([actor.api_key_id])  # leaves no key behind that holds none

    @contextlib.asynccontextmanager
    async def _watching(self, follower: _Follower) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch(follower))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self, follower: _Follower) -> None:
        from postroom.model.errors import PostroomError
        from postroom.service.bells import heard

        face = await self._hands.face()
        with face.hub.listen(follower.actor.reach.org_id or "") as bell:
            while True:
                try:
                    if not await self._tell(follower):
                        return
                except PostroomError as error:
                    log.warning("subscription waits error=%s", error)
                await heard(bell, POLL_S)

    async def _is_good(self, follower: _Follower) -> bool:
        """Tell whether the key is still one; it is taken as it is now, with what it may see."""
        from postroom.mcp.auth import BearerToken

        if self._verifier is None or follower.token is None:
            return await self._is_process_good(follower)
        token = await self._verifier.verify_token(follower.token.token)
        if isinstance(token, BearerToken):
            follower.actor = token.actor
        return isinstance(token, BearerToken)

    async def _is_process_good(self, follower: _Follower) -> bool:
        from postroom.model.errors import Unauthenticated

        try:
            follower.actor = await self._hands.actor()
        except Unauthenticated:
            return False
        return True

    async def _tell(self, follower: _Follower) -> bool:
        """Tell of what is new; return False once the key is none any more."""
        from postroom.service.log import After

        face = await self._hands.face()
        while True:
            after = follower.position
            events = []
            if follower.addresses:
                events = await face.desk.call("events.since", follower.actor, After(position=after, limit=100))
            # Behind the reading: what came when the key had ended was perhaps among it.
            if not await self._is_good(follower):
                return False
            if not events:
                return True
            for uri in follower.changed(events):
                await follower.tell(uri)
            if follower.position == after:  # nobody has begun to follow something at an earlier place meanwhile
                follower.position = events[-1].position


class _Stream(InMemorySubscriptionBus):
    """The bus of one stream: what is published on it, and what tools publish for everybody."""

    def __init__(self, shared: "SubscriptionBus") -> None:
        super().__init__()
        self._shared = shared

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        ends = (super().subscribe(listener), self._shared.subscribe(listener))

        def end() -> None:
            for each in ends:
                each()

        return end


def _touched(event: "Event") -> list[str]:
    """Return the inner ids of what an event is about."""
    ids = [event.inbox_id, *(event.data.get(name) for name in ("thread_id", "message", "draft", "id"))]
    return [str(inner) for inner in ids if inner is not None]


def _may_see(actor: "Actor", event: "Event") -> bool:
    from postroom.model.webhook import permissions_for

    needed = permissions_for(event.type.value)
    about_mail = ("message_read",) if "message" in event.data else ()
    return all(actor.may(permission) for permission in (*needed, *about_mail))
