"""The rate of a key by MCP over HTTP: a call of a tool says in its result when to go on, in both eras."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from mcp.shared.exceptions import MCPError

from postroom.http.app import build
from postroom.http.listen import serve
from postroom.mcp.face import Face
from postroom.mcp.remote import RemoteServer
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.processes.running import Agent, remote

Era = Literal["auto", "legacy"]
BURST = 20


@pytest.fixture
def metered(home: Path, clock: FakeClock, migrated: Path) -> Bed:
    """A house whose keys may ask twenty times at once, and once in four seconds from there on."""
    return Bed(home, clock, migrated, key_rate=0.25, key_burst=BURST)


@asynccontextmanager
async def _connected(house: Bed, key: str, era: Era) -> AsyncIterator[Agent]:
    face = Face(desk=house.desk, hub=house.house.hub, links=house.house.links, actor=None)
    keys = KeyRing(house.desk, lambda: 0)
    mounted = RemoteServer(face, public_url="http://127.0.0.1:1", max_body=10_000, keys=keys)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        app = build(house.desk, house.house.links, [("/mcp", mounted.app, mounted.lifespan)])
        serving = asyncio.create_task(serve(app, sock, mounted.end_streams))
        try:
            async with remote(f"http://127.0.0.1:{sock.getsockname()[1]}", key, era) as agent:
                yield agent
        finally:
            serving.cancel()
            await asyncio.wait([serving])


async def _spend(agent: Agent) -> int:
    """Call a tool until it is refused; return how often it was not."""
    for count in range(BURST + 1):
        if (await agent.client.call_tool("whoami", {})).is_error:
            return count
    raise AssertionError("it is never refused")


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_call_over_the_rate_is_a_result_that_says_when_and_how_much_is_left(
    metered: Bed, clock: FakeClock, era: Era
) -> None:
    key = (await metered.call("keys.create")).api_key
    async with _connected(metered, key, era) as agent:
        assert BURST - 6 <= await _spend(agent) < BURST  # it has asked for more than this by itself
        told = await agent.refuses("whoami")
        assert told == (
            "The rate of this key is spent: 0 of 20 requests are left, 0.25 a second come back."
            " Go on in 4 s. Nothing was done."
        )
        with pytest.raises(MCPError, match=r"Go on in 4 s\."):
            await agent.client.list_resources()
        clock.advance(4000)
        await agent.does("whoami")
        assert await agent.refuses("whoami") == told


async def test_a_call_of_a_tool_counts_once_whatever_it_asks_of_the_house(metered: Bed, clock: FakeClock) -> None:
    inbox = await metered.inbox()
    sent = await metered.send(inbox.address, "ann@example.com")
    key = (await metered.call("keys.create")).api_key
    async with _connected(metered, key, "auto") as agent:
        await agent.does("whoami")  # by which the client learns what the tools are
        clock.advance(80_000)
        for _ in range(BURST):
            await agent.does("get_message", inbox_id=inbox.address, message_id=sent.message_id)
        await agent.refuses("get_message", inbox_id=inbox.address, message_id=sent.message_id)
