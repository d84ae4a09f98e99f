"""An inbox: one address that an agent owns."""

from typing import NamedTuple

from postroom.model.record import Record

MetadataValue = str | int | float | bool


class Inbox(Record):
    """`inbox_id` is the inner id; the faces show `address` as the id of an inbox."""

    inbox_id: str
    org_id: str
    pod_id: str
    address: str
    display_name: str | None
    client_id: str | None
    metadata: dict[str, MetadataValue]
    created_at: int
    updated_at: int


class Mailbox(NamedTuple):
    """What inbound mail needs to know of an inbox: where it is."""

    inbox_id: str
    org_id: str
    pod_id: str
    address: str
