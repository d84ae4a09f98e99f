"""An inbox with very many messages, for what must not get slower with them. It measures nothing."""

import asyncio
from pathlib import Path

from benchmarks.engine import Figures, inside, run_apart, take
from benchmarks.mail import Writer
from benchmarks.sides import DOMAIN, Postroom
from benchmarks.tree import until
from postroom.server import Postroom as House

NAME = "archive"
BOX = f"{NAME}@{DOMAIN}"
LARGE, QUICK = 100_000, 25_000
_FILLERS = 200


def fill(house: Postroom, folder: Path, *, quick: bool) -> int:
    """Make the inbox in the house that has its data in `folder`, and wait until all is at rest; return how many."""
    size = QUICK if quick else LARGE
    run_apart("benchmarks.archive", folder, size)
    until(house.at_rest, 120, "the search index")
    return size


async def _fill(house: House, size: int) -> Figures:
    actor = await house.actor(None)
    await house.desk.call("inboxes.create", actor, {"username": NAME})
    writer = Writer(NAME)
    numbers = iter(range(size))

    async def fill_some() -> None:
        for number in numbers:
            await take(house, BOX, writer.message(BOX, 2048, f"unique{number:06d}x"))

    await asyncio.gather(*(fill_some() for _ in range(_FILLERS)))
    return {}


if __name__ == "__main__":
    inside(_fill)
