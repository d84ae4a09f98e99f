"""What the machine asks of every face: to list what there is under names that all share, and to say that it refuses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.compat.one_model.world import Box, Letter, Shown

Ask = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Listed:
    """A whole list as a face tells it, and how many it says there are; None: it does not say."""

    items: list[Shown]
    total: int | None = None


class Face:
    """A face of the house. It tells what it lists in the words of `world.py`, each only of what it shows; a list that
    it has not is None. `size` is the size of its pages. `refusals` are what it raises when it refuses.
    """

    name: str
    refusals: tuple[type[Exception], ...]

    async def boxes(self, size: int) -> Listed:
        raise NotImplementedError

    async def letters(self, box: Box, size: int) -> Listed:
        raise NotImplementedError

    async def threads(self, box: Box, size: int) -> Listed:
        raise NotImplementedError

    async def all_threads(self, size: int) -> Listed | None:
        """Return the threads of all inboxes."""
        return None

    async def letter(self, letter: Letter) -> Shown:
        """Return one message by its name."""
        raise NotImplementedError

    async def thread(self, letter: Letter) -> list[str]:
        """Return the names of the messages of its thread, the oldest first."""
        raise NotImplementedError

    async def hooks(self, size: int) -> Listed | None:
        return None

    async def hooks_of(self, box: Box, size: int) -> Listed | None:
        return None

    async def keys(self, size: int) -> Listed | None:
        return None

    async def sites(self, size: int) -> Listed:
        raise NotImplementedError

    async def drafts(self, size: int) -> Listed | None:
        return None

    def lists(self, letter: Letter) -> bool:
        """Tell whether its list of messages has one that is not hidden."""
        return True

    def name_of(self, letter: Letter) -> str:
        """Return how it names a message."""
        return letter.public


def ms(at: datetime | str | None) -> int | None:
    """Return a moment as UTC milliseconds."""
    if at is None:
        return None
    return round((datetime.fromisoformat(at) if isinstance(at, str) else at).timestamp() * 1000)


async def by_token(ask: Ask, items: Callable[[Any], list[Any]], token: Callable[[Any], str | None]) -> list[Any]:
    """Return a whole list whose pages name the next one."""
    page = await ask(page_token=None)
    found = [*items(page)]
    while (more := token(page)) is not None:
        page = await ask(page_token=more)
        found += items(page)
    return found
