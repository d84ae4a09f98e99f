"""Mail of 5 KB over SMTP in ten kept sessions, to the end of each server's work: rate, processor time, memory, flushes.

Postroom's work ends when the search index has the last message and nothing waits; Postfix's when the last file is in
new/ and its queue is empty. What was merely accepted is a line of its own.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Line, NotMeasured, Report, at_least, at_most, compared
from benchmarks.rounds import rounds
from benchmarks.sides import BOXES, DOMAIN, Side, postfix, postroom
from benchmarks.tree import ROOT, count_syncs, until

_SETTLE_S = 0.1  # after the end: what a server does once it has told of it is still its work
_SIZE, _SESSIONS = 5120, 10
_TO = ",".join(f"{box}@{DOMAIN}" for box in BOXES)


Load = Callable[[Side, int, str], dict[str, float]]  # side, count, tag: "begun" and "accepted_at", monotonic seconds


@dataclass(frozen=True)
class Run:
    """What one load of messages gave."""

    delivered: float  # messages a second, to the end of all work
    accepted: float  # messages a second, to the last 250
    cpu_us: float  # a message, the whole tree
    pss_mb: float


def send_source(side: Side, count: int, _tag: str) -> dict[str, float]:
    """Send `count` messages with Postfix's own smtp-source; return when it began and ended (monotonic seconds)."""
    command = ["smtp-source", "-d", "-s", str(_SESSIONS), "-m", str(count), "-l", str(_SIZE)]
    command += ["-f", "sender@example.org", "-t", f"{BOXES[0]}@{DOMAIN}", side.smtp]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, timeout=150, check=False)
    if done.returncode:
        raise RuntimeError(f"smtp-source ended with {done.returncode}: {done.stderr.decode()[-600:]}")
    return {"begun": begun, "accepted_at": time.monotonic()}


def send_text(side: Side, count: int, tag: str, size: int = 5120, sessions: int = 10) -> dict[str, float]:
    """Send `count` messages of natural text from a process of our own. Raises RuntimeError when not all came."""
    command = [sys.executable, "-m", "benchmarks.load", side.smtp, "--to", _TO, "--tag", tag]
    command += ["--count", str(count), "--size", str(size), "--sessions", str(sessions)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=150, check=False)
    if done.returncode:
        raise RuntimeError(f"the load ended with {done.returncode}: {done.stderr.decode()[-600:]}")
    told: dict[str, float] = json.loads(done.stdout)
    return told


def finish(side: Side, expected: int) -> float:
    """Wait until all `expected` messages of a server's life are at their end; return when (monotonic seconds)."""
    until(lambda: side.arrived() >= expected and side.at_rest(), 90, f"{expected} messages")
    return time.monotonic()


def _run(side: Side, load: Load, count: int, tag: str) -> Run:
    before, cpu = side.counted(), side.tree.cpu_s()
    told = load(side, count, tag)
    ended = finish(side, before + count)
    time.sleep(_SETTLE_S)
    used = side.tree.cpu_s() - cpu
    if (came := side.counted() - before) != count:
        raise RuntimeError(f"{count} messages were sent and {came} arrived")
    return Run(
        delivered=count / (ended - told["begun"]),
        accepted=count / (told["accepted_at"] - told["begun"]),
        cpu_us=used / count * 1e6,
        pss_mb=side.tree.pss() / 2**20,
    )


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Measure both sides in turn, under each load."""
    loads: dict[str, Load] = {"ingest": send_source, "ingest of text": send_text}
    if shutil.which("smtp-source") is None:
        del loads["ingest"]
        report.missing.append("smtp-source is not installed (Debian: apt-get install postfix)")
    runs = _runs(folder, report, loads, quick=quick)
    for name in loads:
        yield from _lines(name, runs[name, "ours"], runs[name, "other"])
    yield _flushes(folder, report, 60 if quick else 400)


def _runs(
    folder: Path, report: Report, loads: dict[str, Load], *, quick: bool
) -> defaultdict[tuple[str, str], list[Run]]:
    """Return the rounds by load and side."""
    count = 300 if quick else 1500
    runs: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        sides: dict[str, Side] = {"ours": stack.enter_context(postroom(folder / "ours"))}
        try:
            sides["other"] = stack.enter_context(postfix(folder / "postfix"))
        except NotMeasured as why:
            report.missing.append(str(why))
        for side in sides.values():
            _run(side, send_text, 100, "warm")
        for number in rounds(3, 3, 0) if quick else rounds(5, 9, 90):
            for load_name, load in loads.items():
                for name, side in sides.items():
                    runs[load_name, name].append(_run(side, load, count, f"r{number}"))
    return runs


def _lines(load: str, ours: list[Run], other: list[Run]) -> Iterator[Line]:
    def line(name: str, unit: str, figure: Callable[[Run], float], **promise: float) -> Line:
        promised = at_least(promise["least"]) if "least" in promise else None
        promised = at_most(promise["most"]) if "most" in promise else promised
        promised = promised if load == "ingest" else None
        return compared(
            f"{load}: {name}", unit, [figure(run) for run in ours], [figure(run) for run in other], promised
        )

    yield line("delivered", "/s", lambda run: run.delivered, least=2.5)
    yield line("accepted", "/s", lambda run: run.accepted)
    yield line("CPU a message", "us", lambda run: run.cpu_us, most=0.25)
    yield line("memory (PSS)", "MB", lambda run: run.pss_mb)


def _flushes(folder: Path, report: Report, count: int) -> Line:
    ours = _count_flushes(lambda trace: postroom(folder / "ours-traced", trace=trace), folder / "ours.strace", count)
    other: list[float] = []
    with contextlib.suppress(NotMeasured):  # told of before
        other = [
            _count_flushes(
                lambda trace: postfix(folder / "postfix-traced", trace=trace), folder / "other.strace", count
            )
        ]
    return compared("ingest: flushes a message", "", [ours], other, None)


def _count_flushes(start: Callable[[Path], AbstractContextManager[Side]], trace: Path, count: int) -> float:
    with start(trace) as side:
        begun = time.time()
        send_text(side, count, "traced")
        finish(side, count)
        ended = time.time()
    return count_syncs(trace, begun, ended) / count
