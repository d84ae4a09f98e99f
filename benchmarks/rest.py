"""What /v0 answers beside a bare Starlette app that reads the same rows: lists, deep pages, one message.

The bare app (`bare.py`) reads the same database file while ours serves it. Sixteen callers ask each in turn.
"""

import contextlib
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from benchmarks.archive import BOX, fill
from benchmarks.callers import rate
from benchmarks.report import Line, Report, at_least, compared
from benchmarks.rounds import rounds
from benchmarks.sides import Postroom, postroom
from benchmarks.tree import read_line, running

_LIST = f"/v0/inboxes/{BOX}/messages"
_DEEP = 20_000  # messages before page 1,000 of 20
_CALLERS = 16


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Fill an inbox, then ask both servers the same."""
    figures: dict[str, list[float]] = defaultdict(list)
    calls = 600 if quick else 2000
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(postroom(folder / "ours"))
        size = fill(ours, folder / "ours", quick=quick)
        command = [sys.executable, "-m", "benchmarks.bare", str(ours.home / "postroom.db")]
        bare = stack.enter_context(running(command, folder / "bare.log"))
        url = read_line(bare.process.stdout, 20, "the bare app").decode().strip()
        first, deep, some = _first(ours), _deep(ours), _some(ours)
        for side in (ours.http, url) * 2:  # warm
            rate(side, ours.owner_key, [first, *some], calls // 4, _CALLERS)
        for _round in rounds(3, 3, 0) if quick else rounds(7, 11, 60):
            for name, side, paths in (
                ("list", ours.http, [first]),
                ("bare list", url, [first]),
                ("deep", ours.http, [deep]),
                ("get", ours.http, some),
                ("bare get", url, some),
            ):
                figures[name].append(rate(side, ours.owner_key, paths, calls, _CALLERS))
    name = f"/v0: list 20 of {size:,}"
    yield compared(name, "/s", figures["list"], figures["bare list"], at_least(0.7))
    yield compared("/v0: list page 1,000 (other: page 1)", "/s", figures["deep"], figures["list"], at_least(0.8))
    yield compared("/v0: get a message", "/s", figures["get"], figures["bare get"], at_least(0.5))


def _ask(house: Postroom, path: str) -> dict[str, Any]:
    answer = httpx2.get(house.http + path, headers={"Authorization": f"Bearer {house.owner_key}"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def _first(_house: Postroom) -> str:
    return f"{_LIST}?limit=20"


def _deep(house: Postroom) -> str:
    """Return the path of page 1,000 of 20."""
    token = ""
    for _ in range(_DEEP // 100):
        token = _ask(house, f"{_LIST}?limit=100{token and '&page_token='}{token}")["next_page_token"]
    return f"{_LIST}?limit=20&page_token={token}"


def _some(house: Postroom) -> list[str]:
    """Return the paths of a hundred messages."""
    page = _ask(house, f"{_LIST}?limit=100")
    return [f"{_LIST}/{quote(message['message_id'], safe='@')}" for message in page["messages"]]
