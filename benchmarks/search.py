"""Search in a large inbox: how long one takes, and how soon after its commit a new message is found."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from benchmarks.engine import Figures, inside, run_apart, take
from benchmarks.mail import Writer
from benchmarks.report import Line, Report, at_most
from benchmarks.sides import DOMAIN
from postroom.server import Postroom

_BOX = f"archive@{DOMAIN}"
_LARGE, _QUICK = 20_000, 1_000
_AT_ONCE = 100


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Fill an inbox, search it, then time new messages into the index."""
    size = _QUICK if quick else _LARGE
    figures = run_apart("benchmarks.search", folder, size)
    yield Line(name="search: commit to found, worst", unit="s", ours=[max(figures["fresh"])], promise=at_most(1, " s"))
    for kind in ("common word", "rare word", "two words"):
        yield Line(name=f"search in {size:,}: {kind}, p50", unit="ms", ours=figures[kind])


async def _fill_and_search(house: Postroom, size: int) -> Figures:
    actor = await house.actor(None)
    await house.desk.call("inboxes.create", actor, {"username": "archive"})
    writer = Writer("archive")
    words = iter(range(size))

    async def fill() -> None:
        for number in words:
            await take(house, _BOX, writer.message(_BOX, 2048, f"unique{number:06d}x"))

    await asyncio.gather(*(fill() for _ in range(_AT_ONCE)))

    async def found(q: str) -> int:
        page = await house.desk.call("messages.search", actor, {"inbox_id": _BOX, "q": q, "limit": 25})
        return len(page.items)

    await _until_found(found, f"unique{size - 1:06d}x", 60)
    rare = [f"unique{number * 37 % size:06d}x" for number in range(60)]
    return {
        "common word": [await _timed(found, "project") for _ in range(60)],
        "rare word": [await _timed(found, word) for word in rare],
        "two words": [await _timed(found, "invoice monday") for _ in range(60)],
        "fresh": [await _fresh(house, writer, found, f"fresh{number:03d}x") for number in range(15)],
    }


Found = Callable[[str], Awaitable[int]]


async def _timed(found: Found, q: str) -> float:
    begun = time.perf_counter()
    if not await found(q):
        raise RuntimeError(f"{q} is not found")
    return (time.perf_counter() - begun) * 1000


async def _fresh(house: Postroom, writer: Writer, found: Found, word: str) -> float:
    await take(house, _BOX, writer.message(_BOX, 5120, word))
    begun = time.perf_counter()
    await _until_found(found, word, 10)
    return time.perf_counter() - begun


async def _until_found(found: Found, word: str, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await found(word):  # noqa: ASYNC110  # to be told of it is not what is measured
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    inside(_fill_and_search)
