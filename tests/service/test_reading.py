"""A thread as an agent reads it: what is new in its newest messages, the newest served first, none read for nothing."""

import pytest

from postroom.model.inert import inert
from postroom.model.removed import Removed
from postroom.service import reading
from postroom.service.reading import Passage, ThreadReading, as_text
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
HTML = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Only <b>HTML</b> here\u200b.</p>\r\n".encode()


async def _read(house: Bed, thread: str, **given: int) -> ThreadReading:
    found: ThreadReading = await house.call("threads.read", inbox_id=AGENT, thread_id=thread, **given)
    return found


async def _thread_of_all_kinds(house: Bed) -> str:
    """Receive a thread with texts of every kind that is stored in its own way, and return its id."""
    first = await house.receive(mail(text="A first line, plain ASCII."))
    parent = first.message_id
    reply = f"Grüße\u202e, an answer.\n\nOn Mon, 2 Mar 2026, {AGENT} wrote:\n> A first line, plain ASCII."
    await house.receive(mail(answers=parent, text=reply))
    await house.receive(
        mail("Content-Type: text/html; charset=utf-8", answers=parent).partition(b"Content-Type:")[0] + HTML
    )
    await house.receive(mail(answers=parent, text="Ein längerer Text.\n" * 6000))
    await house.receive(mail(answers=parent, text="With a file.", files={"a.bin": b"\0" * 100_000}))
    await house.receive(mail(answers=parent, text=""))
    await house.call("messages.reply", inbox_id=AGENT, message_id=parent, text="Thanks.")
    return first.thread_id


@pytest.mark.parametrize("budget", [100, 500, 20_000, 150_000, 200_000])
@pytest.mark.parametrize("portion", [0, 150_000, 2**30])
async def test_a_thread_shows_of_each_message_what_reading_it_whole_would_show(
    house: Bed, monkeypatch: pytest.MonkeyPatch, budget: int, portion: int
) -> None:
    monkeypatch.setattr(reading, "_PORTION", portion)
    await house.inbox()
    thread = await _thread_of_all_kinds(house)
    whole = await house.call("threads.get", inbox_id=AGENT, thread_id=thread)
    found = await _read(house, thread, max_chars=budget)
    left, expected = budget, list[Passage]()
    for message in reversed(whole.messages):
        text = inert(as_text(message.extracted_text, message.extracted_html))
        (summary,) = [p.message for p in found.passages if p.message.id == message.id]
        passage = Passage(
            message=summary,
            text=text[:left],
            total_chars=len(text),
            removed=Removed(characters=text.startswith(("Grüße", "Only"))),
            verdict=reading.verdict(message.origin),
            standing="this_inbox" if message.origin == "sent" else "first_contact",
        )
        expected.append(passage)
        left -= len(expected[-1].text)
    assert found.passages == tuple(reversed(expected))
    assert (found.thread, found.left_out) == (whole.thread, 0)
    assert max(p.total_chars for p in found.passages) > 100_000


async def test_only_a_portion_of_a_thread_is_read_at_a_time(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PORTION", 300_000)
    await house.inbox()
    first = await house.receive(mail())
    for _ in range(5):
        await house.receive(mail(answers=first.message_id, text="A line of some length.\n" * 5000))
    asked: list[int] = []
    passages = reading._passages

    def counted(portion: list[object], *given: object) -> list[Passage]:
        asked.append(len(portion))
        return passages(portion, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "_passages", counted)
    found = await _read(house, first.thread_id)
    assert asked == [2, 2, 2]
    assert [p.total_chars for p in found.passages][1:] == [115_000 - 1] * 5


async def test_a_thread_out_of_reach_is_absent_to_its_reader_too(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(text="secret"))
    stranger = await house.stranger()
    texts = await house.call("threads.new_texts", seqs=[message.seq])
    assert texts[message.seq].text.startswith("secret")
    assert await house.call("threads.new_texts", stranger, seqs=[message.seq]) == {}
