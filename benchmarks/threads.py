"""What get_thread of 20 messages and list_messages of 25 cost in a large inbox, beside an empty tool of a bare SDK
server, over HTTP: processor time of the servers.
"""

import contextlib
import smtplib
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from statistics import median

from benchmarks.archive import BOX, fill
from benchmarks.client import HttpClient
from benchmarks.report import Line, Promise, Report
from benchmarks.rounds import rounds
from benchmarks.sides import Postroom, postroom
from benchmarks.tools import Target, calls
from benchmarks.tree import read_line, running

_MESSAGES = 20


def _more(milliseconds: float) -> Promise:
    return Promise(words=f"<= {milliseconds:g} ms more", holds=lambda more: more <= milliseconds)


_PROMISES = {"get_thread": _more(3), "list_messages": _more(1)}


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Fill an inbox, then call both servers in turn."""
    cpu: dict[str, list[float]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(postroom(folder / "ours"))
        size = fill(house, folder / "ours", quick=quick)
        targets = list(_targets(stack, folder, house))
        for target in targets:
            calls(target, 50)
        for _round in rounds(3, 3, 0) if quick else rounds(5, 9, 30):
            for target in targets:
                cpu[target.tool].append(calls(target, 60 if quick else 200)[0])
    bare = cpu.pop("nothing")
    for tool, ours in cpu.items():
        more = median(a - b for a, b in zip(ours, bare, strict=True))
        name = f"{tool}, among {size:,}: CPU a call"
        yield Line(name=name, unit="ms", ours=ours, other=bare, promise=_PROMISES[tool], judged=more)


def _targets(stack: contextlib.ExitStack, folder: Path, house: Postroom) -> Iterator[Target]:
    _send_thread(house)
    client = stack.enter_context(house.client())
    found = client.call("list_threads", {"inbox_id": BOX, "limit": 1})["structuredContent"]["threads"][0]
    if found["message_count"] != _MESSAGES:
        raise RuntimeError(f"a thread of {found['message_count']} messages")
    yield Target("ours", client, house.tree, "get_thread", {"inbox_id": BOX, "thread_id": found["thread_id"]})
    yield Target("ours", client, house.tree, "list_messages", {"inbox_id": BOX, "limit": 25})
    far = stack.enter_context(running([sys.executable, "-m", "benchmarks.twin", "http"], folder / "log"))
    url = read_line(far.process.stdout, 20, "the twin").decode().strip()
    time.sleep(1)
    yield Target("other", stack.enter_context(HttpClient(url)), far, "nothing", {})


def _send_thread(house: Postroom) -> None:
    host, _, port = house.smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=30) as wire:
        for number in range(_MESSAGES):
            letter = EmailMessage()
            letter["From"], letter["To"] = "Ann <ann@example.org>", BOX
            letter["Subject"] = "Re: The figures" if number else "The figures"
            letter["Message-ID"] = f"<thread{number}@example.org>"
            if number:
                letter["In-Reply-To"] = f"<thread{number - 1}@example.org>"
            quoted = f"\nOn Monday, 2 March 2026, Ann <ann@example.org> wrote:\n> Answer {number - 1}, in full.\n"
            letter.set_content(f"Answer {number}, in full.\n{quoted if number else ''}")
            wire.send_message(letter)
