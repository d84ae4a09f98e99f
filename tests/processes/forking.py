"""Commands of Postroom as processes of their own that are forked, not spawned: most of a start is imports, the same for
all. What forks them was spawned with nothing of a test's in it, and has done nothing but import.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO

IMPORTED = ["postroom.cli.commands", "postroom.cli.daemon", "postroom.mcp.tools", "uvicorn.protocols.http.auto"]


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


class Forked:
    """A command that runs: as much of `subprocess.Popen` as the tests use. `stdout` is what it prints, in lines."""

    def __init__(self, arguments: Sequence[str], env: dict[str, str], errors: Path) -> None:
        ours, its = _context().Pipe(duplex=False)
        self._process: BaseProcess = _context().Process(target=_run, args=(list(arguments), env, its, str(errors)))
        self._process.start()
        its.close()
        with ours:
            self.stdout: IO[str] = os.fdopen(os.dup(ours.fileno()), encoding="utf-8")

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, the negative of a signal that ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired when it still runs after so many seconds."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(["postroom"], timeout)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _run(arguments: list[str], env: dict[str, str], out: Connection, errors: str) -> None:
    """Become the process that a spawn would have made, and run the command."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(out.fileno(), 1)
    out.close()
    log = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["postroom", *arguments]
    from postroom.cli.main import main

    main()
