"""Whom an inbox has written to, and when lately, and from whom it got trusted mail: what makes an address no stranger.

Written from envelopes alone, never from a header: those say whatever their writer likes.
"""

import hashlib
from collections.abc import Iterable

from postroom.model.address import address_key
from postroom.service.operation import Context
from postroom.store.queries import policies as queries


def acquaint(context: Context, inbox_id: str, addresses: Iterable[str]) -> None:
    """Make addresses known to an inbox (inner id)."""
    for address in addresses:
        context.tx.insert(queries.ACQUAINT, {"inbox_id": inbox_id, "party": party(inbox_id, address), "latest": ""})


def wrote(context: Context, inbox_id: str, addresses: Iterable[str]) -> None:
    """Make addresses known to an inbox (inner id) that it writes to now."""
    now = f"{context.now:013d}"
    for address in addresses:
        context.tx.insert(queries.WROTE, {"inbox_id": inbox_id, "party": party(inbox_id, address), "latest": now})


def wrote_ten_since(context: Context, inbox_id: str, address: str, since: int) -> bool:
    """Tell whether ten messages have left from an inbox to an address since a moment (UTC milliseconds)."""
    return (context.tx.one(queries.TENTH, inbox_id=inbox_id, party=party(inbox_id, address)) or 0) > since


def is_known(context: Context, inbox_id: str, address: str) -> bool:
    """Tell whether an inbox has written to an address, or got trusted mail from it."""
    return context.tx.one(queries.IS_KNOWN, inbox_id=inbox_id, party=party(inbox_id, address)) is not None


def party(inbox_id: str, address: str) -> bytes:
    """Return the hash that stands for an address (16 bytes); of each inbox another."""
    return hashlib.blake2b(
        f"{inbox_id}\0{address_key(address)}".encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()
