"""The official MCP client is let in by OAuth on a server of its own, with a person at a browser; the server may be
started anew between any two steps.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from tests.http.oauth.browser import fields
from tests.processes.running import Agent, Processes, Server, fetch, free_port, patient

KEY = "owner-key-" + "k" * 30
CALLBACK = "http://127.0.0.1:7777/callback"
Between = Callable[[], Awaitable[None]]


class Kept:
    """Where a client keeps what it was given."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Answers the pages: shows the key, allows one inbox and some tools. `between` is done after every step."""

    def __init__(self, inbox: str, *toolsets: str, between: Between | None = None) -> None:
        self.asked = 0
        self.offered: list[str] = []
        self._chosen = {"inbox_id": inbox, "toolset": list(toolsets)}
        self._between = between
        self._told: dict[str, str] = {}

    async def browse(self, url: str) -> None:
        """Follow the client's link through both pages."""
        self.asked += 1
        place = url.partition("?")[0]
        async with httpx2.AsyncClient(timeout=20, headers={"origin": url.partition("/oauth/")[0]}) as browser:
            page = await browser.get(url)
            await self._pause()
            page = await browser.post(place, data=fields(page) | {"step": "key", "api_key": KEY})
            self.offered = re.findall(r'name="toolset" value="([a-z]+)"', page.text)
            await self._pause()
            answer = await browser.post(place, data=fields(page) | {"step": "allow"} | self._chosen)
        assert answer.headers["location"].startswith(CALLBACK)
        self._told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        await self._pause()

    async def come_back(self) -> AuthorizationCodeResult:
        """Return what the client's own address is told."""
        return AuthorizationCodeResult(**self._told)

    async def _pause(self) -> None:
        if self._between is not None:
            await self._between()


@contextlib.asynccontextmanager
async def let_in(http: str, person: Person, kept: Kept, mode: ConnectMode = "auto") -> AsyncIterator[Agent]:
    """Connect as a client that knows the address and nothing else."""
    about = OAuthClientMetadata(client_name="Official client", redirect_uris=[AnyUrl(CALLBACK)])
    provider = OAuthClientProvider(f"{http}/mcp", about, kept, person.browse, person.come_back)
    async with (
        httpx2.AsyncClient(auth=provider, timeout=30) as carrier,
        Client(streamable_http_client(f"{http}/mcp", http_client=carrier), mode=mode) as client,
    ):
        yield Agent(client)


async def _owner(http: str, method: str, path: str, **body: Any) -> Any:
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=20) as client:
        answer = await client.request(method, f"{http}/v0{path}", json=body or None)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def _serve(processes: Processes, port: int = 0) -> Server:
    return processes.serve(api_key=KEY, http=f"127.0.0.1:{port}").started()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@patient
async def test_the_official_client_is_let_in_to_one_inbox_and_out_when_its_key_is_deleted(
    processes: Processes, mode: ConnectMode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    server = await asyncio.to_thread(_serve, processes)
    for name in ("agent", "other"):
        await _owner(server.http, "POST", "/inboxes", username=name)
    place = await asyncio.to_thread(_learned_at, server.http)
    assert place == f"{server.http}/.well-known/oauth-protected-resource/mcp"
    person, kept = Person("agent@postroom.localhost", "core"), Kept()
    async with let_in(server.http, person, kept, mode) as agent:
        assert person.offered == ["core", "domains"]  # what this server offers
        listed = await agent.does("list_inboxes")
        assert [inbox["inbox_id"] for inbox in listed["inboxes"]] == ["agent@postroom.localhost"]
        await agent.does("send_message", to=["other@postroom.localhost"], subject="Hello", text="By OAuth.")
        assert "No inbox" in await agent.refuses("list_messages", inbox_id="other@postroom.localhost")
        (key,) = [
            key
            for key in (await _owner(server.http, "GET", "/inboxes/agent@postroom.localhost/api-keys"))["api_keys"]
            if key["name"] == "Official client (this computer)"
        ]
        assert person.asked == 1
    async with let_in(server.http, person, kept, mode) as agent:  # with the tokens that it keeps
        await agent.does("list_inboxes")
        assert person.asked == 1
        await _owner(server.http, "DELETE", f"/api-keys/{key['api_key_id']}")
        status = await asyncio.to_thread(fetch, f"{server.http}/mcp", authorization=f"Bearer {_access(kept)}")
        assert status[0] == 401


def _learned_at(http: str) -> str:
    """Return where a 401 says that OAuth is described."""
    status, headers, _body = fetch(f"{http}/mcp")
    assert status == 401
    return headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')


def _access(kept: Kept) -> str:
    assert kept.tokens is not None
    return kept.tokens.access_token


@patient
async def test_a_client_refreshes_its_tokens_without_a_person(processes: Processes) -> None:
    server = await asyncio.to_thread(_serve, processes)
    person, kept = Person("*", "core", "domains"), Kept()
    async with let_in(server.http, person, kept) as agent:
        await agent.does("create_inbox", username="agent")
    first = _access(kept)
    about = OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)])
    provider = OAuthClientProvider(f"{server.http}/mcp", about, kept, person.browse, person.come_back)
    await provider._initialize()
    provider.context.token_expiry_time = 1  # as after an hour, by the client's clock
    async with httpx2.AsyncClient(timeout=20) as carrier:
        # The client keeps no metadata; without it, it would ask at the place that older servers have.
        provider.context.oauth_metadata = await _metadata(carrier, server.http)
        provider._initialized = True
        carrier.auth = provider
        async with Client(streamable_http_client(f"{server.http}/mcp", http_client=carrier)) as client:
            await Agent(client).does("list_inboxes")
    assert (_access(kept) == first, person.asked) == (False, 1)


async def _metadata(carrier: httpx2.AsyncClient, http: str) -> Any:
    answer = await carrier.get(f"{http}/.well-known/oauth-authorization-server")
    return OAuthMetadata.model_validate_json(answer.content)


@patient
async def test_the_server_may_be_started_anew_between_all_steps(processes: Processes) -> None:
    port = free_port()
    running = [await asyncio.to_thread(_serve, processes, port)]

    async def restart() -> None:
        await asyncio.to_thread(running[0].end)
        running[0] = await asyncio.to_thread(_serve, processes, port)

    person, kept = Person("*", "core", between=restart), Kept()
    async with let_in(running[0].http, person, kept) as agent:
        await agent.does("list_inboxes")
    await restart()
    async with let_in(running[0].http, person, kept) as agent:
        await agent.does("list_inboxes")
    assert person.asked == 1
