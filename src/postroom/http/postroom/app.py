"""Our own dialect: its routes, its words, and what a request of it may wait for.

What signed addresses name (`downloads`, `opens`) is served beside it, without a key.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from postroom.events.claiming import claim_next
from postroom.events.following import follow
from postroom.events.hub import Hub
from postroom.http.dialect import Dialect, Manner
from postroom.http.postroom import approvals, attachments, claims, errors, events, policies, sending, trash
from postroom.http.route import Call, Route
from postroom.model.tenant import Actor
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.links import Links

PREFIX = "/v1/postroom"
_RESOURCES = (events, claims, attachments, sending, approvals, policies, trash)
ROUTES: tuple[Route, ...] = tuple(route for resource in _RESOURCES for route in resource.ROUTES)
Waiter = Callable[[Desk, Hub, Actor, Mapping[str, Any]], Awaitable[Any]]
# Operations that a request may wait for.
_WAITERS: Mapping[str, Waiter] = {"events.list": follow, "claims.next": claim_next}


class Ours(Dialect):
    """Answers every request below /v1/postroom that needs a key."""

    def __init__(self, desk: Desk, keys: KeyRing, hub: Hub, links: Links, limit: int) -> None:
        super().__init__(MANNER, desk, keys, links, limit)
        self._hub = hub
        self._uploads = attachments.Uploads(desk)

    async def straight(self, request: Request, actor: Actor, route: Route) -> Response | None:
        """Take a file in, which is never read whole."""
        return await self._uploads.answer(request, actor) if route.operation == attachments.UPLOAD else None

    def waits(self, route: Route) -> bool:
        """Tell whether it may wait: what was claimed for a peer that has gone is given back."""
        return route.operation in _WAITERS

    async def do(self, route: Route, call: Call) -> Any:
        """Do what a route names, or wait for it."""
        waiter = _WAITERS.get(route.operation)
        if waiter is None:
            return await super().do(route, call)
        return await waiter(self.desk, self._hub, call.actor, route.read(call))


def _document() -> bytes:
    from postroom.http.postroom import openapi  # nobody waits for it at the start

    return openapi.rendered(PREFIX, ROUTES)


MANNER = Manner(
    prefix=PREFIX,
    routes=ROUTES,
    error=errors.answer,
    internal=errors.internal,
    not_here=lambda: errors.not_here("See /v1/postroom/openapi.json for what is offered."),
    document=_document,
    not_so=errors.not_so,
)
