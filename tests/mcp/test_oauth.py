"""What the MCP face takes for a bearer, and what a client brings back to another process of the same data folder."""

from hashlib import sha256
from typing import Any

import pytest
from mcp.server.request_state import InvalidRequestState, RequestStateBoundary

from postroom.mcp.auth import KeyVerifier
from postroom.mcp.face import Face
from postroom.mcp.remote import RemoteServer
from postroom.model.errors import Unauthenticated
from postroom.model.tenant import Reach
from postroom.service.keyring import KeyRing
from postroom.store.secret import Secret
from tests.fakes.bed import Bed
from tests.http.oauth.browser import web

RESOURCE = "https://mail.test/mcp"


def _codec(house: Bed) -> Any:
    """Return what seals the state of requests in a server of its own over a house."""
    face = Face(desk=house.desk, hub=house.house.hub, links=house.house.links, actor=None)
    remote = RemoteServer(face, public_url="https://mail.test", max_body=1000, keys=KeyRing(house.desk, lambda: 0))
    boundaries = [m for m in remote._server._lowlevel_server.middleware if isinstance(m, RequestStateBoundary)]
    return boundaries[0]._security.codec


async def test_the_state_of_a_request_is_known_in_another_process_and_under_another_secret_is_not(house: Bed) -> None:
    sealed = _codec(house).seal(b"pending")
    assert _codec(house).unseal(sealed) == b"pending"
    object.__setattr__(house.desk.house, "secret", Secret(b"o" * 32))
    with pytest.raises(InvalidRequestState):
        _codec(house).unseal(sealed)


@pytest.mark.parametrize(
    "spelled", ["{token}", "{resource} {token}", "{resource}\0{token}", "token\0{resource}\0{token}"]
)
async def test_a_token_that_is_remembered_for_mcp_is_still_no_api_key(house: Bed, spelled: str) -> None:
    async with web(house) as browser:
        _client_id, tokens = await browser.let_in()
    ring = KeyRing(house.desk, lambda: 0)
    assert (await ring.granted(tokens["access_token"], RESOURCE)).api_key_id is not None
    with pytest.raises(Unauthenticated):
        await ring.actor(spelled.format(resource=RESOURCE, token=tokens["access_token"]))


async def test_an_api_key_that_begins_as_an_access_token_does_is_taken_for_what_it_is(house: Bed) -> None:
    made = await house.call("keys.create")
    secret = "pa_" + "k" * 40
    values = (secret[:11], sha256(secret.encode()).digest(), made.key.api_key_id)
    house.write("UPDATE api_key SET prefix = ?, hash = ? WHERE id = ?", *values)
    verifier = KeyVerifier(KeyRing(house.desk, lambda: 0), RESOURCE)
    found = await verifier.verify_token(secret)
    assert found is not None
    assert found.actor.reach == Reach(org_id=house.owner.reach.org_id)
    assert await verifier.verify_token("pa_" + "x" * 40) is None
