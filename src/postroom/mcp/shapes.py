"""What tools answer as structured data. Lean on purpose: a tool list is read by a model each time.

Every answer carries `position`: the place in the log at which it was true, for `wait_for_message(after=…)`.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from postroom.mcp.words import line, moment
from postroom.model.delivery import Delivery
from postroom.model.inbox import Inbox, MetadataValue
from postroom.model.message import Attachment, Message, MessageSummary
from postroom.model.thread import Thread
from postroom.service.reading import Reading

_FILENAME = 255  # characters, as many as the parser keeps


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
    message_id: str
    thread_id: str
    from_: str = Field(alias="from")
    to: list[str]
    cc: list[str] | None = None
    bcc: list[str] | None = None
    subject: str | None = None
    preview: str | None = None
    labels: list[str]
    timestamp: str
    size: int
    attachments: list[AttachmentShape] | None = None


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


class MessageShape(MessageItem):
    reply_to: list[str] | None = None
    in_reply_to: str | None = None
    sender_verdict: str
    text: str
    total_chars: int
    truncated: bool
    next_offset: int | None = None
    codes: list[CodeShape] | None = None
    links: list[LinkShape] | None = None
    deliveries: list[DeliveryShape] | None = None
    parse_error: str | None = None


class ThreadItem(Shape):
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


class DeletedResult(Placed):
    success: bool
    inbox_id: str


class MessagePage(Placed):
    messages: list[MessageItem]
    next_page_token: str | None = None


class MessageItemResult(Placed, MessageItem):
    pass


class MessageResult(Placed, MessageShape):
    pass


class ThreadPage(Placed):
    threads: list[ThreadItem]
    next_page_token: str | None = None


class ThreadMessage(MessageItem):
    sender_verdict: str
    text: str
    total_chars: int
    truncated: bool


class ThreadResult(Placed, ThreadItem):
    messages: list[ThreadMessage]
    left_out: int


class SentResult(Placed):
    message_id: str
    thread_id: str
    status: str
    recipients: list[str]
    captured: list[str] | None = None


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


def message_fields(message: MessageSummary) -> dict[str, Any]:
    """Return a message as lists show it, ready for JSON: a page has many, and a model for each is half of its cost."""
    fields: dict[str, Any] = {
        "message_id": message.message_id,
        "thread_id": message.thread_id,
        "from": line(message.from_),
        "to": _lines(message.to),
    }
    if message.cc:
        fields["cc"] = _lines(message.cc)
    if message.bcc:
        fields["bcc"] = _lines(message.bcc)
    if message.subject is not None:
        fields["subject"] = line(message.subject, 500)
    if message.preview is not None:
        fields["preview"] = line(message.preview)
    fields["labels"] = list(message.labels)
    fields["timestamp"] = moment(message.timestamp)
    fields["size"] = message.size
    if message.attachments:
        fields["attachments"] = [attachment_shape(a).model_dump(exclude_none=True) for a in message.attachments]
    return fields


def message_item(message: MessageSummary) -> MessageItem:
    """Return a message as lists show it, as a record."""
    return MessageItem.model_validate(message_fields(message))


def fields_of(item: MessageItem) -> dict[str, Any]:
    """Return the fields of a shape by name, for one that has more."""
    return {name: getattr(item, name) for name in type(item).model_fields}


def message_shape(reading: Reading, text: str, total: int, next_offset: int | None) -> MessageShape:
    """Return a message with the part of its text that is shown."""
    message: Message = reading.message
    item = message_item(message)
    return MessageShape(
        **fields_of(item),
        reply_to=_lines(message.reply_to) or None,
        in_reply_to=message.in_reply_to,
        sender_verdict=reading.verdict,
        text=text,
        total_chars=total,
        truncated=next_offset is not None,
        next_offset=next_offset,
        codes=[CodeShape(code=c.code, reason=c.reason) for c in reading.codes] or None,
        links=[LinkShape(url=k.url, kind=k.kind, reason=k.reason) for k in reading.links] or None,
        deliveries=[_delivery(d) for d in reading.deliveries] or None,
        parse_error=message.parse_error,
    )


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


def thread_item(thread: Thread) -> ThreadItem:
    """Return a thread as lists show it."""
    return ThreadItem(
        thread_id=thread.thread_id,
        subject=None if thread.subject is None else line(thread.subject, 500),
        preview=None if thread.preview is None else line(thread.preview),
        senders=_lines(thread.senders),
        recipients=_lines(thread.recipients),
        labels=list(thread.labels),
        message_count=thread.message_count,
        last_message_id=thread.last_message_id,
        timestamp=moment(thread.timestamp),
    )


def _delivery(delivery: Delivery) -> DeliveryShape:
    return DeliveryShape(recipient=delivery.recipient, state=delivery.state.value, error=delivery.last_error)


def _lines(people: tuple[str, ...]) -> list[str]:
    return [line(person) for person in people] if people else []
