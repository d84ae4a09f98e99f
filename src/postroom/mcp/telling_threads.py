"""A thread that was read, in words for the model and as data: each message below a line that says who wrote it.

Holds both to RESULT_CHARS unless more was asked for; decides nothing else.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from postroom.mcp.fitting import RESULT_CHARS, and_more, beginning, fits, fitted, held, room_for, size_of
from postroom.mcp.shapes import RemovedShape, ThreadItem, beside, is_short, message_fields
from postroom.mcp.telling import removed_shape, told_removed
from postroom.mcp.words import boundary, fenced, line
from postroom.service.messages import short_ref
from postroom.service.reading import Passage, ThreadReading

LIMIT = 20  # messages that are shown unless more are asked for
_OUTLINE = 4_000  # characters of what a thread says of itself
_MARGIN = 600  # characters of fences and last lines


# Agents look at the same messages again and again; a line says all that is shown of one. Nothing of it may be changed.
_known = lru_cache(maxsize=2048)(message_fields)


def passage_fields(passage: Passage) -> dict[str, Any]:
    """Return a message of a thread, ready for JSON."""
    known = _known if is_short(passage.message) else message_fields
    fields = known(passage.message) | {
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


def told_thread(item: ThreadItem, reading: ThreadReading, limit: int, max_chars: int) -> tuple[str, dict[str, Any]]:
    """Return a thread as a model reads it, each text in a fence, and as data.

    What is too long is cut: people, files and labels first, down to a half, then the texts, the oldest first. `limit`
    and `max_chars` are what was asked for.
    """
    messages = [passage_fields(passage) for passage in reading.passages]
    more: dict[str, Any] = {"left_out": reading.left_out}
    if reading.next_page_token is not None:
        more["next_page_token"] = reading.next_page_token
    if max_chars > RESULT_CHARS:
        whole = {**item.model_dump(mode="json", exclude_none=True), "messages": messages, **more}
        return _in_words(_told_outline(item, reading), messages), whole
    item = fitted(item, _OUTLINE)
    data = {**item.model_dump(mode="json", exclude_none=True), "messages": messages, **more}
    head = _told_outline(item, reading)
    room = room_for(limit, LIMIT)
    if is_long := not fits(data, room):
        messages = _with_less_around(messages, (room - size_of({**data, "messages": []})) // 2)
    text = _in_words(head, messages)
    if len(text) > (room_in_words := RESULT_CHARS * max(limit, LIMIT) // LIMIT - _MARGIN):
        text = _in_words(head, _cut(messages, room_in_words - len(_in_words(head, _bare(messages))), len, _start))
    if is_long:
        left = room - size_of({**data, "messages": _bare(messages)})
        messages = _cut(messages, left, _size_in_json, beginning)
    return text, {**data, "messages": messages}


def _in_words(head: str, messages: Sequence[dict[str, Any]]) -> str:
    mark = boundary()
    return "\n".join([head, *(_told_passage(fields, mark) for fields in messages)])


def _bare(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages as they are when nothing of their texts is left."""
    quoted = {"quoted": ""}
    return [{**fields, "text": "", "truncated": True, **(quoted if "quoted" in fields else {})} for fields in messages]


def _with_less_around(messages: Sequence[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """Return messages with their texts, and at most `room` characters of data around those, if at all possible."""
    # Its text begins with its preview.
    bare = [{name: value for name, value in fields.items() if name != "preview"} for fields in _bare(messages)]
    around = held({"messages": bare}, room)
    if not fits(around, room):
        around = {"messages": [{**fields, "message_id": fields["ref"]} for fields in around["messages"]]}
    kept = ("text", "truncated", "quoted")
    return [
        {**less, **{name: fields[name] for name in kept if name in fields}}
        for less, fields in zip(around["messages"], messages, strict=True)
    ]


def _cut(
    messages: Sequence[dict[str, Any]], room: int, size: Callable[[str], int], start: Callable[[str, int], str]
) -> list[dict[str, Any]]:
    """Return messages with as much of their texts as there is room for, the newest served first."""
    cut: list[dict[str, Any]] = []
    for fields in reversed(messages):
        text = start(fields["text"], room)
        room -= size(text)
        cut.append({**fields, "text": text, "truncated": len(text) < fields["total_chars"]})
    # History comes last: it stands elsewhere as a rule.
    if cut and "quoted" in cut[0]:
        cut[0]["quoted"] = start(cut[0]["quoted"], room)
    return cut[::-1]


def _start(text: str, room: int) -> str:
    return text[: max(room, 0)]


def _size_in_json(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False)) - 2


def _told_outline(item: ThreadItem, reading: ThreadReading) -> str:
    lines = [
        f"{item.thread_id} | {item.subject or '(no subject)'} | {item.message_count} messages"
        f" | labels {and_more(item.labels, item.more_labels, 'none')} | last {line(item.last_message_id, 1000)}",
        "Each message begins with its ref, which stands for its message_id in further calls.",
    ]
    if reading.next_page_token is not None:
        token = f"page_token={reading.next_page_token!r}"
        lines.append(f"{reading.left_out} messages are not shown; get_thread with {token} shows those before these.")
    return "\n".join(lines)


def _told_passage(fields: dict[str, Any], mark: str) -> str:
    said = beside(fields["sender_verdict"], fields["sender_is"])
    lines = [f"\n{fields['ref']} | {fields['timestamp']} | from {line(fields['from'], 100)}{said}"]
    files = fields.get("attachments", ())
    lines += [f"attachment: {a['attachment_id']} {line(a.get('filename'), 80)}".rstrip() for a in files]
    more = fields.get("more_attachments", 0)
    lines += [f"{more} more attachments: get_message shows them"] if more else []
    if "removed" in fields:
        lines.append(f"removed: {told_removed(RemovedShape(**fields['removed']))}")
    lines.append(fenced(fields["text"], mark))
    if fields["truncated"]:
        shown = len(fields["text"])
        lines.append(
            f"truncated: {shown} of {fields['total_chars']} characters;"
            f" get_message with message_id={fields['ref']} and offset={shown} goes on."
        )
    if fields.get("quoted"):
        lines.append(f"It quotes, and no message above says:\n{fenced(fields['quoted'], mark)}")
    return "\n".join(lines)
