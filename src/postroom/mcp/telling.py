"""A message or a thread that was read, in words for the model: who sent it, what was taken out, its text in a fence.

Says how far to trust what it shows; decides nothing. No result is above RESULT_CHARS unless more was asked for.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from postroom.mcp.facts_words import facts_shape, told_facts
from postroom.mcp.shapes import (
    CodeShape,
    DeliveryShape,
    LinkShape,
    MessageShape,
    RemovedShape,
    ThreadItem,
    attachment_shape,
    message_fields,
    people,
)
from postroom.mcp.words import boundary, cut, fenced, line
from postroom.service.messages import short_ref
from postroom.service.reading import Passage, Reading, Removed, ThreadReading

RESULT_CHARS = 20_000  # what a host shows a model without cutting it
_LEAST = 2_000  # of them for the body, whatever the head takes
_MARGIN = 600  # characters of fences and last lines
_ROOM = 3_000  # characters of the attachments, the links, and the deliveries that a message shows
_VERDICTS = {
    "unchecked": "untrusted: SPF unchecked, DKIM unchecked, DMARC unchecked",
    "local": "local: written by an inbox of this server",
    "own": "own: sent by this inbox",
}
_STANDINGS = {
    "first_contact": "; first contact: this address never wrote here before",
    "known": "; this address wrote here before",
    "written_to": "; this inbox wrote to this address before",
    "inbox_here": "",
    "this_inbox": "",
}
_SHORT = {"unchecked": "untrusted, ", "local": "", "own": ""}
T = TypeVar("T")


def is_untrusted(verdict: str) -> bool:
    """Tell whether what has this verdict came from somebody whom nobody verified."""
    return verdict == "unchecked"


def message_shape(reading: Reading, offset: int, size: int) -> MessageShape:
    """Return one with `size` characters of its text from `offset` on, fewer where the result would be too long."""
    shape = _head(reading)
    if size <= RESULT_CHARS:
        size = min(size, max(_LEAST, RESULT_CHARS - _MARGIN - len("\n".join(_told_head(shape)))))
    shape.text, shape.next_offset = cut(reading.body, offset, size)
    shape.truncated = shape.next_offset is not None
    return shape


def _head(reading: Reading) -> MessageShape:
    message = reading.message
    files = _some([attachment_shape(a) for a in message.attachments], lambda a: len(a.filename or "") + 80)
    fields = message_fields(message, room=_ROOM, subject=500) | {"attachments": files or None}
    fields["more_attachments"] = len(message.attachments) - len(files) or None
    return MessageShape(
        **fields,
        reply_to=people(message.reply_to, _ROOM) or None,
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
        links=_some([LinkShape(url=k.url, kind=k.kind, reason=line(k.reason)) for k in reading.links], _length) or None,
        deliveries=_some([_delivery(d) for d in reading.deliveries], lambda d: len(d.error or "") + 60) or None,
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
    lines = _told_head(shape)
    lines.append(fenced(shape.text))
    if shape.truncated:
        lines.append(
            f"truncated: {len(shape.text)} of {shape.total_chars} characters;"
            f" get_message with offset={shape.next_offset} goes on."
        )
    return "\n".join(lines)


def _told_head(shape: MessageShape) -> list[str]:
    lines = [
        f"message_id: {shape.message_id}",
        f"thread_id: {shape.thread_id}",
        f"from: {shape.from_} ({_VERDICTS[shape.sender_verdict]}{_STANDINGS[shape.sender_is]})",
        f"to: {', '.join(shape.to)}",
        f"subject: {shape.subject or '(no subject)'}",
        f"timestamp: {shape.timestamp}",
        f"labels: {', '.join(shape.labels) or 'none'}",
    ]
    lines += [f"{shape.more_recipients} more recipients are not shown"] if shape.more_recipients else []
    lines += [f"code: {code.code} ({code.reason})" for code in shape.codes or ()]
    lines += [f"link: {link.url} ({link.kind}; {link.reason})" for link in shape.links or ()]
    lines += [
        f"attachment: {a.attachment_id} {line(a.filename)} {a.content_type} {a.size} bytes"
        for a in shape.attachments or ()
    ]
    lines += [f"{shape.more_attachments} more attachments are not shown"] if shape.more_attachments else []
    lines += told_facts(shape.facts)
    lines += [f"delivery: {d.recipient} {d.state} {line(d.error)}".rstrip() for d in shape.deliveries or ()]
    lines += [f"parse_error: {shape.parse_error} The bytes are kept as they came."] if shape.parse_error else []
    lines += [f"removed: {_told_removed(shape.removed)}"] if shape.removed else []
    if shape.bodies_differ:
        lines.append("warning: its text and its HTML say different things; format=markdown shows the HTML.")
    return lines


def _told_removed(removed: RemovedShape) -> str:
    counted = (
        (removed.characters, "hidden character"),
        (removed.blocks, "hidden block"),
        (removed.images, "remote image"),
    )
    return ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counted if count)


def passage_fields(passage: Passage) -> dict[str, Any]:
    """Return a message of a thread, ready for JSON."""
    fields = message_fields(passage.message) | {
        "ref": short_ref(passage.message),
        "sender_verdict": passage.verdict,
        "sender_is": passage.standing,
        "text": passage.text,
        "total_chars": passage.total_chars,
        "truncated": len(passage.text) < passage.total_chars,
    }
    if passage.quoted:
        fields["quoted"] = passage.quoted
    if (removed := removed_shape(passage.removed)) is not None:
        fields["removed"] = removed.model_dump()
    return fields


def told_thread(item: ThreadItem, reading: ThreadReading, messages: Sequence[dict[str, Any]], max_chars: int) -> str:
    """Return a thread as a model reads it: each message below a line that says who wrote it, in one fence each.

    Where heads and texts are too long together, the texts of `messages` are cut: the oldest first.
    """
    mark = boundary()
    head = _told_outline(item, reading)
    text = "\n".join([head, *(_told_passage(fields, mark) for fields in messages)])
    if max_chars > RESULT_CHARS or len(text) <= RESULT_CHARS - _MARGIN:
        return text
    _fit(messages, RESULT_CHARS - _MARGIN - len(head) - sum(_size_of_head(fields, mark) for fields in messages))
    return "\n".join([head, *(_told_passage(fields, mark) for fields in messages)])


def _told_outline(item: ThreadItem, reading: ThreadReading) -> str:
    lines = [
        f"{item.thread_id} | {item.subject or '(no subject)'} | {item.message_count} messages"
        f" | labels {', '.join(item.labels) or 'none'} | last {line(item.last_message_id, 1000)}",
        "Each message begins with its ref, which stands for its message_id in further calls.",
    ]
    if reading.next_page_token is not None:
        token = f"page_token={reading.next_page_token!r}"
        lines.append(f"{reading.left_out} messages are not shown; get_thread with {token} shows those before these.")
    return "\n".join(lines)


def _size_of_head(fields: dict[str, Any], mark: str) -> int:
    return len(_told_passage({**fields, "text": "", "truncated": True}, mark))


def _fit(messages: Sequence[dict[str, Any]], room: int) -> None:
    for fields in reversed(messages):
        fields["text"] = fields["text"][: max(room, 0)]
        fields["truncated"] = len(fields["text"]) < fields["total_chars"]
        room -= len(fields["text"])


def _told_passage(fields: dict[str, Any], mark: str) -> str:
    verdict = f"{_SHORT[fields['sender_verdict']]}{fields['sender_is'].replace('_', ' ')}"
    lines = [f"\n{fields['ref']} | {fields['timestamp']} | from {line(fields['from'], 100)} ({verdict})"]
    files = fields.get("attachments", ())
    lines += [f"attachment: {a['attachment_id']} {line(a.get('filename'), 80)}".rstrip() for a in files]
    more = fields.get("more_attachments", 0)
    lines += [f"{more} more attachments: get_message shows them"] if more else []
    if "removed" in fields:
        lines.append(f"removed: {_told_removed(RemovedShape(**fields['removed']))}")
    lines.append(fenced(fields["text"], mark))
    if fields["truncated"]:
        shown = len(fields["text"])
        lines.append(
            f"truncated: {shown} of {fields['total_chars']} characters;"
            f" get_message with message_id={fields['ref']} and offset={shown} goes on."
        )
    if "quoted" in fields:
        lines.append(f"It quotes, and no message above says:\n{fenced(fields['quoted'], mark)}")
    return "\n".join(lines)
