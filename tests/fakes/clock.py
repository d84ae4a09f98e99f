"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime

START = int(datetime(2026, 3, 2, 9, 0, tzinfo=UTC).timestamp() * 1000)
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class FakeClock:
    """`now` is UTC milliseconds; calling the clock gives it."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass."""
        self.now += ms
