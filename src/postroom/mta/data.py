"""Reads what comes after DATA: chunks in, checked and dots unstuffed, memory or a spool file out.

It neither sees the envelope nor answers the peer; whoever calls it says what a `Fault` is answered with.
"""

import asyncio
import hashlib
import logging
import os
import threading
import time
from enum import Enum
from pathlib import Path
from typing import BinaryIO, NamedTuple

from postroom.model.errors import StorageFull, disk_error
from postroom.model.ids import random_bytes
from postroom.mta.limits import InboundLimits

logger = logging.getLogger(__name__)

CRLF = b"\r\n"
_DOT = b"\r\n."
_END = b"\r\n.\r\n"  # RFC 5321 4.1.1.4; no other sequence ends a message
_RECEIVED = b"\r\nreceived:"
_PIECE_BYTES = 64 * 1024  # gathered before it is worked on
_INLINE = 16 * 1024  # a message up to this size is worked on in the loop: less than a hop to a thread costs
_SUFFIX = ".spool"


class Fault(Enum):
    """Why a message is not taken; the value is the reply (RFC 5321 4.2, RFC 3463)."""

    TOO_BIG = "552 5.3.4 Message is larger than the limit"
    NOT_LINES = "550 5.6.0 Message has a bare CR, a bare LF or a NUL"
    LONG_LINE = "554 5.6.0 Message has a line that is too long"
    LOOP = "554 5.4.6 Too many hops: the message has too many Received fields"
    FULL = "452 4.3.1 Out of storage, try again later"
    OURS = "451 4.3.0 Local error, try again later"


class Body(NamedTuple):
    """A whole message: `content`, or the file `spool` (mode 0600, not synced), which is now the caller's."""

    content: bytes | None
    spool: Path | None
    size: int  # bytes
    sha256: str  # hex, of a spooled message; empty for one in memory


class BodyReader:
    """Reads one message up to its CRLF.CRLF and nothing beyond; after a fault the rest is read and dropped.

    `piece_bytes` is how much is gathered before it is worked on. Whoever reads to no end discards what there is.
    """

    def __init__(self, folder: Path, limits: InboundLimits, piece_bytes: int = _PIECE_BYTES) -> None:
        self._folder = folder
        self._limits = limits
        self._piece_bytes = piece_bytes
        self._searched = 0  # bytes of the wire in which no end begins
        self._dotted = False  # a line of the wire may begin with a dot that is not the end
        self._last = False
        self._draft: Draft | None = None

    def next_piece(self, wire: bytearray) -> bytes | None:
        """Cut the next piece off the front of `wire`; None where more must come.

        The first line follows a line end, the one of the DATA command: `wire` begins with it, so that an empty message
        ends too.
        """
        # One look finds the first dot of a line, which is nearly always the last one.
        end = wire.find(_DOT, self._searched)
        if end >= 0 and not wire.startswith(_END, end):
            self._dotted = True
            end = wire.find(_END, end)
        size = end + len(_END) if end >= 0 else len(wire) - len(_END) + 1
        if end < 0 and size < self._piece_bytes:
            self._searched = max(0, size)
            return None
        self._searched = 0
        self._last = end >= 0
        piece = bytes(wire[:size])
        del wire[:size]
        return piece

    async def take(self, piece: bytes) -> Body | Fault | None:
        """Work on the piece that was cut off; return the message, or what is wrong with it, after the last one."""
        last = self._last
        if self._draft is None:
            if last and len(piece) <= min(_INLINE, self._limits.spool_after):
                return self._whole(piece)
            self._draft = Draft(self._folder, self._limits)
        await asyncio.to_thread(self._draft.feed, piece, last)
        return self._draft.finish() if last else None

    def discard(self) -> None:
        """Delete what was spooled, unless it was given away."""
        if self._draft is not None:
            self._draft.discard()

    def _whole(self, wire: bytes) -> Body | Fault:
        # Nearly all messages come whole and fit into memory: they need neither a draft's lock nor its hash.
        block = _unstuffed(wire[:-3]) if self._dotted else wire[:-3]
        size = len(block) - 2
        fault = Rules(self._limits).check(block)
        if fault is None and size > self._limits.message_bytes:
            fault = Fault.TOO_BIG
        return fault or Body(block[2:], None, size, "")


def _unstuffed(block: bytes) -> bytes:
    return block.replace(_DOT, CRLF) if _DOT in block else block  # RFC 5321 4.5.2


class Draft:
    """A message while it is read. Feeding and discarding may happen in two threads; all else in one at a time."""

    def __init__(self, folder: Path, limits: InboundLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._rules = Rules(limits)
        self._lock = threading.Lock()
        self._held = b""  # the start of a CRLF, or one after which a dot may follow
        self._first = True
        self._blocks: list[bytes] = []
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._fault: Fault | None = None

    def feed(self, piece: bytes, last: bool) -> None:
        """Take the next bytes of the wire; the first piece begins with a CRLF, the last one ends with CRLF.CRLF."""
        with self._lock:
            if self._fault is not None:
                return
            try:
                self._fault = self._take(self._whole_lines(piece, last))
            except OSError as error:
                self._fault = _fault_of(error)
            if self._fault is not None:
                self._drop()

    def finish(self) -> Body | Fault:
        """Return the message, whose file is not ours from here on, or what was wrong with it."""
        if self._file is not None:
            try:
                self._file.close()  # writes what is still in its buffer
            except OSError as error:
                self._fault = _fault_of(error)
        if self._fault is not None:
            return self._fault
        content = b"".join(self._blocks) if self._path is None else None
        # Only a file is named by its hash: 15 us that a small message need not pay.
        sha256 = "" if self._path is None else self._sha256.hexdigest()
        body = Body(content=content, spool=self._path, size=self._size, sha256=sha256)
        self._path = None
        return body

    def discard(self) -> None:
        """Delete what was spooled, unless `finish` has given it away."""
        with self._lock:
            self._fault = self._fault or Fault.OURS  # a piece that waits for its thread yet shall begin no file
            self._drop()

    def _whole_lines(self, piece: bytes, last: bool) -> bytes:
        block = self._held + piece
        if last:
            self._held = b""
            return block[:-3]
        keep = 2 if block.endswith(CRLF) else 1 if block.endswith(b"\r") else 0
        self._held = block[len(block) - keep :]
        return block[: len(block) - keep]

    def _take(self, block: bytes) -> Fault | None:
        block = _unstuffed(block)
        fault = self._rules.check(block)
        if self._first and block:
            self._first = False
            block = block[2:]
        self._size += len(block)
        if fault is None and self._size > self._limits.message_bytes:
            fault = Fault.TOO_BIG
        if fault is None:
            self._keep(block)
        return fault

    def _keep(self, block: bytes) -> None:
        if self._file is None:
            self._blocks.append(block)
            if self._size <= self._limits.spool_after:
                return
            self._file = self._open()
            block = b"".join(self._blocks)
            self._blocks.clear()
        self._sha256.update(block)
        self._file.write(block)

    def _open(self) -> BinaryIO:
        path = self._folder / (random_bytes(16).hex() + _SUFFIX)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._path = path
        return os.fdopen(descriptor, "wb")

    def _drop(self) -> None:
        self._blocks.clear()
        if self._path is None:
            return
        path, self._path = self._path, None
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            logger.debug("spool close failed error=%s", error)  # its bytes are not wanted any more
        path.unlink(missing_ok=True)


class Rules:
    """What no message may hold, checked block by block. No block ends between a CR and its LF."""

    def __init__(self, limits: InboundLimits) -> None:
        self._limits = limits
        self._line = 0  # bytes of the line that the last block did not end
        self._hops = 0
        self._in_header = True
        self._tail = b""

    def check(self, block: bytes) -> Fault | None:
        """Return the first fault in the next block, or None. The first block begins with a CRLF."""
        # Each line end has two of these bytes; one more is a bare CR, a bare LF or a NUL. Counting each takes longer.
        if len(block) - len(block.translate(None, b"\r\n\0")) != 2 * block.count(CRLF):
            return Fault.NOT_LINES
        if self._longest_line(block) > self._limits.line_bytes:
            return Fault.LONG_LINE
        if self._in_header and self._count_hops(block) > self._limits.received_headers:
            return Fault.LOOP
        return None

    def _longest_line(self, block: bytes) -> int:
        if self._line + len(block) <= self._limits.line_bytes:
            ended = block.rfind(CRLF)
            self._line = self._line + len(block) if ended < 0 else len(block) - ended - 2
            return self._line
        lengths = [len(line) for line in block.split(CRLF)]
        lengths[0] += self._line
        self._line = lengths[-1]
        return max(lengths)

    def _count_hops(self, block: bytes) -> int:
        # Too short to hold the field's name itself, so that nothing is counted twice.
        block = self._tail + block
        end = block.find(b"\r\n\r\n")
        header = block if end < 0 else block[:end]
        self._hops += header.lower().count(_RECEIVED)
        self._in_header = end < 0
        self._tail = block[1 - len(_RECEIVED) :]
        return self._hops


def _fault_of(error: OSError) -> Fault:
    logger.error("spool failed error=%s", error)
    return Fault.FULL if isinstance(disk_error(error), StorageFull) else Fault.OURS


def prepare_folder(folder: Path, limits: InboundLimits) -> None:
    """Make the spool folder (mode 0700) and delete files left by a process that was killed.

    Another process may use the folder: only files older than any message can be in the making are deleted. Raises
    OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    oldest = time.time() - 2 * limits.message_seconds - 3600
    for path in folder.glob("*" + _SUFFIX):
        if path.lstat().st_mtime < oldest:
            path.unlink(missing_ok=True)
