"""Sends that are tried again after an answer was lost: with the same idempotency_key nothing is sent twice."""

import uuid
from typing import Any

import pytest
from mcp.client.client import ConnectMode

from tests.fakes.bed import DOMAIN, Bed
from tests.mcp.bedside import client_of
from tests.mcp.conftest import KEY
from tests.processes.running import Agent, Server, remote

AGENT = f"agent@{DOMAIN}"


async def _count(agent: Agent, inbox: str) -> int:
    return len((await agent.does("list_messages", inbox_id=inbox, labels="sent", limit=50))["messages"])


async def _twice(agent: Agent, inbox: str, tool: str, **given: Any) -> dict[str, Any]:
    """Call a tool twice with one key: it has sent once, and says the same."""
    before = await _count(agent, inbox)
    keyed = {**given, "idempotency_key": uuid.uuid4().hex}
    first, second = [await agent.does(tool, **keyed) for _ in range(2)]
    assert (first["message_id"], first["thread_id"]) == (second["message_id"], second["thread_id"])
    assert await _count(agent, inbox) == before + 1
    return first


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_over_http_whatever_sends_does_so_once_for_a_key(server: Server, mode: ConnectMode) -> None:
    async with remote(server.http, KEY, mode) as agent:
        inbox = (await agent.does("create_inbox", username=f"again-{uuid.uuid4().hex[:8]}"))["inbox_id"]
        words = {"inbox_id": inbox, "text": "t"}
        sent = await _twice(agent, inbox, "send_message", to="carol@example.com", subject="s", **words)
        answered = {**words, "message_id": sent["message_id"]}
        await _twice(agent, inbox, "reply_to_message", to="carol@example.com", **answered)
        await _twice(agent, inbox, "forward_message", to="dan@example.com", **answered)
        draft = await agent.does("create_draft", inbox_id=inbox, to="carol@example.com", text="t")
        await _twice(agent, inbox, "send_draft", draft_id=draft["draft_id"])


async def test_a_key_of_another_message_is_refused(house: Bed) -> None:
    await house.inbox("agent")
    keyed = {"inbox_id": AGENT, "to": "carol@example.com", "text": "t", "idempotencyKey": "one"}
    async with client_of(house) as client:
        agent = Agent(client)
        await agent.does("send_message", **keyed)
        assert "Use a new key for another message" in await agent.refuses("send_message", **{**keyed, "text": "u"})
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    assert "idempotency_key" in schemas["send_message"]["properties"]
    assert "idempotency_key" not in schemas["create_draft"]["properties"]
