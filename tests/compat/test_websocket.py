"""Events over the WebSocket: who is let in, what is asked for, what is told, and who is sent away."""

import agentmail.events as official_events
import pytest
from agentmail.websockets import Error, Subscribed

from tests.compat.official import official, owner_key, wire
from tests.compat.sockets import Socket, connected, taken_for
from tests.fakes.bed import Bed
from tests.fakes.mail import mail


async def _accepted(socket: Socket) -> None:
    assert (await socket.sent.get())["type"] == "websocket.accept"


@pytest.mark.parametrize("in_query", [False, True])
@pytest.mark.promise("websocket.frames-are-webhook-bodies", "websocket.key-in-header-or-query")
async def test_a_message_is_told_to_who_subscribed_by_a_frame_equal_to_a_webhooks_body(
    house: Bed, in_query: bool
) -> None:
    inbox = await house.inbox()
    async with official(house) as client, connected(house, await owner_key(house), in_query=in_query) as socket:
        await client.webhooks.create(url="https://hooks.example.com", event_types=["message.received"])
        await _accepted(socket)
        await socket.subscribes()
        message = await house.receive(mail(subject="Hello"))
        frame = await socket.hears()
        assert taken_for(frame) is official_events.MessageReceivedEvent
        event = official_events.MessageReceivedEvent(**frame)
        assert (event.message.inbox_id, event.message.message_id) == (inbox.address, message.message_id)
        await house.until(lambda: bool(house.fetcher.posts))
        assert official_events.MessageReceivedEvent.model_validate_json(house.fetcher.posts[0].content) == event


@pytest.mark.parametrize("key", ["", "pr_unknown-unknown-unknown-unknown-unknown"])
@pytest.mark.promise("websocket.bad-key-401")
async def test_an_unknown_key_is_refused_at_the_handshake_with_401(house: Bed, key: str) -> None:
    async with connected(house, key, in_query=True) as socket:
        answer = await socket.sent.get()
        assert (answer["type"], answer["status"]) == ("websocket.http.response.start", 401)


@pytest.mark.promise("websocket.silent-until-subscribed")
async def test_nothing_is_told_before_a_subscription_and_nothing_that_was_before_it(house: Bed) -> None:
    await house.inbox()
    async with connected(house, await owner_key(house)) as socket:
        await _accepted(socket)
        await house.receive(mail(subject="before"))
        await socket.subscribes(event_types=["message.received"])
        await house.receive(mail(subject="after"))
        assert (await socket.hears())["message"]["subject"] == "after"
        assert socket.sent.empty()


@pytest.mark.promise("websocket.narrows")
async def test_a_subscription_narrows_by_type_inbox_and_pod(house: Bed) -> None:
    one, two = await house.inbox("one"), await house.inbox("two")
    async with connected(house, await owner_key(house)) as socket:
        await _accepted(socket)
        await socket.subscribes(event_types=["message.received"], inbox_ids=[two.address])
        await house.receive(mail(subject="first"), one.address)
        await house.receive(mail(subject="second"), two.address)
        assert (await socket.hears())["message"]["subject"] == "second"
        await socket.subscribes(event_types=["message.sent"], pod_ids=[one.pod_id])
        await house.receive(mail(subject="third"), two.address)
        await house.send(one.address, two.address)
        await house.settled()
        assert (await socket.hears())["event_type"] == "message.sent"
        assert socket.sent.empty()


@pytest.mark.promise("websocket.hears-its-scope")
async def test_a_key_of_an_inbox_hears_of_that_inbox_alone(house: Bed) -> None:
    one, two = await house.inbox("one"), await house.inbox("two")
    key = await owner_key(house, inbox_id=one.address)
    async with connected(house, key) as socket:
        await _accepted(socket)
        await socket.says({"type": "subscribe", "inbox_ids": [two.address]})
        refused = await socket.hears()
        assert (taken_for(refused), refused["name"]) == (Error, "NotFoundError")
        await socket.subscribes()
        await house.receive(mail(subject="theirs"), two.address)
        await house.receive(mail(subject="mine"), one.address)
        assert (await socket.hears())["message"]["subject"] == "mine"


@pytest.mark.promise("websocket.hears-its-scope")
async def test_another_organization_hears_nothing(house: Bed) -> None:
    await house.inbox()
    stranger = await house.stranger()
    theirs = await house.inbox("theirs", stranger)
    key = (await house.call("keys.create", stranger)).api_key
    async with connected(house, key) as socket:
        await _accepted(socket)
        await socket.subscribes()
        await house.receive(mail(subject="ours"))
        await house.take(mail(subject="theirs"), theirs.address)
        assert (await socket.hears())["message"]["subject"] == "theirs"


@pytest.mark.parametrize(
    ("permissions", "types", "permission"),
    [
        (["inbox_read"], None, "message_read"),
        (["inbox_read"], ["message.received"], "message_read"),
        (["message_read"], ["message.received.blocked"], "label_blocked_read"),
        (["message_read"], ["domain.verified"], "domain_read"),
    ],
)
@pytest.mark.promise("errors.event-permission")
async def test_an_event_that_a_key_may_not_see_is_refused_by_an_error_frame(
    house: Bed, permissions: list[str], types: list[str] | None, permission: str
) -> None:
    async with connected(house, await owner_key(house, permissions=permissions)) as socket:
        await _accepted(socket)
        await socket.says({"type": "subscribe", "event_types": types})
        frame = await socket.hears()
        assert taken_for(frame) is Error
        assert frame == {"type": "error", "name": "ForbiddenError", "message": f"{permission} is forbidden."}


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        '{"type": "ping"}',
        {"type": "subscribe", "event_types": ["x"]},
        {"type": "subscribe", "inbox_ids": 7},
    ],
)
@pytest.mark.promise("websocket.errors")
async def test_a_frame_that_is_no_subscription_is_answered_by_an_error_and_the_connection_goes_on(
    house: Bed, frame: object
) -> None:
    async with connected(house, await owner_key(house)) as socket:
        await _accepted(socket)
        await socket.says(frame)
        assert (await socket.hears())["name"] == "ValidationError"
        await socket.subscribes()


async def test_a_key_that_is_deleted_is_told_no_more(house: Bed) -> None:
    await house.inbox()
    made = await house.call("keys.create")
    async with connected(house, made.api_key) as socket:
        await _accepted(socket)
        await socket.subscribes()
        await house.call("keys.delete", api_key_id=made.key.api_key_id)
        await house.receive(mail())
        closed = await socket.sent.get()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


async def test_who_reads_too_slowly_is_sent_away_with_1013_and_holds_up_nobody(house: Bed) -> None:
    await house.inbox()
    key = await owner_key(house)
    async with connected(house, key, send_s=0.05) as slow, connected(house, key) as quick:
        for socket in (slow, quick):
            await _accepted(socket)
            await socket.subscribes(event_types=["message.received"])
        slow.is_reading.clear()
        for number in range(5):
            await house.receive(mail(subject=str(number)))
        assert [(await quick.hears())["message"]["subject"] for _ in range(5)] == ["0", "1", "2", "3", "4"]
        await house.until(lambda: sum(map(len, house.house.hub._listeners.values())) == 1)
        slow.is_reading.set()
        while (last := await slow.sent.get())["type"] == "websocket.send":
            pass
        assert (last["type"], last["code"]) == ("websocket.close", 1013)


@pytest.mark.promise("websocket.subscribed-echoes")
async def test_the_answer_to_a_subscription_is_what_the_client_expects(house: Bed) -> None:
    async with connected(house, await owner_key(house)) as socket, wire(house, await owner_key(house)):
        await _accepted(socket)
        await socket.says({"type": "subscribe", "event_types": ["message.sent"], "inbox_ids": None, "pod_ids": None})
        frame = await socket.hears()
        assert taken_for(frame) is Subscribed
        assert frame == {"type": "subscribed", "event_types": ["message.sent"]}
