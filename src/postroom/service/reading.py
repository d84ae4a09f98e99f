"""Reads a message for an agent: what is new in it in the form that is asked for, the codes and links that it brings,
and how far it can be trusted. Reads a thread as well, its texts in portions: a hundred whole messages may be gigabytes.

What comes out is inert: nothing invisible, nothing hidden, no remote image; what was taken out is counted.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field

from postroom.mime import codes as finder
from postroom.mime.html import Seen, see, to_text
from postroom.mime.links import find_links
from postroom.mime.markdown import to_clean_html, to_markdown
from postroom.mime.quote import LOOK, is_attribution
from postroom.model.codes import Code, Link
from postroom.model.delivery import Delivery
from postroom.model.facts import Facts
from postroom.model.inert import inert, unseen, without_images
from postroom.model.message import Listed, Message, MessageLine, Origin
from postroom.model.record import Record
from postroom.model.removed import Removed
from postroom.model.tenant import Actor
from postroom.model.thread import Thread
from postroom.service.contacts import Contact, Standing, standing
from postroom.service.facts import read_facts
from postroom.service.messages import Introduced, MessageRef
from postroom.service.operation import Answer
from postroom.service.threads import GetThread, NewTextsOf, Outline, OutlineOf, portions
from postroom.store.queries.messages import NewText

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_INLINE = 64 * 1024  # characters; reading more would hold up the event loop
_PORTION = 512 * 1024  # bytes of messages whose texts are read at a time
_MAX_HISTORY = 100_000  # characters in which history that stands nowhere else is looked for
_REMEMBERED = 2_000  # characters of a header; longer ones are rare, and a stranger's to make
_COMPARED = 200  # words of each body that are held against the other
# unchecked: no SPF, DKIM or DMARC was verified; local: an inbox of this server wrote it; tainted: one did, of what came
# from outside; own: this inbox did.
Verdict = Literal["unchecked", "local", "tainted", "own"]
Format = Literal["text", "markdown", "html", "raw"]


_NOTHING = Removed()


class ReadMessage(MessageRef):
    format: Format = Field(default="text", description="Of the body; raw: the source of the message.")
    quoted: bool = Field(default=False, description="Include the history that the message quotes.")


class Reading(Record):
    """A message with its body as it is shown: in `format`, which is text where it has no HTML.

    `differs`: its text and its HTML say different things.
    """

    message: Message
    deliveries: tuple[Delivery, ...]
    body: str
    format: Format
    removed: Removed
    differs: bool
    codes: tuple[Code, ...]
    links: tuple[Link, ...]
    verdict: Verdict
    standing: Standing
    facts: Facts = Facts()


class ReadThread(GetThread):
    max_chars: int = Field(
        default=20_000,
        ge=100,
        le=200_000,
        description="At most this many characters of text in all, the newest messages first.",
    )


class Passage(NamedTuple):
    """A message of a thread with the beginning of what is new in it, which has `total_chars` in all; inert.

    `quoted` is what the newest message quotes that stands in no other passage.
    """

    message: MessageLine
    text: str
    total_chars: int
    removed: Removed
    verdict: Verdict
    standing: Standing
    quoted: str = ""


class ThreadReading(NamedTuple):
    """A thread whose newest messages were read, oldest of them first; `left_out` counts all others.

    `next_page_token` gives the messages before them.
    """

    thread: Thread
    passages: tuple[Passage, ...]
    left_out: int
    next_page_token: str | None


async def read_thread(desk: "Desk", actor: Actor, given: ReadThread) -> Answer[ThreadReading]:
    """Get a thread: of its newest messages the new text, and of quoted history what stands nowhere else."""
    wanted = OutlineOf(**given.model_dump(exclude={"max_chars"}), portion=_PORTION)
    answer = await desk.ask("threads.outline", actor, wanted)
    outline: Outline = answer.result
    read: list[Passage] = []
    for number, portion in enumerate(portions(outline.messages, _PORTION)):
        texts = outline.texts
        if number:
            texts = await desk.call("threads.new_texts", actor, NewTextsOf(seqs=tuple(m.seq for m in portion)))
        left = given.max_chars - sum(len(passage.text) for passage in read)
        large = sum(len(new.html or new.text or "") for new in texts.values()) > _INLINE
        part = (portion, texts, outline.contacts, left)
        read += await asyncio.to_thread(_passages, *part) if large else _passages(*part)
    read[:1] = [await _with_history(passage, outline, read, given.max_chars) for passage in read[:1]]
    found = ThreadReading(
        thread=outline.thread,
        passages=tuple(reversed(read)),
        left_out=outline.left_out,
        next_page_token=outline.next_page_token,
    )
    return Answer(found, answer.position)


async def _with_history(newest: Passage, outline: Outline, read: Sequence[Passage], size: int) -> Passage:
    """Return the newest message with what it quotes that stands in no passage, as far as there is room."""
    if outline.whole is None:
        return newest
    shown = [passage.text for passage in read]
    large = sum(map(len, shown)) + sum(len(body or "") for body in outline.whole) > _INLINE
    quoted = await asyncio.to_thread(_history, outline.whole, shown) if large else _history(outline.whole, shown)
    return newest._replace(quoted=quoted[: max(0, size - sum(map(len, shown)))])


def _passages(
    portion: list[MessageLine], texts: Mapping[int, NewText], contacts: Mapping[str, Contact], left: int
) -> list[Passage]:
    """Return the messages with as much of their texts as `left` characters allow, the first served first."""
    read: list[Passage] = []
    for message in portion:
        if (new := texts.get(message.seq)) is None:
            continue
        text, removed = shown_of(_seen_of(new))
        shown = text[: max(left, 0)]
        left -= len(shown)
        passage = Passage(
            message=message,
            text=shown,
            total_chars=len(text),
            removed=_with_header(removed, message),
            verdict=verdict(new.origin, new.tainted),
            standing=standing(new.origin, contacts.get(message.from_, Contact()), message.timestamp),
        )
        read.append(passage)
    return read


def _seen_of(new: NewText) -> Seen:
    """Return what is shown of what is new in a message; of a text that was made of HTML, with what that hides."""
    if new.html is None:
        return Seen(new.text or "")
    seen = see(new.html)
    return seen if new.text is None else seen._replace(text=new.text)


def _history(whole: tuple[str | None, str | None], passages: Iterable[str]) -> str:
    """Return the lines of a message that stand in none of the passages, without what announces them."""
    known = {_bare(line) for passage in passages for line in passage.split("\n")}
    found = []
    for line in _harmless(as_text(*whole)[:_MAX_HISTORY]).split("\n"):
        bare = _bare(line)
        if bare and bare not in known and not is_attribution(bare[:LOOK], loose=True):
            found.append(line.strip())
            known.add(bare)
    return "\n".join(found)


def _bare(line: str) -> str:
    return " ".join(line.lstrip("> \t").split())


async def read(desk: "Desk", actor: Actor, given: ReadMessage) -> Answer[Reading]:
    """Get one message in the form that is asked for, with the codes and links in its new part."""
    ref = MessageRef(inbox_id=given.inbox_id, message_id=given.message_id)
    answer = await desk.ask("messages.introduce", actor, ref)
    opened: Introduced = answer.result
    source: bytes = await desk.call("messages.raw", actor, ref) if given.format == "raw" else b""
    large = len(source) + len(opened.message.html or "") + len(opened.message.text or "") > _INLINE
    reading = await asyncio.to_thread(_reading, opened, given, source) if large else _reading(opened, given, source)
    facts = await read_facts(desk, actor, opened.message)
    return Answer(reading.model_copy(update={"facts": facts}), answer.position)


def _reading(opened: Introduced, given: ReadMessage, source: bytes) -> Reading:
    message = opened.message
    new, new_page = message.extracted_text, message.extracted_html
    text, page = (message.text, message.html) if given.quoted else (new, new_page)
    # What a page hides is told whichever form is read: it is a mark of whoever wrote it.
    seen = see(page) if page else None
    form, shown = _form(given.format, text, page, seen, source)
    body, removed = shown_of(shown)
    removed = _with_header(removed, message)
    if seen is not None:
        characters = removed.characters + (0 if form != "text" or shown is seen else seen.characters)
        counted = {"characters": characters, "blocks": seen.blocks, "images": max(removed.images, seen.images)}
        removed = removed.model_copy(update=counted)
    return Reading(
        message=message,
        deliveries=opened.deliveries,
        body=body,
        format=form,
        removed=removed,
        differs=text is not None and seen is not None and _differ(text, seen.text),
        codes=finder.find(message.subject, new, new_page),
        links=find_links(new, new_page),
        verdict=verdict(message.origin, message.tainted),
        standing=standing(message.origin, opened.contact, message.timestamp),
    )


def _form(wanted: Format, text: str | None, page: str | None, seen: Seen | None, source: bytes) -> tuple[Format, Seen]:
    """Return the form in which a body can be shown, and the body in it."""
    if wanted == "raw":
        return "raw", Seen(source.decode("utf-8", "replace").replace("\r\n", "\n"))
    if page and wanted == "markdown":
        return "markdown", to_markdown(page)
    if page and wanted == "html":
        return "html", to_clean_html(page)
    # Some programs put a blank text beside the page that says it all.
    return "text", Seen(text) if text and not text.isspace() else seen or Seen(text or "")


def shown_of(seen: Seen) -> tuple[str, Removed]:
    """Return a text as it may be shown, and what had to be taken out."""
    plain = inert(seen.text)
    text, images = without_images(plain)
    characters = seen.characters + len(seen.text) - len(plain) - seen.text.count("\r")
    if not (characters or seen.blocks or seen.images or images):
        return text, _NOTHING
    return text, Removed(characters=characters, blocks=seen.blocks, images=seen.images + images)


def _with_header(removed: Removed, message: Listed) -> Removed:
    """Add what is taken out of the header of a message, and of the names of its files, when they are shown."""
    people = (message.from_, *message.to, *message.cc, *message.bcc, *message.reply_to)
    lines = "\n".join((message.subject or "", *people, *(file.filename or "" for file in message.attachments)))
    characters, images = (_taken_out if len(lines) <= _REMEMBERED else _taken_out.__wrapped__)(lines)
    if not (characters or images):
        return removed
    added = {"characters": removed.characters + characters, "images": removed.images + images}
    return removed.model_copy(update=added)


# The same people write about the same thing in message after message of a thread.
@lru_cache(maxsize=1024)
def _taken_out(lines: str) -> tuple[int, int]:
    """Return how many characters and how many images are taken out of lines that are shown each by itself."""
    # What one ends with says nothing of how the next begins.
    return unseen(lines), without_images(lines)[1]


def _harmless(text: str) -> str:
    return without_images(inert(text))[0]


def _differ(text: str, page: str) -> bool:
    """Tell whether fewer than half of the words of a text stand on the page that is its other form."""
    words = {word.casefold() for word in text[: 20 * _COMPARED].split()[:_COMPARED] if word.isalpha()}
    if len(words) < 4:
        return False
    return len(words & {word.casefold() for word in page.split() if word.isalpha()}) < len(words) / 2


def as_text(text: str | None, html: str | None) -> str:
    """Return the text, or the HTML as text where there is none."""
    return text if text is not None else to_text(html or "")


def verdict(origin: Origin, tainted: bool = False) -> Verdict:
    """Say what is known of who sent a message that came so; `tainted`: it was written of what came from outside."""
    if origin == "local":
        return "tainted" if tainted else "local"
    return "own" if origin == "sent" else "unchecked"
