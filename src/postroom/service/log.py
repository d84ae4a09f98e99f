"""The log as live listeners need it: whom to wake since a position."""

from postroom.service.operation import Context, Input, Nothing
from postroom.store.queries import events


class After(Input):
    """A position, and how many events to look at."""

    position: int
    limit: int = 500


def feed(context: Context, given: After) -> list[tuple[int, str | None]]:
    """Return position and inbox (inner id) of the events after a position, in order."""
    return context.tx.all(events.FEED, after=given.position, n=given.limit)


def newest(context: Context, _given: Nothing) -> int:
    """Return the position of the newest event."""
    return context.tx.position()
