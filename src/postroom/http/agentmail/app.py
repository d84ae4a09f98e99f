"""The dialect as an ASGI app: finds the route, finds out who asks, reads, asks the desk, shows."""

import logging
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from postroom.http import auth
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
    tenants,
    threads,
    webhooks,
)
from postroom.http.route import Call, Json, Route, Table, body_of, query_of, raw_path
from postroom.model.errors import PostroomError
from postroom.model.tenant import Actor, Reach
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.links import Links

log = logging.getLogger(__name__)
PREFIX = "/v0"
_RESOURCES = (tenants, pods, keys, domains, inboxes, messages, threads, drafts, inbox_events, lists, webhooks, metrics)
ROUTES: Sequence[Route] = tuple(route for resource in _RESOURCES for route in resource.ROUTES)


class AgentMail:
    """Answers every request below /v0; `limit` is the largest body in bytes."""

    def __init__(self, desk: Desk, keys: KeyRing, links: Links, limit: int) -> None:
        self._desk = desk
        self._keys = keys
        self._links = links
        self._limit = limit
        self._table = Table(PREFIX, ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except PostroomError as error:
            response = errors.answer(error)
        except ClientDisconnect:
            return
        except Exception:
            # The last resort: whatever it is, the client gets this dialect's envelope and the log the reason.
            log.exception("request failed method=%s path=%s", request.method, raw_path(request))
            response = errors.internal()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        actor = await auth.bearer(request, self._keys)
        found = self._table.find(request.method, raw_path(request))
        if found is None:
            return errors.not_here("Not offered by this server; see docs/dialects.md for what is.")
        route, path = found
        body = {} if request.method in ("GET", "DELETE") else await body_of(request, self._limit)
        call = Call(
            actor=await self._within(actor, route, path),
            path=path,
            query=query_of(request),
            body=body,
            headers=request.headers,
        )
        result = await self._desk.call(route.operation, call.actor, route.read(call))
        if route.show is None:
            return Response(status_code=route.status)
        shown = route.show(result, call, self._links)
        return shown if isinstance(shown, Response) else Json(shown, route.status)

    async def _within(self, actor: Actor, route: Route, path: dict[str, str]) -> Actor:
        """Return the actor as far as the pod or the inbox in the path reaches. Raises NotFound for one out of reach."""
        if route.scope == "inbox":
            inbox: Any = await self._desk.call("inboxes.enter", actor, {"inbox_id": path.pop("inbox_id")})
            within = Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)
            return actor.model_copy(update={"reach": within})
        if route.scope != "pod":
            return actor
        pod: Any = await self._desk.call("pods.enter", actor, {"pod_id": path.pop("pod_id")})
        return actor.model_copy(update={"reach": actor.reach.model_copy(update={"pod_id": pod.pod_id})})
