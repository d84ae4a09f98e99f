"""A path that exists with other methods: 405 with what it allows, in the envelope; whatever else is absent is a 404."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from postroom.http.postroom.app import Ours
from postroom.service.keyring import KeyRing
from tests.compat.official import owner_key, wire
from tests.fakes.bed import DOMAIN, Bed

AGENT = f"agent@{DOMAIN}"
MESSAGE = f"/v0/inboxes/{AGENT}/messages/%3Ca%40b%3E"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v0/inboxes", "GET, POST"),
        ("DELETE", "/v0/inboxes/", "GET, POST"),
        ("POST", f"/v0/inboxes/{AGENT}", "DELETE, GET, PATCH"),
        ("PUT", MESSAGE, "DELETE, GET, PATCH"),
        ("GET", "/v0/domains/example.org/verify", "POST"),
        ("POST", "/v0/auth/me", "GET"),
    ],
)
async def test_a_path_that_has_other_methods_answers_405_and_says_which(
    house: Bed, method: str, path: str, allowed: str
) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    body = answer.json()
    assert (body["name"], body["code"]) == ("MethodNotAllowedError", "method_not_allowed")
    assert body["fix"] == f"Use {' or '.join(allowed.split(', '))}."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v0/nothing"),
        ("GET", "/v0/inboxes/a/b/c/d"),
        ("POST", f"{MESSAGE}/agent-armor/release"),
        ("POST", "/v0/webhooks/polling"),
        ("POST", f"/v0/inboxes/{AGENT}/webhooks/polling"),
    ],
)
async def test_a_path_that_is_not_here_answers_404_whatever_the_method(house: Bed, method: str, path: str) -> None:
    async with wire(house, await owner_key(house)) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "allow" not in answer.headers


async def test_who_has_no_key_learns_no_methods(house: Bed) -> None:
    async with wire(house, "pr_wrong") as client:
        assert (await client.put("/v0/inboxes")).status_code == 401


@contextlib.asynccontextmanager
async def _ours(house: Bed) -> AsyncIterator[httpx.AsyncClient]:
    app = Ours(house.desk, KeyRing(house.desk, lambda: 0), house.house.hub, house.house.links, 2**20)
    headers = {"authorization": f"Bearer {await owner_key(house)}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://mail.test", headers=headers
    ) as client:
        yield client


async def test_our_own_dialect_says_it_in_the_same_way(house: Bed) -> None:
    async with _ours(house) as client:
        answer = await client.delete("/v1/postroom/approvals")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_an_approval_over_rest_has_the_whole_message(house: Bed) -> None:
    await house.inbox()
    sender = await house.key(inbox_id=AGENT)
    await house.call("policies.set", approval="all")
    held = await house.call(
        "messages.send", sender, inbox_id=AGENT, to="dave@example.net", text="t", headers={"X-Note": "words"}
    )
    async with _ours(house) as client:
        one = (await client.get(f"/v1/postroom/approvals/{held.approval_id}")).json()
        (listed,) = (await client.get("/v1/postroom/approvals")).json()["approvals"]
    assert {"name": "X-Note", "value": "words"} in one["message"]["headers"]
    assert one["message"]["parts"] == [{"content_type": "text/plain", "size": 3, "text": "t\n", "truncated": False}]
    assert listed == {name: value for name, value in one.items() if name != "message"}
