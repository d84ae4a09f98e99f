"""What tools answer as structured data. Lean on purpose: a tool list is read by a model each time.

Every answer carries `position`: the place in the log at which it was true, for `wait_for_message(after=…)`.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from postroom.mcp.facts_words import FactsShape
from postroom.mcp.words import line, moment
from postroom.model.inbox import Inbox, MetadataValue
from postroom.model.message import Attachment, Listed, MessageLine
from postroom.model.thread import Thread
from postroom.service.introducing import Introduction

_FILENAME = 255  # characters, as many as the parser keeps
_SHORT = 2_000  # characters of a message that is remembered
LISTED_FILES = 5  # attachments of a message that a list names


class Shape(BaseModel):
    model_config = ConfigDict(populate_by_name=True)


class InboxShape(Shape):
    inbox_id: str
    display_name: str | None = None
    client_id: str | None = None
    metadata: dict[str, MetadataValue] | None = None
    more_metadata: int | None = None
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
    more_labels: int | None = None
    timestamp: str
    size: int
    attachments: list[AttachmentShape] | None = None
    more_attachments: int | None = None
    sender_verdict: str | None = None
    sender_is: str | None = None


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
    more_reply_to: int | None = None
    in_reply_to: str | None = None
    format: str
    text: str
    total_chars: int
    truncated: bool
    next_offset: int | None = None
    removed: RemovedShape | None = None
    bodies_differ: bool | None = None
    codes: list[CodeShape] | None = None
    links: list[LinkShape] | None = None
    more_links: int | None = None
    facts: FactsShape | None = None
    deliveries: list[DeliveryShape] | None = None
    more_deliveries: int | None = None
    parse_error: str | None = None


class ThreadItem(Shape):
    inbox_id: str | None = None  # where a list is of several inboxes
    thread_id: str
    subject: str | None = None
    preview: str | None = None
    senders: list[str]
    more_senders: int | None = None
    recipients: list[str]
    more_recipients: int | None = None
    labels: list[str]
    more_labels: int | None = None
    message_count: int
    last_message_id: str
    timestamp: str
    sender_verdict: str | None = None  # of who is known least
    sender_is: str | None = None


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
    draft_id: str | None = None
    message_count: int | None = None
    labels: list[str] | None = None
    more_labels: int | None = None
    until: str | None = None


class TrashItemShape(Shape):
    kind: str
    inbox_id: str
    message_id: str | None = None
    thread_id: str | None = None
    draft_id: str | None = None
    from_: str | None = Field(default=None, alias="from")
    subject: str | None = None
    deleted_at: str
    until: str


class TrashPage(Placed):
    trash: list[TrashItemShape]
    next_page_token: str | None = None


class MessagePage(Placed):
    messages: list[MessageItem]
    next_page_token: str | None = None


class LabelledItem(Shape):
    message_id: str
    labels: list[str]
    more_labels: int | None = None


class LabelledResult(Placed):
    messages: list[LabelledItem]
    more_messages: int | None = None
    missing: list[str] | None = None
    more_missing: int | None = None


class MessageItemResult(Placed, MessageItem):
    pass


class MessageResult(Placed, MessageShape):
    pass


class ThreadPage(Placed):
    threads: list[ThreadItem]
    next_page_token: str | None = None


class ThreadItemResult(Placed, ThreadItem):
    pass


class ThreadMessage(MessageItem):
    ref: str
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
    more_recipients: int | None = None
    captured: list[str] | None = None
    more_captured: int | None = None
    rule: str | None = None
    reason: str | None = None
    fix: str | None = None
    approval_id: str | None = None
    draft_id: str | None = None
    expires_at: str | None = None


class CheckedResult(Placed):
    outcome: str
    recipients: list[str]
    more_recipients: int | None = None
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
    removed: RemovedShape | None = None


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
    message: Listed,
    *,
    of_many: bool = False,
    room: int = 500,
    subject: int = 200,
    by: Introduction | None = None,
) -> dict[str, Any]:
    """Return a message as lists show it, ready for JSON: a page has many, and a model for each is half of its cost.

    `of_many`: the list is of several inboxes, and names that of each. At most `room` characters of each list of people
    are shown, and `subject` of the subject. `by` says who wrote it.
    """
    fields: dict[str, Any] = {"inbox_id": message.inbox_address} if of_many else {}
    fields["message_id"] = message.message_id
    fields["thread_id"] = message.thread_id
    fields["from"] = line(message.from_)
    if by is not None:
        fields["sender_verdict"], fields["sender_is"] = by
    left = 0
    for name, given in (("to", message.to), ("cc", message.cc), ("bcc", message.bcc)):
        if given or name == "to":
            shown = fields[name] = people(given, room)
            left += len(given) - len(shown)
    if left:
        fields["more_recipients"] = left
    if message.subject is not None:
        fields["subject"] = line(message.subject, subject)
    if message.preview is not None:
        fields["preview"] = line(message.preview)
    fields["labels"] = list(message.labels)
    fields["timestamp"] = moment(message.timestamp)
    fields["size"] = message.size
    if attachments := message.attachments:
        files = attachments[:LISTED_FILES]
        fields["attachments"] = [attachment_shape(a).model_dump(exclude_none=True) for a in files]
        if len(attachments) > len(files):
            fields["more_attachments"] = len(attachments) - len(files)
    return fields


def is_short(message: Listed) -> bool:
    """Tell whether what is said of a message may be remembered by it: it is a line of a list, and a stranger, who
    chooses how much that holds, did not make it long.
    """
    if not isinstance(message, MessageLine):
        return False
    people = len(message.to_json) + len(message.cc_json) + len(message.reply_to_json)
    return people + len(message.attachments_json) + len(message.subject or "") <= _SHORT


def message_item(message: Listed) -> MessageItem:
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


def beside(verdict: str | None, standing: str | None) -> str:
    """Return what stands beside From, ` (unchecked, first contact)`, empty where it is not said."""
    if standing is None:
        return ""
    return f" ({f'{verdict}, ' if verdict in ('unchecked', 'tainted') else ''}{standing.replace('_', ' ')})"


def thread_item(thread: Thread, *, of_many: bool = False, by: Introduction | None = None) -> ThreadItem:
    """Return a thread as lists show it; `of_many`: the list is of several inboxes, and names that of each.

    `by` says who of those in it is known least.
    """
    senders, recipients = people(thread.senders, 500), people(thread.recipients, 500)
    return ThreadItem(
        inbox_id=thread.inbox_address if of_many else None,
        thread_id=thread.thread_id,
        subject=None if thread.subject is None else line(thread.subject),
        preview=None if thread.preview is None else line(thread.preview),
        senders=senders,
        more_senders=len(thread.senders) - len(senders) or None,
        recipients=recipients,
        more_recipients=len(thread.recipients) - len(recipients) or None,
        labels=list(thread.labels),
        message_count=thread.message_count,
        last_message_id=thread.last_message_id,
        timestamp=moment(thread.timestamp),
        sender_verdict=None if by is None else by.verdict,
        sender_is=None if by is None else by.standing,
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
