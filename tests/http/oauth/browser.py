"""A person with a browser before a house on the test bed, and a client that sends them there: in this process, without
a socket, under the clock of the test.
"""

import base64
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from postroom.http.app import build
from postroom.http.oauth import app as oauth
from postroom.mcp.auth import BearerToken, KeyVerifier
from postroom.service import toolsets
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed

SITE = "https://mail.test"
RESOURCE = f"{SITE}/mcp"
CALLBACK = "http://127.0.0.1:4242/callback"
VERIFIER = "v" * 43 + "erifier"
_FIELD = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')


def challenge(verifier: str = VERIFIER) -> str:
    """Return the S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@dataclass
class Web:
    """A browser and a client before one server. `peer` is where the browser asks from."""

    http: httpx2.AsyncClient
    house: Bed
    key: str
    asked: dict[str, str] = field(default_factory=dict)

    async def register(self, *redirects: str, **said: Any) -> str:
        """Register a client and return its id."""
        given = {"client_name": "Robot", "redirect_uris": list(redirects or (CALLBACK,)), **said}
        answer = await self.http.post("/oauth/register", json=given)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["client_id"])

    async def open(self, client_id: str, **changed: str | None) -> httpx2.Response:
        """Follow a client's link to the first page."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "state": "s t&te",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            "resource": RESOURCE,
        }
        asked |= changed
        given = {name: value for name, value in asked.items() if value is not None}
        return await self.http.get(f"/oauth/authorize?{urlencode(given)}")

    async def post(self, page: httpx2.Response, step: str, **given: Any) -> httpx2.Response:
        """Send a form of a page, with what a person fills in."""
        return await self.http.post("/oauth/authorize", data=fields(page) | {"step": step} | given)

    async def show_key(self, page: httpx2.Response, key: str | None = None) -> httpx2.Response:
        """Show a key on the first page, the owner's when none is named; return the second."""
        return await self.post(page, "key", api_key=self.key if key is None else key)

    async def allow(self, client_id: str, inbox: str = "*", *toolsets: str, **changed: str | None) -> dict[str, str]:
        """Go all the way; return what the client is told."""
        page = await self.show_key(await self.open(client_id, **changed))
        assert page.status_code == 200, page.text
        return told(await self.post(page, "allow", inbox_id=inbox, toolset=list(toolsets or ("core",))))

    async def token(self, **form: str | None) -> httpx2.Response:
        """Ask the token endpoint."""
        given = {name: value for name, value in form.items() if value is not None}
        return await self.http.post("/oauth/token", data=given)

    async def redeem(self, client_id: str, code: str, **changed: str | None) -> httpx2.Response:
        """Redeem a code."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "resource": RESOURCE,
        }
        return await self.token(**(form | changed))

    async def refresh(self, client_id: str, token: str, **changed: str | None) -> httpx2.Response:
        """Redeem a refresh token."""
        form: dict[str, str | None] = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": token}
        return await self.token(**(form | changed))

    async def let_in(self, inbox: str = "*", *toolsets: str) -> tuple[str, dict[str, Any]]:
        """Register a client and give it access; return its id and its tokens."""
        client_id = await self.register()
        answer = await self.redeem(client_id, (await self.allow(client_id, inbox, *toolsets))["code"])
        assert answer.status_code == 200, answer.text
        return client_id, answer.json()

    async def who(self, token: str, resource: str = RESOURCE) -> BearerToken | None:
        """Return who /mcp takes a token for."""
        return await KeyVerifier(KeyRing(self.house.desk, _Never()), resource).verify_token(token)


class _Never:
    """A version that is another one each time: nothing is remembered."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self) -> int:
        self._number += 1
        return self._number


@contextlib.asynccontextmanager
async def web(house: Bed, peer: str = "192.0.2.1", offered: tuple[str, ...] = toolsets.ALL) -> AsyncIterator[Web]:
    """Give a browser before a house that offers these toolsets, with an owner key in hand."""
    made = await house.call("keys.create", name="owner's")
    app = build(house.desk, house.house.links, more=oauth.routes(house.desk, SITE, offered=offered))
    transport = httpx2.ASGITransport(app, client=(peer, 4000))
    async with httpx2.AsyncClient(transport=transport, base_url=SITE) as client:
        yield Web(client, house, made.api_key)


def fields(page: httpx2.Response) -> dict[str, str]:
    """Return the hidden fields of the first form of a page."""
    found = [(name, unescape(value)) for name, value in _FIELD.findall(page.text)]
    return dict(found[:2])


def told(answer: httpx2.Response) -> dict[str, str]:
    """Return what a client is told by a redirect."""
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))
