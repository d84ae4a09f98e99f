"""An inbox: one address that an agent owns."""

import re
import unicodedata
from enum import StrEnum
from typing import NamedTuple

from postroom.model.record import Record

MetadataValue = str | int | float | bool
_WORD = re.compile(r"[^\W_]+")
_MAX_WORD = 64


class InboxStatus(StrEnum):
    """A paused inbox sends nothing, and what arrives for it is taken and thrown away."""

    ACTIVE = "active"
    PAUSED = "paused"


class Inbox(Record):
    """`inbox_id` is the inner id; the faces show `address` as the id of an inbox."""

    inbox_id: str
    org_id: str
    pod_id: str
    address: str
    display_name: str | None
    client_id: str | None
    status: InboxStatus
    metadata: dict[str, MetadataValue]
    created_at: int
    updated_at: int


class Mailbox(NamedTuple):
    """What inbound mail needs to know of an inbox: where it is, whether it takes mail, whether lists may hold it."""

    inbox_id: str
    org_id: str
    pod_id: str
    address: str
    paused: bool = False
    has_lists: bool = False  # what only looking for a destination tells


def words_of(*texts: str | None) -> frozenset[str]:
    """Return the words by whose beginnings an inbox is found: letters and digits, without case and accents."""
    plain = unicodedata.normalize("NFKD", " ".join(filter(None, texts)).casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return frozenset(word[:_MAX_WORD] for word in _WORD.findall(letters))
