"""The inai dialect: its routes, its words, its names."""

from collections.abc import Mapping
from typing import Any

from postroom.http import conversation
from postroom.http.dialect import Manner
from postroom.http.inai import domains, errors, inboxes, keys, messages, organizations, threads, webhooks, wire
from postroom.http.named import NamedDialect
from postroom.http.route import Call, Route
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.links import Links

PREFIX = "/api/v0"
_RESOURCES = (organizations, inboxes, messages, threads, domains, webhooks, keys)
ROUTES: tuple[Route, ...] = tuple(route for resource in _RESOURCES for route in resource.ROUTES)
_NO_CHANGE = {"inboxes.update": "inboxes.get", "webhooks.update": "webhooks.get"}


class Inai(NamedDialect):
    """Answers every request below /api/v0."""

    def __init__(self, desk: Desk, keys: KeyRing, links: Links, limit: int) -> None:
        super().__init__(MANNER, wire.NAMES, desk, keys, links, limit, no_change=_NO_CHANGE)

    async def answer(self, route: Route, call: Call, given: Mapping[str, Any]) -> Any:
        """Do what a route names; a thread is given whole."""
        if route.operation == "threads.get":
            return await conversation.whole(self.desk, call.actor, given, wire.thread_message, threads.TEXTS)
        return await super().answer(route, call, given)


def _document() -> bytes:
    from postroom.http.inai import openapi  # nobody waits for it at the start

    return openapi.rendered(PREFIX, ROUTES)


MANNER = Manner(
    prefix=PREFIX,
    routes=ROUTES,
    error=errors.answer,
    internal=errors.internal,
    not_here=errors.not_here,
    document=_document,
    not_so=errors.not_so,
)
