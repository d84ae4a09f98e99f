"""The rate of a key over HTTP: one bucket in all dialects and on the WebSocket, each refusing in its own words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from postroom.http.postroom.app import Ours
from postroom.service.keyring import KeyRing
from tests.compat import official
from tests.compat.inai import client as inai
from tests.compat.sockets import connected, taken_for
from tests.compat.transactional import client as transactional
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock

BURST = 3
V0 = "/v0/inboxes"
SAID = f"The rate of this key is spent: 0 of {BURST} requests are left, 0.25 a second come back."
FIX = "Go on in 4 s. Nothing was done."
FACES: dict[str, dict[str, Any]] = {
    V0: {"name": "RateLimitError", "code": "rate_limit_exceeded", "message": SAID, "fix": FIX},
    "/v1/postroom/trash": {"name": "RateLimitError", "code": "rate_limit_exceeded", "message": SAID, "fix": FIX},
    "/api/v0/inboxes": {"error": {"code": "rate_limit_exceeded", "message": SAID, "fix": FIX}},
    "/v1/agent-email/mailboxes": {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": f"{SAID} {FIX}"}},
}
PROMISED = {
    V0: ["errors.rate"],
    "/api/v0/inboxes": ["inai.errors.rate"],
    "/v1/agent-email/mailboxes": ["transactional.errors.rate"],
}


@pytest.fixture
def metered(home: Path, clock: FakeClock, migrated: Path) -> Bed:
    """A house whose keys may ask three times at once, and once in four seconds from there on."""
    return Bed(home, clock, migrated, key_rate=0.25, key_burst=BURST)


def _app(house: Bed, path: str) -> ASGIApp:
    if path.startswith("/v1/postroom/"):
        versions: Iterator[int] = iter(range(10**9))
        return Ours(house.desk, KeyRing(house.desk, versions.__next__), house.house.hub, house.house.links, 2**20)
    if path.startswith("/v1/agent-email/"):
        return transactional.app(house)
    return inai.app(house) if path.startswith("/api/") else official.app(house)


async def _get(house: Bed, key: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(_app(house, path))
    async with httpx.AsyncClient(transport=transport, base_url=official.BASE) as client:
        return await client.get(path, headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=pytest.mark.promise(*PROMISED.get(path, ()))) for path in FACES]
)
async def test_a_spent_rate_is_429_with_retry_after_in_the_dialects_own_envelope(
    metered: Bed, clock: FakeClock, path: str
) -> None:
    key = await official.owner_key(metered)
    assert [(await _get(metered, key, path)).status_code for _ in range(BURST)] == [200] * BURST
    refused = await _get(metered, key, path)
    assert (refused.status_code, refused.headers["retry-after"], refused.json()) == (429, "4", FACES[path])
    clock.advance(4000)
    assert [(await _get(metered, key, path)).status_code for _ in range(2)] == [200, 429]
    assert (await _get(metered, await official.owner_key(metered), path)).status_code == 200


async def test_all_dialects_take_from_one_bucket(metered: Bed) -> None:
    key = await official.owner_key(metered)
    answers = [await _get(metered, key, path) for path in (*FACES, *FACES)]
    assert [answer.status_code for answer in answers] == [200] * BURST + [429] * 5


async def test_a_path_that_is_nothing_counts_and_a_key_that_is_none_has_no_rate(metered: Bed) -> None:
    key = await official.owner_key(metered)
    assert [(await _get(metered, key, "/v0/nothing")).status_code for _ in range(4)] == [404, 404, 404, 429]
    assert [(await _get(metered, "pr_" + "x" * 40, V0)).status_code for _ in range(5)] == [401] * 5


async def test_an_agent_does_not_go_on_by_a_key_that_it_made(metered: Bed) -> None:
    agent = await official.owner_key(metered, permissions=["api_key_create", "inbox_read"])
    made = await metered.call("keys.create", await metered.house.actor(agent), permissions=["inbox_read"])
    assert [(await _get(metered, key, V0)).status_code for key in (agent, made.api_key, agent)] == [200] * BURST
    assert [(await _get(metered, key, V0)).status_code for key in (agent, made.api_key)] == [429, 429]


async def test_a_websocket_is_a_request_and_so_is_each_frame_that_asks(metered: Bed) -> None:
    key = await official.owner_key(metered)
    async with connected(metered, key) as socket:
        assert (await socket.sent.get())["type"] == "websocket.accept"
        await socket.subscribes()
        await socket.subscribes()
        await socket.says({"type": "subscribe"})
        error = await socket.hears()
        assert error == {"type": "error", "name": "RateLimitError", "message": SAID}
        assert taken_for(error).__name__ == "Error"
        inbox = await metered.inbox()
        # What was subscribed to is told on, whatever is left.
        for number in range(BURST + 1):
            await metered.send(inbox.address, "ann@example.com", subject=f"{number}")
            assert (await socket.hears())["event_type"] == "message.sent"
    async with connected(metered, key) as socket:
        answer = await socket.sent.get()
        headers = dict(answer["headers"])
        assert (answer["type"], answer["status"]) == ("websocket.http.response.start", 429)
        assert headers[b"retry-after"] == b"4"
