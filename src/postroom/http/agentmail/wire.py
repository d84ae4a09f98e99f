"""Records as this dialect's JSON (contract section 8): an optional field that has no value is left out.

Ids: `inbox_id` is the address, `message_id` the public one with its angle brackets.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from postroom.model.inbox import Inbox, InboxStatus
from postroom.model.message import Attachment, Message, MessageSummary
from postroom.model.page import Page
from postroom.model.thread import Thread
from postroom.service.tenants import Identity

Shown = dict[str, Any]


def moment(at: int) -> str:
    """Return UTC milliseconds as RFC 3339 with a Z."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def given(fields: Mapping[str, Any]) -> Shown:
    """Return the fields that have a value; an empty list or map of an optional field has none."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def listed(name: str, page: Page[Any], items: Sequence[Shown], limit: int | None) -> Shown:
    """Return a page; `count` is the number of its items, no total."""
    shown: Shown = {"count": len(items), name: list(items)}
    if limit is not None:
        shown["limit"] = limit
    if page.next_page_token is not None:
        shown["next_page_token"] = page.next_page_token
    return shown


def inbox(record: Inbox) -> Shown:
    """Return an Inbox. `id` and `email` repeat its address, for clients of other years."""
    return {
        "pod_id": record.pod_id,
        "inbox_id": record.address,
        "email": record.address,
        "id": record.address,
        **given({"display_name": record.display_name, "client_id": record.client_id, "metadata": record.metadata}),
        **({} if record.status is InboxStatus.ACTIVE else {"status": record.status.value}),
        "updated_at": moment(record.updated_at),
        "created_at": moment(record.created_at),
    }


def attachment(record: Attachment) -> Shown:
    """Return an Attachment."""
    return {
        "attachment_id": record.attachment_id,
        "size": record.size,
        "content_disposition": record.disposition,
        "inline": record.disposition == "inline",
        **given({"filename": record.filename, "content_type": record.content_type, "content_id": record.content_id}),
    }


def found(name: str, page: Any, show: Callable[[Any], Shown], limit: int | None) -> Shown:
    """Return a page of what a search found, each item with where the words stand in it."""
    pairs = zip(page.items, page.highlights, strict=True)
    items = [{**show(item), **given({"highlights": {k: list(v) for k, v in marks.items()}})} for item, marks in pairs]
    return listed(name, page, items, limit)


def message_item(record: MessageSummary) -> Shown:
    """Return a MessageItem, as lists have it: no bodies."""
    return {
        "inbox_id": record.inbox_address,
        "thread_id": record.thread_id,
        "message_id": record.message_id,
        "labels": list(record.labels),
        "timestamp": moment(record.timestamp),
        "from": record.from_,
        "to": list(record.to),
        **given(
            {
                "reply_to": list(record.reply_to),
                "cc": list(record.cc),
                "bcc": list(record.bcc),
                "subject": record.subject,
                "preview": record.preview,
                "attachments": [attachment(a) for a in record.attachments],
                "in_reply_to": record.in_reply_to,
            }
        ),
        "size": record.size,
        "updated_at": moment(record.updated_at),
        "created_at": moment(record.created_at),
    }


def message(record: Message) -> Shown:
    """Return a Message with its bodies. Of a header field that stands twice, the first is shown."""
    return {
        **message_item(record),
        **given(
            {
                "text": record.text,
                "html": record.html,
                "extracted_text": record.extracted_text,
                "extracted_html": record.extracted_html,
                "references": list(record.references),
                "headers": dict(reversed(record.headers)),
            }
        ),
    }


def thread_item(record: Thread) -> Shown:
    """Return a ThreadItem."""
    received, sent = record.received_timestamp, record.sent_timestamp
    return {
        "inbox_id": record.inbox_address,
        "thread_id": record.thread_id,
        "labels": list(record.labels),
        "timestamp": moment(record.timestamp),
        **({} if received is None else {"received_timestamp": moment(received)}),
        **({} if sent is None else {"sent_timestamp": moment(sent)}),
        "senders": list(record.senders),
        "recipients": list(record.recipients),
        **given({"subject": record.subject, "preview": record.preview}),
        "last_message_id": record.last_message_id,
        "message_count": record.message_count,
        "size": record.size,
        "updated_at": moment(record.updated_at),
        "created_at": moment(record.created_at),
    }


def identity(who: Identity) -> Shown:
    """Return an Identity: how far a key reaches."""
    reach = who.actor.reach
    scopes = {"inbox": who.inbox_address, "pod": reach.pod_id, "organization": reach.org_id}
    kind, name = next((kind, name) for kind, name in scopes.items() if name is not None)
    return {
        "scope_type": kind,
        "scope_id": name,
        "organization_id": reach.org_id,
        **given({"pod_id": reach.pod_id, "inbox_id": who.inbox_address, "api_key_id": who.actor.api_key_id}),
    }
