"""What the answers of this dialect look like (contract section 8), under the names that the clients' own types have.

The functions that show a result return these, and `openapi.py` makes the document of them: one truth for both. Nothing
here does anything.
"""

from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import Response
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 (pydantic reads no other before Python 3.12)

from postroom.model.domain import DomainStatus, RecordStatus
from postroom.model.draft import SendStatus
from postroom.model.inbox import InboxStatus, MetadataValue
from postroom.model.lists import Direction, EntryType, ListType
from postroom.service.metrics import MetricType, RateType, UsageType

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, with milliseconds and a Z.")]
Highlights = Annotated[dict[str, list[str]], Field(description="By field: where the words stand, **marked**.")]


class Page(TypedDict):
    """A page of a list; `count` is the number of its items, no total."""

    count: int
    limit: NotRequired[int]
    next_page_token: NotRequired[str]


class Identity(TypedDict):
    """How far a key reaches."""

    scope_type: Literal["organization", "pod", "inbox"]
    scope_id: str
    organization_id: str
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
    api_key_id: NotRequired[str]


class Organization(TypedDict):
    organization_id: str
    inbox_count: int
    domain_count: int
    updated_at: Moment
    created_at: Moment


class OrganizationLabs(TypedDict):
    enabled: bool
    available: bool


class Pod(TypedDict):
    pod_id: str
    name: str
    updated_at: Moment
    created_at: Moment
    client_id: NotRequired[str]


class ListPodsResponse(Page):
    pods: list[Pod]


class ApiKey(TypedDict):
    """A key without its secret; `permissions` absent: it may do everything in its scope."""

    type: Literal["bearer"]
    api_key_id: str
    prefix: str
    name: str
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
    permissions: NotRequired[dict[str, bool]]
    used_at: NotRequired[Moment]
    created_at: Moment
    updated_at: Moment
    expires_at: NotRequired[Moment]


class CreateApiKeyResponse(ApiKey):
    """A key with its secret, which is shown this once."""

    api_key: str


class ListApiKeysResponse(Page):
    api_keys: list[ApiKey]


class Inbox(TypedDict):
    """An inbox; `status` is absent while it is active."""

    pod_id: str
    inbox_id: str
    email: str
    id: str
    display_name: NotRequired[str]
    client_id: NotRequired[str]
    metadata: NotRequired[dict[str, MetadataValue]]
    status: NotRequired[InboxStatus]
    updated_at: Moment
    created_at: Moment


class ListInboxesResponse(Page):
    inboxes: list[Inbox]


class InboxEvent(TypedDict):
    organization_id: str
    pod_id: str
    inbox_id: str
    event_id: str
    event_type: Annotated[str, Field(json_schema_extra={"enum": ["label.added", "label.removed"]})]
    message_id: str
    label: str
    event_at: Moment
    created_at: Moment


class ListInboxEventsResponse(Page):
    events: list[InboxEvent]


class Attachment(TypedDict):
    attachment_id: str
    size: int
    content_disposition: Literal["attachment", "inline"]
    inline: bool
    filename: NotRequired[str]
    content_type: NotRequired[str]
    content_id: NotRequired[str]


class Signed(TypedDict):
    """A signed address, which needs no key, and when it ends."""

    download_url: str
    expires_at: Moment


class AttachmentResponse(Attachment, Signed):
    """An attachment and its signed address, which needs no key; `text_url` where there is text to be had."""

    text_url: NotRequired[str]


class RawMessageResponse(Signed):
    message_id: str
    size: int


_From = TypedDict("_From", {"from": str})


class MessageItem(_From):
    """A message as lists have it: without its bodies."""

    inbox_id: str
    thread_id: str
    message_id: str
    labels: list[str]
    timestamp: Moment
    to: list[str]
    reply_to: NotRequired[list[str]]
    cc: NotRequired[list[str]]
    bcc: NotRequired[list[str]]
    subject: NotRequired[str]
    preview: NotRequired[str]
    attachments: NotRequired[list[Attachment]]
    in_reply_to: NotRequired[str]
    size: int
    updated_at: Moment
    created_at: Moment


class FoundMessage(MessageItem):
    highlights: NotRequired[Highlights]


class Message(MessageItem):
    text: NotRequired[str]
    html: NotRequired[str]
    extracted_text: NotRequired[str]
    extracted_html: NotRequired[str]
    references: NotRequired[list[str]]
    headers: NotRequired[dict[str, str]]


class ListMessagesResponse(Page):
    messages: list[MessageItem]


class SearchMessagesResponse(Page):
    messages: list[FoundMessage]


class BatchGetMessagesResponse(TypedDict):
    """`limit` ids were asked for, `count` messages were found."""

    limit: int
    count: int
    messages: list[MessageItem]


class UpdateMessageResponse(TypedDict):
    message_id: str
    labels: list[str]


class BatchUpdateMessagesResponse(TypedDict):
    """`limit` ids were asked for, `count` messages were changed."""

    limit: int
    count: int
    updates: list[UpdateMessageResponse]


class SendMessageResponse(TypedDict):
    message_id: str
    thread_id: str


class ThreadItem(TypedDict):
    inbox_id: str
    thread_id: str
    labels: list[str]
    timestamp: Moment
    received_timestamp: NotRequired[Moment]
    sent_timestamp: NotRequired[Moment]
    senders: list[str]
    recipients: list[str]
    subject: NotRequired[str]
    preview: NotRequired[str]
    attachments: NotRequired[list[Attachment]]
    last_message_id: str
    message_count: int
    size: int
    updated_at: Moment
    created_at: Moment


class FoundThread(ThreadItem):
    highlights: NotRequired[Highlights]


class ListThreadsResponse(Page):
    threads: list[ThreadItem]


class SearchThreadsResponse(Page):
    threads: list[FoundThread]


class Thread(ThreadItem, Page):
    """A thread with a page of its messages, oldest first; `next_page_token` leads to older ones."""

    messages: list[Message]


class UpdateThreadResponse(TypedDict):
    thread_id: str
    labels: list[str]


class DraftItem(TypedDict):
    """A draft as lists have it; `send_error` says why it could not be sent."""

    inbox_id: str
    draft_id: str
    labels: list[str]
    to: NotRequired[list[str]]
    cc: NotRequired[list[str]]
    bcc: NotRequired[list[str]]
    subject: NotRequired[str]
    preview: NotRequired[str]
    attachments: NotRequired[list[Attachment]]
    in_reply_to: NotRequired[str]
    forward_of: NotRequired[str]
    thread_id: NotRequired[str]
    send_status: NotRequired[SendStatus]
    send_at: NotRequired[Moment]
    send_error: NotRequired[str]
    updated_at: Moment


class Draft(DraftItem):
    client_id: NotRequired[str]
    reply_to: NotRequired[list[str]]
    text: NotRequired[str]
    html: NotRequired[str]
    references: NotRequired[list[str]]
    created_at: Moment


class ListDraftsResponse(Page):
    drafts: list[DraftItem]


class ListEntry(TypedDict):
    """An entry of a list; one that is `read_only` was made by the server, of a bounce or a complaint."""

    entry: str
    organization_id: str
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
    reason: NotRequired[str]
    direction: Direction
    list_type: ListType
    entry_type: EntryType
    read_only: NotRequired[bool]
    created_at: Moment


class ListListEntriesResponse(Page):
    entries: list[ListEntry]


class Webhook(TypedDict):
    """A webhook; `event_types` absent: it is told the standard ones."""

    webhook_id: str
    url: str
    event_types: NotRequired[list[str]]
    pod_ids: NotRequired[list[str]]
    inbox_ids: NotRequired[list[str]]
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
    client_id: NotRequired[str]
    secret: str
    enabled: bool
    updated_at: Moment
    created_at: Moment


class ListWebhooksResponse(Page):
    webhooks: list[Webhook]


class WebhookHeaderNamesResponse(TypedDict):
    header_names: list[str]


class DomainItem(TypedDict):
    organization_id: str
    pod_id: NotRequired[str]
    domain_id: str
    domain: str
    status: DomainStatus
    feedback_enabled: bool
    inbound_enabled: bool
    subdomains_enabled: bool
    tracking_enabled: bool
    updated_at: Moment
    created_at: Moment


class VerificationRecord(TypedDict):
    """A record that the domain's DNS must have."""

    type: Annotated[str, Field(json_schema_extra={"enum": ["TXT", "CNAME", "MX"]})]
    name: str
    value: str
    status: RecordStatus
    priority: NotRequired[int]
    reason: NotRequired[str]


class Domain(DomainItem):
    reason: NotRequired[str]
    records: list[VerificationRecord]


class ListDomainsResponse(Page):
    domains: list[DomainItem]


class ZoneFile(Response):
    """The records as the text of a zone file (RFC 1035 5)."""

    media_type = "text/dns"


class GetSetupLinkResponse(TypedDict):
    supported: bool


class MetricBucket(TypedDict):
    timestamp: Moment
    count: int


class UsagePoint(TypedDict):
    timestamp: Moment
    value: int


class RatePoint(TypedDict):
    """`rate` is null where nothing was sent."""

    timestamp: Moment
    rate: float | None
    sent: int


QueryMetrics = dict[MetricType, list[MetricBucket]]
# What clients of earlier years read is `message`: the moments by the last word of their kind.
EarlierMetrics = dict[MetricType | Literal["message"], list[MetricBucket] | dict[str, list[Moment]]]
QueryUsage = dict[UsageType, list[UsagePoint]]
QueryRates = dict[RateType, list[RatePoint]]


class ErrorResponse(TypedDict):
    """What went wrong, and (`fix`) what to do about it."""

    name: str
    code: str
    message: str
    fix: str


class Problem(TypedDict):
    """What is wrong with an input, and where: the way to it, outermost first."""

    path: list[str | int]
    message: str


class ValidationErrorResponse(ErrorResponse):
    errors: list[Problem]
