"""The Agent Email dialect: its routes, its words, its names, and what of a path narrows how far a key reaches."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from postroom.http import conversation
from postroom.http.dialect import Manner
from postroom.http.named import NamedDialect
from postroom.http.route import Call, Route
from postroom.http.transactional import domains, errors, inbox, labels, mailboxes, messages, threads, webhooks, wire
from postroom.model.errors import NotFound
from postroom.model.tenant import Actor
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.links import Links
from postroom.service.narrowing import narrowed

PREFIX = "/v1/agent-email"
_RESOURCES = (mailboxes, messages, inbox, threads, labels, webhooks, domains)
ROUTES: tuple[Route, ...] = tuple(route for resource in _RESOURCES for route in resource.ROUTES)
_NO_CHANGE = {"webhooks.update": "webhooks.get"}
# Operations that ask for the inbox of a message, which no path here has.
_PLACED = frozenset({"messages.get", "messages.update", "messages.reply", "messages.forward"})


class Transactional(NamedDialect):
    """Answers every request below /v1/agent-email."""

    def __init__(self, desk: Desk, keys: KeyRing, links: Links, limit: int) -> None:
        super().__init__(MANNER, wire.NAMES, desk, keys, links, limit, no_change=_NO_CHANGE)
        self._shown = partial(wire.message, links=links)

    async def within(self, actor: Actor, route: Route, path: dict[str, str]) -> Actor:
        """Return the actor as far as the mailbox reaches whose webhooks are meant. Raises NotFound."""
        actor = await super().within(actor, route, path)
        if route.scope != "inbox":
            return actor
        inner = path.pop("inbox_id")
        try:
            return await narrowed(self.desk, actor, inbox_id=inner)
        except NotFound as error:
            raise NotFound(error.kind, wire.NAMES["inbox_id"].name(inner)) from None

    async def answer(self, route: Route, call: Call, given: Mapping[str, Any]) -> Any:
        """Do what a route names; a message is looked for in whichever mailbox it is, a thread is given whole."""
        if route.operation == "messages.send":
            return await messages.send(self.desk, call.actor, given)
        if route.operation == "threads.get":
            return await conversation.whole(self.desk, call.actor, given, self._shown, threads.TEXTS)
        if route.operation in _PLACED:
            given = await self._placed(call.actor, given)
        return await super().answer(route, call, given)

    async def _placed(self, actor: Actor, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the input with the inbox of its message, which is marked as read where that is asked for."""
        found = await self.desk.call("messages.locate", actor, {"message_ids": [given["message_id"]]})
        place = {"inbox_id": found[0].inbox_id, "message_id": found[0].id}
        if given.get("mark_read"):
            await self.desk.call("messages.update", actor, {**place, "remove_labels": ["unread"]})
        return {**{name: value for name, value in given.items() if name != "mark_read"}, **place}


def _document() -> bytes:
    from postroom.http.transactional import openapi  # nobody waits for it at the start

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
