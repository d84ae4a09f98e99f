"""Parsing off the loop: small messages inline, large ones in a worker process that can be killed.

What a message costs is bounded here in wall time; processor time and memory are the worker's own limits
(`mime/child.py`). Nothing here knows what a message says.
"""

import asyncio
import contextlib
import json
import mmap
import os
import struct
from asyncio.subprocess import Process
from collections.abc import Collection, Iterator
from pathlib import Path

from postroom.mime.inventory import header_inventory, inventory
from postroom.mime.limits import Raw
from postroom.mime.parse import attachment_contents, parse, parse_headers
from postroom.model.inventory import Inventory
from postroom.model.message import Incoming, ParsedMessage
from postroom.service.children import start_child

INLINE = 64 * 1024  # bytes of raw that are parsed in the event loop
_INLINE_ATTACHMENT = 256 * 1024
_INLINE_ANSWER = 256 * 1024  # bytes of JSON that are read in the event loop
_PATIENCE = 1.0  # seconds a message waits before a second worker is started
_MAX_WORKERS = 2
_LENGTH = struct.Struct(">I")
_TOO_MUCH = "The message took more time or memory than one message may have; only its header was read."


class Parser:
    """Parses what has arrived. `deadline` and `idle` are seconds; close it before the loop ends."""

    def __init__(self, *, deadline: float = 10.0, idle: float = 30.0) -> None:
        self._deadline = deadline
        self._idle = idle
        self._free: list[Process] = []
        self._all: set[Process] = set()
        self._count = 0  # of workers that run or are being started
        self._changed = asyncio.Condition()
        self._timers: dict[Process, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def parse(self, incoming: Incoming) -> ParsedMessage:
        """Return what the message says; a message that costs too much gives its header fields and a parse_error.

        Raises:
            OSError: the spooled file cannot be read, or no worker can be started.
        """
        if incoming.content is not None and len(incoming.content) <= INLINE:
            return parse(incoming.content)
        if incoming.content is None and incoming.size <= INLINE and incoming.spool is not None:
            return parse(await asyncio.to_thread(incoming.spool.read_bytes))
        answer = await self._answer({}, incoming.spool or Path() if incoming.content is None else incoming.content)
        if answer is None:
            return await asyncio.to_thread(_header_alone, incoming)
        if len(answer) <= _INLINE_ANSWER:
            return ParsedMessage.model_validate_json(answer)
        return await asyncio.to_thread(ParsedMessage.model_validate_json, answer)

    async def attachment(self, raw: bytes | Path, part: int) -> bytes:
        """Return the decoded bytes of one part of a message; `attachments` says more."""
        return (await self.attachments(raw, (part,)))[0]

    async def attachments(self, raw: bytes | Path, parts: Collection[int]) -> list[bytes]:
        """Return the decoded bytes of parts of a message (bytes, or the path of a file that holds them).

        Raises:
            IndexError: there is no such part.
            OSError: the file cannot be read.
        """
        if isinstance(raw, bytes) and len(raw) <= _INLINE_ATTACHMENT:
            return attachment_contents(raw, parts)
        return await asyncio.to_thread(_attachments, raw, parts)

    async def inventory(self, raw: bytes | Path) -> Inventory:
        """Return all that a message says (bytes, or the path of a file that holds them), of one that costs too much its
        header with a `problem`. Raises OSError as `parse` does.
        """
        if isinstance(raw, bytes) and len(raw) <= INLINE:
            return inventory(raw)
        answer = await self._answer({"inventory": True}, raw)
        if answer is None:
            return await asyncio.to_thread(_header_inventory, raw)
        return await asyncio.to_thread(Inventory.model_validate_json, answer)

    async def close(self) -> None:
        """End all workers and wait until they are gone."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._free.clear()
        for worker in list(self._all):
            await self._end(worker)
        await asyncio.gather(*self._ending)

    async def _answer(self, request: dict[str, object], raw: bytes | Path) -> bytes | None:
        """Return what a worker says of a message, None where that costs too much."""
        worker = await self._take()
        answer: bytes | None = None
        try:
            async with asyncio.timeout(self._deadline):
                answer = await _ask(worker, request, raw)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            return None
        finally:
            # Also when cancelled: a worker whose answer nobody reads can serve no one else.
            await self._give_back(worker, usable=answer is not None)
        return answer

    async def _take(self) -> Process:
        """Return a free worker: the only one, or when that is busy for longer than patience lasts, a second."""
        allowed = 1
        async with self._changed:
            while not self._free and self._count >= allowed:
                try:
                    async with asyncio.timeout(_PATIENCE if allowed < _MAX_WORKERS else None):
                        await self._changed.wait()
                except TimeoutError:
                    allowed = _MAX_WORKERS
            if self._free:
                worker = self._free.pop()
                self._timers.pop(worker).cancel()
                return worker
            self._count += 1
        return await self._start()

    async def _start(self) -> Process:
        try:
            worker = await start_child("postroom.mime.child")
        except BaseException:
            # Not swallowed: the place that was taken for this worker is given up on the way out.
            await self._vacate()
            raise
        self._all.add(worker)
        return worker

    async def _give_back(self, worker: Process, *, usable: bool) -> None:
        if not usable:
            await self._end(worker)
            return
        async with self._changed:
            self._free.append(worker)
            self._timers[worker] = asyncio.get_running_loop().call_later(self._idle, self._retire, worker)
            self._changed.notify_all()  # one alone may have been cancelled in this moment, and the worker lie idle

    def _retire(self, worker: Process) -> None:
        self._timers.pop(worker, None)
        if worker in self._free:
            self._free.remove(worker)
            task = asyncio.get_running_loop().create_task(self._end(worker))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, worker: Process) -> None:
        if worker not in self._all:
            return
        self._all.discard(worker)
        if worker.returncode is None:
            worker.kill()
        if worker.stdin is not None:
            worker.stdin.close()
        await worker.wait()
        await self._vacate()

    async def _vacate(self) -> None:
        async with self._changed:
            self._count -= 1
            self._changed.notify_all()


async def _ask(worker: Process, request: dict[str, object], raw: bytes | Path) -> bytes:
    if worker.stdin is None or worker.stdout is None:
        raise ConnectionError("the worker was started without pipes")
    source = {"bytes": len(raw)} if isinstance(raw, bytes) else {"path": os.fspath(raw)}
    frame = json.dumps(request | source).encode()
    worker.stdin.write(_LENGTH.pack(len(frame)) + frame)
    if isinstance(raw, bytes):
        worker.stdin.write(raw)
    await worker.stdin.drain()
    (length,) = _LENGTH.unpack(await worker.stdout.readexactly(_LENGTH.size))
    return await worker.stdout.readexactly(length)


def _header_alone(incoming: Incoming) -> ParsedMessage:
    """Return what the header says, with the digest of the whole message."""
    if incoming.content is not None:
        return parse_headers(incoming.content, _TOO_MUCH)
    with (incoming.spool or Path()).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        return parse_headers(raw, _TOO_MUCH)


def _attachments(raw: bytes | Path, parts: Collection[int]) -> list[bytes]:
    with _mapped(raw) as content:
        return attachment_contents(content, parts)


def _header_inventory(raw: bytes | Path) -> Inventory:
    with _mapped(raw) as content:
        return header_inventory(content, _TOO_MUCH)


@contextlib.contextmanager
def _mapped(raw: bytes | Path) -> Iterator[Raw]:
    """Give the bytes of a message while the block runs, those of a file without reading it whole."""
    if isinstance(raw, bytes):
        yield raw
        return
    with raw.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped
