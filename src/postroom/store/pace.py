"""Which reads are so quick that the hop to a thread and back costs more than they do: learned by kind, from how long
they take. It runs none.
"""

from collections.abc import Callable
from time import monotonic

PROVEN = 3  # reads in a row that were quick in a thread: the next one is done where it is asked for
QUICK_S = 0.002
SLOW_S = 0.005  # where it is asked for, all others wait for it
ALLOWED_S = 0.05  # for so long in all those of a kind may have held up all others: a hiccup of the machine is no fault
SHARE = 200  # and for a second in so many besides


class Pace:
    """What is known of each kind, in one event loop. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._proven: dict[str, int] = {}
        self._held_up: dict[str, tuple[float, float]] = {}  # for how long, as it was at a moment

    def is_quick(self, kind: str) -> bool:
        """Tell whether the next read of this kind may be done where it is asked for."""
        return self._proven.get(kind, 0) >= PROVEN and self._held_up_for(kind) <= ALLOWED_S

    def took(self, kind: str, seconds: float, *, here: bool) -> None:
        """Note how long a read took, in a thread or where it was asked for (`here`)."""
        if here and seconds > SLOW_S:
            self._held_up[kind] = self._held_up_for(kind) + seconds, self._now()
        elif not here:
            self._proven[kind] = self._proven.get(kind, 0) + 1 if seconds <= QUICK_S else 0

    def _held_up_for(self, kind: str) -> float:
        """Return the seconds for which a kind has held up all others, less what is forgiven since."""
        if kind not in self._held_up:
            return 0.0
        seconds, at = self._held_up[kind]
        return max(0.0, seconds - (self._now() - at) / SHARE)
