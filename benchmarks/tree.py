"""A process tree as one thing: started, its processor time and memory summed over all that it ever started, ended.

Reads /proc (proc(5)), so Linux only. It knows nothing of what runs in the tree.
"""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SYNCS = "fsync,fdatasync,sync_file_range,msync"
_SYNC = re.compile(rb"^\d+ +(\d+\.\d+) (?:fsync|fdatasync|sync_file_range|msync)\(")


@dataclass(frozen=True, slots=True)
class Stat:
    """One process: its own time and that of the children it has waited for, in ticks; resident memory in bytes."""

    pid: int
    parent: int
    own: int
    waited: int
    rss: int


def _stat(pid: int) -> Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The name may hold blanks and parentheses: fields are counted from behind it.
    fields = text.rpartition(") ")[2].split()
    own, waited = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return Stat(pid, int(fields[1]), own, waited, int(fields[21]) * _PAGE)


def descendants(root: int) -> list[Stat]:
    """Return all living processes below `root`, without itself."""
    by_parent: dict[int, list[Stat]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(int(name))) is not None:
            by_parent.setdefault(stat.parent, []).append(stat)
    found: list[Stat] = []
    waiting = [root]
    while waiting:
        children = by_parent.get(waiting.pop(), [])
        found += children
        waiting += [child.pid for child in children]
    return found


class Tree:
    """A command under `benchmarks.reaper`. `process` has the pipes of the command."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def cpu_s(self) -> float:
        """Return the seconds of processor time that the tree has used, its ended processes included (10 ms steps)."""
        reaper = _stat(self.process.pid)
        living = sum(stat.own + stat.waited for stat in descendants(self.process.pid))
        return (living + (reaper.waited if reaper else 0)) / _TICKS

    def rss(self) -> int:
        """Return the sum of the resident memory, bytes; what processes share is counted for each."""
        return sum(stat.rss for stat in descendants(self.process.pid))

    def pss(self) -> int:
        """Return the sum of the proportional memory, bytes: a page shared by n processes counts 1/n for each."""
        return sum(_pss(stat.pid) for stat in descendants(self.process.pid))


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


@contextlib.contextmanager
def running(
    command: Sequence[str],
    errors: Path,
    env: Mapping[str, str] | None = None,
    *,
    pipes: bool = False,
    trace: Path | None = None,
) -> Iterator[Tree]:
    """Run `command` while the block runs, then end all of it. What it says on stderr goes to the file `errors`.

    `trace` is a file for strace(1) to write each call that waits for the disk to. The tree ends with this process too,
    however that ends.
    """
    traced = ["strace", "-f", "--seccomp-bpf", "-ttt", "-e", f"trace={_SYNCS}", "-o", str(trace)] if trace else []
    with errors.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.reaper", *traced, *command],
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
            env=env,
            start_new_session=True,  # Ctrl-C is for whoever started us, who ends us in order
        )
    try:
        yield Tree(process)
    finally:
        process.terminate()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        process.wait(20)


def read_line(pipe: IO[bytes] | None, seconds: float, what: str) -> bytes:
    """Return the next line of a pipe. Raises RuntimeError when none comes in time, or the process ended."""
    if pipe is None:
        raise RuntimeError(f"{what}: no pipe")
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda: lines.append(pipe.readline()), daemon=True)
    reader.start()
    reader.join(seconds)
    if not lines or not lines[0]:
        raise RuntimeError(f"{what}: {'ended without a word' if lines else f'said nothing for {seconds:g} s'}")
    return lines[0]


def count_syncs(trace: Path, begun: float, ended: float) -> int:
    """Count the calls that wait for the disk in an strace file between two times (seconds since 1970)."""
    count = 0
    with trace.open("rb") as lines:
        for line in lines:
            found = _SYNC.match(line)
            count += found is not None and begun <= float(found[1]) <= ended
    return count


def until(met: Callable[[], bool], seconds: float, what: str, pause: float = 0.02) -> None:
    """Look every `pause` seconds until `met`. Raises RuntimeError after `seconds`."""
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
