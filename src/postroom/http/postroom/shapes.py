"""What the answers of our own dialect look like; the document at /v1/postroom/openapi.json is made of them."""

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 (pydantic reads no other before Python 3.12)

from postroom.http.agentmail.shapes import DraftItem, MessageItem, ThreadItem
from postroom.model.event import EventType

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, with milliseconds and a Z.")]


class LoggedEvent(TypedDict):
    """What became true, once. `data` holds ids and facts; `inbox_id` is absent where there is none any more."""

    event_id: str
    type: EventType
    position: int
    organization_id: str
    pod_id: str
    inbox_id: NotRequired[str]
    at: Moment
    data: dict[str, Any]


class ListLoggedEventsResponse(TypedDict):
    """Go on with `after` = `position`; `has_more`: at once."""

    count: int
    position: int
    has_more: bool
    events: list[LoggedEvent]


class Claim(TypedDict):
    """A conversation that nobody else may claim until `lease_until`."""

    claim_id: str
    lease_until: Moment
    attempt: int
    is_last: bool
    thread: ThreadItem
    messages: list[MessageItem]


class ClaimResponse(TypedDict):
    """`claim` is absent when nothing is due."""

    claim: NotRequired[Claim]


class ExtendedResponse(TypedDict):
    claim_id: str
    thread_id: str
    lease_until: Moment


class TrashItem(TypedDict):
    """`message` is there where `kind` is message, `draft` where it is draft; an inbox stands for all that it has."""

    kind: Literal["inbox", "message", "draft"]
    inbox_id: str
    deleted_at: Moment
    until: Moment
    message: NotRequired[MessageItem]
    draft: NotRequired[DraftItem]


class ListTrashResponse(TypedDict):
    count: int
    trash: list[TrashItem]
    limit: NotRequired[int]
    next_page_token: NotRequired[str]


class RestoredResponse(TypedDict):
    restored: bool


class SettledResponse(TypedDict):
    """`waits`: it is in the queue still, or again."""

    thread_id: str
    waits: bool


class SentResponse(TypedDict):
    message_id: str
    thread_id: str


class WorkItem(TypedDict):
    """A conversation with unanswered mail."""

    thread_id: str
    state: Literal["waiting", "claimed", "deferred", "set_aside"]
    attempts: int
    due_at: NotRequired[Moment]
    lease_until: NotRequired[Moment]
    reason: NotRequired[str]
    changed_at: Moment
    thread: ThreadItem


class ListWorkResponse(TypedDict):
    count: int
    claims: list[WorkItem]
    limit: NotRequired[int]
    next_page_token: NotRequired[str]


class Upload(TypedDict):
    """A file that messages and drafts of its inbox attach by `handle`, as often as you like, until `expires_at`."""

    handle: str
    inbox_id: str
    filename: NotRequired[str]
    content_type: str
    size: int
    sha256: str
    created_at: Moment
    expires_at: Moment


class DraftFile(TypedDict):
    attachment_id: str
    size: int


class DraftResponse(TypedDict):
    """The rest of a draft is read as over /v0."""

    draft_id: str
    attachments: list[DraftFile]


class Approval(TypedDict):
    """A message that was held. `digest` (SHA-256) is of its sender, its recipients and its bytes."""

    approval_id: str
    inbox_id: str
    draft_id: str
    thread_id: NotRequired[str]
    state: Literal["pending", "approved", "rejected", "expired", "voided"]
    rule: str
    reason: str
    subject: NotRequired[str]
    recipients: list[str]
    digest: str
    asked_by: NotRequired[str]
    decided_by: NotRequired[str]
    decided_at: NotRequired[Moment]
    comment: NotRequired[str]
    created_at: Moment
    expires_at: Moment


class HeaderField(TypedDict):
    name: str
    value: str


class WirePart(TypedDict):
    """A part, or a multipart that holds those after it. `head` is its own header block, `text` is of texts alone."""

    content_type: str
    filename: NotRequired[str]
    disposition: NotRequired[str]
    size: int
    head: NotRequired[str]
    text: NotRequired[str]
    truncated: bool


class WireMessage(TypedDict):
    """A held message as it would leave, nothing left out: `outside` is text that stands outside of all parts."""

    size: int
    headers: list[HeaderField]
    parts: list[WirePart]
    outside: NotRequired[str]
    outside_truncated: bool
    problem: NotRequired[str]


class ApprovalInFull(Approval):
    """`message` is there until it is decided."""

    message: NotRequired[WireMessage]


class ListApprovalsResponse(TypedDict):
    count: int
    approvals: list[Approval]
    limit: NotRequired[int]
    next_page_token: NotRequired[str]


class CheckedResponse(TypedDict):
    """`rule`, `reason` and `fix` are there where the message would not leave at once."""

    outcome: Literal["sent", "held", "refused"]
    recipients: list[str]
    rule: NotRequired[str]
    reason: NotRequired[str]
    fix: NotRequired[str]


class Policy(TypedDict):
    """What may leave, and what waits for a person. Of the organization where no other id is named."""

    subject: Literal["organization", "pod", "inbox", "key"]
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
    api_key_id: NotRequired[str]
    recipients: Literal["open", "allowlist", "deny"]
    allowed: list[str]
    approval: Literal["none", "new_recipients", "external", "all"]
    reply_only: bool
    max_recipients_per_day: NotRequired[int]
    max_mails_per_day: NotRequired[int]
    taint: bool
    elicitation: bool
    created_at: Moment
    updated_at: Moment


class ListPoliciesResponse(TypedDict):
    count: int
    policies: list[Policy]
    limit: NotRequired[int]
    next_page_token: NotRequired[str]
