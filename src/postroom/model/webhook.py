"""Webhooks: who is told of which events, at which address; and what one telling of one event is."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from postroom.model.event import Event
from postroom.model.record import Record

# The names by which the official clients know events. Those of mail that a policy classified are asked for by name.
CLASSIFIED = {
    "message.received.spam": "label_spam_read",
    "message.received.blocked": "label_blocked_read",
    "message.received.unauthenticated": "label_unauthenticated_read",
}
STANDARD = (
    *("message.received", "message.sent", "message.delivered", "message.bounced", "message.complained"),
    *("message.rejected", "message.opened", "domain.verified"),
)
# Of things that this server has not: they may be asked for, and never happen.
SILENT = (
    *("message.security.completed", "message.security.review", "message.security.override"),
    *("calendar.event.created", "calendar.event.updated", "calendar.event.deleted"),
    *("calendar.event.responded", "calendar.event.starting", "calendar.event.ending"),
)
EVENT_TYPES = (*STANDARD, *CLASSIFIED, *SILENT)


# Whose bodies a webhook may be sent; the server has a renderer for each.
Dialect = Literal["agentmail", "inai", "transactional"]


def permissions_for(event_type: str) -> tuple[str, ...]:
    """Return the permissions that a key must have to be told of events of a type."""
    if event_type == "domain.verified":
        return ("domain_read",)
    if event_type.startswith("message."):
        return ("message_read", *((CLASSIFIED[event_type],) if event_type in CLASSIFIED else ()))
    return ()


class Subscription(Record):
    """Which events somebody is told of. `event_types` empty = the standard ones; `pod_ids` and `inbox_ids` (inner ids)
    both empty = all within reach, else what lies in any of them.
    """

    event_types: tuple[str, ...] = ()
    pod_ids: tuple[str, ...] = ()
    inbox_ids: tuple[str, ...] = ()

    def includes(self, event: Event) -> bool:
        """Tell whether `event`, which is within reach, is one of these."""
        if event.type.value not in (self.event_types or STANDARD):
            return False
        if not self.pod_ids and not self.inbox_ids:
            return True
        return event.pod_id in self.pod_ids or event.inbox_id in self.inbox_ids


class Webhook(Record):
    """An address that is told of events. `pod_id`, `inbox_id`: where it was made, None = the organization.

    `inboxes` maps inner ids to the addresses of those that it is told of. `secret` and `headers` are sealed as kept;
    services open them.
    """

    webhook_id: str
    org_id: str
    pod_id: str | None
    inbox_id: str | None
    inbox_address: str | None
    client_id: str | None
    dialect: Dialect  # whose bodies it is sent
    url: str
    event_types: tuple[str, ...]  # empty = the standard ones
    pod_ids: tuple[str, ...]
    inboxes: dict[str, str]
    secret: str = Field(repr=False)
    headers: str | None = Field(repr=False)
    enabled: bool
    created_at: int
    updated_at: int
    failing_since: int | None = None  # when the first of the tries was that failed one after the other, up to now

    def wants(self, event: Event) -> bool:
        """Tell whether it is told of `event`, which is of its organization."""
        within = self.pod_id in (None, event.pod_id) and self.inbox_id in (None, event.inbox_id)
        asked = Subscription(event_types=self.event_types, pod_ids=self.pod_ids, inbox_ids=tuple(self.inboxes))
        return self.enabled and within and asked.includes(event)


class NotificationState(StrEnum):
    """`gone`: its message, or the webhook's leave to be told, went away before it was told."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


class Notification(Record):
    """One event on its way to one webhook. `attempts` counts those begun; `body` is set once one has failed."""

    notification_id: str
    webhook_id: str
    position: int  # of the event
    attempts: int
    body: bytes | None = Field(repr=False)
