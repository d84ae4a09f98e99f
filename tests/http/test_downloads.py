"""Signed addresses and health, over the application as it is served."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import httpx2
import pytest

from postroom import __version__
from postroom.http.app import build
from postroom.http.errors import STATUS, status_of
from postroom.model import errors
from postroom.model.message import Message
from postroom.service.links import LIFE_MS, Download, Links
from postroom.store.secret import Secret
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock

BASE = "http://postroom.test"
PAGE = b"<script>alert(1)</script>"


def _links(clock: FakeClock, key: bytes = b"k" * 32) -> Links:
    return Links(Secret(key), lambda: BASE, clock)


@asynccontextmanager
async def _browser(house: Bed, clock: FakeClock) -> AsyncIterator[httpx2.AsyncClient]:
    carrier = httpx2.ASGITransport(build(house.desk, _links(clock)))
    async with httpx2.AsyncClient(transport=carrier, base_url=BASE) as client:
        yield client


async def _message(house: Bed) -> Message:
    await house.inbox()
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "a@example.com", "agent@postroom.localhost", "Files"
    letter.set_content("two files")
    letter.add_attachment(PAGE, maintype="text", subtype="html", filename='pa\u0301ge "1".html')
    letter.add_attachment(b"a,b", maintype="text", subtype="csv", filename="t.csv")
    return await house.receive(letter.as_bytes())


def _download(message: Message, attachment: int | None = None, org_id: str | None = None) -> Download:
    return Download(
        org_id=org_id or message.org_id,
        inbox_id=message.inbox_id,
        message_id=message.id,
        attachment_id=None if attachment is None else message.attachments[attachment].attachment_id,
    )


def _address(links: Links, wanted: Download) -> str:
    made = links.make(wanted)
    assert made is not None
    return made[0]


async def test_health_says_the_version_and_nothing_else_is_there(house: Bed, clock: FakeClock) -> None:
    async with _browser(house, clock) as browser:
        assert (await browser.get("/healthz")).json() == {"status": "ok", "version": __version__}
        assert (await browser.post("/healthz")).status_code == 405
        assert (await browser.get("/v1/postroom/downloads/")).status_code == 404


async def test_a_link_gives_the_file_as_one_that_no_browser_renders(house: Bed, clock: FakeClock) -> None:
    message = await _message(house)
    async with _browser(house, clock) as browser:
        answer = await browser.get(_address(_links(clock), _download(message, 0)))
        assert (answer.status_code, answer.content) == (200, PAGE)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith(
            "attachment; filename*=UTF-8''pa%CC%81ge%20%221%22.html"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cache-control"] == "private, no-store"
        table = await browser.get(_address(_links(clock), _download(message, 1)))
        assert table.headers["content-type"].startswith("text/csv")
        assert table.headers["content-disposition"].startswith("attachment;")


async def test_a_link_without_an_attachment_gives_the_raw_message(house: Bed, clock: FakeClock) -> None:
    message = await _message(house)
    async with _browser(house, clock) as browser:
        answer = await browser.get(_address(_links(clock), _download(message)))
    assert answer.content.startswith(b"From: a@example.com")
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_a_link_ends_after_an_hour(house: Bed, clock: FakeClock) -> None:
    address = _address(_links(clock), _download(await _message(house), 0))
    async with _browser(house, clock) as browser:
        clock.advance(LIFE_MS - 1)
        assert (await browser.get(address)).status_code == 200
        clock.advance(1)
        ended = await browser.get(address)
    assert ended.status_code == 404
    assert ended.json()["code"] == "not_found"


async def test_a_link_that_is_not_ours_is_not_there(house: Bed, clock: FakeClock) -> None:
    message = await _message(house)
    stranger = await house.stranger()
    address = _address(_links(clock), _download(message, 0))
    body, _dot, signature = address.rpartition("/")[2].partition(".")
    longer = base64.urlsafe_b64encode(base64.urlsafe_b64decode(body + "==") + b" ").decode().rstrip("=")
    tokens = [
        f"{body}.{signature[:-2]}AA",
        f"{longer}.{signature}",
        body,
        f".{signature}",
        "x",
        "%00.%ff",
        "\u00e9.\u00e9",
        _address(_links(clock, b"o" * 32), _download(message, 0)).rpartition("/")[2],
        _address(_links(clock), _download(message, 0, stranger.reach.org_id)).rpartition("/")[2],
        _address(_links(clock), _download(message).model_copy(update={"attachment_id": "att_x"})).rpartition("/")[2],
    ]
    async with _browser(house, clock) as browser:
        for token in tokens:
            answer = await browser.get(f"/v1/postroom/downloads/{token}")
            assert answer.status_code == 404, token
            assert answer.json()["code"] == "not_found"


def _tree(root: type[errors.PostroomError]) -> list[type[errors.PostroomError]]:
    return [kind for child in root.__subclasses__() for kind in (child, *_tree(child))]


@pytest.mark.parametrize("kind", _tree(errors.PostroomError))
def test_every_error_has_a_line_in_the_table(kind: type[errors.PostroomError]) -> None:
    assert kind in STATUS
    error = kind("thing", "it") if kind is errors.NotFound else kind("It is so.")
    assert status_of(error) == STATUS[kind]
    assert 400 <= STATUS[kind] < 600
