"""A delivery: one message on its way to one recipient, a leased row of the outbound queue."""

from enum import StrEnum

from postroom.model.record import Record


class DeliveryState(StrEnum):
    """`captured`: mail to a foreign domain that the sandbox kept on this machine."""

    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    REJECTED = "rejected"
    CAPTURED = "captured"


class Delivery(Record):
    """`envelope_from` is the reverse path; `attempts` counts those begun, this one included."""

    delivery_id: str
    org_id: str
    pod_id: str
    inbox_id: str  # the sender's
    message_id: str  # inner id
    recipient: str
    envelope_from: str
    state: DeliveryState
    attempts: int
    last_error: str | None
