"""Events: what became true, written in the transaction that made it so. Ids and facts, never bodies."""

from enum import StrEnum
from typing import Any

from postroom.model.record import Record


class EventType(StrEnum):
    INBOX_CREATED = "inbox.created"
    INBOX_DELETED = "inbox.deleted"
    INBOX_TRASHED = "inbox.trashed"
    INBOX_RESTORED = "inbox.restored"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_RECEIVED_SPAM = "message.received.spam"
    MESSAGE_RECEIVED_BLOCKED = "message.received.blocked"
    MESSAGE_RECEIVED_UNAUTHENTICATED = "message.received.unauthenticated"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_BOUNCED = "message.bounced"
    MESSAGE_COMPLAINED = "message.complained"
    MESSAGE_REJECTED = "message.rejected"
    MESSAGE_OPENED = "message.opened"
    MESSAGE_CAPTURED = "message.captured"
    MESSAGE_HELD = "message.held"
    APPROVAL_APPROVED = "approval.approved"
    APPROVAL_REJECTED = "approval.rejected"
    APPROVAL_EXPIRED = "approval.expired"
    APPROVAL_VOIDED = "approval.voided"
    CLAIM_RELEASED = "claim.released"
    DRAFT_FAILED = "draft.failed"
    DOMAIN_VERIFIED = "domain.verified"
    WEBHOOK_TESTED = "webhook.test"
    LABEL_ADDED = "label.added"
    LABEL_REMOVED = "label.removed"


class LabelChange(Record):
    """A label that was put on a message or taken off, as the journal of an inbox has it."""

    seq: int  # its position in the log
    type: EventType
    org_id: str
    pod_id: str
    timestamp: int
    message_id: str  # public id
    label: str

    @property
    def event_id(self) -> str:
        """The id that faces show, as of every event."""
        return event_id(self.seq)


def event_id(position: int) -> str:
    """Return the id of the event at a position: made of that alone, which is given once."""
    return f"evt_{position:016d}"


class Event(Record):
    """`position` is its place in the log: a later commit has a higher one. `data` holds ids and facts as JSON."""

    position: int
    type: EventType
    org_id: str
    pod_id: str
    inbox_id: str | None
    at: int
    data: dict[str, Any]

    @property
    def event_id(self) -> str:
        """The id that faces show, the same for ever."""
        return event_id(self.position)
