"""Who hears that a resource has changed: in both eras, at once, and no further than a key reaches."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.types import ResourceUpdatedNotification

from postroom.mcp import subscriptions
from postroom.mcp.auth import BearerToken
from postroom.mcp.resources import KINDS
from postroom.model.message import Message
from postroom.model.tenant import Actor
from tests.fakes.bed import Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of, server_of

INBOX = "agent@postroom.localhost"
OURS = f"inbox://{INBOX}"
KIND = {kind.scheme: kind for kind in KINDS}
pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
assert issubclass(MCPDeprecationWarning, Warning)


class Ears:
    """What a client of an older era heard."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.heard.put_nowait(message.params.uri)


@asynccontextmanager
async def _legacy(house: Bed, actor: Actor | None = None) -> AsyncIterator[tuple[Client, Ears]]:
    ears = Ears()
    async with client_of(house, actor, mode="legacy", message_handler=ears) as client:
        yield client, ears


async def _next(stream: Any) -> str:
    event = await anext(aiter(stream))
    assert isinstance(event, ResourceUpdated)
    return event.uri


async def _inbox_with_mail(house: Bed) -> Message:
    await house.inbox()
    return await house.receive(mail())


async def test_new_mail_is_told_of_within_milliseconds_in_both_eras(house: Bed) -> None:
    await house.inbox()
    took: list[float] = []
    async with (
        client_of(house) as client,
        client.listen(resource_subscriptions=[OURS]) as stream,
        _legacy(house) as (older, ears),
    ):
        await older.subscribe_resource(OURS)
        for _each in range(5):
            await house.receive(mail())
            stored = time.monotonic()
            assert await _next(stream) == OURS
            took.append(time.monotonic() - stored)
            assert await ears.heard.get() == OURS
    assert sorted(took)[2] < 0.1  # of five: the machine of a test is shared


async def test_a_thread_and_a_message_are_told_of_when_they_change(house: Bed) -> None:
    message = await _inbox_with_mail(house)
    thread = KIND["thread"].address(INBOX, message.thread_id)
    own = KIND["message"].address(INBOX, message.message_id)
    async with client_of(house) as client, client.listen(resource_subscriptions=[thread, own]) as stream:
        await house.receive(mail(answers=message.message_id))
        assert await _next(stream) == thread
        await house.call("messages.update", inbox_id=INBOX, message_id=message.message_id, add_labels=["seen"])
        assert {await _next(stream), await _next(stream)} == {thread, own}


async def test_mail_that_comes_between_the_look_and_the_listening_is_not_missed(house: Bed) -> None:
    await house.inbox()
    async with client_of(house) as client:
        for _each in range(5):
            async with client.listen(resource_subscriptions=[OURS]) as stream:
                await house.receive(mail())
                assert await _next(stream) == OURS


async def test_what_is_out_of_reach_absent_or_of_another_is_not_listened_to(house: Bed) -> None:
    message = await _inbox_with_mail(house)
    other = await house.inbox("other")
    foreign = [
        OURS,
        KIND["message"].address(INBOX, message.message_id),
        "inbox://nobody@postroom.localhost",
        "mail://x",
        KIND["attachment"].address(INBOX, message.message_id, "att_1"),
    ]
    allowed = f"inbox://{other.address}"
    key = await house.key(inbox_id=other.inbox_id)
    async with client_of(house, key) as client, client.listen(resource_subscriptions=[*foreign, allowed]) as stream:
        assert stream.honored.resource_subscriptions == [allowed]
        await house.receive(mail())
        await house.receive(mail(to=other.address), other.address)
        assert await _next(stream) == allowed
    async with _legacy(house, key) as (older, _ears):
        for uri in foreign:
            with pytest.raises(MCPError, match="No resource") as refused:
                await older.subscribe_resource(uri)
            assert refused.value.error.code == -32602


async def test_a_key_that_may_not_read_mail_hears_of_none(house: Bed) -> None:
    await house.inbox()
    key = await house.key(permissions={"inbox_read": True})
    async with client_of(house, key) as client, client.listen(resource_subscriptions=[OURS]) as stream:
        assert stream.honored.resource_subscriptions == [OURS]
        await house.receive(mail())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await _next(stream)


async def test_who_unsubscribes_hears_no_more(house: Bed) -> None:
    message = await _inbox_with_mail(house)
    thread = KIND["thread"].address(INBOX, message.thread_id)
    async with _legacy(house) as (client, ears):
        await client.unsubscribe_resource(OURS)
        await client.subscribe_resource(OURS)
        await client.subscribe_resource(thread)
        await client.unsubscribe_resource(OURS)
        await house.receive(mail(answers=message.message_id))
        assert await ears.heard.get() == thread
        assert ears.heard.empty()


async def test_when_a_connection_ends_nobody_listens_for_it(house: Bed) -> None:
    await house.inbox()
    async with _legacy(house) as (older, _ears), client_of(house) as client:
        await older.subscribe_resource(OURS)
        async with client.listen(resource_subscriptions=[OURS]):
            await house.until(lambda: not house.house.hub.is_empty)
    await house.until(lambda: house.house.hub.is_empty)


async def test_a_key_holds_so_many_subscriptions_and_no_more(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await _inbox_with_mail(house)
    monkeypatch.setattr(subscriptions, "PER_KEY", 1)
    monkeypatch.setattr(subscriptions, "PER_STREAM", 1)
    thread = KIND["thread"].address(INBOX, message.thread_id)
    async with client_of(house) as client:
        async with client.listen(resource_subscriptions=[OURS, thread]) as stream:
            assert stream.honored.resource_subscriptions == [OURS]
            with pytest.raises(MCPError, match="holds 1 subscriptions"):
                async with client.listen(resource_subscriptions=[OURS]):
                    pass
        async with client.listen(resource_subscriptions=[OURS]):
            pass
    async with _legacy(house) as (older, _ears):
        await older.subscribe_resource(OURS)
        with pytest.raises(MCPError, match="follows 1 resources"):
            await older.subscribe_resource(thread)


async def test_a_key_that_is_deleted_hears_no_more(house: Bed) -> None:
    await house.inbox()
    made = await house.call("keys.create")
    actor = await house.house.actor(made.api_key)
    known = {"token": True}

    class Verifier:
        async def verify_token(self, token: str) -> BearerToken | None:
            return BearerToken(token=token, client_id="c", scopes=[], actor=actor) if known["token"] else None

    serving = server_of(house, actor)._lowlevel_server.get_request_handler("subscriptions/listen")
    assert serving is not None
    subscribed = serving.handler.__self__  # type: ignore[attr-defined]
    subscribed._verifier = Verifier()
    told: list[str] = []

    async def tell(uri: str) -> None:
        told.append(uri)

    token = BearerToken(token="t", client_id="c", scopes=[], actor=actor)
    follower = subscriptions._Follower(actor, token, tell)
    found = await house.desk.ask("inboxes.get", house.owner, {"inbox_id": INBOX})
    follower.add(OURS, found.result.inbox_id, found.position)
    async with subscribed._watching(follower):
        await house.receive(mail())
        await house.until(lambda: bool(told))
        known["token"] = False
        await house.receive(mail())
        await house.until(lambda: house.house.hub.is_empty)
    assert told == [OURS]
