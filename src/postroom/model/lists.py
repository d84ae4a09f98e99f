"""Who may write to whom: entries of allow and block lists, and how an entry is spelled. It judges nobody."""

from enum import StrEnum
from typing import NamedTuple

from postroom.model.address import address_key, domain_key, is_address, is_domain, split
from postroom.model.errors import InvalidInput
from postroom.model.record import Record


class Direction(StrEnum):
    """What a list is asked about: recipients of what is sent; senders of what arrives, answers to our mail apart."""

    SEND = "send"
    RECEIVE = "receive"
    REPLY = "reply"


class ListType(StrEnum):
    ALLOW = "allow"
    BLOCK = "block"


class EntryType(StrEnum):
    """A domain stands for all addresses at it, and for none at its subdomains."""

    EMAIL = "email"
    DOMAIN = "domain"


class ListEntry(Record):
    """An entry of a list of an organization, of a pod (`pod_id`) or of an inbox (`pod_id` and `inbox_id`).

    `entry` is folded: one spelling stands for all that mean the same mailbox or domain. `read_only`: Postroom keeps it.
    """

    org_id: str
    pod_id: str | None
    inbox_id: str | None  # inner id
    inbox_address: str | None
    direction: Direction
    list_type: ListType
    entry: str
    entry_type: EntryType
    reason: str | None
    read_only: bool
    created_at: int  # UTC milliseconds


class Entry(NamedTuple):
    """An address or a domain as lists keep it."""

    key: str
    type: EntryType


def read_entry(text: str) -> Entry:
    """Return the folded spelling of an address or a domain. Raises InvalidInput for what is neither."""
    given = text.strip()
    if "@" in given:
        if is_address(given):
            return Entry(address_key(given), EntryType.EMAIL)
    elif "." in given.rstrip(".") and is_domain(given.removesuffix(".")):
        return Entry(domain_key(given), EntryType.DOMAIN)
    raise InvalidInput.at(
        "entry", f"{text[:200]!r} is neither an address nor a domain.", fix="Write name@example.com or example.com."
    )


def keys_of(address: str) -> tuple[str, str]:
    """Return under which entries an address falls: its own and its domain's."""
    return address_key(address), domain_key(split(address)[1])
