"""Clients over HTTP that go while something waits for them: nobody is given what they can no longer be told."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from postroom.http.app import build
from postroom.http.listen import serve
from postroom.mcp.face import Face
from postroom.mcp.remote import RemoteServer
from postroom.mcp.selection import read_selection
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed
from tests.fakes.mail import mail as letter
from tests.mcp.bedside import client_of
from tests.mcp.conftest import KEY
from tests.processes.running import Processes, Server, mail, send

MODERN, LEGACY = "2026-07-28", "2025-11-25"
HEADERS = {"authorization": f"Bearer {KEY}", "accept": "application/json, text/event-stream"}
_META = "io.modelcontextprotocol/"


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Server]:
    """A server that offers the tools of workers."""
    processes = Processes(tmp_path_factory.mktemp("working"), migrated)
    try:
        yield processes.serve(api_key=KEY, toolsets="core,work").started()
    finally:
        processes.end()


def _message(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def _session(client: httpx.AsyncClient) -> dict[str, str]:
    """Begin a session of the older era; return its headers."""
    hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    begun = await client.post("/mcp", json=_message("initialize", hello))
    session = {"mcp-session-id": begun.headers["mcp-session-id"], "mcp-protocol-version": LEGACY}
    await client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session)
    return session


async def _leaves(client: httpx.AsyncClient, version: str, progress: bool, tool: str, wait: str, **given: Any) -> None:
    """Call a tool that waits, and go before it answers."""
    meta: dict[str, Any] = {"progressToken": 1} if progress else {}
    if version == MODERN:
        headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": tool}
        who = {"name": "t", "version": "1"}
        meta |= {f"{_META}protocolVersion": MODERN, f"{_META}clientInfo": who, f"{_META}clientCapabilities": {}}
    else:
        headers = await _session(client)
    for patience in (0, 60):
        call = _message("tools/call", {"name": tool, "arguments": {**given, wait: patience}, "_meta": meta})
        if patience == 0:  # it is answered to who does not wait
            told = (await client.post("/mcp", json=call, headers=headers)).text
            assert '"found":false' in told.replace(" ", ""), told
            continue
        with pytest.raises(httpx.ReadTimeout):
            await _read(client, call, headers)


async def _read(client: httpx.AsyncClient, call: dict[str, Any], headers: dict[str, str]) -> None:
    async with client.stream("POST", "/mcp", json=call, headers=headers, timeout=0.5) as answer:
        async for _piece in answer.aiter_bytes():
            pass  # progress, perhaps


async def _comes(server: Server, client: httpx.AsyncClient, inbox: str) -> list[tuple[str, int]]:
    """Let mail come; return how the queue stands once whoever waits could have taken it."""
    await asyncio.to_thread(send, server.smtp, mail(inbox))
    watched = f"/v1/postroom/inboxes/{inbox}/claims"
    found: list[dict[str, Any]] = []
    while not found:
        found = (await client.get(watched)).json()["claims"]
    events = "/v1/postroom/events"
    position = (await client.get(events, params={"after": 0, "limit": 500})).json()["position"]
    await client.get(events, params={"after": position, "wait": 0.5})
    return [(item["state"], item["attempts"]) for item in (await client.get(watched)).json()["claims"]]


@pytest.mark.parametrize("version", [MODERN, LEGACY])
async def test_nobody_goes_on_waiting_for_a_message_for_who_has_gone(house: Bed, version: str) -> None:
    inbox, key = (await house.inbox()).address, (await house.call("keys.create")).api_key
    hub = house.house.hub
    face = Face(desk=house.desk, hub=hub, links=house.house.links, actor=None)
    remote = RemoteServer(face, public_url="http://127.0.0.1:1", max_body=10_000, keys=KeyRing(house.desk, lambda: 0))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        app = build(house.desk, house.house.links, [("/mcp", remote.app, remote.lifespan)])
        serving = asyncio.create_task(serve(app, sock))
        url, headers = f"http://127.0.0.1:{sock.getsockname()[1]}", {**HEADERS, "authorization": f"Bearer {key}"}
        async with asyncio.timeout(20), httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client:
            leaving = asyncio.create_task(
                _leaves(client, version, False, "wait_for_message", "timeout", inbox_id=inbox)
            )
            await house.until(lambda: leaving.done() or not hub.is_empty)
            await leaving
            await house.until(lambda: hub.is_empty)
        serving.cancel()
        await asyncio.wait([serving])


@pytest.mark.parametrize("progress", [False, True])
@pytest.mark.parametrize("version", [MODERN, LEGACY])
async def test_mail_is_claimed_for_nobody_who_has_gone(working: Server, version: str, progress: bool) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=working.http, headers=HEADERS, timeout=10) as client:
        made = await client.post("/v0/inboxes", json={"username": f"gone-{uuid.uuid4().hex[:8]}"})
        inbox = made.json()["inbox_id"]
        await _leaves(client, version, progress, "claim_next", "wait", inbox_id=inbox)
        assert await _comes(working, client, inbox) == [("waiting", 0)]


async def test_mail_is_claimed_over_rest_for_nobody_who_has_gone(working: Server) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=working.http, headers=HEADERS, timeout=10) as client:
        made = await client.post("/v0/inboxes", json={"username": f"gone-{uuid.uuid4().hex[:8]}"})
        inbox = made.json()["inbox_id"]
        with contextlib.suppress(httpx.ReadTimeout):
            await client.post(f"/v1/postroom/inboxes/{inbox}/claims", json={"wait": 60}, timeout=0.5)
            pytest.fail("it was answered")
        assert await _comes(working, client, inbox) == [("waiting", 0)]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_claim_that_is_called_off_takes_nothing(house: Bed, mode: str) -> None:
    inbox, hub = (await house.inbox()).address, house.house.hub
    async with client_of(house, selection=read_selection("work"), mode=mode) as client:
        claiming = asyncio.create_task(client.call_tool("claim_next", {"inbox_id": inbox, "wait": 60}))
        await house.until(lambda: not hub.is_empty)
        claiming.cancel()
        await asyncio.wait([claiming])
        await house.until(lambda: hub.is_empty)
        await house.take(letter(), inbox)
        (item,) = (await house.call("claims.list", inbox_id=inbox)).items
    assert (item.state, item.attempts) == ("waiting", 0)
