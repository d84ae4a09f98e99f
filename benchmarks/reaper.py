"""Runs a command as the root of a process tree of its own: adopts every orphan of it, so that what ended processes
used is counted here and none outlives the benchmark. It measures nothing; `benchmarks.tree` reads the figures.

Run as `python -m benchmarks.reaper COMMAND...`; Linux only (prctl(2)).
"""

import contextlib
import ctypes
import os
import signal
import sys
from types import FrameType

from benchmarks.tree import descendants

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_S = 5


def main() -> int:
    """Run the command and all that it leaves behind; return its exit status."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, _kill)
    first = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    status = 0
    # Our copies would keep a pipe open that the command has closed.
    for number in (0, 1):
        os.close(number)
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, ended = os.wait()
            if pid == first:
                status = os.waitstatus_to_exitcode(ended)
    return status


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.alarm(_PATIENCE_S)
    _signal_all(signal.SIGTERM)


def _kill(_number: int, _frame: FrameType | None) -> None:
    signal.alarm(1)  # again, for what was born meanwhile
    _signal_all(signal.SIGKILL)


def _signal_all(number: signal.Signals) -> None:
    for stat in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(stat.pid, number)


if __name__ == "__main__":
    sys.exit(main())
