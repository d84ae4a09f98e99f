"""What every REST dialect does: finds the route and who asks, reads, asks the desk, shows, words what went wrong.

A dialect says which routes there are and how it words errors; how a single request differs, it says by a method.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from postroom.http import auth
from postroom.http.peer import while_there
from postroom.http.route import Call, Json, Route, Table, body_of, query_of, raw_path
from postroom.model.errors import PostroomError
from postroom.model.tenant import Actor
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.links import Links

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """A dialect's path and routes, its words for what is no result, and its OpenAPI document as bytes."""

    prefix: str
    routes: Sequence[Route]
    error: Callable[[PostroomError], Response]
    internal: Callable[[], Response]
    not_here: Callable[[], Response]
    document: Callable[[], bytes]  # takes its time: asked for off the loop
    not_so: Callable[[Sequence[str]], Response] | None = None  # what a path says that has these methods and no other
    elsewhere: tuple[str, ...] = ()  # how paths end that this server has not, though a route has their form


class Dialect:
    """Answers every request below a prefix; `limit` is the largest body in bytes."""

    def __init__(self, manner: Manner, desk: Desk, keys: KeyRing, links: Links, limit: int) -> None:
        self.desk = desk
        self._manner = manner
        self._keys = keys
        self._links = links
        self._limit = limit
        self._table = Table(manner.prefix, manner.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except PostroomError as error:
            response = self._manner.error(error)
        except ClientDisconnect:
            return
        except Exception:
            # The last resort: whatever it is, the client gets this dialect's envelope and the log the reason.
            log.exception("request failed method=%s path=%s", request.method, raw_path(request))
            response = self._manner.internal()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "GET" and raw_path(request) == f"{self._manner.prefix}/openapi.json":
            return Response(await asyncio.to_thread(self._manner.document), media_type="application/json")
        actor = await auth.bearer(request, self._keys)
        found = self._table.find(request.method, raw_path(request))
        if found is None:
            return self._absent(raw_path(request))
        route, path = found
        if (straight := await self.straight(request, actor, route)) is not None:
            return straight
        body = await body_of(request, self._limit) if route.takes_body else {}
        within = await self.within(actor, route, path)
        call = Call(actor=within, path=path, query=query_of(request), body=body, headers=request.headers)
        doing = self.do(route, call)
        result = await (while_there(doing, request.receive) if self.waits(route) else doing)
        if route.show is None:
            return Response(status_code=route.status)
        shown = route.show(result, call, self._links)
        return shown if isinstance(shown, Response) else Json(shown, route.status)

    def _absent(self, path: str) -> Response:
        """Return the answer where no route fits; RFC 9110 15.5.6: one that has other methods says which."""
        manner = self._manner
        allowed = self._table.allowed(path)
        if not allowed or manner.not_so is None or path.rstrip("/").endswith(manner.elsewhere):
            return manner.not_here()
        response = manner.not_so(allowed)
        response.headers["allow"] = ", ".join(allowed)
        return response

    async def straight(self, _request: Request, _actor: Actor, _route: Route) -> Response | None:
        """Return the answer to a request whose body is not to be read whole, None for all others."""
        return None

    async def within(self, actor: Actor, _route: Route, _path: dict[str, str]) -> Actor:
        """Return the actor as far as the path lets it reach; what is used of `path` is taken out."""
        return actor

    def waits(self, _route: Route) -> bool:
        """Tell whether a route may wait, and is to be left when who asks goes."""
        return False

    async def do(self, route: Route, call: Call) -> Any:
        """Do what a route names and return its result."""
        return await self.desk.call(route.operation, call.actor, route.read(call))
