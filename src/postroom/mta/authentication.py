"""AUTH (RFC 4954): what its mechanisms say line by line, and how long who was wrong waits. Knows no key."""

import base64
import binascii
from collections import OrderedDict
from collections.abc import Callable, Generator

# Yields what the client is asked, in base64; takes its answers, in base64; returns who it says it is, and the secret.
Exchange = Generator[str, str, tuple[str, str]]

_REMEMBERED = 10_000  # peers
_FORGIVEN_AFTER = 600.0  # seconds without a wrong answer


def _text(answer: str) -> str:
    try:
        return base64.b64decode(answer, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValueError("not UTF-8 in base64") from None


def _plain() -> Exchange:
    """RFC 4616: everything in one message."""
    parts = _text((yield "")).split("\0")
    if len(parts) != 3 or not all(parts[1:]):
        raise ValueError("not [authzid] NUL authcid NUL passwd")
    acts_for, user, password = parts
    # Nobody may act for another: a password that fits nothing has the answer of any wrong one.
    return user, password if acts_for in ("", user) else ""


def _login() -> Exchange:
    """Never standardised (draft-murchison-sasl-login), spoken by many clients."""
    user = _text((yield base64.b64encode(b"Username:").decode()))
    password = _text((yield base64.b64encode(b"Password:").decode()))
    return user, password


MECHANISMS: dict[str, Callable[[], Exchange]] = {"PLAIN": _plain, "LOGIN": _login}


class Delays:
    """How long each peer waits before it hears that its credentials are wrong: twice as long each time.

    Only who was wrong waits; `first` and `longest` are seconds.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how often, and when last; oldest first

    def next(self, peer: str, now: float) -> float:
        """Count a wrong answer of `peer` at `now` (seconds of a monotonic clock); return the seconds that it waits."""
        times, at = self._wrong.pop(peer, (0, now))
        times = 0 if now - at > _FORGIVEN_AFTER else times
        self._wrong[peer] = (times + 1, now)
        while len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)
        return min(self._first * 2.0 ** min(times, 30), self._longest)
