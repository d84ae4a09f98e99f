"""What the passing of time does: when a key was used, webhooks that fail for days, what is forgotten and thinned; and
how many WebSockets a key may hold at once.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from agentmail.api_keys import CreateBearerApiKeyRequest

from postroom.http.agentmail.websocket import EventSocket
from postroom.model.errors import Temporary
from postroom.model.tenant import SYSTEM
from postroom.service.keyring import KeyRing
from postroom.service.notifications import WAITS_MS
from tests.compat.official import official, wire
from tests.compat.sockets import Socket
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import DAY, HOUR, MINUTE, SECOND, START, FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
URL = "https://hooks.example.com/in"
OPEN = "SELECT 1 FROM webhook_delivery WHERE lease_owner IS NOT NULL UNION SELECT 1 FROM event_waiting"


@pytest.mark.promise("keys.used-at")
async def test_a_key_says_to_the_minute_when_it_was_used(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        made = await client.api_keys.create(request=CreateBearerApiKeyRequest(name="robot"))
        assert (await client.api_keys.get(made.api_key_id)).used_at is None
        used = "SELECT used_at FROM api_key WHERE id = ?"
        async with wire(house, made.api_key) as robot:
            await robot.get("/v0/auth/me")
            await house.until(lambda: house.rows(used, made.api_key_id) == [(START,)])
            batches = house.rows("PRAGMA data_version")
            clock.advance(59 * SECOND)
            await robot.get("/v0/auth/me")
            assert (house.rows(used, made.api_key_id), house.rows("PRAGMA data_version")) == ([(START,)], batches)
        shown = await client.api_keys.get(made.api_key_id)
        assert shown.used_at == datetime.fromtimestamp(START / 1000, UTC)


async def test_a_key_is_noted_once_a_minute_and_not_at_every_request(house: Bed, clock: FakeClock) -> None:
    made = await house.call("keys.create", name="robot")
    noted: list[Any] = []
    call = house.desk.call

    async def counted(name: str, actor: Any, given: Any) -> Any:
        if name == "keys.note_use":
            noted.append(given.at)
            raise Temporary("The database is busy.")  # of which no request hears
        return await call(name, actor, given)

    house.desk.call = counted  # type: ignore[method-assign]
    ring = KeyRing(house.desk, lambda: 1)
    for _ in range(100):
        await ring.actor(made.api_key)
    await house.until(lambda: noted == [START])
    clock.advance(MINUTE)
    await ring.actor(made.api_key)
    await house.until(lambda: noted == [START, START + MINUTE])


async def _fails(house: Bed, times: int = 1) -> None:
    """Let a message arrive, and its webhook's first tries fail."""
    house.fetcher.answers = [500] * times
    posts = len(house.fetcher.posts)
    await house.receive(mail(), AGENT)
    await house.until(lambda: len(house.fetcher.posts) == posts + 1 and not house.rows(OPEN))


@pytest.mark.promise("webhooks.ended-by-failure")
async def test_a_webhook_that_only_fails_for_five_days_is_switched_off(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    hook = await house.call("webhooks.create", url=URL, event_types=["message.received"])
    await _fails(house)
    house.write("DELETE FROM webhook_delivery")  # before time passes: what is due then would be told at once
    clock.advance(5 * DAY - HOUR)
    await _fails(house)
    assert (await house.call("webhooks.get", webhook_id=hook.webhook_id)).enabled
    house.write("DELETE FROM webhook_delivery")
    clock.advance(HOUR)
    await _fails(house)
    assert not (await house.call("webhooks.get", webhook_id=hook.webhook_id)).enabled
    await house.call("webhooks.update", webhook_id=hook.webhook_id, enabled=True)
    house.write("DELETE FROM webhook_delivery")
    await _fails(house)
    assert (await house.call("webhooks.get", webhook_id=hook.webhook_id)).enabled


async def test_a_try_that_succeeds_begins_the_five_days_anew(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    hook = await house.call("webhooks.create", url=URL, event_types=["message.received"])
    await _fails(house)
    clock.advance(WAITS_MS[0])
    await house.call("webhooks.list")
    house.house.bells.ring({"notification"})
    await house.until(lambda: len(house.fetcher.posts) == 2 and not house.rows(OPEN))
    await house.until(lambda: house.rows("SELECT failing_since FROM webhook") == [(None,)])
    clock.advance(6 * DAY)
    await _fails(house)
    assert (await house.call("webhooks.get", webhook_id=hook.webhook_id)).enabled


async def test_notifications_that_ended_thirty_days_ago_are_forgotten_and_those_that_wait_are_not(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox("agent")
    await house.call("webhooks.create", url=URL, event_types=["message.received"])
    for _ in range(2):
        await house.receive(mail(), AGENT)
    await house.until(lambda: len(house.fetcher.posts) == 2 and not house.rows(OPEN))
    await _fails(house)
    later = "UPDATE webhook_delivery SET due_at = ? WHERE due_at IS NOT NULL"
    house.write(later, START + 60 * DAY)  # before time passes: what is due then would be told at once
    clock.advance(30 * DAY - SECOND)
    assert not await house.call("notifications.sweep", SYSTEM)
    assert len(house.rows("SELECT 1 FROM webhook_delivery")) == 3
    clock.advance(2 * SECOND)
    assert not await house.call("notifications.sweep", SYSTEM)
    assert house.rows("SELECT state FROM webhook_delivery") == [("pending",)]


async def test_totals_older_than_ninety_days_are_thinned_to_the_last_of_each_day(house: Bed, clock: FakeClock) -> None:
    inbox = await house.inbox("agent")
    for _ in range(6):
        await house.receive(mail(), AGENT)
        clock.advance(8 * HOUR)
    totals = "SELECT at, messages FROM usage WHERE place = ? ORDER BY at"
    before = house.rows(totals, inbox.inbox_id)
    clock.now = START + 90 * DAY
    assert await house.call("metrics.thin", SYSTEM) is None
    assert house.rows(totals, inbox.inbox_id) == before
    clock.now = START + 93 * DAY
    place, places = "", []
    while place is not None:
        place = await house.call("metrics.thin", SYSTEM, after=place, limit=1)
        places.append(place)
    assert inbox.inbox_id in places
    # 9:00, 17:00 and 1:00, 9:00, 17:00 and 1:00: the last of each of three days.
    assert house.rows(totals, inbox.inbox_id) == [before[1], before[4], before[5]]


async def test_a_key_holds_so_many_websockets_and_no_more(house: Bed) -> None:
    made = await house.call("keys.create", name="robot")
    app = EventSocket(house.desk, KeyRing(house.desk, lambda: 1), house.house.hub, per_key=1)
    header = [(b"authorization", f"Bearer {made.api_key}".encode())]
    scope: dict[str, Any] = {"type": "websocket", "path": "/v0", "query_string": b"", "headers": header}
    scope |= {"extensions": {"websocket.http.response": {}}, "subprotocols": []}

    async def opened() -> tuple[Socket, asyncio.Task[None], dict[str, Any]]:
        socket = Socket()
        socket.coming.put_nowait({"type": "websocket.connect"})
        serving = asyncio.create_task(app(scope, socket.coming.get, socket.send))
        return socket, serving, await socket.sent.get()

    first, serving, answer = await opened()
    assert answer["type"] == "websocket.accept"
    second, refused, answer = await opened()
    assert (answer["type"], answer["status"]) == ("websocket.http.response.start", 429)
    assert b"rate_limit_exceeded" in (await second.sent.get())["body"]
    await refused
    first.coming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await serving
    third, serving, answer = await opened()
    assert answer["type"] == "websocket.accept"
    third.coming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await serving
