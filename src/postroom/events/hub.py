"""The hub: live listeners of this process. Nothing here is kept; a wake carries no data, the listener looks."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from postroom.events.together import Together


class Hub:
    """Wakes who listens to an inbox (inner id), or to all of an organization (its id).

    `together`: a thousand that one bell has woken ask the same, and one answer serves them.
    """

    def __init__(self) -> None:
        self.together = Together()
        self._listeners: dict[str, set[asyncio.Event]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nobody listens."""
        return not self._listeners

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when something happened there; the listener clears it and looks."""
        event = asyncio.Event()
        self._listeners.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            listeners = self._listeners[name]
            listeners.discard(event)
            if not listeners:
                del self._listeners[name]

    def wake(self, names: Iterable[str | None]) -> None:
        """Wake the listeners of these inboxes and organizations."""
        for name in set(names):
            for event in self._listeners.get(name or "", ()):
                event.set()

    def wake_all(self) -> None:
        """Wake everybody: something may have happened anywhere."""
        self.wake(list(self._listeners))
