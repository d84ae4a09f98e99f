"""Drafts: messages that are written and not sent yet, by hand or at a moment that was set."""

from enum import StrEnum

from pydantic import Field

from postroom.model.message import Attachment
from postroom.model.policy import Taint
from postroom.model.record import Record


class SendStatus(StrEnum):
    """How a draft stands that is to be sent. FAILED: it was not sent and will not be, until `send_at` is set again.

    PENDING_APPROVAL: it was held on its way out and waits for a person; no worker looks at it.
    """

    SCHEDULED = "scheduled"
    SENDING = "sending"
    FAILED = "failed"
    PENDING_APPROVAL = "pending_approval"


class DraftSummary(Record):
    """A draft as a list shows it: no bodies. What it answers or forwards is fixed when it is made.

    `to` and `cc` of an answer are there from the start, for whoever looks it over; its quotes come when it is sent.
    """

    seq: int  # its number in the store: the order within one millisecond
    draft_id: str
    version: int  # one more at every change: what was read at one version is not sent at another
    org_id: str
    pod_id: str
    inbox_id: str
    inbox_address: str
    client_id: str | None
    labels: tuple[str, ...]  # the caller's own; and `draft`, and `scheduled` while it waits for its moment
    reply_to: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str | None
    preview: str | None
    attachments: tuple[Attachment, ...]  # `part` says nothing here: there are no raw bytes yet
    in_reply_to: str | None  # public id of the message that it answers
    forward_of: str | None  # public id of the message that it forwards
    original_id: str | None  # inner id of either
    thread_id: str | None  # of that message
    references: tuple[str, ...]
    send_status: SendStatus | None  # None: it waits for nobody but its writer
    send_at: int | None  # UTC milliseconds, as all times here
    send_error: str | None  # why it failed, a sentence
    created_at: int
    updated_at: int
    written_by: tuple[str, ...] = ()  # the key that wrote it last, then those that made it; empty: the local owner
    tainted: Taint | None = None  # how it was ever written of what came from outside; whoever sends it, it stays so
    headers: dict[str, str] = Field(default_factory=dict)  # further header fields, as they will stand in the message
    replaces: bool = False  # of a forward: its text or html stands in the place of the original's

    @property
    def timestamp(self) -> int:
        """The time by which drafts are listed."""
        return self.updated_at


class Draft(DraftSummary):
    """A draft with its bodies."""

    text: str | None
    html: str | None
