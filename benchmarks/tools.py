"""What a call of list_messages (25 of 50 messages) costs beside an empty tool of a bare SDK server, per transport.

Processor time is the server's, not the client's: what the SDK, the transport and the wire cost both sides pay.
"""

import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.client import Client, HttpClient, StdioClient
from benchmarks.ingest import finish, send_text
from benchmarks.report import Line, Promise, Report
from benchmarks.rounds import rounds
from benchmarks.sides import BOXES, DOMAIN, environment, postroom
from benchmarks.tree import Tree, read_line, running

_MORE_MS = 1.5
_LISTED = 50  # messages in each inbox
_PROMISE = Promise(words=f"<= {_MORE_MS} ms more", holds=lambda more: more <= _MORE_MS)


@dataclass(frozen=True)
class Target:
    """A tool of a server, and whose processor time it costs."""

    name: str  # transport and side
    client: Client
    tree: Tree
    tool: str
    arguments: Mapping[str, Any]


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Call the four servers in turn."""
    count = 60 if quick else 200
    cpu: dict[str, list[float]] = defaultdict(list)
    wall: dict[str, list[float]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        targets = list(_targets(stack, folder))
        for target in targets:
            calls(target, 50)
        for _round in rounds(3, 3, 0) if quick else rounds(5, 9, 30):
            for target in targets:
                used, times = calls(target, count)
                cpu[target.name].append(used)
                wall[target.name].append(median(times))
    for transport in ("stdio", "http"):
        ours, other = cpu[f"{transport} ours"], cpu[f"{transport} other"]
        more = median(a - b for a, b in zip(ours, other, strict=True))
        name = f"list_messages, {transport}"
        yield Line(name=f"{name}: CPU a call", unit="ms", ours=ours, other=other, promise=_PROMISE, judged=more)
        yield Line(name=f"{name}: p50", unit="ms", ours=wall[f"{transport} ours"], other=wall[f"{transport} other"])


def _targets(stack: contextlib.ExitStack, folder: Path) -> Iterator[Target]:
    house = stack.enter_context(postroom(folder / "ours"))
    send_text(house, _LISTED * len(BOXES), "tools")
    finish(house, _LISTED * len(BOXES))
    listed = {"inbox_id": f"{BOXES[0]}@{DOMAIN}", "limit": 25}
    errors = folder / "log"
    command = [sys.executable, "-m", "postroom", "mcp"]
    ours = stack.enter_context(running(command, errors, environment(house.home), pipes=True))
    yield Target("stdio ours", StdioClient(ours), ours, "list_messages", listed)
    twin = stack.enter_context(running([sys.executable, "-m", "benchmarks.twin"], errors, pipes=True))
    yield Target("stdio other", StdioClient(twin), twin, "nothing", {})
    yield Target("http ours", stack.enter_context(house.client()), house.tree, "list_messages", listed)
    far = stack.enter_context(running([sys.executable, "-m", "benchmarks.twin", "http"], errors))
    url = read_line(far.process.stdout, 20, "the twin").decode().strip()
    yield Target("http other", stack.enter_context(client_of(url)), far, "nothing", {})


def client_of(url: str) -> HttpClient:
    """Return a client of a server that has said where it will be, once it is there. Raises OSError after 20 s."""
    end = time.monotonic() + 20
    while True:
        try:
            return HttpClient(url)
        except OSError:  # the port is bound and not yet served
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def calls(target: Target, count: int) -> tuple[float, list[float]]:
    """Return the processor time a call and each latency, in ms."""
    times: list[float] = []
    before = target.tree.cpu_s()
    for _ in range(count):
        begun = time.perf_counter()
        target.client.call(target.tool, target.arguments)
        times.append((time.perf_counter() - begun) * 1000)
    return (target.tree.cpu_s() - before) / count * 1000, times
