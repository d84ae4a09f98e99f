"""Reads a message for an agent: what is new in it, all of it as text, and the codes and links that it brings.

Reads a thread as well, its texts in portions: a hundred whole messages may be gigabytes.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from postroom.mime import codes as finder
from postroom.mime.html import to_text
from postroom.mime.links import find_links
from postroom.model.codes import Code, Link
from postroom.model.delivery import Delivery
from postroom.model.inert import inert
from postroom.model.message import Message, MessageSummary, Origin
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.model.thread import Thread
from postroom.service.messages import MessageRef, Opened
from postroom.service.operation import Answer
from postroom.service.threads import GetThread, NewTextsOf, Outline
from postroom.store.queries.messages import NewText

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_INLINE = 64 * 1024  # characters; reading more would hold up the event loop
_PORTION = 512 * 1024  # bytes of messages whose texts are read at a time
# unchecked: no SPF, DKIM or DMARC was verified; local: an inbox of this server wrote it; own: this inbox did.
Verdict = Literal["unchecked", "local", "own"]


class Reading(Record):
    """`new_text` is without quoted history, `full_text` with it; both are text even of an HTML mail."""

    message: Message
    deliveries: tuple[Delivery, ...]
    new_text: str
    full_text: str
    codes: tuple[Code, ...]
    links: tuple[Link, ...]
    verdict: Verdict


class ReadThread(GetThread):
    max_chars: int = Field(
        default=20_000,
        ge=100,
        le=200_000,
        description="At most this many characters of text in all, the newest messages first.",
    )


class Passage(Record):
    """A message of a thread with the beginning of what is new in it, which has `total_chars` in all; inert."""

    message: MessageSummary
    text: str
    total_chars: int
    verdict: Verdict


class ThreadReading(Record):
    """A thread whose newest messages were read, oldest of them first; `left_out` counts those before them."""

    thread: Thread
    passages: tuple[Passage, ...]
    left_out: int


async def read_thread(desk: "Desk", actor: Actor, given: ReadThread) -> Answer[ThreadReading]:
    """Get a thread with the new text of its newest messages."""
    wanted = GetThread(inbox_id=given.inbox_id, thread_id=given.thread_id, limit=given.limit)
    answer = await desk.ask("threads.outline", actor, wanted)
    outline: Outline = answer.result
    read: list[Passage] = []
    for portion in _portions(outline.messages):
        texts = await desk.call("threads.new_texts", actor, NewTextsOf(ids=tuple(m.id for m in portion)))
        left = given.max_chars - sum(len(passage.text) for passage in read)
        large = sum(len(new.text or new.html or "") for new in texts.values()) > _INLINE
        read += await asyncio.to_thread(_passages, portion, texts, left) if large else _passages(portion, texts, left)
    return Answer(
        ThreadReading(thread=outline.thread, passages=tuple(reversed(read)), left_out=outline.left_out), answer.position
    )


def _portions(messages: Sequence[MessageSummary]) -> Iterator[list[MessageSummary]]:
    """Yield the messages in lists of at most _PORTION bytes, or of one message."""
    portion: list[MessageSummary] = []
    for message in messages:
        if portion and sum(m.size for m in portion) + message.size > _PORTION:
            yield portion
            portion = []
        portion.append(message)
    if portion:
        yield portion


def _passages(portion: list[MessageSummary], texts: Mapping[str, NewText], left: int) -> list[Passage]:
    """Return the messages with as much of their texts as `left` characters allow, the first served first."""
    read: list[Passage] = []
    for message in portion:
        if (new := texts.get(message.id)) is not None:
            text = inert(as_text(new.text, new.html))
            shown = text[:left]
            left -= len(shown)
            read.append(Passage(message=message, text=shown, total_chars=len(text), verdict=verdict(new.origin)))
    return read


async def read(desk: "Desk", actor: Actor, given: MessageRef) -> Answer[Reading]:
    """Get one message as text, with the codes and links in its new part."""
    answer = await desk.ask("messages.get", actor, given)
    opened: Opened = answer.result
    large = len(opened.message.html or "") + len(opened.message.text or "") > _INLINE
    reading = await asyncio.to_thread(_reading, opened) if large else _reading(opened)
    return Answer(reading, answer.position)


def _reading(opened: Opened) -> Reading:
    message = opened.message
    new, new_page = message.extracted_text, message.extracted_html
    return Reading(
        message=message,
        deliveries=opened.deliveries,
        new_text=as_text(new, new_page),
        full_text=as_text(message.text, message.html),
        codes=finder.find(message.subject, new, new_page),
        links=find_links(new, new_page),
        verdict=verdict(message.origin),
    )


def as_text(text: str | None, html: str | None) -> str:
    """Return the text, or the HTML as text where there is none."""
    return text if text is not None else to_text(html or "")


def verdict(origin: Origin) -> Verdict:
    """Say what is known of who sent a message that came so."""
    return {"sent": "own", "local": "local"}.get(origin, "unchecked")  # type: ignore[return-value]
