"""Records as this dialect's JSON, and the names by which it knows them. It asks nobody."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

from orjson import Fragment

from postroom.http.inai import shapes
from postroom.http.names import Kind, Names
from postroom.http.results import moment, moment_if
from postroom.http.route import Call
from postroom.http.taken import Query
from postroom.model.inbox import Inbox
from postroom.model.message import Attachment, Message, MessageLine, MessageSummary, strings
from postroom.model.page import Page
from postroom.model.thread import Thread
from postroom.service.labels import own_labels

NAMES = Names(
    inbox_id=Kind("inbox", "inb_", ""),
    message_id=Kind("message", "msg_", "msg_"),
    thread_id=Kind("thread", "thd_", "thr_"),
    attachment_id=Kind("attachment", "att_", "att_", parts=True),
    webhook_id=Kind("webhook", "ep_", "wh_"),
    api_key_id=Kind("API key", "key_", "key_"),
)
PAGE = Query(number="page", size="page_size", usual=20, by_page=True)
# What other fields of a message tell already, or how its parts are put together.
_TOLD = frozenset(
    {
        *("from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"),
        *("mime-version",),
    }
)
# How long the prefixes of inner ids are: names of a page are cut, which costs a third of `Kind.name`.
_INBOX, _THREAD = len("inb_"), len("thd_")
S = TypeVar("S")


def paged(result: Page[Any], call: Call, show: Callable[[Any], S]) -> shapes.Page[S]:
    """Return a page of a list."""
    number, size = PAGE.page(call)
    return {
        "data": [show(item) for item in result.items],
        "total": result.total or 0,
        "page": number,
        "page_size": size,
    }


def inbox(record: Inbox) -> shapes.Inbox:
    """Return an Inbox."""
    username, _at, domain = record.address.rpartition("@")
    return {
        "inbox_id": NAMES["inbox_id"].name(record.inbox_id),
        "email_address": record.address,
        "username": username,
        "domain": domain,
        "display_name": record.display_name,
        "client_id": record.client_id,
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
    }


def direction(record: MessageSummary) -> shapes.Direction:
    """Return whether a message came or was sent."""
    return "outbound" if "sent" in record.labels else "inbound"


def message_item(record: MessageSummary) -> shapes.MessageItem:
    """Return a MessageItem, as lists have it: no bodies."""
    return {
        "inbox_id": NAMES["inbox_id"].name(record.inbox_id),
        "thread_id": NAMES["thread_id"].name(record.thread_id),
        "message_id": NAMES["message_id"].name(record.id),
        "direction": direction(record),
        "labels": own_labels(record.labels),
        "timestamp": moment(record.timestamp),
        "from": record.from_,
        "to": list(record.to),
        "cc": list(record.cc) or None,
        "subject": record.subject,
        "preview": record.preview,
        "size": record.size,
    }


def message_line(line: MessageLine) -> shapes.MessageItem:
    """Return a MessageItem of a page; its lists stand in it as the JSON that they are."""
    direction, labels = _told_by_labels(line.labels_json)
    shown: dict[str, Any] = {
        "inbox_id": line.inbox_id[_INBOX:],
        "thread_id": f"thr_{line.thread_id[_THREAD:]}",
        "message_id": line.id,
        "direction": direction,
        "labels": labels,
        "timestamp": moment(line.timestamp),
        "from": line.from_,
        "to": Fragment(line.to_json),
        "cc": None if line.cc_json == "[]" else Fragment(line.cc_json),
        "subject": line.subject,
        "preview": line.preview,
        "size": line.size,
    }
    return cast(shapes.MessageItem, shown)


@lru_cache(maxsize=4096)  # the same labels stand in row after row
def _told_by_labels(labels_json: str) -> tuple[shapes.Direction, list[str]]:
    labels = strings(labels_json)
    return ("outbound" if "sent" in labels else "inbound"), own_labels(labels)


def message(record: Message) -> shapes.Message:
    """Return a Message with its bodies. Of a header field that stands twice, the first is shown."""
    more: dict[str, Any] = {
        "reply_to": list(record.reply_to) or None,
        "bcc": list(record.bcc) or None,
        "text": without_end(record.text),
        "html": without_end(record.html),
        "in_reply_to": record.in_reply_to,
        "references": list(record.references) or None,
        "headers": {name: value for name, value in reversed(record.headers) if not _is_told(name)},
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
    }
    if record.attachments:
        more["attachments"] = [file(one) for one in record.attachments]
    return cast(shapes.Message, {**message_item(record), **more})


def _is_told(name: str) -> bool:
    return name.lower() in _TOLD or name.lower().startswith("content-")


def without_end(text: str | None) -> str | None:
    """Return a body without the line end that closes every text in a message: what was sent comes back as it was."""
    return None if text is None else text.removesuffix("\n").removesuffix("\r")


def file(record: Attachment) -> shapes.File:
    """Return a file of a message, by the id that gives its address."""
    return {
        "attachment_id": NAMES["attachment_id"].name(record.attachment_id),
        "filename": record.filename,
        "size": record.size,
        "content_type": record.content_type,
        "content_disposition": record.disposition,
        "content_id": record.content_id,
    }


def thread_item(record: Thread) -> shapes.ThreadItem:
    """Return a ThreadItem."""
    return {
        "inbox_id": NAMES["inbox_id"].name(record.inbox_id),
        "thread_id": NAMES["thread_id"].name(record.thread_id),
        "labels": own_labels(record.labels),
        "timestamp": moment(record.timestamp),
        "received_timestamp": moment_if(record.received_timestamp),
        "sent_timestamp": moment_if(record.sent_timestamp),
        "senders": list(record.senders),
        "recipients": list(record.recipients),
        "subject": record.subject,
        "preview": record.preview,
        "last_message_id": NAMES["message_id"].name(record.last_id or ""),
        "message_count": record.message_count,
        "size": record.size,
    }


def thread_message(record: Message) -> shapes.ThreadMessage:
    """Return a message as its thread has it: with what is new in it."""
    return {
        "message_id": NAMES["message_id"].name(record.id),
        "direction": direction(record),
        "from": record.from_,
        "to": list(record.to),
        "subject": record.subject,
        "text": without_end(record.extracted_text),
        "timestamp": moment(record.timestamp),
    }
