"""The HTTP application: health, the dialects, and what else is mounted beside them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from postroom import __version__
from postroom.http.postroom import downloads, opens
from postroom.service.desk import Desk
from postroom.service.links import Links

_WITHOUT_KEY = ("/v1/postroom/downloads/", "/v1/postroom/opens/")  # served beside the dialect of that path
Mounted = tuple[str, ASGIApp, Callable[[], AbstractAsyncContextManager[None]]]


def build(
    desk: Desk,
    links: Links,
    mounted: Sequence[Mounted] = (),
    dialects: Mapping[str, ASGIApp] | None = None,
    sockets: Mapping[str, ASGIApp] | None = None,
    more: Sequence[Route] = (),
) -> ASGIApp:
    """Return the application. `dialects` answer all below their path, which ends with a slash; `sockets` answer a
    WebSocket at their path, which ends without one; `more` are single routes.

    `mounted` apps answer their path and what no route of ours does; their lifespans run within ours.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for _path, _mounted, run in mounted:
                await stack.enter_async_context(run())
            yield

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    routes = [Route("/healthz", health, methods=["GET"]), *downloads.routes(desk, links), *opens.routes(desk), *more]
    routed = Starlette(routes=[*routes, *(Mount("/", app=app) for _path, app, _run in mounted)], lifespan=lifespan)
    straight = {path: app for path, app, _run in mounted}

    def _below(scope: Scope) -> ASGIApp | None:
        if scope["path"].startswith(_WITHOUT_KEY):
            return None
        return next((app for path, app in (dialects or {}).items() if scope["path"].startswith(path)), None)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await (sockets or {}).get(scope["path"].rstrip("/"), _refused)(scope, receive, send)
            return
        # What is mounted has routes and error pages of its own: a second layer of both costs 0.1 ms a request.
        app = _below(scope) or straight.get(scope["path"], routed) if scope["type"] == "http" else routed
        await app(scope, receive, send)

    return answer


async def _refused(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 1000})
