"""Which reads are so quick that the hop to a thread and back costs more than they do: learned by kind, from how long
they take. It runs none.
"""

from collections.abc import Callable
from time import monotonic

PROVEN = 3  # reads in a row that were quick in a thread: the next one is done where it is asked for
QUICK_S = 0.002
SLOW_S = 0.005  # where it is asked for, all others wait for it
SHARE = 200  # for so many times as long as one held up all others, those of its kind go to a thread again


class Pace:
    """What is known of each kind, in one event loop. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._proven: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def is_quick(self, kind: str) -> bool:
        """Tell whether the next read of this kind may be done where it is asked for."""
        return self._proven.get(kind, 0) >= PROVEN

    def took(self, kind: str, seconds: float, *, here: bool) -> None:
        """Note how long a read took, in a thread or where it was asked for (`here`)."""
        if seconds > (SLOW_S if here else QUICK_S):
            self._proven[kind] = 0
            if here:
                self._until[kind] = self._now() + seconds * SHARE
        elif self._now() >= self._until.get(kind, 0.0):
            self._proven[kind] = self._proven.get(kind, 0) + 1
