"""From spawn to the answer to `initialize`, as an agent's host waits for it.

The environment is empty but for POSTROOM_HOME, and the compiled modules are warm.
"""

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.client import initialize_line
from benchmarks.report import Line, Report, at_most, compared
from benchmarks.rounds import rounds
from benchmarks.tree import ROOT, read_line

_MOST = at_most(0.9, " s")


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Start each command in turn; the first start of each, which may compile, is not counted."""
    home = {"POSTROOM_HOME": str(folder / "home")}
    script = str(Path(sys.executable).with_name("postroom"))
    commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
        "module": ([sys.executable, "-m", "postroom", "mcp"], home),
        "script": ([script, "mcp"], home),
        "twin": ([sys.executable, "-m", "benchmarks.twin"], {}),
    }
    times: dict[str, list[float]] = defaultdict(list)
    for number in rounds(3, 3, 0) if quick else rounds(6, 10, 20):
        for name, (command, env) in commands.items():
            taken = _start(command, env)
            if number:
                times[name].append(taken)
    for name, command in (("module", "python -m postroom mcp"), ("script", "postroom mcp")):
        yield Line(name=f"start: {command}", unit="s", ours=times[name], promise=_MOST)
        yield compared(f"start: {command}, beside the bare SDK's", "s", times[name], times["twin"], at_most(1.3))


def _start(command: Sequence[str], env: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=env
    )
    try:
        if process.stdin is None:
            raise RuntimeError("no pipe")
        process.stdin.write(initialize_line())
        process.stdin.flush()
        read_line(process.stdout, 20, command[-1])
        return time.perf_counter() - begun
    finally:
        process.kill()
        process.communicate()
