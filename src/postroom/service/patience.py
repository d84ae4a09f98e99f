"""How long a peer waits after wrong tries, and how often it may ask at all: kept in this process, for a bounded number
of peers. It knows no key and no client.
"""

import contextlib
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from postroom.model.errors import TooMany

FIRST_MS = 1_000
LONGEST_MS = 60_000
_PEERS = 4_096


class Patience:
    """A try is counted as wrong when it begins, so that many at once are not faster than one after the other."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, int]] = {}  # how many, and until when the next one waits

    def begin(self, peer: str) -> None:
        """Let a peer try. Raises TooMany: the wait after its last wrong try is not over."""
        name, now = _name(peer), self._clock()
        count, until = self._wrong.pop(name, (0, 0))
        if now < until:
            self._wrong[name] = (count, until)
            raise TooMany(f"Too many wrong tries: wait {(until - now + 999) // 1000} s.")
        if len(self._wrong) >= _PEERS:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[name] = (count + 1, now + min(FIRST_MS << min(count, 16), LONGEST_MS))

    def forgive(self, peer: str) -> None:
        """Forget the wrong tries of a peer whose try was right."""
        self._wrong.pop(_name(peer), None)


class Quota:
    """So many times in a window (milliseconds) for each peer."""

    def __init__(self, clock: Callable[[], int], times: int, window: int) -> None:
        self._clock = clock
        self._times = times
        self._window = window
        self._asked: dict[str, tuple[int, int]] = {}  # when the window began, and how often since

    def take(self, peer: str) -> None:
        """Count one. Raises TooMany: the window has no more."""
        name, now = _name(peer), self._clock()
        began, count = self._asked.pop(name, (now, 0))
        if now - began >= self._window:
            began, count = now, 0
        if len(self._asked) >= _PEERS:
            del self._asked[next(iter(self._asked))]
        self._asked[name] = (began, min(count + 1, self._times + 1))
        if count >= self._times:
            raise TooMany("Asked too often.", fix="Try again later.")


def _name(peer: str) -> str:
    """Return what counts as one peer: an address, of IPv6 the network of 64 bits that one customer has."""
    with contextlib.suppress(ValueError):
        address = ip_address(peer)
        if isinstance(address, IPv6Address):
            return str(int(address) >> 64)
    return peer
