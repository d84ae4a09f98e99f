"""What the MCP face needs of the house, handed to it by whoever builds both; over stdio it comes a little later."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from postroom.mcp.selection import Selection

if TYPE_CHECKING:
    from postroom.events.hub import Hub
    from postroom.model.tenant import Actor
    from postroom.service.desk import Desk
    from postroom.service.links import Links
    from postroom.service.operation import Answer


@dataclass(frozen=True, kw_only=True)
class Face:
    """The house as tools reach it. Where no bearer token says who acts (stdio), `actor` does, or whom `known` names:
    it is asked at each call, since a key may end, or be narrowed, while the process runs.
    """

    desk: "Desk"
    hub: "Hub"
    links: "Links"
    actor: "Actor | None" = None
    known: "Callable[[], Awaitable[Actor]] | None" = None
    selection: Selection = field(default_factory=Selection)


class Hands:
    """Does things in the house for a tool: waits until it is open, and acts as whoever calls."""

    def __init__(self) -> None:
        self._face: asyncio.Future[Face] | None = None

    def _future(self) -> "asyncio.Future[Face]":
        if self._face is None:
            self._face = asyncio.get_running_loop().create_future()
        return self._face

    def open(self, face: Face) -> None:
        """Let calls go ahead."""
        self._future().set_result(face)

    def fail(self, error: BaseException) -> None:
        """Let every call end with this error: the house could not be opened."""
        self._future().set_exception(error)
        self._future().exception()  # it was looked at: no warning when no call comes

    async def face(self) -> Face:
        """Return the house once it is open."""
        opened = self._future()
        # Three times a call: a future that is done needs no shield from whoever gives up.
        return opened.result() if opened.done() else await asyncio.shield(opened)

    async def actor(self) -> "Actor":
        """Return who calls: the bearer of the request, or the actor of the whole process. Raises Unauthenticated."""
        from mcp.server.auth.middleware.auth_context import get_access_token

        from postroom.mcp.auth import BearerToken
        from postroom.model.errors import Unauthenticated

        face = await self.face()
        token = get_access_token()
        if isinstance(token, BearerToken):
            return token.actor
        if face.known is not None:
            return await face.known()
        if face.actor is None:
            raise Unauthenticated("No API key.", fix="Send Authorization: Bearer and the key.")
        return face.actor

    async def spent(self) -> str | None:
        """Count a request of a bearer; return in words when to go on where the rate of its key is spent."""
        from mcp.server.auth.middleware.auth_context import get_access_token

        from postroom.mcp.auth import BearerToken
        from postroom.model.errors import TooManyRequests

        token = get_access_token()
        if isinstance(token, BearerToken):
            try:
                (await self.face()).desk.rates.take(token.actor)
            except TooManyRequests as error:
                return str(error)
        return None

    async def ask(self, operation: str, given: Mapping[str, Any]) -> "Answer[Any]":
        """Do an operation as whoever calls; arguments that are None are absent."""
        face = await self.face()
        present = {name: value for name, value in given.items() if value is not None}
        return await face.desk.ask(operation, await self.actor(), present)

    async def may_ask(self) -> bool:
        """Tell whether a policy lets whoever calls ask the person at its client to let held mail leave."""
        return bool((await self.ask("policies.bounds", {})).result.may_ask)


@runtime_checkable
class HasHands(Protocol):
    """A server by whose hands its tools do things, as a question to a person finds it."""

    @property
    def hands(self) -> Hands: ...
