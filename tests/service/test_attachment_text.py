"""The text of an attachment: read in a process that can be killed, once, and gone with its message."""

import asyncio
import sys
from email.message import EmailMessage
from typing import Any

import pytest

from postroom.model.errors import Busy, NotFound, Temporary, Unprocessable
from postroom.model.file_text import FileText
from postroom.model.message import Message
from postroom.service import attachment_text, extracting
from postroom.service.extracting import Extractor
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.files import DOCX, docx, paragraph, pdf

AGENT = f"agent@{DOMAIN}"


def letter(*files: tuple[str, str, bytes]) -> bytes:
    """Return a message with files: name, type, bytes."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "carol@example.com", AGENT, "Files"
    made.set_content("see below")
    for name, kind, content in files:
        main, _, sub = kind.partition("/")
        made.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return made.as_bytes()


async def _text(house: Bed, message: Message, number: int = 0) -> Any:
    names = {"inbox_id": message.inbox_address, "message_id": message.id}
    return await house.desk.call(
        "messages.attachment_text",
        house.owner,
        names | {"attachment_id": message.attachments[number].attachment_id},
    )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the files for which a process was started."""
    kinds: list[str] = []
    read = Extractor._read

    async def counted(self: Extractor, kind: Any, content: bytes) -> FileText:
        kinds.append(kind)
        return await read(self, kind, content)

    monkeypatch.setattr(Extractor, "_read", counted)
    return kinds


async def test_each_kind_of_file_is_read_and_read_once(house: Bed, runs: list[str]) -> None:
    await house.inbox()
    files = (
        ("a.pdf", "application/pdf", pdf("A page")),
        ("b.docx", DOCX, docx(paragraph("A paragraph"))),
        ("c.html", "text/html", b"<p>seen<i hidden>unseen</i></p>"),
        ("d.txt", "text/plain", b"plain"),
    )
    message = await house.receive(letter(*files))
    for _ in range(2):
        found = [await _text(house, message, n) for n in range(4)]
        assert [one.text.strip() for one in found] == ["A page", "A paragraph", "seen", "plain"]
    assert runs == ["pdf", "docx", "html"]


async def test_the_same_bytes_as_a_pdf_and_as_html_are_read_as_each(house: Bed, runs: list[str]) -> None:
    await house.inbox()
    both = pdf("A page") + b"\n<p>a paragraph</p>"
    message = await house.receive(letter(("a.pdf", "application/pdf", both), ("b.html", "text/html", both)))
    for number, said in ((0, "A page"), (1, "a paragraph"), (0, "A page")):
        assert said in (await _text(house, message, number)).text
    assert "a paragraph" not in (await _text(house, message, 0)).text
    assert runs == ["pdf", "html"]


async def test_the_same_file_in_another_message_is_not_read_again_and_stays_when_the_first_goes(
    house: Bed, runs: list[str]
) -> None:
    await house.inbox()
    first = await house.receive(letter(("a.pdf", "application/pdf", pdf("Once"))))
    second = await house.receive(letter(("b.pdf", "application/pdf", pdf("Once"))))
    await _text(house, first)
    await _text(house, second)
    await house.call("messages.delete", inbox_id=AGENT, message_id=first.id)
    assert (await _text(house, second)).text == "Once"
    assert runs == ["pdf"]


async def test_another_organization_learns_nothing_of_what_was_read(house: Bed, runs: list[str]) -> None:
    await house.inbox()
    stranger = await house.stranger()
    other = await house.inbox("other", stranger)
    raw = letter(("a.pdf", "application/pdf", pdf("Once")))
    await _text(house, await house.receive(raw))
    taken = await house.take(raw, other.address)
    theirs = await house.message(other.address, taken.filed[other.inbox_id], stranger)
    names = {"inbox_id": other.address, "message_id": theirs.id, "attachment_id": theirs.attachments[0].attachment_id}
    assert (await house.desk.call("messages.attachment_text", stranger, names)).text == "Once"
    assert runs == ["pdf", "pdf"]
    with pytest.raises(NotFound):
        await house.desk.call("messages.attachment_text", house.owner, names)


async def test_the_text_of_a_file_goes_with_its_message_and_with_its_inbox(house: Bed) -> None:
    inbox = await house.inbox()
    kept = "SELECT count(*) FROM attachment_text"
    files = ("a.pdf", "application/pdf", pdf("Secret words"))
    for n in range(2):
        await _text(house, await house.receive(letter(files), envelope_from=f"s{n}@example.com"))
    assert house.rows(kept) == [(2,)]
    (first, *_) = await house.messages(AGENT)
    await house.call("messages.delete", inbox_id=AGENT, message_id=first.id)
    assert house.rows(kept) == [(1,)]
    await house.call("inboxes.delete", inbox_id=inbox.address)
    await house.until(lambda: house.rows(kept) == [(0,)])


async def test_what_cannot_be_read_says_why_and_is_not_tried_again(house: Bed, runs: list[str]) -> None:
    await house.inbox()
    files = (
        ("a.pdf", "application/pdf", pdf("x", password="p")),
        ("b.docx", DOCX, b"no archive"),
        ("c.pdf", "application/pdf", pdf("")),
    )
    message = await house.receive(letter(*files))
    said = []
    for number in (0, 1, 2) * 2:
        with pytest.raises(Unprocessable) as caught:
            await _text(house, message, number)
        said.append(caught.value.message)
    assert said[:3] == said[3:]
    assert ["password" in said[0], "DOCX" in said[1], "pictures" in said[2]] == [True] * 3
    assert len(runs) == 3


async def test_a_picture_and_what_is_too_large_have_no_text(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.inbox()
    files = (("a.png", "image/png", b"\x89PNG"), ("b.pdf", "application/pdf", pdf("x")))
    message = await house.receive(letter(*files))
    monkeypatch.setitem(attachment_text._MAX_BYTES, "pdf", 10)
    for number in (0, 1):
        with pytest.raises(NotFound):
            await _text(house, message, number)


async def test_a_file_that_costs_too_much_ends_its_process_and_holds_up_nobody() -> None:
    extractor = Extractor()
    costly = asyncio.create_task(extractor.text("text", b"words " * 20_000_000))
    assert (await extractor.text("docx", docx(paragraph("other")))).text == "other"
    found = await costly
    assert found.text is None
    assert "time or memory" in (found.reason or "")


async def test_a_file_that_takes_too_long_is_given_up() -> None:
    found = await Extractor(deadline=0).text("pdf", pdf("x"))
    assert "time or memory" in (found.reason or "")


async def test_who_waits_for_too_many_others_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = Extractor(patience=0)
    for _ in range(extracting._AT_ONCE):
        await extractor._turns.acquire()
    with pytest.raises(Busy):
        await extractor.text("pdf", pdf("x"))


async def test_a_reader_that_does_not_start_says_nothing_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Temporary):
        await Extractor().text("no kind", b"")  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Temporary):
        await Extractor().text("pdf", b"")


async def test_who_goes_away_leaves_no_process_behind() -> None:
    extractor = Extractor()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await extractor.text("pdf", pdf(*["words " * 200] * 200))
    assert (await extractor.text("text", b"next")).text == "next"
