"""The files of large messages: content-addressed, written and synced before the row that names them.

A file is `blobs/ab/cd…` by the SHA-256 of its bytes. Reuse touches the file, and the sweep takes only files without a
row that are older than an hour, asked again while the write lock is held: a swept file could otherwise be one that a
new message was about to name.
"""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from postroom.model.ids import new_id

if TYPE_CHECKING:
    import hashlib

    from _typeshed import ReadableBuffer

SWEEP_AGE_S = 3600


class Spool:
    """A file that grows piece by piece, at `path`; it is gone when closed unless it was moved away. It blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def write(self, piece: "ReadableBuffer", digest: "hashlib._Hash") -> None:
        """Append a piece and take it into account in `digest`."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            self._file = os.fdopen(number, "wb", buffering=0)
        digest.update(piece)
        with memoryview(piece) as left:
            done = 0
            while done < len(left):
                done += self._file.write(left[done:])

    def close(self) -> None:
        """End it."""
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)


class Blobs:
    """The blob folder of a data folder. Everything here blocks: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where the bytes with this hash are."""
        return self._folder / sha256[:2] / sha256[2:]

    def new_part(self) -> Path:
        """Return where a file may be written that is to be adopted; left behind, it is swept."""
        return self._folder / "00" / f"{os.getpid()}.{time.monotonic_ns()}.{new_id('part', 0)}"

    def adopt(self, spool: Path, sha256: str) -> None:
        """Move a spooled file here, durable when this returns. An equal file that is here already is kept.

        Raises:
            OSError: the disk is full or failing; the spool file is still where it was.
        """
        target = self.path(sha256)
        if self._touched(target):
            sync_folder(target.parent)  # whoever moved it here may not have come that far
            spool.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        _sync(spool)
        try:
            os.replace(spool, target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # the spool lies on another file system
                raise
            shutil.copyfile(spool, target)
            _sync(target)
            spool.unlink(missing_ok=True)
        sync_folder(target.parent)
        sync_folder(self._folder)

    def write(self, content: bytes, sha256: str) -> None:
        """Keep `content`, durable when this returns."""
        target = self.path(sha256)
        if self._touched(target):
            sync_folder(target.parent)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{target.name}.{os.getpid()}.{time.monotonic_ns()}.part")
        try:
            draft.write_bytes(content)
            draft.chmod(0o600)
            self.adopt(draft, sha256)
        finally:
            draft.unlink(missing_ok=True)

    def read(self, sha256: str) -> bytes:
        """Return the bytes."""
        return self.path(sha256).read_bytes()

    def old(self) -> Iterator[str]:
        """Yield the hashes of files that nobody touched for an hour, the candidates of the sweep."""
        before = time.time() - SWEEP_AGE_S
        for path in self._folder.glob("??/*"):
            try:
                if path.stat().st_mtime < before:
                    yield path.parent.name + path.name
            except FileNotFoundError:
                continue

    @staticmethod
    def _touched(path: Path) -> bool:
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True


def delete_if_old(path: Path) -> bool:
    """Delete a file unless somebody touched it within the hour; tell whether it is gone."""
    try:
        if path.stat().st_mtime >= time.time() - SWEEP_AGE_S:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make durable what names a folder holds."""
    if os.name == "nt":
        return  # a folder cannot be opened there; NTFS journals the entry
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
