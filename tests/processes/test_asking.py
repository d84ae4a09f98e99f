"""A person at the client lets held mail leave, in both eras: over HTTP and over the bridge; what is too large there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestParams, ElicitResult

from postroom.mcp.remote import MAX_BODY
from tests.processes.running import Agent, Processes, Server, patient
from tests.processes.test_bridge import bridged

KEY = "owner-key-" + "a" * 30
INBOX = "agent@postroom.localhost"
MODES: tuple[ConnectMode, ...] = ("legacy", "auto")
Reached = Callable[..., AbstractAsyncContextManager[Agent]]


@contextlib.asynccontextmanager
async def _over_http(_processes: Processes, url: str, key: str, **given: Any) -> AsyncIterator[Agent]:
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=30) as carrier,
        Client(streamable_http_client(f"{url}/mcp", http_client=carrier), **given) as client,
    ):
        yield Agent(client)


@contextlib.asynccontextmanager
async def _over_the_bridge(processes: Processes, url: str, key: str, **given: Any) -> AsyncIterator[Agent]:
    async with bridged(processes, url, key=key, **given) as agent:
        yield agent


async def _inbox_key(server: Server) -> str:
    """Make an inbox whose mail is held and may be let go by the person at the client; return a key of it."""
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=server.http, headers=headers, timeout=10) as client:
        await client.post("/v0/inboxes", json={"username": "agent"})
        policy = {"approval": "all", "elicitation": True}
        (await client.put(f"/v1/postroom/policies/inboxes/{INBOX}", json=policy)).raise_for_status()
        made = await client.post(f"/v0/inboxes/{INBOX}/api-keys", json={"name": "agent"})
        return str(made.json()["api_key"])


async def _held(agent: Agent) -> str:
    return str((await agent.does("send_message", to="carol@example.com", subject="s", text="t"))["approval_id"])


async def _heard(progress: float, total: float | None, message: str | None) -> None:
    pass


@pytest.mark.parametrize("reach", [_over_http, _over_the_bridge])
@patient
async def test_the_person_is_asked_and_what_is_allowed_leaves_once(processes: Processes, reach: Reached) -> None:
    server = await asyncio.to_thread(lambda: processes.serve(api_key=KEY).started())
    key = await _inbox_key(server)
    asked: list[str] = []

    async def person(_context: Any, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"send": True})

    for mode in MODES:
        async with reach(processes, server.http, key, mode=mode, elicitation_callback=person) as agent:
            for listens in (None, _heard):
                held = {"approval_id": await _held(agent)}
                result = await agent.client.call_tool("confirm_send", held, progress_callback=listens)
                assert not result.is_error, (mode, result.content)
                assert (result.structured_content or {})["status"] == "captured"
                await agent.refuses("confirm_send", **held)
    assert len(asked) == 4
    assert all("carol@example.com" in question for question in asked)


@pytest.mark.parametrize("reach", [_over_http, _over_the_bridge])
@patient
async def test_a_request_that_is_too_large_is_told_with_its_limit_and_the_way_round(
    processes: Processes, reach: Reached
) -> None:
    server = await asyncio.to_thread(lambda: processes.serve(api_key=KEY).started())
    file = {"content": "A" * MAX_BODY, "filename": "large.bin"}
    large = {"inbox_id": INBOX, "to": "carol@example.com", "text": "t", "attachments": [file]}
    for mode in MODES:
        async with reach(processes, server.http, KEY, mode=mode) as agent:
            with pytest.raises(MCPError, match=rf"over {MAX_BODY} bytes.*POST /v1/postroom/attachments"):
                await agent.client.call_tool("send_message", large)


@pytest.mark.parametrize("reach", [_over_http, _over_the_bridge])
@patient
async def test_a_client_that_asks_nobody_is_told_what_to_do(processes: Processes, reach: Reached) -> None:
    server = await asyncio.to_thread(lambda: processes.serve(api_key=KEY).started())
    key = await _inbox_key(server)
    for mode in MODES:
        async with reach(processes, server.http, key, mode=mode) as agent:
            said = await agent.refuses("confirm_send", approval_id=await _held(agent))
            assert "nobody to ask" in said
            assert "Nothing was changed" in said
            assert "postroom approvals" in said
            assert "resolver" not in json.dumps(said).lower()
