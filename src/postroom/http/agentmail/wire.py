"""Records as this dialect's JSON (contract section 8): an optional field that has no value is left out.

Ids: `inbox_id` is the address, `message_id` the public one with its angle brackets.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast

from postroom.http.agentmail import shapes
from postroom.model.errors import Refused
from postroom.model.inbox import Inbox, InboxStatus
from postroom.model.message import Attachment, Message, MessageSummary
from postroom.model.policy import Held
from postroom.model.thread import Thread
from postroom.service.departure import Sent
from postroom.service.tenants import Identity

Shown = Mapping[str, Any]
S = TypeVar("S", bound=Shown)


class Paged(Protocol):
    """A page of a list."""

    @property
    def next_page_token(self) -> str | None: ...


@lru_cache(maxsize=4096)  # what was made and changed at one moment says it three times
def moment(at: int) -> str:
    """Return UTC milliseconds as RFC 3339 with a Z."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_if(at: int | None) -> str | None:
    """Return the moment, or None where there is none."""
    return None if at is None else moment(at)


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value; an empty list or map of an optional field has none."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def left(result: Sent | Held) -> Sent:
    """Return a message that was sent. Raises Refused for one that is held: this contract has no word for it."""
    if isinstance(result, Held):
        told = f"Nothing was sent to anybody, it waits for approval: {result.reason}"
        raise Refused(told, fix=result.fix, rule=result.rule.value)
    return result


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
