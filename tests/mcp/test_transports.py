"""All tools over stdio and over HTTP, in both eras of the protocol; who may not come in."""

import asyncio
import uuid
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client

from postroom.mcp.face import Hands
from postroom.mcp.selection import DEFAULT_TOOLSETS
from postroom.mcp.tools import rows
from tests.mcp.conftest import KEY
from tests.mcp.walk import walk
from tests.processes.running import Processes, Server, endpoint, fetch, patient, reached, remote

TOOLS = {row.name for row in rows(Hands()) if row.toolset in DEFAULT_TOOLSETS}
ASKS = {"confirm_send"}  # needs a person at the client, and a policy that lets it be asked: tests of its own


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
@pytest.mark.promise("fine.forward-in-thread")
async def test_every_tool_works_over_http(server: Server, mode: ConnectMode, version: str) -> None:
    async with remote(server.http, KEY, mode) as agent:
        assert agent.client.protocol_version == version
        assert await walk(agent, server.smtp, uuid.uuid4().hex[:8]) == TOOLS - ASKS


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@patient
async def test_every_tool_works_over_stdio(shared: Processes, mode: ConnectMode) -> None:
    home = shared.folder / f"stdio-{uuid.uuid4().hex[:8]}"
    async with shared.agent(home, mode) as agent:
        assert {tool.name for tool in (await agent.client.list_tools()).tools} == TOOLS - ASKS
        smtp = endpoint((await asyncio.to_thread(reached, home))["smtp"])
        assert await walk(agent, smtp, uuid.uuid4().hex[:8]) == TOOLS - ASKS


async def _says_nothing(progress: float, total: float | None, message: str | None) -> None:
    pass


@pytest.mark.parametrize(
    ("mode", "tool", "given", "listens", "kind"),
    [
        ("auto", "list_inboxes", {}, False, "application/json"),
        ("legacy", "list_inboxes", {}, False, "application/json"),
        ("legacy", "get_inbox", {"inbox_id": "nobody@example.com"}, False, "application/json"),
        ("legacy", "list_inboxes", {}, True, "text/event-stream"),
        ("legacy", "wait_for_message", {"inbox_id": "nobody@example.com"}, False, "text/event-stream"),
    ],
)
async def test_a_call_is_answered_with_one_object_unless_something_may_be_said_before(
    server: Server, mode: ConnectMode, tool: str, given: dict[str, Any], listens: bool, kind: str
) -> None:
    kinds: list[str] = []

    async def note(response: httpx2.Response) -> None:
        kinds.append(response.headers.get("content-type", "").partition(";")[0])

    key, hooks = {"authorization": f"Bearer {KEY}"}, {"response": [note]}
    async with (
        asyncio.timeout(20),
        httpx2.AsyncClient(headers=key, timeout=30, event_hooks=hooks) as carrier,
        Client(streamable_http_client(f"{server.http}/mcp", http_client=carrier), mode=mode) as client,
    ):
        await client.list_tools()
        await client.call_tool(tool, given, progress_callback=_says_nothing if listens else None)
        assert kinds[-1] == kind


@pytest.mark.parametrize("headers", [{}, {"authorization": f"Bearer {KEY}x"}, {"authorization": "Basic eDp5"}])
async def test_without_a_known_key_http_answers_401(server: Server, headers: dict[str, str]) -> None:
    status, fields, _body = await asyncio.to_thread(fetch, f"{server.http}/mcp", **headers)
    assert status == 401
    assert fields["www-authenticate"].startswith("Bearer")


async def test_a_page_elsewhere_cannot_reach_the_server_under_its_own_name(server: Server) -> None:
    given = {"authorization": f"Bearer {KEY}", "host": "evil.example"}
    assert (await asyncio.to_thread(fetch, f"{server.http}/mcp", **given))[0] == 421
