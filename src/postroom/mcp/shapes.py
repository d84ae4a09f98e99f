"""What tools answer as structured data. Lean on purpose: a tool list is read by a model each time.

Every answer carries `position`: the place in the log at which it was true, for `wait_for_message(after=…)`.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from postroom.mcp.facts_words import FactsShape
from postroom.mcp.words import line, moment
from postroom.model.inbox import Inbox, MetadataValue
from postroom.model.message import Attachment, MessageSummary
from postroom.model.thread import Thread

_FILENAME = 255  # characters, as many as the parser keeps
LISTED_FILES = 5  # attachments of a message that a list names


class Shape(BaseModel):
    model_config = ConfigDict(populate_by_name=True)


class InboxShape(Shape):
    inbox_id: str
    display_name: str | None = None
    client_id: str | None = None
    metadata: dict[str, MetadataValue] | None = None
    created_at: str


class AttachmentShape(Shape):
    attachment_id: str
    filename: str | None = None
    content_type: str
    size: int
    inline: bool = False


class MessageItem(Shape):
    inbox_id: str | None = None  # where a list is of several inboxes
    message_id: str
    thread_id: str
    from_: str = Field(alias="from")
    to: list[str]
    cc: list[str] | None = None
    bcc: list[str] | None = None
    more_recipients: int | None = None
    subject: str | None = None
    preview: str | None = None
    labels: list[str]
    timestamp: str
    size: int
    attachments: list[AttachmentShape] | None = None
    more_attachments: int | None = None


class CodeShape(Shape):
    code: str
    reason: str


class LinkShape(Shape):
    url: str
    kind: str
    reason: str


class DeliveryShape(Shape):
    recipient: str
    state: str
    error: str | None = None


class RemovedShape(Shape):
    characters: int = 0
    blocks: int = 0
    images: int = 0


class MessageShape(MessageItem):
    reply_to: list[str] | None = None
    in_reply_to: str | None = None
    sender_verdict: str
    sender_is: str
    format: str
    text: str
    total_chars: int
    truncated: bool
    next_offset: int | None = None
    removed: RemovedShape | None = None
    bodies_differ: bool | None = None
    codes: list[CodeShape] | None = None
    links: list[LinkShape] | None = None
    facts: FactsShape | None = None
    deliveries: list[DeliveryShape] | None = None
    parse_error: str | None = None


class ThreadItem(Shape):
    inbox_id: str | None = None  # where a list is of several inboxes
    thread_id: str
    subject: str | None = None
    preview: str | None = None
    senders: list[str]
    recipients: list[str]
    labels: list[str]
    message_count: int
    last_message_id: str
    timestamp: str


class Placed(Shape):
    position: int


class InboxResult(Placed, InboxShape):
    pass


class InboxPage(Placed):
    inboxes: list[InboxShape]
    next_page_token: str | None = None


class TrashResult(Placed):
    """What was deleted or brought back; `until` is set where it can still be brought back."""

    success: bool = True
    inbox_id: str
    message_id: str | None = None
    thread_id: str | None = None
    message_count: int | None = None
    labels: list[str] | None = None
    until: str | None = None


class MessagePage(Placed):
    messages: list[MessageItem]
    next_page_token: str | None = None


class LabelledItem(Shape):
    message_id: str
    labels: list[str]


class LabelledResult(Placed):
    messages: list[LabelledItem]
    missing: list[str] | None = None


class MessageItemResult(Placed, MessageItem):
    pass


class MessageResult(Placed, MessageShape):
    pass


class ThreadPage(Placed):
    threads: list[ThreadItem]
    next_page_token: str | None = None


class ThreadMessage(MessageItem):
    ref: str
    sender_verdict: str
    sender_is: str
    text: str
    total_chars: int
    truncated: bool
    quoted: str | None = None
    removed: RemovedShape | None = None


class ThreadResult(Placed, ThreadItem):
    messages: list[ThreadMessage]
    left_out: int
    next_page_token: str | None = None


class SentResult(Placed):
    status: str
    message_id: str | None = None
    thread_id: str | None = None
    recipients: list[str] | None = None
    captured: list[str] | None = None
    rule: str | None = None
    reason: str | None = None
    fix: str | None = None
    approval_id: str | None = None
    draft_id: str | None = None
    expires_at: str | None = None


class CheckedResult(Placed):
    outcome: str
    recipients: list[str]
    rule: str | None = None
    reason: str | None = None
    fix: str | None = None


class UnsubscribeResult(Placed):
    message_id: str
    status: str
    address: str | None = None


class WaitResult(Placed):
    found: bool
    message: MessageShape | None = None
    recent: int | None = None


class AttachmentResult(Placed, AttachmentShape):
    message_id: str
    download_url: str | None = None
    expires_at: str | None = None
    text: str | None = None
    content: str | None = None
    truncated: bool = False
    next_offset: int | None = None


def inbox_shape(inbox: Inbox) -> InboxShape:
    """Return an inbox as tools show it: its id is the address."""
    return InboxShape(
        inbox_id=inbox.address,
        display_name=inbox.display_name,
        client_id=inbox.client_id,
        metadata=inbox.metadata or None,
        created_at=moment(inbox.created_at),
    )


def message_fields(
    message: MessageSummary, *, of_many: bool = False, room: int = 500, subject: int = 200
) -> dict[str, Any]:
    """Return a message as lists show it, ready for JSON: a page has many, and a model for each is half of its cost.

    `of_many`: the list is of several inboxes, and names that of each. At most `room` characters of each list of people
    are shown, and `subject` of the subject.
    """
    fields: dict[str, Any] = {
        **({"inbox_id": message.inbox_address} if of_many else {}),
        "message_id": message.message_id,
        "thread_id": message.thread_id,
        "from": line(message.from_),
        "to": people(message.to, room),
    }
    if message.cc:
        fields["cc"] = people(message.cc, room)
    if message.bcc:
        fields["bcc"] = people(message.bcc, room)
    shown = len(fields["to"]) + len(fields.get("cc", ())) + len(fields.get("bcc", ()))
    if left := len(message.to) + len(message.cc) + len(message.bcc) - shown:
        fields["more_recipients"] = left
    if message.subject is not None:
        fields["subject"] = line(message.subject, subject)
    if message.preview is not None:
        fields["preview"] = line(message.preview)
    fields["labels"] = list(message.labels)
    fields["timestamp"] = moment(message.timestamp)
    fields["size"] = message.size
    if message.attachments:
        files = message.attachments[:LISTED_FILES]
        fields["attachments"] = [attachment_shape(a).model_dump(exclude_none=True) for a in files]
        if left := len(message.attachments) - len(files):
            fields["more_attachments"] = left
    return fields


def message_item(message: MessageSummary) -> MessageItem:
    """Return a message as lists show it, as a record."""
    return MessageItem.model_validate(message_fields(message))


def fields_of(item: MessageItem) -> dict[str, Any]:
    """Return the fields of a shape by name, for one that has more."""
    return {name: getattr(item, name) for name in type(item).model_fields}


def attachment_shape(attachment: Attachment) -> AttachmentShape:
    """Return what is known of a file without its bytes."""
    return AttachmentShape(
        attachment_id=attachment.attachment_id,
        # A sender chose it, and it stands in lines of ours.
        filename=None if attachment.filename is None else line(attachment.filename, _FILENAME),
        content_type=attachment.content_type,
        size=attachment.size,
        inline=attachment.disposition == "inline",
    )


def thread_item(thread: Thread, *, of_many: bool = False) -> ThreadItem:
    """Return a thread as lists show it; `of_many`: the list is of several inboxes, and names that of each."""
    return ThreadItem(
        inbox_id=thread.inbox_address if of_many else None,
        thread_id=thread.thread_id,
        subject=None if thread.subject is None else line(thread.subject),
        preview=None if thread.preview is None else line(thread.preview),
        senders=people(thread.senders, 500),
        recipients=people(thread.recipients, 500),
        labels=list(thread.labels),
        message_count=thread.message_count,
        last_message_id=thread.last_message_id,
        timestamp=moment(thread.timestamp),
    )


def people(shown: tuple[str, ...], room: int) -> list[str]:
    """Return people as lines, as many as `room` characters hold, one at least: a sender may name 2,000."""
    lines: list[str] = []
    for person in shown:
        lines.append(line(person))
        room -= len(lines[-1])
        if room <= 0:
            break
    return lines
