"""The official AgentMail client on a house of the test bed, in this process, without a socket."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from agentmail import AsyncAgentMail
from agentmail.environment import AgentMailEnvironment
from starlette.types import ASGIApp

from postroom.http.agentmail.app import AgentMail
from postroom.service.keyring import KeyRing
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.document import Held
from tests.fakes.bed import Bed

BASE = "http://mail.test"
MAX_BODY = 75 * 2**20


def app(house: Bed) -> ASGIApp:
    """Return the dialect over a house, as the server mounts it; every answer is held against its document."""
    # No version to compare: what a key may do is read anew at every request, as it must look to a client anyway.
    versions = iter(range(10**9))
    links = Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)
    return Held(AgentMail(house.desk, KeyRing(house.desk, lambda: next(versions)), links, MAX_BODY))


@contextlib.asynccontextmanager
async def wire(house: Bed, api_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a plain HTTP client with the key, for what the official client does not send."""
    headers = {"authorization": f"Bearer {api_key}"}
    transport = httpx.ASGITransport(app(house))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
        yield client


@contextlib.asynccontextmanager
async def official(house: Bed, api_key: str | None = None, **given: Any) -> AsyncIterator[AsyncAgentMail]:
    """Give the official client, as the owner when no key is named."""
    secret = api_key or await owner_key(house)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(house))) as client:
        environment = AgentMailEnvironment(http=BASE, websockets=BASE.replace("http", "ws"))
        yield AsyncAgentMail(api_key=secret, environment=environment, httpx_client=client, **given)


async def owner_key(house: Bed, **given: Any) -> str:
    """Make a key of the owner's and return its secret."""
    made = await house.call("keys.create", **given)
    return str(made.api_key)
