"""What the answers of this dialect look like: every field is always there, null where it has no value.

The functions that show a result return these, and the document at /api/v0/openapi.json is made of them. Nothing here
does anything.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 (pydantic reads no other before Python 3.12)

from postroom.model.domain import RecordStatus

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, with milliseconds and a Z.")]
Direction = Literal["inbound", "outbound"]
T = TypeVar("T")


class Page(TypedDict, Generic[T]):
    """A page of a list; `total` is how many items the whole list has."""

    data: list[T]
    total: int
    page: int
    page_size: int


class Organization(TypedDict):
    """`inbox_count` counts inboxes in the trash too: they count against `inbox_limit`."""

    org_id: str
    name: str
    inbox_count: int
    inbox_limit: int
    domain_count: int
    domain_limit: int
    created_at: Moment
    updated_at: Moment


class Inbox(TypedDict):
    inbox_id: str
    email_address: str
    username: str
    domain: str
    display_name: str | None
    client_id: str | None
    created_at: Moment
    updated_at: Moment


class Sent(TypedDict):
    message_id: str
    thread_id: str


_From = TypedDict("_From", {"from": str})


class MessageItem(_From):
    """A message as lists have it; `labels` are the caller's own."""

    inbox_id: str
    thread_id: str
    message_id: str
    direction: Direction
    labels: list[str]
    timestamp: Moment
    to: list[str]
    cc: list[str] | None
    subject: str | None
    preview: str | None
    size: int


class File(TypedDict):
    """A file of a message, by the id that gives its address."""

    attachment_id: str
    filename: str | None
    size: int
    content_type: str
    content_disposition: Literal["attachment", "inline"]
    content_id: str | None


class Message(MessageItem):
    """A message. `headers` are the fields that nothing else here tells; `attachments` is there where it has files."""

    reply_to: list[str] | None
    bcc: list[str] | None
    text: str | None
    html: str | None
    in_reply_to: str | None
    references: list[str] | None
    headers: dict[str, str]
    created_at: Moment
    updated_at: Moment
    attachments: NotRequired[list[File]]


class Attachment(File):
    """A file with its signed address, which needs no key until `expires_at`."""

    download_url: str
    expires_at: Moment


class ThreadItem(TypedDict):
    inbox_id: str
    thread_id: str
    labels: list[str]
    timestamp: Moment
    received_timestamp: Moment | None
    sent_timestamp: Moment | None
    senders: list[str]
    recipients: list[str]
    subject: str | None
    preview: str | None
    last_message_id: str
    message_count: int
    size: int


class ThreadMessage(_From):
    """A message of a thread; `text` is what is new in it."""

    message_id: str
    direction: Direction
    to: list[str]
    subject: str | None
    text: str | None
    timestamp: Moment


class Thread(TypedDict):
    """A thread with all its messages, oldest first."""

    inbox_id: str
    thread_id: str
    subject: str | None
    message_count: int
    preview: str | None
    messages: list[ThreadMessage]


class DomainRecord(TypedDict):
    """A record that the domain's DNS must have."""

    type: str
    name: str
    value: str
    status: RecordStatus
    priority: int | None


class Domain(TypedDict):
    domain_id: str
    status: Literal["PENDING", "INVALID", "FAILED", "VERIFIED"]
    feedback_enabled: bool
    records: list[DomainRecord]
    created_at: Moment
    updated_at: Moment


class Webhook(TypedDict):
    """A webhook; `inbox_ids` empty: it is told of all inboxes."""

    webhook_id: str
    url: str
    event_types: list[str]
    inbox_ids: list[str]
    enabled: bool
    client_id: str | None
    created_at: Moment
    updated_at: Moment


class NewWebhook(Webhook):
    """A webhook with what signs its bodies, which is shown this once."""

    secret: str


class ApiKey(TypedDict):
    """A key without its secret; `prefix` is how that begins."""

    key_id: str
    name: str
    prefix: str
    used_at: Moment | None
    created_at: Moment


class NewApiKey(ApiKey):
    """A key with its secret, which is shown this once."""

    key: str


class Problem(TypedDict):
    """What is wrong with a request, and where: the way to it, outermost first."""

    path: list[str | int]
    message: str


class Error(TypedDict):
    """What went wrong, what to do about it, and of a request that cannot be read each problem."""

    code: str
    message: str
    fix: str
    problems: NotRequired[list[Problem]]


class ErrorResponse(TypedDict):
    error: Error
