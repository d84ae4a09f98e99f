"""Files that are handed in once and attached by their handle: by their inbox alone, for a day, from the disk."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from postroom.model.errors import Forbidden, InvalidInput, NotFound, PostroomError, TooLarge
from postroom.model.tenant import SYSTEM, Actor
from postroom.service import handles
from postroom.service.handles import LIFE_MS
from postroom.service.upkeep import Batch
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
SMALL, LARGE = b"small " * 100, b"large " * 50_000


async def _pieces(content: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for place in range(0, len(content), size):
        yield content[place : place + size]


async def _hand_in(house: Bed, content: bytes = SMALL, actor: Actor | None = None, **given: Any) -> Any:
    given = {"inbox_id": AGENT, "filename": "a.txt", "content_type": "text/plain"} | given
    return await house.call("attachments.upload", actor, pieces=_pieces(content), **given)


async def _attached(house: Bed, message: Any) -> list[bytes]:
    found = [
        await house.call("messages.attachment", inbox_id=AGENT, message_id=message.id, attachment_id=a.attachment_id)
        for a in message.attachments
    ]
    return [one.content for one in found]


def _files(house: Bed) -> list[str]:
    return sorted(p.parent.name + p.name for p in (house.home / "blobs").glob("??/*"))


@pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
async def test_a_file_is_attached_by_its_handle_as_often_as_one_likes(house: Bed, content: bytes) -> None:
    await house.inbox()
    file = await _hand_in(house, content)
    assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    for _ in range(2):
        sent = await house.send(AGENT, "a@example.com", attachments=[{"handle": file.handle}])
        assert await _attached(house, sent) == [content]
        assert (sent.attachments[0].filename, sent.attachments[0].content_type) == ("a.txt", "text/plain")


async def test_a_draft_takes_files_by_handle_and_from_messages(house: Bed) -> None:
    await house.inbox()
    file = await _hand_in(house, LARGE)
    received = await house.receive(mail(files={"b.bin": b"bytes"}))
    from_message = {"message_id": received.message_id, "attachment_id": received.attachments[0].attachment_id}
    files = [{"handle": file.handle, "filename": "renamed.txt"}, from_message]
    draft = await house.call("drafts.create", inbox_id=AGENT, to="a@example.com", text="t", attachments=files)
    await house.call("attachments.delete", handle=file.handle)
    sent = await house.call("drafts.send", draft_id=draft.draft_id)
    message = await house.message(AGENT, sent.id)
    assert await _attached(house, message) == [LARGE, b"bytes"]
    assert [a.filename for a in message.attachments] == ["renamed.txt", "b.bin"]


async def test_an_attachment_of_a_message_needs_the_right_to_read_it(house: Bed) -> None:
    await house.inbox()
    received = await house.receive(mail(files={"b.bin": b"bytes"}))
    sender = await house.key(permissions={"message_send": True})
    file = {"message_id": received.message_id, "attachment_id": received.attachments[0].attachment_id}
    with pytest.raises(Forbidden, match="message_read"):
        await house.call("messages.send", sender, inbox_id=AGENT, to="a@example.com", text="t", attachments=[file])


async def test_an_attachment_of_another_inbox_within_reach_is_named_with_it(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    received = await house.receive(mail(files={"b.bin": b"bytes"}))
    file = {"message_id": received.message_id, "attachment_id": received.attachments[0].attachment_id}
    given = {"to": "a@example.com", "text": "t"}
    with pytest.raises(NotFound):
        await house.call("messages.send", inbox_id=f"other@{DOMAIN}", attachments=[file], **given)
    file["inbox_id"] = AGENT
    await house.call("messages.send", inbox_id=f"other@{DOMAIN}", attachments=[file], **given)
    other = await house.key(inbox_id=f"other@{DOMAIN}")
    with pytest.raises(NotFound):
        await house.call("messages.send", other, inbox_id=f"other@{DOMAIN}", attachments=[file], **given)


async def test_a_handle_of_another_inbox_or_tenant_is_absent(house: Bed) -> None:
    await house.inbox()
    await house.inbox("eve")
    file = await _hand_in(house)
    stranger = await house.stranger()
    await house.inbox("mallory", stranger)
    tries = [
        (house.owner, f"eve@{DOMAIN}"),
        (await house.key(inbox_id=f"eve@{DOMAIN}"), f"eve@{DOMAIN}"),
        (stranger, f"mallory@{DOMAIN}"),
    ]
    for actor, inbox in tries:
        heard = []
        for handle in (file.handle, "upl_absent"):
            given = {"to": "a@example.com", "text": "t", "attachments": [{"handle": handle}]}
            with pytest.raises(NotFound) as caught:
                await house.call("messages.send", actor, inbox_id=inbox, **given)
            heard.append(str(caught.value).replace(handle, "?"))
        assert heard[0] == heard[1]
    for actor in (stranger, tries[1][0]):
        for name in ("get", "delete"):
            with pytest.raises(NotFound):
                await house.call(f"attachments.{name}", actor, handle=file.handle)
    assert (await house.call("attachments.get", handle=file.handle)).handle == file.handle


async def test_a_handle_ends_after_a_day_and_its_bytes_go_with_it(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    file = await _hand_in(house, LARGE)
    for path in (house.home / "blobs").glob("??/*"):
        os.utime(path, (time.time() - 7200,) * 2)
    await house.call("attachments.get", handle=file.handle)
    await house.desk.call("blobs.sweep", SYSTEM, Batch())
    assert _files(house) == [file.sha256]
    clock.advance(LIFE_MS)
    with pytest.raises(NotFound):
        await house.send(AGENT, "a@example.com", attachments=[{"handle": file.handle}])
    assert await house.desk.call("attachments.sweep", SYSTEM, {}) is False
    await house.desk.call("blobs.sweep", SYSTEM, Batch())
    assert (_files(house), house.rows("SELECT 1 FROM upload")) == ([], [])


async def test_files_go_with_their_inbox(house: Bed) -> None:
    await house.inbox()
    await _hand_in(house)
    await house.call("inboxes.delete", inbox_id=AGENT)
    await house.until(lambda: house.rows("SELECT 1 FROM upload") == [])


async def test_what_is_over_the_limit_is_refused_and_leaves_nothing(house: Bed) -> None:
    await house.inbox()
    with pytest.raises(TooLarge):
        await _hand_in(house, b"x" * (house.desk.house.max_message_bytes + 1))
    assert (_files(house), house.rows("SELECT 1 FROM upload")) == ([], [])


async def test_what_comes_too_slowly_is_refused_and_leaves_nothing(house: Bed) -> None:
    await house.inbox()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a" * 300_000
        await asyncio.Event().wait()

    with pytest.raises(InvalidInput, match="slowly"):
        await house.call("attachments.upload", inbox_id=AGENT, pieces=slow(), seconds=0.05)
    assert _files(house) == []


async def test_an_inbox_has_room_for_so_many_files(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.inbox()
    monkeypatch.setattr(handles, "MAX_FILES", 2)
    for _ in range(2):
        await _hand_in(house)
    with pytest.raises(TooLarge, match="2 files"):
        await _hand_in(house)


@pytest.mark.parametrize(
    "file",
    [
        {},
        {"handle": "upl_a", "content": "YQ=="},
        {"handle": "upl_a", "url": "https://example.com/a"},
        {"message_id": "<a@b>"},
        {"attachment_id": "att_a"},
        {"handle": "upl_a", "message_id": "<a@b>", "attachment_id": "att_a"},
        {"content": "YQ==", "inbox_id": AGENT, "message_id": "<a@b>"},
    ],
)
async def test_a_file_has_exactly_one_source(house: Bed, file: dict[str, str]) -> None:
    await house.inbox()
    with pytest.raises(InvalidInput, match="exactly one"):
        await house.send(AGENT, "a@example.com", attachments=[file])


async def test_a_key_that_neither_sends_nor_drafts_hands_in_nothing(house: Bed) -> None:
    await house.inbox()
    reader = await house.key(permissions={"message_read": True})
    with pytest.raises(Forbidden):
        await _hand_in(house, actor=reader)


@pytest.mark.parametrize("given", [{"filename": "a\r\nb"}, {"content_type": "text"}, {"content_type": "a/b\r\nX: y"}])
async def test_a_name_or_a_type_that_no_header_can_hold_is_refused(house: Bed, given: dict[str, Any]) -> None:
    await house.inbox()
    with pytest.raises(PostroomError):
        await _hand_in(house, **given)
