"""Who a sender is to an inbox: an inbox here, somebody it wrote to, somebody who wrote before, nobody yet.

Kept among the references of the inbox, in rows that go with the thread that they came with. Proves nothing: the address
in From is what a sender says of himself, so this may only make a reader more careful.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from postroom.model.address import read_address
from postroom.model.errors import InvalidInput
from postroom.model.message import Listed, Origin
from postroom.service.operation import Context
from postroom.store.queries import messages as queries

MAX_NOTED = 100  # parties of one message that are written down
_MAX_KEY = 320  # RFC 5321 4.5.3.1: what is longer can be written to by nobody
Standing = Literal["this_inbox", "inbox_here", "written_to", "known", "first_contact"]


class Contact(NamedTuple):
    """When an address first wrote to an inbox, and when the inbox first wrote to it; UTC milliseconds, None: never."""

    first_at: int | None = None
    wrote_at: int | None = None


def note(
    context: Context,
    inbox_id: str,
    thread_id: str,
    *,
    senders: Iterable[str] = (),
    recipients: Iterable[str] = (),
) -> None:
    """Write down who wrote to an inbox, or whom it wrote to (keys of addresses); what is known stays as it is."""
    wanted = [f"from:{key}" for key in senders] + [f"to:{key}" for key in recipients]
    row = {"inbox_id": inbox_id, "thread_id": thread_id, "at": context.now, "message_seq": None, "digest": None}
    for reference in list(dict.fromkeys(wanted))[:MAX_NOTED]:
        if len(reference) <= _MAX_KEY:
            context.tx.insert(queries.ADD_REFERENCE, {**row, "reference": reference})


def of_senders(context: Context, messages: Iterable[Listed]) -> dict[str, Contact]:
    """Return what is known of the senders of messages of one inbox, by their From as it is shown."""
    listed = list(messages)
    return of_people(context, listed[0].inbox_id, {m.from_: None for m in listed}) if listed else {}


def of_people(context: Context, inbox_id: str, people: Iterable[str]) -> dict[str, Contact]:
    """Return what is known of people, given as lists show them; a few of them by one look-up."""
    keys = {shown: key for shown in people if (key := key_of(shown)) is not None}
    wanted = [f"{way}:{key}" for key in dict.fromkeys(keys.values()) for way in ("from", "to")]
    times = dict(context.tx.among(queries.CONTACTS, queries.REFERENCES, wanted, inbox_id=inbox_id))
    return {shown: Contact(times.get(f"from:{key}"), times.get(f"to:{key}")) for shown, key in keys.items()}


def find(context: Context, inbox_id: str, shown: str) -> Contact:
    """Return what is known of an address, given as lists show it."""
    if (key := key_of(shown)) is None:
        return Contact()
    rows = context.tx.all(queries.CONTACT, inbox_id=inbox_id, from_key=f"from:{key}", to_key=f"to:{key}")
    times: Mapping[str, int] = dict(rows)
    return Contact(times.get(f"from:{key}"), times.get(f"to:{key}"))


@lru_cache(maxsize=4096)
def key_of(shown: str) -> str | None:
    """Return the key of an address that is given as lists show it, None for what is none."""
    try:
        return read_address(shown).key
    except InvalidInput:
        return None


def standing(origin: Origin, contact: Contact, at: int) -> Standing:
    """Say who the sender of a message was when it came, `at`; by what its From says unless it was written here."""
    if origin in ("sent", "local"):
        return "this_inbox" if origin == "sent" else "inbox_here"
    if contact.wrote_at is not None and contact.wrote_at < at:
        return "written_to"
    return "known" if contact.first_at is not None and contact.first_at < at else "first_contact"
