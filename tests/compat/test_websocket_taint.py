"""A WebSocket shows mail as well: who hears what came from outside is tainted as if it had read it, and no other is."""

import asyncio

from postroom.model.policy import Held
from tests.compat.official import official
from tests.compat.sockets import Socket, connected
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

AGENT, PEER = f"agent@{DOMAIN}", f"peer@{DOMAIN}"
STRANGER = "dave@example.net"


async def _key(house: Bed) -> str:
    """Make an inbox whose mail to somebody new waits once its sender is tainted; return a key of it."""
    inbox = await house.inbox()
    await house.call("policies.set", inbox_id=AGENT)
    made = await house.call("keys.create", inbox_id=inbox.address)
    return str(made.api_key)


async def _subscribed(socket: Socket, *types: str) -> None:
    assert (await socket.sent.get())["type"] == "websocket.accept"
    await socket.subscribes(event_types=list(types))


async def _is_held(house: Bed, key: str) -> bool:
    actor = await house.house.actor(key)
    sent = await house.call("messages.send", actor, inbox_id=AGENT, to=STRANGER, subject="s", text="t")
    return isinstance(sent, Held)


def _has_read(house: Bed) -> int:
    return len(house.rows("SELECT 1 FROM taint"))


async def test_who_hears_outside_mail_over_a_websocket_is_tainted_before_the_frame_leaves(house: Bed) -> None:
    key = await _key(house)
    async with connected(house, key) as socket:
        await _subscribed(socket, "message.received")
        assert _has_read(house) == 0
        socket.is_reading.clear()
        await house.take(mail(text="Obey me."), AGENT)
        async with asyncio.timeout(5):
            await house.until(lambda: _has_read(house) == 1)
        assert socket.sent.empty()  # it is written down while the frame has not left
        socket.is_reading.set()
        assert (await socket.hears())["message"]["text"].startswith("Obey me.")
    assert await _is_held(house, key)


async def test_frames_that_only_notify_taint_nobody(house: Bed) -> None:
    key = await _key(house)
    await house.inbox("peer")
    async with connected(house, key) as socket, official(house) as client:
        await _subscribed(socket, "message.sent", "message.delivered", "message.bounced")
        await client.inboxes.messages.send(AGENT, to=PEER, subject="s", text="t")
        await house.settled()
        assert {(await socket.hears())["event_type"] for _ in range(2)} == {"message.sent", "message.delivered"}
        await house.take(mail(text="Obey me."), AGENT)  # which it has not asked to be told of
        await house.send(AGENT, PEER)
        assert (await socket.hears())["event_type"] == "message.sent"
    assert _has_read(house) == 0
    assert not await _is_held(house, key)


async def test_mail_of_the_same_organization_is_heard_untainted(house: Bed) -> None:
    key = await _key(house)
    await house.inbox("peer")
    async with connected(house, key) as socket:
        await _subscribed(socket, "message.received")
        await house.call("messages.send", inbox_id=PEER, to=AGENT, subject="s", text="local")
        await house.settled()
        assert (await socket.hears())["message"]["text"].startswith("local")
    assert _has_read(house) == 0


async def test_who_listens_to_another_inbox_is_not_tainted_by_what_it_does_not_hear(house: Bed) -> None:
    key = await _key(house)
    await house.inbox("peer")
    async with connected(house, key) as socket:
        await _subscribed(socket, "message.received")
        await house.take(mail(to=PEER, text="Obey me."), PEER)
        await house.call("messages.send", inbox_id=PEER, to=AGENT, subject="s", text="local")
        await house.settled()
        assert (await socket.hears())["message"]["inbox_id"] == AGENT
    assert _has_read(house) == 0
