"""Resident memory of `postroom serve`: idle, and the peak while ten mails of 20 MB arrive at once.

RSS summed over the process tree: the stricter of the two usual sums, for what processes share counts for each.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ingest import finish, send_text
from benchmarks.report import Line, Report, at_most
from benchmarks.rounds import rounds
from benchmarks.sides import postroom
from benchmarks.tree import Tree

_IDLE_S = 5.0
_LARGE = 20 * 2**20
_MB = 2**20


class Watch:
    """Keeps the highest sum that a tree reached, looking every 10 ms."""

    def __init__(self, tree: Tree) -> None:
        self.peak = 0
        self._tree = tree
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self.peak = max(self.peak, self._tree.rss())


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Start anew each round, so that no round inherits another's heap."""
    idle: list[float] = []
    more: list[float] = []
    for number in rounds(1, 1, 0) if quick else rounds(1, 3, 20):
        with postroom(folder / str(number)) as house:
            time.sleep(_IDLE_S)
            idle.append(house.tree.rss() / _MB)
            with Watch(house.tree) as watch:
                send_text(house, 10, f"large{number}", size=_LARGE)
                finish(house, 10)
            more.append(watch.peak / _MB - idle[-1])
    yield Line(name="memory: idle (RSS)", unit="MB", ours=idle, promise=at_most(130, " MB"))
    yield Line(name="memory: ten 20-MB mails, more", unit="MB", ours=more, promise=at_most(150, " MB"))
