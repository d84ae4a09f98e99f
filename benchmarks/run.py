"""`make bench`: runs the measurements one after another, prints one table. Speed that is missed is no failure of it."""

import argparse
import contextlib
import os
import platform
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from benchmarks import dialects, ingest, local, memory, rest, search, startup, threads, tools, waiters
from benchmarks.report import Line, NotMeasured, Report
from benchmarks.sides import postfix_version


class Measure(Protocol):
    """A measurement: yields lines as it gets them, works in a folder that is there and empty."""

    def __call__(self, folder: Path, report: Report, *, quick: bool) -> Iterator[Line]: ...


MEASURES: dict[str, Measure] = {
    "ingest": ingest.measure,
    "tools": tools.measure,
    "threads": threads.measure,
    "waiters": waiters.measure,
    "memory": memory.measure,
    "startup": startup.measure,
    "local": local.measure,
    "search": search.measure,
    "rest": rest.measure,
    "dialects": dialects.measure,
}


def main() -> int:
    """Measure what the arguments name; return 0 where all could be measured that this machine can measure."""
    parser = argparse.ArgumentParser(prog="benchmarks.run")
    parser.add_argument("measures", nargs="*", metavar="|".join(MEASURES), help="all when none is named")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under a minute, and rougher")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figure of each round")
    given = parser.parse_args()
    if unknown := set(given.measures) - set(MEASURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if sys.platform != "linux":
        print("not measured: the figures are read from Linux's /proc")
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    with _folder() as folder:
        report = Report(_machine(folder, quick=given.quick))
        try:
            for name in given.measures or MEASURES:
                _one(name, folder / name, report, quick=given.quick)
        except KeyboardInterrupt:
            report.missing.append("the rest: interrupted")
            report.failed = True
    print(report.text())
    if given.json is not None:
        report.write_json(given.json)
    return int(report.failed)


def _one(name: str, folder: Path, report: Report, *, quick: bool) -> None:
    print(f"measuring {name} ...", end="", file=sys.stderr, flush=True)
    begun = time.monotonic()
    folder.mkdir()
    try:
        for line in MEASURES[name](folder, report, quick=quick):
            report.lines.append(line)
    except NotMeasured as why:
        report.missing.append(f"{name}: {why}")
    except Exception as error:  # the other measurements are worth having; this one is told of and fails the command
        traceback.print_exc()
        report.missing.append(f"{name}: failed: {error}")
        report.failed = True
    shutil.rmtree(folder, ignore_errors=True)
    print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder that everybody may enter: Postfix delivers as a user of its own."""
    # Where /tmp is memory, a flush costs nothing and the figures would say nothing.
    place = "/var/tmp" if _filesystem(tempfile.gettempdir()) == "tmpfs" else None
    with tempfile.TemporaryDirectory(prefix="postroom-bench-", dir=place, ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def _filesystem(path: str) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    return max((m for m in mounts if Path(path).is_relative_to(m[0])), key=lambda m: len(m[0]), default=["", "?"])[1]


def _machine(folder: Path, *, quick: bool) -> dict[str, str]:
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "load": f"{os.getloadavg()[0]:.1f}",
        "filesystem": _filesystem(str(folder)),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "Postfix": postfix_version(),
        "rounds": "few (--quick)" if quick else "all",
    }


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
