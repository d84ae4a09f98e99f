"""What the answers of this dialect look like: every field is always there, null where it has no value.

The functions that show a result return these, and the document at /v1/agent-email/openapi.json is made of them. Nothing
here does anything.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, with milliseconds and a Z.")]
T = TypeVar("T")


class Meta(TypedDict):
    """`total` is how many the whole list has."""

    total: int
    limit: int
    offset: int


class Data(TypedDict, Generic[T]):
    data: T


class Listed(TypedDict, Generic[T]):
    data: list[T]
    meta: Meta


class Mailbox(TypedDict):
    """`name` is what stands before the @."""

    id: str
    address: str
    name: str
    domain: str
    createdAt: Moment


_From = TypedDict("_From", {"from": str})


class Sent(_From):
    """A message on its way out, by the id that it keeps."""

    id: str
    status: Literal["queued", "scheduled", "cancelled"]
    to: list[str]
    subject: str | None


class MessageItem(_From):
    """A message as lists have it. `labels` are `inbox` of what was received and is not archived, `sent` and what became
    of it of what was sent, and the caller's own. `receivedAt` of a sent message is when it was sent.
    """

    id: str
    to: list[str]
    subject: str | None
    textPreview: str | None
    read: bool
    labels: list[str]
    threadId: str
    attachmentCount: int
    receivedAt: Moment


class Attachment(TypedDict):
    """A file of a message with its signed address, which needs no key until `expiresAt`; null while nothing listens."""

    id: str
    filename: str | None
    contentType: str
    size: int
    contentId: str | None
    downloadUrl: str | None
    expiresAt: Moment | None


class Message(MessageItem):
    """A message. `tags` are the caller's own labels; of a header field that stands twice, the first is shown."""

    mailboxId: str
    cc: list[str]
    bcc: list[str]
    replyTo: list[str]
    textBody: str | None
    htmlBody: str | None
    headers: dict[str, str]
    tags: list[str]
    attachments: list[Attachment]


class ThreadItem(TypedDict):
    id: str
    mailboxId: str
    subject: str | None
    textPreview: str | None
    participants: list[str]
    labels: list[str]
    messageCount: int
    lastMessageAt: Moment
    createdAt: Moment


class Thread(ThreadItem):
    """A thread with all its messages, oldest first."""

    messages: list[Message]


class Label(TypedDict):
    """A label that was made, or that messages have: then it has neither colour nor date."""

    name: str
    color: str | None
    createdAt: Moment | None


class Webhook(TypedDict):
    """`mailboxId` is null of one that is told of more than one mailbox."""

    id: str
    mailboxId: str | None
    url: str
    events: list[str]
    enabled: bool
    createdAt: Moment


class NewWebhook(Webhook):
    """A webhook as it is shown once, when it is made."""

    secret: str


class Trial(TypedDict):
    """An event that a webhook is told to try it: `id` is that of its body."""

    id: str
    status: Literal["queued"]


class DomainRecord(TypedDict):
    """A DNS record to publish, and what the DNS said of it last."""

    type: str
    name: str
    value: str
    priority: int | None
    status: Literal["missing", "invalid", "valid"]


class Domain(TypedDict):
    """`failed`: a record is wrong, or the DNS could not be asked."""

    id: str
    domain: str
    status: Literal["pending", "failed", "verified"]
    records: list[DomainRecord]
    createdAt: Moment


class Error(TypedDict):
    code: str
    message: str


class ErrorResponse(TypedDict):
    error: Error
