"""Reads a message for an agent: what is new in it, all of it as text, and the codes and links that it brings."""

import asyncio
from typing import TYPE_CHECKING, Literal

from postroom.mime import codes as finder
from postroom.mime.html import to_text
from postroom.mime.links import find_links
from postroom.model.codes import Code, Link
from postroom.model.delivery import Delivery
from postroom.model.message import Message
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service.messages import MessageRef, Opened
from postroom.service.operation import Answer
from postroom.service.threads import Conversation, GetThread

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_INLINE = 64 * 1024  # characters; reading more would hold up the event loop
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


class Passage(Record):
    """A message of a thread, with what is new in it."""

    message: Message
    new_text: str
    verdict: Verdict


class ThreadReading(Record):
    """A thread whose messages were read, oldest first."""

    conversation: Conversation
    passages: tuple[Passage, ...]


async def read_thread(desk: "Desk", actor: Actor, given: GetThread) -> Answer[ThreadReading]:
    """Get a thread with the new text of its newest messages."""
    answer = await desk.ask("threads.get", actor, given)
    conversation: Conversation = answer.result
    passages = tuple(
        Passage(message=m, new_text=as_text(m.extracted_text, m.extracted_html), verdict=verdict(m))
        for m in conversation.messages
    )
    return Answer(ThreadReading(conversation=conversation, passages=passages), answer.position)


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
        verdict=verdict(message),
    )


def as_text(text: str | None, html: str | None) -> str:
    """Return the text, or the HTML as text where there is none."""
    return text if text is not None else to_text(html or "")


def verdict(message: Message) -> Verdict:
    """Say what is known of who sent a message."""
    return {"sent": "own", "local": "local"}.get(message.origin, "unchecked")  # type: ignore[return-value]
