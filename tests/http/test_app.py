"""What is mounted beside the routes answers its own path, and what no route does."""

import contextlib
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from postroom.http.app import build
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.fakes.bed import Bed


async def _mounted(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"mounted {scope['path']}")(scope, receive, send)


@contextlib.asynccontextmanager
async def _runs() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize(
    ("path", "told"),
    [("/mcp", "mounted /mcp"), ("/mcp/", "mounted /mcp/"), ("/else", "mounted /else"), ("/healthz", '{"status":"ok"')],
)
async def test_a_mounted_app_answers_its_path_and_what_no_route_of_ours_does(house: Bed, path: str, told: str) -> None:
    links = Links(Secret(b"k" * 32), lambda: "http://postroom.test", house.desk.clock)
    carrier = httpx2.ASGITransport(build(house.desk, links, [("/mcp", _mounted, _runs)]))
    async with httpx2.AsyncClient(transport=carrier, base_url="http://postroom.test") as client:
        assert (await client.get(path)).text.startswith(told)
