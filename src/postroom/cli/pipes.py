"""The standard streams as an agent's host gives them, read and written by the event loop.

The SDK asks a thread for each line, and two for each answer: a third of the processor time of a call. What is no pipe
(a terminal, a file; anything on Windows) stays with the SDK's threads.
"""

import asyncio
import contextlib
import logging
import os
import select
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

log = logging.getLogger(__name__)
# A pipe of which poll says that it takes something takes this much (POSIX: PIPE_BUF; a socket takes more).
_PIECE = min(select.PIPE_BUF, 4096) if hasattr(select, "PIPE_BUF") else 512
_LONGEST = 2**28  # bytes of a line, four times what HTTP takes; the SDK's threads know no bound
_NOTHING: tuple[Any, Any] = None, None


@contextlib.asynccontextmanager
async def pipes() -> AsyncIterator[tuple[Any, Any]]:
    """Take stdin and stdout, where both are pipes or sockets, for `stdio_server`; None and None where they are not.

    Until the end stdin is empty for all else, and what is printed goes to stderr: nothing but the protocol comes out.
    """
    if not (_is_pipe(0) and _is_pipe(1)):
        yield _NOTHING
        return
    with _apart(0, os.open(os.devnull, os.O_RDONLY)) as in_, _apart(1, os.dup(2)) as out:
        reader = asyncio.StreamReader(limit=_LONGEST)
        loop = asyncio.get_running_loop()
        blocks = os.get_blocking(in_)
        file = os.fdopen(os.dup(in_), "rb")  # the transport closes it
        transport, _protocol = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        try:
            yield _Lines(reader), _Out(out)
        finally:
            transport.close()
            os.set_blocking(in_, blocks)  # whoever shares the pipe finds it as it was


class _Lines:
    """What comes in, line by line."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def __aiter__(self) -> "_Lines":
        return self

    async def __anext__(self) -> str:
        line = b""
        try:
            line = await self._reader.readline()
        except ConnectionError:  # a socket, of a host that was ended before it had read everything
            log.warning("the host is gone")
        except ValueError:
            log.error("the host wrote a line of more than %s bytes", _LONGEST)
        if not line:
            raise StopAsyncIteration
        return line.decode("utf-8", "replace")


class _Out:
    """What goes out. The pipe stays as it is for whoever shares it, so it is asked before each piece."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._poll = select.poll()
        self._poll.register(out, select.POLLOUT)
        self._text = ""

    async def write(self, text: str) -> None:
        self._text += text

    async def flush(self) -> None:
        """Return once all is with the pipe. Raises ConnectionError: nobody reads it any more."""
        rest = memoryview(self._text.encode())
        self._text = ""
        while rest:
            if not self._poll.poll(0):
                await self._takes_more()
            with contextlib.suppress(BlockingIOError):  # another of its writers was quicker
                rest = rest[os.write(self._out, rest[:_PIECE]) :]

    async def _takes_more(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self._out, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._out)


def _is_pipe(number: int) -> bool:
    mode = os.fstat(number).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


@contextlib.contextmanager
def _apart(number: int, instead: int) -> Iterator[int]:
    """Give a standard stream another number, which no child inherits, and `instead` its own until the end."""
    own = os.dup(number)
    os.dup2(instead, number)
    os.close(instead)
    try:
        yield own
    finally:
        os.dup2(own, number)
        os.close(own)
