"""Records as this dialect's JSON (contract section 8): an optional field that has no value is left out.

Ids: `inbox_id` is the address, `message_id` the public one with its angle brackets.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

from orjson import Fragment

from postroom.http.agentmail import shapes
from postroom.http.results import left as left  # said again: the wire has all that a resource needs
from postroom.http.results import moment as moment
from postroom.http.results import moment_if as moment_if
from postroom.model.inbox import Inbox, InboxStatus
from postroom.model.message import Attachment, Message, MessageLine, MessageSummary
from postroom.model.thread import Thread
from postroom.service.tenants import Identity

Shown = Mapping[str, Any]
S = TypeVar("S", bound=Shown)


class Paged(Protocol):
    """A page of a list."""

    @property
    def next_page_token(self) -> str | None: ...


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value; an empty list or map of an optional field has none."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def also(shown: S, optional: Mapping[str, Any]) -> S:
    """Return what is shown with those of its optional fields that have a value.

    mypy holds `shown` against its shape; which of the others will be there no type can tell, so the tests hold every
    answer against the document.
    """
    return cast(S, {**shown, **given(optional)})


def paged(shown: S, page: Paged, limit: int | None) -> S:
    """Return a page of a list with the limit that was asked for and the token of what follows."""
    return also(shown, {"limit": limit, "next_page_token": page.next_page_token})


def inbox(record: Inbox) -> shapes.Inbox:
    """Return an Inbox. `id` and `email` repeat its address, for clients of other years."""
    shown: shapes.Inbox = {
        "pod_id": record.pod_id,
        "inbox_id": record.address,
        "email": record.address,
        "id": record.address,
        "updated_at": moment(record.updated_at),
        "created_at": moment(record.created_at),
    }
    optional = {"display_name": record.display_name, "client_id": record.client_id, "metadata": record.metadata}
    return also(shown, {**optional, "status": None if record.status is InboxStatus.ACTIVE else record.status})


def attachment(record: Attachment) -> shapes.Attachment:
    """Return an Attachment."""
    shown: shapes.Attachment = {
        "attachment_id": record.attachment_id,
        "size": record.size,
        "content_disposition": record.disposition,
        "inline": record.disposition == "inline",
    }
    optional = {"filename": record.filename, "content_type": record.content_type, "content_id": record.content_id}
    return also(shown, optional)


def marked(page: Any, show: Callable[[Any], Shown]) -> list[Any]:
    """Return what a search found, each item with where the words stand in it."""
    pairs = zip(page.items, page.highlights, strict=True)
    return [also(show(item), {"highlights": {k: list(v) for k, v in marks.items()}}) for item, marks in pairs]


def message_item(record: MessageSummary) -> shapes.MessageItem:
    """Return a MessageItem, as lists have it: no bodies."""
    shown: shapes.MessageItem = {
        "inbox_id": record.inbox_address,
        "thread_id": record.thread_id,
        "message_id": record.message_id,
        "labels": list(record.labels),
        "timestamp": moment(record.timestamp),
        "from": record.from_,
        "to": list(record.to),
        "size": record.size,
        "updated_at": moment(record.updated_at),
        "created_at": moment(record.created_at),
    }
    # Field by field, not by `given`: a list of messages is what is asked for most.
    if record.reply_to:
        shown["reply_to"] = list(record.reply_to)
    if record.cc:
        shown["cc"] = list(record.cc)
    if record.bcc:
        shown["bcc"] = list(record.bcc)
    if record.subject is not None:
        shown["subject"] = record.subject
    if record.preview is not None:
        shown["preview"] = record.preview
    if record.attachments:
        shown["attachments"] = [attachment(a) for a in record.attachments]
    if record.in_reply_to is not None:
        shown["in_reply_to"] = record.in_reply_to
    return shown


def message_line(line: MessageLine) -> shapes.MessageItem:
    """Return a MessageItem of a page; its lists stand in it as the JSON that they are."""
    shown: dict[str, Any] = {
        "inbox_id": line.inbox_address,
        "thread_id": line.thread_id,
        "message_id": line.message_id,
        "labels": Fragment(line.labels_json),
        "timestamp": moment(line.timestamp),
        "from": line.from_,
        "to": Fragment(line.to_json),
        "size": line.size,
        "updated_at": moment(line.updated_at),
        "created_at": moment(line.created_at),
    }
    if line.reply_to_json != "[]":
        shown["reply_to"] = Fragment(line.reply_to_json)
    if line.cc_json != "[]":
        shown["cc"] = Fragment(line.cc_json)
    if line.bcc_json != "[]":
        shown["bcc"] = Fragment(line.bcc_json)
    if line.subject is not None:
        shown["subject"] = line.subject
    if line.preview is not None:
        shown["preview"] = line.preview
    if line.attachments_json != "[]":
        shown["attachments"] = [attachment(a) for a in line.attachments]
    if line.in_reply_to is not None:
        shown["in_reply_to"] = line.in_reply_to
    return cast(shapes.MessageItem, shown)


def message(record: Message) -> shapes.Message:
    """Return a Message with its bodies. Of a header field that stands twice, the first is shown."""
    optional = {
        "text": record.text,
        "html": record.html,
        "extracted_text": record.extracted_text,
        "extracted_html": record.extracted_html,
        "references": list(record.references),
        "headers": dict(reversed(record.headers)),
    }
    return cast(shapes.Message, also(message_item(record), optional))


def thread_item(record: Thread) -> shapes.ThreadItem:
    """Return a ThreadItem."""
    shown: shapes.ThreadItem = {
        "inbox_id": record.inbox_address,
        "thread_id": record.thread_id,
        "labels": list(record.labels),
        "timestamp": moment(record.timestamp),
        "senders": list(record.senders),
        "recipients": list(record.recipients),
        "last_message_id": record.last_message_id,
        "message_count": record.message_count,
        "size": record.size,
        "updated_at": moment(record.updated_at),
        "created_at": moment(record.created_at),
    }
    optional = {
        "received_timestamp": moment_if(record.received_timestamp),
        "sent_timestamp": moment_if(record.sent_timestamp),
        "subject": record.subject,
        "preview": record.preview,
    }
    return also(shown, optional)


def identity(who: Identity) -> shapes.Identity:
    """Return an Identity: how far a key reaches."""
    reach = who.actor.reach
    organization = reach.org_id or ""  # a key without one is nobody's
    shown: shapes.Identity = {"scope_type": "organization", "scope_id": organization, "organization_id": organization}
    if who.inbox_address is not None:
        shown = {**shown, "scope_type": "inbox", "scope_id": who.inbox_address}
    elif reach.pod_id is not None:
        shown = {**shown, "scope_type": "pod", "scope_id": reach.pod_id}
    optional = {"pod_id": reach.pod_id, "inbox_id": who.inbox_address, "api_key_id": who.actor.api_key_id}
    return also(shown, optional)
