"""The opening of a message: told once, by who fetches the pixel in what left, and by nobody who reads it here."""

import dataclasses
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from postroom.http.app import build
from postroom.http.postroom.opens import PIXEL
from postroom.model.errors import Temporary
from postroom.model.event import EventType
from postroom.model.inbox import Inbox
from postroom.model.message import Message
from postroom.service.links import Links
from postroom.service.opens import token_of
from tests.fakes.bed import Bed, facts
from tests.fakes.mail import CORRESPONDENT

BASE = "https://mail.example.net"
_PIXEL = re.compile(rb'<img src="https://mail\.example\.net(/v1/postroom/opens/[^"]+)"')
PAGE = "<html><body><p>Hello Émile</p></body></html>"


def listen(house: Bed) -> None:
    """Let the house be reached at BASE."""
    house.desk.rooms = dataclasses.replace(house.desk.rooms, public_url=lambda: BASE)


async def tracking_inbox(house: Bed, **flags: Any) -> Inbox:
    """Return an inbox on a verified domain that tracks openings, of a house that is reached at BASE."""
    listen(house)
    await house.call("domains.create", domain="example.org", **({"tracking_enabled": True} | flags))
    house.write("UPDATE domain SET verified_at = 1, status = 'VERIFIED'")
    return await house.inbox(domain="example.org")


async def wire_of(house: Bed, message: Message) -> bytes:
    """Return the bytes that left."""
    raw: bytes = await house.call("messages.raw", inbox_id=message.inbox_address, message_id=message.id)
    return raw.replace(b"=\r\n", b"").replace(b"=3D", b"=")


async def path_of(house: Bed, message: Message) -> str:
    """Return the path of the pixel in what left."""
    (path,) = _PIXEL.findall(await wire_of(house, message))
    return str(path.decode())


@asynccontextmanager
async def browser(house: Bed) -> AsyncIterator[httpx2.AsyncClient]:
    links = Links(house.desk.rooms.secret, lambda: BASE, house.now)
    carrier = httpx2.ASGITransport(build(house.desk, links))
    async with httpx2.AsyncClient(transport=carrier, base_url=BASE) as client:
        yield client


async def _sent(house: Bed, inbox: Inbox, **given: Any) -> Message:
    return await house.send(inbox.address, CORRESPONDENT, **({"html": PAGE, "track_opens": True} | given))


def _is_pixel(answer: httpx2.Response) -> bool:
    return (
        (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        and "no-store" in answer.headers["cache-control"]
        and "set-cookie" not in answer.headers
    )


async def test_the_first_opening_is_a_label_and_an_event_and_the_next_is_nothing(house: Bed) -> None:
    inbox = await tracking_inbox(house)
    sent = await _sent(house, inbox)
    path = await path_of(house, sent)
    async with browser(house) as reader:
        for _ in range(3):
            answer = await reader.get(path)
            assert _is_pixel(answer)
            assert answer.content == PIXEL
    assert set((await house.message(inbox.address, sent.id)).labels) == {"sent", "opened"}
    assert facts(await house.events(inbox, EventType.MESSAGE_OPENED)) == [
        {"message": sent.id, "message_id": sent.message_id, "thread_id": sent.thread_id}
    ]
    assert house.rows("SELECT opened_at FROM message_open") == [(house.now(),)]


async def test_the_pixel_is_in_the_bytes_and_in_nothing_that_the_sender_is_shown(house: Bed) -> None:
    inbox = await tracking_inbox(house)
    sent = await _sent(house, inbox, text="Hello")
    assert (await wire_of(house, sent)).count(b"/v1/postroom/opens/") == 1
    assert ((sent.html or "").strip(), (sent.extracted_html or "").strip()) == (PAGE, PAGE)
    kept = house.rows("SELECT text, html, extracted_html FROM message_body")
    assert "opens" not in str(kept)
    assert dict(sent.headers)["Content-Type"].encode() in (await wire_of(house, sent)).replace(b"\r\n ", b" ")
    answer = await house.call("messages.forward", inbox_id=inbox.address, message_id=sent.id, to=[CORRESPONDENT])
    forwarded = await house.message(inbox.address, answer.id)
    assert b"/v1/postroom/opens/" not in await wire_of(house, forwarded)


async def test_a_head_and_what_is_shown_here_are_no_opening(house: Bed) -> None:
    inbox = await tracking_inbox(house)
    sent = await _sent(house, inbox)
    async with browser(house) as reader:
        answer = await reader.head(await path_of(house, sent))
        assert _is_pixel(answer)
        assert answer.content == b""
    await house.call("messages.read", inbox_id=inbox.address, message_id=sent.id)
    assert await house.events(inbox, EventType.MESSAGE_OPENED) == []


async def test_a_token_that_means_nothing_is_answered_alike(house: Bed) -> None:
    inbox = await tracking_inbox(house)
    sent = await _sent(house, inbox)
    untracked = await _sent(house, inbox, track_opens=False)
    path = await path_of(house, sent)
    secret = house.desk.rooms.secret
    gone = token_of(secret, "msg_" + "0" * 26)
    tokens = [path[:-2] + "AA", path + "x", path + "/x", "/v1/postroom/opens/x", "/v1/postroom/opens/", "%00", "a/../b"]
    tokens += [gone, token_of(secret, untracked.id), f"{untracked.id[4:]}.{path.rpartition('.')[2]}", "x" * 5_000]
    async with browser(house) as reader:
        known = await reader.get(path)
        for token in tokens:
            answer = await reader.get(token if token.startswith("/") else f"/v1/postroom/opens/{token}")
            assert _is_pixel(answer), token
            assert (answer.content, dict(answer.headers)) == (known.content, dict(known.headers))
        assert (await reader.post(path)).status_code == 405
    assert len(await house.events(inbox, EventType.MESSAGE_OPENED)) == 1


async def test_a_failure_of_ours_is_answered_alike(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_given: object) -> None:
        raise Temporary("The disk is full.")

    monkeypatch.setattr(house.desk, "call", fail)
    async with browser(house) as reader:
        assert _is_pixel(await reader.get("/v1/postroom/opens/x"))


async def test_a_message_that_was_deleted_is_not_opened_any_more(house: Bed) -> None:
    inbox = await tracking_inbox(house)
    sent = await _sent(house, inbox)
    path = await path_of(house, sent)
    await house.call("messages.delete", inbox_id=inbox.address, message_id=sent.id)
    async with browser(house) as reader:
        assert _is_pixel(await reader.get(path))
    assert await house.events(inbox, EventType.MESSAGE_OPENED) == []
    assert house.rows("SELECT count(*) FROM message_open") == [(0,)]


@pytest.mark.parametrize(
    ("flags", "given"),
    [({"tracking_enabled": False}, {}), ({}, {"track_opens": False}), ({}, {"html": None})],
    ids=["a domain that does not track", "a message that shall not", "no HTML"],
)
@pytest.mark.promise("send.track-opens")
async def test_without_tracking_there_is_no_pixel(house: Bed, flags: Any, given: Any) -> None:
    sent = await _sent(house, await tracking_inbox(house, **flags), **given)
    assert b"/opens/" not in await wire_of(house, sent)
    assert house.rows("SELECT count(*) FROM message_open") == [(0,)]


async def test_on_the_domain_of_the_server_and_where_nothing_listens_nothing_is_tracked(house: Bed) -> None:
    listen(house)
    own = await _sent(house, await house.inbox())
    inbox = await tracking_inbox(house)
    house.desk.rooms = dataclasses.replace(house.desk.rooms, public_url=lambda: None)
    for sent in (own, await _sent(house, inbox)):
        assert b"/opens/" not in await wire_of(house, sent)
    assert house.rows("SELECT count(*) FROM message_open") == [(0,)]


async def test_an_answer_is_tracked_as_well_and_a_local_recipient_gets_the_pixel(house: Bed) -> None:
    inbox, other = await tracking_inbox(house), await house.inbox("other")
    came = await house.send(other.address, inbox.address, html="<p>Question</p>")
    (question,) = await house.arrived(inbox.address)
    answer = await house.call(
        "messages.reply", inbox_id=inbox.address, message_id=question.id, html="<p>Yes</p>", track_opens=True
    )
    sent = await house.message(inbox.address, answer.id)
    assert "<p>Yes</p>" in (sent.html or "")
    (received,) = await house.arrived(other.address)
    assert received.thread_id == came.thread_id
    assert (received.html or "").count("/v1/postroom/opens/") == 1
    assert "opens" not in (sent.html or "")
    async with browser(house) as reader:
        await reader.get(await path_of(house, sent))
    assert len(await house.events(inbox, EventType.MESSAGE_OPENED)) == 1
