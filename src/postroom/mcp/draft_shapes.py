"""Drafts as tools answer them: structured data, and the same in words."""

from postroom.mcp.shapes import AttachmentShape, Placed, Shape, attachment_shape
from postroom.mcp.words import cut, fenced, line, moment
from postroom.model.draft import Draft, DraftSummary
from postroom.model.inert import inert


class DraftItem(Shape):
    draft_id: str
    inbox_id: str
    to: list[str]
    cc: list[str] | None = None
    bcc: list[str] | None = None
    subject: str | None = None
    preview: str | None = None
    labels: list[str]
    in_reply_to: str | None = None
    forward_of: str | None = None
    send_status: str | None = None
    send_at: str | None = None
    send_error: str | None = None
    attachments: list[AttachmentShape] | None = None
    updated_at: str


class DraftPage(Placed):
    drafts: list[DraftItem]
    next_page_token: str | None = None


class DraftResult(Placed, DraftItem):
    thread_id: str | None = None
    reply_to: list[str] | None = None
    text: str | None = None
    html: str | None = None
    truncated: bool = False


class DraftDeletedResult(Placed):
    success: bool
    draft_id: str


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
    text, more = _body(draft.text, room)
    html, more_html = _body(draft.html, room - len(text or ""))
    return DraftResult(
        **draft_item(draft).model_dump(),
        thread_id=draft.thread_id,
        reply_to=list(map(line, draft.reply_to)) or None,
        text=text,
        html=html,
        truncated=more or more_html,
        position=position,
    )


def told_item(item: DraftItem) -> str:
    """Return a draft of a list in two lines."""
    kind = _kind(item)
    head = f"{item.draft_id} | {item.updated_at} | to {', '.join(item.to) or 'nobody yet'}"
    files = "".join(f" | attachment {a.attachment_id}" for a in item.attachments or ())
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
        *(f"{name}: {', '.join(people)}" for name in ("cc", "bcc", "reply_to") if (people := getattr(data, name))),
        f"subject: {data.subject or '(no subject)'}",
        *([_kind(data)] if _kind(data) else []),
        *([f"thread_id: {data.thread_id}"] if data.thread_id else []),
        f"state: {_stands(data)}",
        f"labels: {', '.join(data.labels)}",
        *(
            f"attachment: {a.attachment_id} {a.filename or ''} {a.content_type} {a.size} bytes"
            for a in data.attachments or ()
        ),
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


def _body(text: str | None, room: int) -> tuple[str | None, bool]:
    """Return what is shown of a body, and whether more of it is kept."""
    if text is None:
        return None, False
    piece, rest = cut(text, 0, room)
    return inert(piece), rest is not None
