"""Lets those who ask the same at the same moment be answered by one asking. Keeps no answer.

Who asks joins only an asking that has not begun: nobody is answered with what was true before it asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """Askings that are about to begin, each by what is asked and who asks."""

    def __init__(self) -> None:
        self._gathering: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(self, key: Hashable, asking: Callable[[], Awaitable[T]]) -> T:
        """Return what `asking` gives, done once for all that give an equal `key` before it begins; raise as it does."""
        task = self._gathering.get(key)
        if task is None:
            task = self._gathering[key] = asyncio.create_task(self._begin(key, asking))
        # Who gives up leaves the others their answer.
        return await asyncio.shield(task)

    async def _begin(self, key: Hashable, asking: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(0)  # whoever the same bell has woken asks within this turn of the loop
        del self._gathering[key]
        return await asking()
