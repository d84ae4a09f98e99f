"""Events: what became true, written in the transaction that made it so. Ids and facts, never bodies."""

from enum import StrEnum
from typing import Any

from postroom.model.record import Record


class EventType(StrEnum):
    INBOX_CREATED = "inbox.created"
    INBOX_DELETED = "inbox.deleted"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_BOUNCED = "message.bounced"
    MESSAGE_CAPTURED = "message.captured"
    LABEL_ADDED = "label.added"
    LABEL_REMOVED = "label.removed"


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
        """The id that faces show, the same for ever: made of the position, which is given once."""
        return f"evt_{self.position:016d}"
