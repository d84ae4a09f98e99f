"""`postroom mcp` with POSTROOM_URL: stdio carried to a server that runs, in both eras; what a lost connection costs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.client import ConnectMode
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceUpdatedNotification

from tests.mcp.walk import walk
from tests.processes.running import COMMAND, Agent, Processes, Server, free_port, mail, patient, send, text_of

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
KEY = "owner-key-" + "b" * 30


@contextlib.asynccontextmanager
async def bridged(
    processes: Processes, url: str, *arguments: str, key: str = KEY, **client: Any
) -> AsyncIterator[Agent]:
    """Connect to a stdio server that carries to `url`, and opens no house: it is given none."""
    log = processes.new_log()
    env = {"POSTROOM_URL": url, "POSTROOM_API_KEY": key, "HOME": str(processes.folder / "nobody")}
    parameters = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "mcp", *arguments], env=env)
    with log.open("w") as errors:
        async with Client(stdio_client(parameters, errlog=errors), **client) as connected:
            yield Agent(connected, log)
    assert not (processes.folder / "nobody").exists()


async def _serving(processes: Processes, **settings: str) -> Server:
    return await asyncio.to_thread(lambda: processes.serve(api_key=KEY, **settings).started())


@patient
async def test_the_address_of_the_server_is_taken_with_the_path_of_its_mcp_too(processes: Processes) -> None:
    server = await _serving(processes)
    for url in (f"{server.http}/mcp", f"{server.http}/mcp/"):
        async with bridged(processes, url) as agent:
            assert "scope" in await agent.does("whoami")


class Ears:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.heard.put_nowait(message.params.uri)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@patient
async def test_every_tool_works_as_at_the_server(processes: Processes, mode: ConnectMode) -> None:
    server = await _serving(processes)
    async with bridged(processes, server.http, mode=mode) as agent:
        listed = {tool.name for tool in (await agent.client.list_tools()).tools}
        assert await walk(agent, server.smtp, "bridge") <= listed
        assert (await agent.client.list_prompts()).prompts
        assert "No inbox" in await agent.refuses("get_inbox", inbox_id="nobody@example.com")
        with pytest.raises(MCPError, match=r"No inbox 'ü@example\.com'"):  # it stands in a header as well
            await agent.client.read_resource("inbox://ü@example.com")


@patient
async def test_progress_and_subscriptions_come_through_in_both_eras(processes: Processes) -> None:
    server = await _serving(processes)
    ears = Ears()
    steps: asyncio.Queue[float] = asyncio.Queue()

    async def step(progress: float, total: float | None, message: str | None) -> None:
        steps.put_nowait(progress)

    async with (
        bridged(processes, server.http) as agent,
        bridged(processes, server.http, mode="legacy", message_handler=ears) as older,
    ):
        inbox = (await agent.does("create_inbox", username="agent"))["inbox_id"]
        uri = f"inbox://{inbox}"
        await older.client.subscribe_resource(uri)
        async with agent.client.listen(resource_subscriptions=[uri]) as stream:
            await asyncio.to_thread(send, server.smtp, mail(inbox))
            assert getattr(await anext(aiter(stream)), "uri", None) == uri
            assert await ears.heard.get() == uri
        for client in (agent.client, older.client):
            wait = {"inbox_id": inbox, "timeout": 0.2}
            await client.call_tool("wait_for_message", wait, progress_callback=step)
            assert await steps.get() >= 0


async def _set(event: asyncio.Event) -> None:
    event.set()


@patient
async def test_a_lost_connection_is_told_to_each_call_and_found_again(processes: Processes) -> None:
    port = f"127.0.0.1:{free_port()}"
    server = await _serving(processes, http=port)
    ears = Ears()
    async with (
        bridged(processes, server.http) as agent,
        bridged(processes, server.http, mode="legacy", message_handler=ears) as older,
    ):
        inbox = (await agent.does("create_inbox"))["inbox_id"]
        await older.client.subscribe_resource(f"inbox://{inbox}")
        begun = asyncio.Event()
        waits = {"inbox_id": inbox, "timeout": 60}
        waiting = asyncio.create_task(
            older.client.call_tool("wait_for_message", waits, progress_callback=lambda *_step: _set(begun))
        )
        await begun.wait()
        await asyncio.to_thread(server.kill)
        lost = await waiting
        assert (lost.is_error, "was lost" in text_of(lost)) == (True, True)
        for each in (agent, older):
            assert f"No Postroom answers at {server.http}/mcp: nothing was done" in await each.refuses("list_inboxes")
            with pytest.raises(MCPError, match="No Postroom answers"):
                await each.client.list_tools()
        again = await _serving(processes, http=port)
        for each in (agent, older):
            assert [i["inbox_id"] for i in (await each.does("list_inboxes"))["inboxes"]] == [inbox]
        await asyncio.to_thread(send, again.smtp, mail(inbox))
        async with asyncio.timeout(10):
            assert await ears.heard.get() == f"inbox://{inbox}"


@patient
async def test_an_unknown_key_is_said(processes: Processes) -> None:
    server = await _serving(processes)
    with pytest.raises(BaseExceptionGroup) as refused:
        async with bridged(processes, server.http, key="x" * 40, mode="legacy"):
            pass
    assert refused.group_contains(MCPError, match="does not know this key: set POSTROOM_API_KEY")


@patient
async def test_the_tools_that_are_asked_for_are_asked_of_the_server(processes: Processes) -> None:
    server = await _serving(processes)
    async with bridged(processes, server.http, "--tools", "list_inboxes,get_inbox") as agent:
        assert {tool.name for tool in (await agent.client.list_tools()).tools} == {"list_inboxes", "get_inbox"}


def test_an_address_that_is_none_is_refused_at_once(processes: Processes) -> None:
    done = processes.run("mcp", status=1, url="nowhere")
    assert "POSTROOM_URL: 'nowhere' is not an address" in done.stderr


@patient
async def test_the_answer_comes_as_soon_as_without_a_bridge(processes: Processes, tmp_path: Path) -> None:
    server = await _serving(processes)
    took: list[float] = []
    for _each in range(3):
        begun = time.monotonic()
        async with bridged(processes, server.http, mode="legacy"):
            took.append(time.monotonic() - begun)
    assert min(took) < 5.0
