"""What get_thread of 20 messages and list_messages of 25 cost in a large inbox, beside an empty tool of a bare SDK
server on the same transport: processor time of the servers. Over HTTP the bare server answers with JSON, its best.
"""

import contextlib
import smtplib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.archive import BOX, fill
from benchmarks.client import Client, HttpClient, NewerClient, StdioClient
from benchmarks.report import Line, Promise, Report
from benchmarks.rounds import rounds
from benchmarks.sides import Postroom, environment, postroom
from benchmarks.tools import Target, calls, client_of
from benchmarks.tree import Tree, read_line, running

_MESSAGES = 20


def _more(milliseconds: float) -> Promise:
    return Promise(words=f"<= {milliseconds:g} ms more", holds=lambda more: more <= milliseconds)


_PROMISES = {"get_thread": _more(3), "list_messages": _more(1)}
_HTTP: dict[str, type[HttpClient | NewerClient]] = {"HTTP, sessions": HttpClient, "HTTP, 2026-07-28": NewerClient}


class _Both(NamedTuple):
    """The two servers on one transport."""

    transport: str
    ours: Client
    our_tree: Tree
    other: Client
    other_tree: Tree


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Fill an inbox, then call both servers in turn."""
    cpu: dict[tuple[str, str], list[float]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(postroom(folder / "ours"))
        size = fill(house, folder / "ours", quick=quick)
        asked = _asked(house)
        targets = [target for both in _transports(stack, folder, house) for target in _targets(both, asked)]
        for target in targets:
            calls(target, 50)
        for _round in rounds(3, 3, 0) if quick else rounds(5, 9, 45):
            for target in targets:
                cpu[target.name, target.tool].append(calls(target, 60 if quick else 200)[0])
    for (transport, tool), ours in cpu.items():
        if tool not in _PROMISES:
            continue
        bare = cpu[transport, "nothing"]
        more = median(a - b for a, b in zip(ours, bare, strict=True))
        name = f"{tool}, among {size:,}, {transport}: CPU a call"
        yield Line(name=name, unit="ms", ours=ours, other=bare, promise=_PROMISES[tool], judged=more)


def _asked(house: Postroom) -> dict[str, Mapping[str, Any]]:
    """Return the arguments of each tool."""
    _send_thread(house)
    with house.client() as client:
        found = client.call("list_threads", {"inbox_id": BOX, "limit": 1})["structuredContent"]["threads"][0]
    if found["message_count"] != _MESSAGES:
        raise RuntimeError(f"a thread of {found['message_count']} messages")
    thread = {"inbox_id": BOX, "thread_id": found["thread_id"]}
    return {"get_thread": thread, "list_messages": {"inbox_id": BOX, "limit": 25}}


def _transports(stack: contextlib.ExitStack, folder: Path, house: Postroom) -> Iterator[_Both]:
    log = folder / "log"
    far = stack.enter_context(running([sys.executable, "-m", "benchmarks.twin", "json"], log))
    url = read_line(far.process.stdout, 20, "the twin").decode().strip()
    client_of(url).close()
    for transport, client in _HTTP.items():
        ours, other = client(house.http, house.owner_key), client(url)
        stack.callback(ours.close)
        stack.callback(other.close)
        yield _Both(transport, ours, house.tree, other, far)
    command = [sys.executable, "-m", "postroom", "mcp"]
    near = stack.enter_context(running(command, log, environment(house.home), pipes=True))
    twin = stack.enter_context(running([sys.executable, "-m", "benchmarks.twin"], log, pipes=True))
    yield _Both("stdio", StdioClient(near), near, StdioClient(twin), twin)


def _targets(both: _Both, asked: Mapping[str, Mapping[str, Any]]) -> Iterator[Target]:
    for tool, arguments in asked.items():
        yield Target(both.transport, both.ours, both.our_tree, tool, arguments)
    yield Target(both.transport, both.other, both.other_tree, "nothing", {})


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
