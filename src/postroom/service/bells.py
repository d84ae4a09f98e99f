"""Bells: rung after a commit, carrying nothing. A ring that is lost costs one poll, never an event."""

import asyncio
from collections.abc import Iterable


class Bells:
    """Wakes whoever listens to a name (`event`, `delivery`, `draft`, `search`, `purge`, `inbox`) in one event loop."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[asyncio.Event]] = {}

    def listen(self, name: str) -> asyncio.Event:
        """Return an event that is set at each ring of `name`; the listener clears it before it looks."""
        event = asyncio.Event()
        self._listeners.setdefault(name, []).append(event)
        return event

    def ring(self, names: Iterable[str]) -> None:
        """Ring these bells."""
        for name in names:
            for event in self._listeners.get(name, ()):
                event.set()

    def ring_all(self) -> None:
        """Ring every bell: another process has committed something."""
        self.ring(list(self._listeners))


async def heard(bell: asyncio.Event, seconds: float) -> None:
    """Wait until `bell` rings, at most `seconds`, and silence it."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        pass
    bell.clear()
