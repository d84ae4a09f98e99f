"""What get_thread of 20 messages costs in a large inbox, beside an empty tool of a bare SDK server, over HTTP."""

import contextlib
import smtplib
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from statistics import median

from benchmarks.client import HttpClient
from benchmarks.ingest import finish, send_text
from benchmarks.report import Line, Promise, Report
from benchmarks.rounds import rounds
from benchmarks.sides import BOXES, DOMAIN, Postroom, postroom
from benchmarks.tools import Target, calls
from benchmarks.tree import read_line, running

_MESSAGES = 20
_LARGE, _QUICK, _BATCH = 100_000, 1_000, 20_000
_MORE_MS = 3.0
_PROMISE = Promise(words=f"<= {_MORE_MS} ms more", holds=lambda more: more <= _MORE_MS)


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Fill the inboxes, then call both servers in turn."""
    cpu: dict[str, list[float]] = defaultdict(list)
    size = _QUICK if quick else _LARGE
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(postroom(folder / "ours"))
        thread = _filled(house, size)
        far = stack.enter_context(running([sys.executable, "-m", "benchmarks.twin", "http"], folder / "log"))
        url = read_line(far.process.stdout, 20, "the twin").decode().strip()
        time.sleep(1)
        given = {"inbox_id": f"{BOXES[0]}@{DOMAIN}", "thread_id": thread}
        targets = (
            Target("ours", stack.enter_context(house.client()), house.tree, "get_thread", given),
            Target("other", stack.enter_context(HttpClient(url)), far, "nothing", {}),
        )
        for target in targets:
            calls(target, 50)
        for _round in rounds(3, 3, 0) if quick else rounds(5, 9, 30):
            for target in targets:
                cpu[target.name].append(calls(target, 60 if quick else 200)[0])
    more = median(a - b for a, b in zip(cpu["ours"], cpu["other"], strict=True))
    name = f"get_thread of {_MESSAGES}, among {size:,}: CPU a call"
    yield Line(name=name, unit="ms", ours=cpu["ours"], other=cpu["other"], promise=_PROMISE, judged=more)


def _filled(house: Postroom, size: int) -> str:
    """Bring in the thread, then `size` messages beside it; return its id."""
    _send_thread(house)
    for at in range(0, size, _BATCH):
        send_text(house, min(_BATCH, size - at), f"behind{at}", size=2048)
    finish(house, size + _MESSAGES)
    with contextlib.closing(house.client()) as client:
        given = {"inbox_id": f"{BOXES[0]}@{DOMAIN}", "limit": 1, "ascending": True}
        return str(client.call("list_threads", given)["structuredContent"]["threads"][0]["thread_id"])


def _send_thread(house: Postroom) -> None:
    host, _, port = house.smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=30) as wire:
        for number in range(_MESSAGES):
            letter = EmailMessage()
            letter["From"], letter["To"] = "Ann <ann@example.org>", f"{BOXES[0]}@{DOMAIN}"
            letter["Subject"] = "Re: The figures" if number else "The figures"
            letter["Message-ID"] = f"<thread{number}@example.org>"
            if number:
                letter["In-Reply-To"] = f"<thread{number - 1}@example.org>"
            quoted = f"\nOn Monday, 2 March 2026, Ann <ann@example.org> wrote:\n> Answer {number - 1}, in full.\n"
            letter.set_content(f"Answer {number}, in full.\n{quoted if number else ''}")
            wire.send_message(letter)
