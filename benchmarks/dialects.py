"""The lists of the inai dialect and of the Agent Email API beside those of /v0, over the same rows of one server."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.archive import BOX, fill
from benchmarks.callers import rate
from benchmarks.report import Line, Report, at_least, compared
from benchmarks.rounds import rounds
from benchmarks.sides import Postroom, postroom

_CALLERS = 16
_V0, _INAI, _AGENT_EMAIL = "/v0", "/api/v0", "/v1/agent-email"


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Fill an inbox, then ask for each list by each dialect in turn."""
    calls = 400 if quick else 1500
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(postroom(folder / "ours"))
        fill(house, folder / "ours", quick=True)
        lists = _lists(house)
        for _round in rounds(3, 3, 0) if quick else rounds(7, 11, 60):
            for what, paths in lists.items():
                for dialect, path in paths.items():
                    figures[what, dialect].append(rate(house.http, house.owner_key, [path], calls, _CALLERS))
    for what, paths in lists.items():
        for dialect in (_INAI, _AGENT_EMAIL):
            if dialect in paths:
                ours, other = figures[what, dialect], figures[what, _V0]
                yield compared(f"{dialect}: list 20 {what} (other: /v0)", "/s", ours, other, at_least(0.8))


def _lists(house: Postroom) -> dict[str, dict[str, str]]:
    """Return the path of each list by what it lists and the dialect."""
    inboxes = _ask(house, f"{_INAI}/inboxes?page_size=100")["data"]
    inai = next(one["inbox_id"] for one in inboxes if one["email_address"] == BOX)
    mailboxes = _ask(house, f"{_AGENT_EMAIL}/mailboxes?limit=100")["data"]
    mailbox = next(one["id"] for one in mailboxes if one["address"] == BOX)
    return {
        "messages": {
            _V0: f"{_V0}/inboxes/{BOX}/messages?limit=20",
            _INAI: f"{_INAI}/inboxes/{inai}/messages",
            _AGENT_EMAIL: f"{_AGENT_EMAIL}/mailboxes/{mailbox}/inbox?limit=20",
        },
        "threads": {
            _V0: f"{_V0}/inboxes/{BOX}/threads?limit=20",
            _INAI: f"{_INAI}/inboxes/{inai}/threads",
            _AGENT_EMAIL: f"{_AGENT_EMAIL}/mailboxes/{mailbox}/threads?limit=20",
        },
        "inboxes": {
            _V0: f"{_V0}/inboxes?limit=20",
            _INAI: f"{_INAI}/inboxes",
            _AGENT_EMAIL: f"{_AGENT_EMAIL}/mailboxes?limit=20",
        },
        "keys": {_V0: f"{_V0}/api-keys?limit=20", _INAI: f"{_INAI}/api-keys"},
    }


def _ask(house: Postroom, path: str) -> dict[str, Any]:
    answer = httpx2.get(house.http + path, headers={"Authorization": f"Bearer {house.owner_key}"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found
