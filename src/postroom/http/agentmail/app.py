"""The AgentMail dialect: its routes, its words, and what of a path narrows how far a key reaches."""

from typing import Any

from postroom.http.agentmail import (
    domains,
    drafts,
    errors,
    inbox_events,
    inboxes,
    keys,
    lists,
    messages,
    metrics,
    pods,
    read,
    tenants,
    threads,
    webhooks,
)
from postroom.http.dialect import Dialect, Manner
from postroom.http.route import Call, Route
from postroom.model.tenant import Actor, Reach
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.links import Links

PREFIX = "/v0"
_RESOURCES = (tenants, pods, keys, domains, inboxes, messages, threads, drafts, inbox_events, lists, webhooks, metrics)
ROUTES: tuple[Route, ...] = tuple(route for resource in _RESOURCES for route in resource.ROUTES)


class AgentMail(Dialect):
    """Answers every request below /v0."""

    def __init__(self, desk: Desk, keys: KeyRing, links: Links, limit: int) -> None:
        super().__init__(MANNER, desk, keys, links, limit)

    async def within(self, actor: Actor, route: Route, path: dict[str, str]) -> Actor:
        """Return the actor as far as the pod or the inbox in the path reaches. Raises NotFound for one out of reach."""
        if route.scope == "inbox":
            inbox: Any = await self.desk.call("inboxes.enter", actor, {"inbox_id": path.pop("inbox_id")})
            within = Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)
            return actor.model_copy(update={"reach": within})
        if route.scope != "pod":
            return actor
        pod: Any = await self.desk.call("pods.enter", actor, {"pod_id": path.pop("pod_id")})
        return actor.model_copy(update={"reach": actor.reach.model_copy(update={"pod_id": pod.pod_id})})

    async def do(self, route: Route, call: Call) -> Any:
        """Do what a route names; files are given here as the contract has them and in no other way."""
        read.check_files(call.body)
        read.check_ours(self.desk.operations[route.operation].input.model_fields, call.body)
        return await super().do(route, call)


def _document() -> bytes:
    from postroom.http.agentmail import openapi  # nobody waits for it at the start

    return openapi.rendered(PREFIX, ROUTES)


MANNER = Manner(
    prefix=PREFIX,
    routes=ROUTES,
    error=errors.answer,
    internal=errors.internal,
    not_here=lambda: errors.not_here("Not offered by this server; see docs/dialects.md for what is."),
    document=_document,
    not_so=errors.not_so,
    elsewhere=("/webhooks/polling",),
)
