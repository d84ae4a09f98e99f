"""The HTTP application: health, the dialects, and what else is mounted beside them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from postroom import __version__
from postroom.http.postroom import downloads
from postroom.service.desk import Desk
from postroom.service.links import Links

Mounted = tuple[ASGIApp, Callable[[], AbstractAsyncContextManager[None]]]


def build(desk: Desk, links: Links, mounted: Sequence[Mounted] = ()) -> Starlette:
    """Return the application. `mounted` apps answer what no route of ours does; their lifespans run within ours."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for _mounted, run in mounted:
                await stack.enter_async_context(run())
            yield

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    routes = [Route("/healthz", health, methods=["GET"]), *downloads.routes(desk, links)]
    return Starlette(routes=[*routes, *(Mount("/", app=app) for app, _run in mounted)], lifespan=lifespan)
