"""Mail that arrives, by SMTP and through the desk: kept byte by byte, once, and told of once."""

import asyncio
import hashlib
import logging
from pathlib import Path

import aiosmtplib
import pytest

from postroom.model.errors import Temporary
from postroom.model.event import EventType
from postroom.model.message import Incoming
from postroom.model.tenant import SYSTEM
from postroom.service.filing import NAMELESS_WINDOW_MS
from tests.fakes.bed import DOMAIN, Bed, facts
from tests.fakes.clock import DAY, FakeClock
from tests.fakes.mail import CORRESPONDENT, mail

AGENT = f"agent@{DOMAIN}"


async def _raw(house: Bed, message: str, inbox: str = AGENT) -> bytes:
    raw: bytes = await house.call("messages.raw", inbox_id=inbox, message_id=message)
    return raw


async def test_mail_over_smtp_is_there_when_its_sender_hears_250(house: Bed) -> None:
    await house.inbox()
    raw = mail(text="Ünïcode\n.dot\n..dots")
    async with house.smtp() as client:
        await client.sendmail(CORRESPONDENT, [AGENT], raw)
    (message,) = await house.messages(AGENT)
    assert await _raw(house, message.message_id) == raw


async def test_unknown_recipients_are_refused_over_smtp_beside_a_known_one(house: Bed) -> None:
    await house.inbox()
    async with house.smtp() as client:
        refused, _ = await client.sendmail(CORRESPONDENT, [AGENT, f"nobody@{DOMAIN}"], mail())
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await client.sendmail(CORRESPONDENT, ["someone@example.com"], mail())
    assert list(refused) == [f"nobody@{DOMAIN}"]
    assert len(await house.messages(AGENT)) == 1


async def test_a_large_message_is_a_file_and_comes_back_byte_by_byte(house: Bed) -> None:
    await house.inbox()
    raw = mail(files={"big.bin": bytes(range(256)) * 2_000})
    async with house.smtp() as client:
        await client.sendmail(CORRESPONDENT, [AGENT], raw)
    (message,) = await house.messages(AGENT)
    assert await _raw(house, message.id) == raw
    assert (house.home / "blobs").is_dir()
    assert not any(path.is_file() for path in (house.home / "spool").iterdir())


async def test_one_large_message_for_two_inboxes_is_one_file(house: Bed) -> None:
    await house.inbox("agent")
    await house.inbox("other")
    await house.take(mail(files={"big.bin": b"z" * 100_000}), AGENT, f"other@{DOMAIN}")
    assert len([path for path in (house.home / "blobs").rglob("*") if path.is_file()]) == 1


async def test_a_received_message_is_unread_and_told_of_once(house: Bed) -> None:
    inbox = await house.inbox()
    message = await house.receive(mail())
    assert set(message.labels) == {"received", "unread"}
    told = facts(await house.events(inbox, EventType.MESSAGE_RECEIVED))
    assert told == [{"message": message.id, "message_id": message.message_id, "thread_id": message.thread_id}]


async def test_an_event_holds_no_word_of_the_message(house: Bed) -> None:
    inbox = await house.inbox()
    await house.receive(mail(subject="Zebra", text="Giraffe"))
    told = str(house.rows("SELECT data FROM event WHERE inbox_id = ?", inbox.inbox_id))
    assert "Zebra" not in told
    assert "Giraffe" not in told


async def test_a_second_try_of_a_sender_makes_no_second_message(house: Bed) -> None:
    inbox = await house.inbox()
    raw = mail()
    await house.take(b"Received: from a\r\n" + raw, AGENT)
    taken = await house.take(b"Received: from b\r\n" + raw, AGENT)
    assert (taken.filed, taken.duplicates) == ({}, (inbox.inbox_id,))
    assert len(await house.messages(AGENT)) == 1


async def test_tries_at_the_same_time_make_one_message(house: Bed) -> None:
    await house.inbox()
    raw = mail()
    await asyncio.gather(*[house.take(raw, AGENT) for _ in range(12)])
    assert len(await house.messages(AGENT)) == 1


async def test_a_message_id_alone_suppresses_nobodys_mail(house: Bed) -> None:
    await house.inbox()
    await house.take(mail(message_id="<known@example.com>", text="An attacker was first."), AGENT)
    await house.take(mail(message_id="<known@example.com>", text="The real words."), AGENT)
    assert len(await house.messages(AGENT)) == 2


async def test_the_same_bytes_of_another_envelope_sender_are_another_message(house: Bed) -> None:
    await house.inbox()
    raw = mail()
    await house.take(raw, AGENT, envelope_from="mallory@example.net")
    await house.take(raw, AGENT, envelope_from=CORRESPONDENT)
    assert len(await house.messages(AGENT)) == 2


async def test_the_same_bytes_come_again_after_a_week(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    raw = mail()
    await house.take(raw, AGENT)
    clock.advance(7 * DAY - 1)
    assert (await house.take(raw, AGENT)).filed == {}
    clock.advance(1)
    assert len((await house.take(raw, AGENT)).filed) == 1
    assert (await house.take(raw, AGENT)).filed == {}


async def test_mail_without_a_message_id_is_taken_once_as_well(house: Bed) -> None:
    await house.inbox()
    raw = mail(message_id=None)
    for _ in range(3):
        await house.take(raw, AGENT)
    await house.take(mail(message_id=None, text="Others."), AGENT)
    assert len(await house.messages(AGENT)) == 2


async def test_the_same_bytes_without_a_message_id_are_another_mail_after_ten_minutes(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    raw = mail(message_id=None)
    await house.take(raw, AGENT)
    clock.advance(NAMELESS_WINDOW_MS - 1)
    assert (await house.take(raw, AGENT)).filed == {}
    clock.advance(1)
    assert len((await house.take(raw, AGENT)).filed) == 1
    assert (await house.take(raw, AGENT)).filed == {}
    assert len(await house.messages(AGENT)) == 2


async def test_a_first_copy_in_the_trash_does_not_swallow_the_second_of_mail_without_a_message_id(house: Bed) -> None:
    await house.inbox()
    nameless, named = mail(message_id=None), mail(message_id="<named@example.com>")
    for raw in (nameless, named):
        first = await house.receive(raw)
        await house.call("messages.trash", inbox_id=AGENT, message_id=first.message_id)
    assert len((await house.take(nameless, AGENT)).filed) == 1
    assert (await house.take(nameless, AGENT)).filed == {}
    assert (await house.take(named, AGENT)).filed == {}


async def test_a_file_without_a_message_id_is_imported_once_however_late_it_comes_again(
    house: Bed, clock: FakeClock
) -> None:
    inbox = await house.inbox()
    raw = mail(message_id=None)
    given = Incoming(
        envelope_from="", recipients=(AGENT,), content=raw, spool=None, size=len(raw), sha256="", origin="import"
    )
    assert (await house.desk.call("mail.take", SYSTEM, given)).duplicates == ()
    clock.advance(DAY)
    assert (await house.desk.call("mail.take", SYSTEM, given)).duplicates == (inbox.inbox_id,)


@pytest.mark.parametrize(("message_id", "known_by"), [(None, "bytes"), ("<same@example.com>", "message_id")])
async def test_a_duplicate_is_said_in_the_log(
    house: Bed, caplog: pytest.LogCaptureFixture, message_id: str | None, known_by: str
) -> None:
    inbox = await house.inbox()
    raw = mail(message_id=message_id)
    with caplog.at_level(logging.INFO, "postroom.service.receive"):
        await house.take(raw, AGENT)
        assert caplog.messages == []
        await house.take(raw, AGENT)
    assert caplog.messages == [f"not filed reason=duplicate known_by={known_by} inboxes={inbox.inbox_id}"]


async def test_a_second_try_of_the_second_message_with_one_id_is_noticed(house: Bed) -> None:
    await house.inbox()
    one, two = (mail(message_id="<same@example.com>", text=text) for text in ("one", "two"))
    for raw in (one, two, two, one):
        await house.take(raw, AGENT)
    assert len(await house.messages(AGENT)) == 2


async def test_an_id_that_was_only_referred_to_suppresses_nothing(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail(answers="<later@example.com>"))
    await house.receive(mail(message_id="<later@example.com>"))
    assert len(await house.messages(AGENT)) == 2


async def test_a_duplicate_for_one_inbox_is_news_for_another(house: Bed) -> None:
    await house.inbox("agent")
    other = await house.inbox("other")
    raw = mail()
    await house.take(raw, AGENT)
    taken = await house.take(raw, AGENT, other.address)
    assert list(taken.filed) == [other.inbox_id]


async def test_a_message_id_that_is_taken_is_shown_as_one_of_ours(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(message_id="<same@example.com>", text="one"))
    second = await house.receive(mail(message_id="<same@example.com>", text="two"))
    assert first.message_id == "<same@example.com>"
    assert second.message_id == f"<{second.id}@{DOMAIN}>"
    assert (await house.message(AGENT, "<same@example.com>")).id == first.id


@pytest.mark.parametrize("message_id", [None, "no brackets", "<a b@c>", "<>", "<" + "x" * 300 + "@y>"])
@pytest.mark.promise("messages.id-is-the-rfc-id")
async def test_a_message_without_a_safe_id_is_found_under_one_of_ours(house: Bed, message_id: str | None) -> None:
    await house.inbox()
    message = await house.receive(mail(message_id=message_id))
    assert message.message_id == f"<{message.id}@{DOMAIN}>"
    assert (await house.message(AGENT, message.message_id)).id == message.id


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"x", b"\xff\xfe" * 50, b": :\r\n\r\n", b"From: \r\nTo: <<<>>>\r\n\r\n", b"\x00" * 10]
)
async def test_bytes_that_are_hardly_a_message_are_kept_and_served(house: Bed, raw: bytes) -> None:
    await house.inbox()
    message = await house.receive(raw)
    assert await _raw(house, message.id) == raw
    assert len((await house.call("messages.list", inbox_id=AGENT)).items) == 1
    await house.call("messages.read", inbox_id=AGENT, message_id=message.id)


async def test_an_attachment_comes_back_decoded(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(files={"a.bin": b"\x00\x01\xff", "b.bin": b"second"}))
    contents = [
        (await house.call("messages.attachment", inbox_id=AGENT, message_id=message.id, attachment_id=a.attachment_id))
        for a in message.attachments
    ]
    assert [(c.attachment.filename, c.content) for c in contents] == [("a.bin", b"\x00\x01\xff"), ("b.bin", b"second")]


async def test_a_spooled_message_moves_into_the_blob_folder(house: Bed, tmp_path: Path) -> None:
    await house.inbox()
    raw = mail(files={"big.bin": b"q" * 80_000})
    spool = tmp_path / "spooled"
    spool.write_bytes(raw)
    incoming = Incoming(
        envelope_from="",
        recipients=(AGENT,),
        content=None,
        spool=spool,
        size=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    await house.desk.call("mail.take", SYSTEM, incoming)
    assert not spool.exists()
    assert await _raw(house, (await house.messages(AGENT))[0].id) == raw


async def test_a_large_message_whose_file_is_gone_is_a_failure_of_ours_that_names_no_path(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(files={"big.bin": b"z" * 100_000}))
    blobs = house.home / "blobs"
    blobs.rename(house.home / "away")
    ref = {"inbox_id": AGENT, "message_id": message.id}
    file = {"attachment_id": message.attachments[0].attachment_id}
    for operation, given in (
        ("messages.raw", ref),
        ("messages.attachment", ref | file),
        ("messages.forward", ref | {"to": [AGENT]}),
    ):
        with pytest.raises(Temporary, match="disk failed") as told:
            await house.call(operation, **given)
        assert str(house.home) not in str(told.value)
    (house.home / "away").rename(blobs)
    assert await _raw(house, message.id)
