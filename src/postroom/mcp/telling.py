"""A message that was read, in words for the model: who sent it, what was taken out, its text in a fence.

Says how far to trust what it shows; decides nothing. No result is above RESULT_CHARS unless more was asked for.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from postroom.mcp.facts_words import facts_shape, told_facts
from postroom.mcp.fitting import DATA_CHARS, RESULT_CHARS, and_more, beginning, fitted, size_of
from postroom.mcp.shapes import (
    CodeShape,
    DeliveryShape,
    LinkShape,
    MessageShape,
    RemovedShape,
    attachment_shape,
    message_fields,
    people,
)
from postroom.mcp.words import boundary, cut, harmless, line, within
from postroom.model.removed import Removed
from postroom.service.reading import Reading

_LEAST = 2_000  # of them for the body, whatever the head takes
_MARGIN = 600  # characters of fences and last lines
_ROOM = 3_000  # characters of the attachments, the links, and the deliveries that a message shows
_VERDICTS = {
    "unchecked": "untrusted: SPF unchecked, DKIM unchecked, DMARC unchecked",
    "local": "local: written by an inbox of this server",
    "tainted": "untrusted: written by an inbox of this server, of mail from outside",
    "own": "own: sent by this inbox",
}
_STANDINGS = {
    "first_contact": "; first contact: this address never wrote here before",
    "known": "; this address wrote here before",
    "written_to": "; this inbox wrote to this address before",
    "inbox_here": "",
    "this_inbox": "",
}
T = TypeVar("T")


class Told(NamedTuple):
    """A message in words but for the fence; `text` can act on nothing."""

    head: str
    text: str
    rest: str


def is_untrusted(verdict: str) -> bool:
    """Tell whether what has this verdict came from somebody whom nobody verified, or was written of what did."""
    return verdict in ("unchecked", "tainted")


def message_shape(reading: Reading, offset: int, size: int) -> MessageShape:
    """Return one with `size` characters of its text from `offset` on, fewer where the result would be too long."""
    shape = _head(reading)
    if size <= RESULT_CHARS:
        shape = fitted(shape, DATA_CHARS - _LEAST)
        data = shape.model_dump(mode="json", by_alias=True, exclude_none=True)
        size = min(size, max(_LEAST, RESULT_CHARS - _MARGIN - len("\n".join(_told_head(shape)))))
        piece = beginning(reading.body[offset : offset + size], max(_LEAST, DATA_CHARS - size_of(data)))
        size = len(piece) or size
    shape.text, shape.next_offset = cut(reading.body, offset, size)
    shape.truncated = shape.next_offset is not None
    return shape


def _head(reading: Reading) -> MessageShape:
    message = reading.message
    files = _some([attachment_shape(a) for a in message.attachments], lambda a: len(a.filename or "") + 80)
    fields = message_fields(message, room=_ROOM, subject=500) | {"attachments": files or None}
    fields["more_attachments"] = len(message.attachments) - len(files) or None
    links = _some([LinkShape(url=k.url, kind=k.kind, reason=line(k.reason)) for k in reading.links], _length)
    deliveries = _some([_delivery(d) for d in reading.deliveries], lambda d: len(d.error or "") + 60)
    answers = people(message.reply_to, _ROOM)
    return MessageShape(
        **fields,
        reply_to=answers or None,
        more_reply_to=len(message.reply_to) - len(answers) or None,
        in_reply_to=None if message.in_reply_to is None else line(message.in_reply_to, 1000),
        sender_verdict=reading.verdict,
        sender_is=reading.standing,
        format=reading.format,
        text="",
        total_chars=len(reading.body),
        truncated=False,
        removed=removed_shape(reading.removed),
        bodies_differ=reading.differs or None,
        codes=[CodeShape(code=line(c.code), reason=line(c.reason)) for c in reading.codes] or None,
        links=links or None,
        more_links=len(reading.links) - len(links) or None,
        deliveries=deliveries or None,
        more_deliveries=len(reading.deliveries) - len(deliveries) or None,
        facts=facts_shape(reading.facts),
        parse_error=message.parse_error,
    )


def _delivery(delivery: Any) -> DeliveryShape:
    return DeliveryShape(recipient=delivery.recipient, state=delivery.state.value, error=delivery.last_error)


def _length(link: LinkShape) -> int:
    return len(link.url) + len(link.reason)


def _some(items: Sequence[T], length: Callable[[T], int]) -> list[T]:
    """Return as many items as there is room for, one at least."""
    taken: list[T] = []
    room = _ROOM
    for item in items:
        room -= length(item)
        if taken and room < 0:
            break
        taken.append(item)
    return taken


def removed_shape(removed: Removed) -> RemovedShape | None:
    """Return what was taken out of a text, None where nothing was."""
    if not (removed.characters or removed.blocks or removed.images):
        return None
    return RemovedShape(**removed.model_dump())


def told_message(shape: MessageShape) -> str:
    """Return a message as a model reads it: facts, then what it says, in a fence."""
    return fenced_message(told_parts(shape))


def told_parts(shape: MessageShape) -> Told:
    """Return the facts of a message, what it says, and what follows: `fenced_message` puts them together."""
    rest = (
        f"\ntruncated: {len(shape.text)} of {shape.total_chars} characters;"
        f" get_message with offset={shape.next_offset} goes on."
    )
    return Told("\n".join(_told_head(shape)), harmless(shape.text), rest if shape.truncated else "")


def fenced_message(told: Told) -> str:
    """Return a message in words, what it says within a boundary that is drawn at random now."""
    return f"{told.head}\n{within(boundary(), told.text)}{told.rest}"


def _told_head(shape: MessageShape) -> list[str]:
    verdict, standing = shape.sender_verdict or "unchecked", shape.sender_is or "first_contact"
    lines = [
        f"message_id: {shape.message_id}",
        f"thread_id: {shape.thread_id}",
        f"from: {shape.from_} ({_VERDICTS[verdict]}{_STANDINGS[standing]})",
        f"to: {', '.join(shape.to)}",
        f"subject: {shape.subject or '(no subject)'}",
        f"timestamp: {shape.timestamp}",
        f"labels: {and_more(shape.labels, shape.more_labels, 'none')}",
    ]
    lines += [f"{shape.more_recipients} more recipients are not shown"] if shape.more_recipients else []
    lines += [f"code: {code.code} ({code.reason})" for code in shape.codes or ()]
    lines += [f"link: {link.url} ({link.kind}; {link.reason})" for link in shape.links or ()]
    lines += [f"{shape.more_links} more links are in the text"] if shape.more_links else []
    lines += [
        f"attachment: {a.attachment_id} {line(a.filename)} {a.content_type} {a.size} bytes"
        for a in shape.attachments or ()
    ]
    lines += [f"{shape.more_attachments} more attachments are not shown"] if shape.more_attachments else []
    lines += told_facts(shape.facts)
    lines += [f"delivery: {d.recipient} {d.state} {line(d.error)}".rstrip() for d in shape.deliveries or ()]
    lines += [f"{shape.more_deliveries} more deliveries are not shown"] if shape.more_deliveries else []
    lines += [f"parse_error: {shape.parse_error} The bytes are kept as they came."] if shape.parse_error else []
    lines += [f"removed: {told_removed(shape.removed)}"] if shape.removed else []
    if shape.bodies_differ:
        lines.append("warning: its text and its HTML say different things; format=markdown shows the HTML.")
    return lines


def told_removed(removed: RemovedShape) -> str:
    """Return what was taken out of a text, in words."""
    counted = (
        (removed.characters, "hidden character"),
        (removed.blocks, "hidden block"),
        (removed.images, "remote image"),
    )
    return ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counted if count)
