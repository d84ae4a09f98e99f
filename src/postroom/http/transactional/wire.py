"""This dialect's words: what makes a record its JSON, and the names by which it knows them. It asks nobody."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from postroom.http.names import Kind, Names
from postroom.http.results import moment
from postroom.http.route import Call
from postroom.http.taken import Query
from postroom.http.transactional import shapes
from postroom.model.errors import InvalidInput
from postroom.model.message import Attachment, Listed, Message
from postroom.model.page import Page
from postroom.model.thread import Thread
from postroom.service.labels import ARCHIVED, KEPT_LABELS, own_labels
from postroom.service.links import Download, Links

NAMES = Names(
    inbox_id=Kind("inbox", "inb_", "mbx_"),
    message_id=Kind("message", "msg_", "msg_"),
    thread_id=Kind("thread", "thd_", "thd_"),
    webhook_id=Kind("webhook", "ep_", "whk_"),
    domain_id=Kind("domain", "dom_", "dom_"),
)
FILES = Kind("attachment", "att_", "att_", parts=True)
INBOX = "inbox"
# What became of a message that was sent.
FACTS = ("sent", "delivered", "delayed", "bounced", "complained", "rejected", "opened")
S = TypeVar("S")


def paged(query: Query, result: Page[Any], call: Call, show: Callable[[Any], S]) -> shapes.Listed[S]:
    """Return a page of a list that `query` asked for."""
    offset, limit = query.page(call)
    meta: shapes.Meta = {"total": result.total or 0, "limit": limit, "offset": offset}
    return {"data": [show(item) for item in result.items], "meta": meta}


def own(labels: Iterable[str]) -> list[str]:
    """Return the labels of a message or a thread that callers gave it."""
    return [label for label in own_labels(labels) if label != INBOX]


def own_given(field: str) -> Callable[[Any], Any]:
    """Return what lets pass the labels of a field that callers may give. It raises InvalidInput for any other."""

    def check(value: Any) -> Any:
        for label in value if isinstance(value, list) else [value]:
            if isinstance(label, str) and label.strip().lower() in (*KEPT_LABELS, INBOX):
                fix = "Use a label of your own; archive, unarchive and the marks have endpoints of their own."
                raise InvalidInput.at(field, f"{label[:50]!r} is kept by Postroom.", fix=fix)
        return value

    return check


def ids(value: Any) -> Any:
    """Return inner ids for names of messages. Raises NotFound."""
    if not isinstance(value, list):
        return value
    return [NAMES["message_id"].inner(one) if isinstance(one, str) else one for one in value]


def ascending(field: str) -> Callable[[str], bool]:
    """Return what reads the order of a list by `field`: True for the oldest first. It raises InvalidInput."""
    orders = {f"{field}:desc": False, f"{field}:asc": True, field: False}

    def read(text: str) -> bool:
        if text not in orders:
            known = " and ".join(list(orders)[:2])
            raise InvalidInput.at("sort", f"{text[:50]!r} is no order.", fix=f"Known are {known}.")
        return orders[text]

    return read


def flag(field: str) -> Callable[[str], bool]:
    """Return what reads true or false. It raises InvalidInput for any other text."""

    def read(text: str) -> bool:
        if text not in ("true", "false"):
            raise InvalidInput.at(field, f"{text[:50]!r} is neither true nor false.")
        return text == "true"

    return read


def message_item(record: Listed) -> shapes.MessageItem:
    """Return a message as lists have it: no bodies."""
    return {
        "id": NAMES["message_id"].name(record.id),
        "from": record.from_,
        "to": list(record.to),
        "subject": record.subject,
        "textPreview": record.preview,
        "read": "unread" not in record.labels,
        "labels": _labels(record.labels),
        "threadId": NAMES["thread_id"].name(record.thread_id),
        "attachmentCount": len(record.attachments),
        "receivedAt": moment(record.timestamp),
    }


def _labels(labels: tuple[str, ...]) -> list[str]:
    inbox = [INBOX] if "received" in labels and ARCHIVED not in labels else []
    return [*inbox, *(fact for fact in FACTS if fact in labels), *own(labels)]


def message(record: Message, links: Links | None) -> shapes.Message:
    """Return a message with its bodies; without `links`, its files have no address."""
    return {
        **message_item(record),
        "mailboxId": NAMES["inbox_id"].name(record.inbox_id),
        "cc": list(record.cc),
        "bcc": list(record.bcc),
        "replyTo": list(record.reply_to),
        "textBody": _without_end(record.text),
        "htmlBody": _without_end(record.html),
        "headers": _headers(record),
        "tags": own(record.labels),
        "attachments": [_file(record, file, links) for file in record.attachments],
    }


def _headers(record: Message) -> dict[str, str]:
    """Return the header fields in their order, the first of each name."""
    found: dict[str, str] = {}
    for name, value in record.headers:
        found.setdefault(name, value)
    return found


def _without_end(text: str | None) -> str | None:
    """Return a body without the line end that closes every text in a message: what was sent comes back as it was."""
    return None if text is None else text.removesuffix("\n").removesuffix("\r")


def _file(record: Message, file: Attachment, links: Links | None) -> shapes.Attachment:
    wanted = Download(
        org_id=record.org_id, inbox_id=record.inbox_id, message_id=record.id, attachment_id=file.attachment_id
    )
    made = None if links is None else links.make(wanted)
    return {
        "id": FILES.name(file.attachment_id),
        "filename": file.filename,
        "contentType": file.content_type,
        "size": file.size,
        "contentId": file.content_id,
        "downloadUrl": None if made is None else made[0],
        "expiresAt": None if made is None else moment(made[1]),
    }


def thread_item(record: Thread) -> shapes.ThreadItem:
    """Return a thread as lists have it."""
    return {
        "id": NAMES["thread_id"].name(record.thread_id),
        "mailboxId": NAMES["inbox_id"].name(record.inbox_id),
        "subject": record.subject,
        "textPreview": record.preview,
        "participants": list(dict.fromkeys((*record.senders, *record.recipients))),
        "labels": own(record.labels),
        "messageCount": record.message_count,
        "lastMessageAt": moment(record.timestamp),
        "createdAt": moment(record.created_at),
    }
