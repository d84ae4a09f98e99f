"""Whom an answer goes to. It composes nothing and judges nobody."""

from postroom.mime.compose import clean
from postroom.model.address import address_key, read_address
from postroom.model.errors import InvalidInput
from postroom.model.message import Message


def recipients(
    original: Message, mine: str, *, everybody: bool, also: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """Return to and cc of an answer from the address `mine`; `also` get a copy besides, unless they have one anyway.

    Answering one's own message goes on to those that it was for.
    """
    own = original.envelope_from is None
    to = original.to if own else (original.reply_to or ((original.from_,) if original.from_ else ()))
    seen = {address_key(mine)} if everybody else set()
    if everybody:
        found = {
            "to": _usable((*to, *(() if own else original.to)), seen) or to,
            "cc": _usable(original.cc, seen),
        }
    else:
        found = {"to": _usable(to, seen) or to}
    if also:
        found["cc"] = (*found.get("cc", ()), *_others(also, seen))
    return found


def _others(given: tuple[str, ...], seen: set[str]) -> tuple[str, ...]:
    """Return those that are not in `seen` yet. Raises InvalidInput for what is no address: a caller wrote it."""
    kept = {read_address(one, "cc").key: one for one in given}
    return tuple(one for key, one in kept.items() if key not in seen)


def _usable(shown: tuple[str, ...], seen: set[str]) -> tuple[str, ...]:
    """Return those that are addresses and not in `seen` yet: what a mail from outside says may be neither."""
    kept: list[str] = []
    for one in shown:
        try:
            key = read_address(clean(one)).key
        except InvalidInput:
            continue
        if key not in seen:
            seen.add(key)
            kept.append(clean(one))
    return tuple(kept)
