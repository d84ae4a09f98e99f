"""Identifiers and randomness: the only source of both.

An id is a prefix that names the kind and 128 bits in 26 characters: 48 bits of UTC milliseconds, then 80 random
ones, so that ids sort by the time they were made (up to the order within one millisecond).
"""

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))


def new_id(prefix: str, at: int) -> str:
    """Return ``prefix_`` and 26 characters for the moment `at` (UTC milliseconds)."""
    n = (at << 80) | int.from_bytes(secrets.token_bytes(10), "big")
    return f"{prefix}_{''.join([_PAIRS[n >> shift & 1023] for shift in _SHIFTS])}"


def time_of(identifier: str) -> int:
    """Return when an id was made (UTC milliseconds), as its letters say it: whoever wrote them."""
    letters = identifier.rpartition("_")[2][:10]
    return sum(ALPHABET.index(letter) << 5 * place for place, letter in enumerate(reversed(letters)))


def new_secret(prefix: str) -> str:
    """Return ``prefix_`` and 256 random bits, base64url: an API key."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def random_bytes(size: int) -> bytes:
    """Return `size` random bytes."""
    return secrets.token_bytes(size)
