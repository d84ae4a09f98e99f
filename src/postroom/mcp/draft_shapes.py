"""Drafts as tools answer them: structured data, and the same in words."""

import json

from postroom.mcp.fitting import DATA_CHARS, and_more, beginning, fitted, size_of
from postroom.mcp.shapes import AttachmentShape, Placed, Shape, attachment_shape
from postroom.mcp.words import fenced, line, moment
from postroom.model.draft import Draft, DraftSummary
from postroom.model.inert import inert

DEFAULT_CHARS = 18_000  # of both bodies together: what stands around them has room below 20,000
_LEAST = 2_000  # of them, whatever stands around
_FENCES = 400  # characters


class DraftItem(Shape):
    draft_id: str
    inbox_id: str
    to: list[str]
    cc: list[str] | None = None
    bcc: list[str] | None = None
    more_recipients: int | None = None
    subject: str | None = None
    preview: str | None = None
    labels: list[str]
    more_labels: int | None = None
    in_reply_to: str | None = None
    forward_of: str | None = None
    send_status: str | None = None
    send_at: str | None = None
    send_error: str | None = None
    attachments: list[AttachmentShape] | None = None
    more_attachments: int | None = None
    updated_at: str


class DraftPage(Placed):
    drafts: list[DraftItem]
    next_page_token: str | None = None


class DraftResult(Placed, DraftItem):
    thread_id: str | None = None
    reply_to: list[str] | None = None
    more_reply_to: int | None = None
    text: str | None = None
    html: str | None = None
    truncated: bool = False


class DraftDeletedResult(Placed):
    """What was deleted; `until` is set where it can still be brought back."""

    success: bool
    inbox_id: str
    draft_id: str
    until: str | None = None


def draft_item(draft: DraftSummary) -> DraftItem:
    """Return a draft as lists show it."""
    return DraftItem(
        draft_id=draft.draft_id,
        inbox_id=draft.inbox_address,
        to=list(map(line, draft.to)),
        cc=list(map(line, draft.cc)) or None,
        bcc=list(map(line, draft.bcc)) or None,
        subject=None if draft.subject is None else line(draft.subject, 500),
        preview=None if draft.preview is None else line(draft.preview),
        labels=list(draft.labels),
        in_reply_to=draft.in_reply_to,
        forward_of=draft.forward_of,
        send_status=None if draft.send_status is None else draft.send_status.value,
        send_at=None if draft.send_at is None else moment(draft.send_at),
        send_error=draft.send_error,
        attachments=[attachment_shape(a) for a in draft.attachments] or None,
        updated_at=moment(draft.updated_at),
    )


def draft_result(draft: Draft, position: int, room: int) -> DraftResult:
    """Return a draft with its bodies, `room` characters of both together, the text first."""
    shape = DraftResult(
        **draft_item(draft).model_dump(),
        thread_id=draft.thread_id,
        reply_to=list(map(line, draft.reply_to)) or None,
        position=position,
    )
    in_json = 7 * room
    if room <= DEFAULT_CHARS:
        shape = fitted(shape, DATA_CHARS - _LEAST)
        in_json = DATA_CHARS - _FENCES - size_of(shape.model_dump(mode="json", exclude_none=True))
    text, more = _body(draft.text, room, in_json)
    html, more_html = _body(draft.html, room - len(text or ""), in_json - len(json.dumps(text, ensure_ascii=False)))
    return shape.model_copy(update={"text": text, "html": html, "truncated": more or more_html})


def told_item(item: DraftItem) -> str:
    """Return a draft of a list in two lines."""
    kind = _kind(item)
    head = f"{item.draft_id} | {item.updated_at} | to {and_more(item.to, item.more_recipients, 'nobody yet')}"
    files = "".join(f" | attachment {a.attachment_id}" for a in item.attachments or ())
    files += f" and {item.more_attachments} more" if item.more_attachments else ""
    return (
        f"{head} | {item.subject or '(no subject)'}\n"
        f"  inbox {item.inbox_id}{f' | {kind}' if kind else ''} | {_stands(item)}{files} | {item.preview or ''}"
    )


def told(data: DraftResult) -> str:
    """Return a draft with its bodies in lines."""
    lines = [
        f"draft_id: {data.draft_id}",
        f"inbox_id: {data.inbox_id}",
        f"to: {', '.join(data.to) or '(nobody yet)'}",
        *(f"{name}: {', '.join(people)}" for name in ("cc", "bcc") if (people := getattr(data, name))),
        *([f"{data.more_recipients} more recipients are not shown"] if data.more_recipients else []),
        *([f"reply_to: {and_more(data.reply_to, data.more_reply_to)}"] if data.reply_to else []),
        f"subject: {data.subject or '(no subject)'}",
        *([_kind(data)] if _kind(data) else []),
        *([f"thread_id: {data.thread_id}"] if data.thread_id else []),
        f"state: {_stands(data)}",
        f"labels: {and_more(data.labels, data.more_labels)}",
        *(
            f"attachment: {a.attachment_id} {a.filename or ''} {a.content_type} {a.size} bytes"
            for a in data.attachments or ()
        ),
        *([f"{data.more_attachments} more attachments are not shown"] if data.more_attachments else []),
    ]
    lines += [f"{name}:\n{fenced(body)}" for name in ("text", "html") if (body := getattr(data, name))]
    if data.truncated:
        lines.append("truncated: get_draft with a larger max_chars shows more; all of it is sent.")
    return "\n".join(lines)


def _kind(item: DraftItem) -> str:
    if item.in_reply_to:
        return f"answers {item.in_reply_to}"
    return f"forwards {item.forward_of}" if item.forward_of else ""


def _stands(item: DraftItem) -> str:
    """Return how a draft stands: who waits for what."""
    if item.send_error:
        return f"not sent: {line(item.send_error, 500)}"
    if item.send_status is None:
        return "unsent"
    return f"{item.send_status} for {item.send_at}" if item.send_at else item.send_status


def _body(text: str | None, room: int, in_json: int) -> tuple[str | None, bool]:
    """Return what is shown of a body, in at most `in_json` characters of JSON, and whether more of it is kept."""
    if text is None:
        return None, False
    piece = beginning(text[: max(room, 0)], in_json)
    return inert(piece), len(piece) < len(text)
