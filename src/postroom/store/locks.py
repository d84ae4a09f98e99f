"""Locks that the operating system gives back when a process ends, however it ends.

They tell who holds the ports of a data folder, and whether the process that leased a row is still alive.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_TRIES = 20


class ProcessLock:
    """A lock on a file, taken without waiting and kept until released or the process ends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = FileLock(path, is_singleton=False, thread_local=False)

    def take(self) -> bool:
        """Try to take the lock; tell whether it is ours now."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        self._lock.release()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait for the lock and hold it for the block (at most a minute, then filelock's Timeout)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=60):
        yield


class Presence:
    """Says to the other processes of a data folder that this one is alive, and asks after them.

    The name of a process is the owner of the rows that it leases.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._lock = ProcessLock(folder / f"{name}.alive")
        # Another's sweep may hold a new file for a moment, or remove it before its lock is ours.
        for _try in range(_TRIES):
            if self._lock.take():
                if self._lock.path.exists():
                    return
                self._lock.release()
            time.sleep(0.01)
        raise RuntimeError(f"two processes are named {name}")

    def is_alive(self, name: str) -> bool:
        """Tell whether the process `name` still runs; a dead one's file is removed."""
        path = self._folder / f"{name}.alive"
        if name == self.name:
            return True
        if not path.exists():
            return False
        lock = ProcessLock(path)
        if not lock.take():
            return True
        if os.name != "nt":  # an open file cannot be removed there
            path.unlink(missing_ok=True)
        lock.release()
        if os.name == "nt":
            path.unlink(missing_ok=True)
        return False

    def sweep(self) -> None:
        """Remove the files of processes that are gone."""
        for path in self._folder.glob("*.alive"):
            self.is_alive(path.stem)

    def leave(self) -> None:
        """Say that this process is going: whoever asks next hears that it is gone."""
        self._lock.release()
        (self._folder / f"{self.name}.alive").unlink(missing_ok=True)


def process_name(token: str) -> str:
    """Return a name for this process that no other has had: its number and `token`."""
    return f"{os.getpid()}-{token}"
