"""The half of an SMTP session that faces the transport: bytes in, one step after another, replies out together.

It knows neither commands nor mail: what a line or a piece of a message means is the other half's. A step that has to
wait becomes the one task of the session, and what comes meanwhile is gathered, up to a bound.
"""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Coroutine
from contextvars import copy_context
from types import TracebackType
from typing import Any, cast

from aiosmtpd.smtp import SMTP

logger = logging.getLogger(__name__)

COMMAND_BYTES = 2048  # RFC 5321 4.5.3.1.4 asks for 512 and RFC 1869 lets parameters add to it
_HELD_BYTES = 128 * 1024  # what we hold while a step waits, and one read of the socket more
_UNSENT_BYTES = 16 * 1024  # replies that a peer may leave unread before we stop listening to it
_TOGETHER = 128  # replies in one write: about as many bytes as may be unsent


class Pump(SMTP):
    """One connection. `ended` is done when it is gone and nothing of it runs any more."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self.loop.create_future()
        self._closed = self.ended  # StreamReaderProtocol looks at it when it is deleted; no more of it is made
        self.task: asyncio.Task[None] | None = None
        # Of our own: what a transport of uvloop calls runs in the context of whoever began to listen.
        self._context = copy_context()
        self._input = bytearray()
        self._searched = 0  # bytes of the input that hold no line end
        self._in_message = False
        self._out: list[bytes] = []
        self._choked = False  # the peer does not read
        self._held_back = False  # we do not read
        self._eof = False
        self._closing = False
        self._lost = False

    @abstractmethod
    def greet(self) -> None:
        """Begin the dialogue."""

    @abstractmethod
    def obey(self, line: bytes) -> None:
        """Act on a line, which ends with LF; one of more than COMMAND_BYTES has lost some of them."""

    @abstractmethod
    def read_on(self) -> bool:
        """Take a piece of a message off the input and act on it; return False where more must come."""

    @abstractmethod
    def leave(self) -> None:
        """Note that the connection is lost. A step may still be in the middle of a commit."""

    @abstractmethod
    def end(self) -> None:
        """Clean up: the connection is lost and no step runs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._wire = cast(asyncio.Transport, transport)
        self._wire.set_write_buffer_limits(high=_UNSENT_BYTES)
        self._context.run(self.greet)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Act on what is whole, keep the rest."""
        if self._closing:
            return
        self._input += data
        if self.task is None and not self._choked:
            self._context.run(self._pump)
        if len(self._input) > _HELD_BYTES and not self._held_back and not self._wire.is_closing():
            self._held_back = True
            self._wire.pause_reading()

    def eof_received(self) -> bool:
        """Let what was sent before be answered."""
        self._eof = True
        if self.task is None and not self._choked:
            self._context.run(self._pump)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """End, or let the step that runs end. It is not cancelled: it may be in the middle of a commit."""
        self._closing = self._lost = True
        self.leave()
        if self.task is None:
            self._end()

    def pause_writing(self) -> None:
        """Listen no more to a peer that reads no replies."""
        self._choked = True

    def resume_writing(self) -> None:
        """Go on, but not from inside of a write."""
        self._choked = False
        self.loop.call_soon(self._pump, context=self._context)

    def abort(self) -> None:
        """Give up the step that runs, and the connection."""
        if self.task is not None:
            self.task.cancel()
        self._wire.abort()

    def _pump(self) -> None:
        # One long function: most of what a command costs is the number of functions that it goes through.
        wire = self._input
        try:
            while wire and self.task is None and not self._choked and not self._closing:
                if self._in_message:
                    if not self.read_on():
                        break
                else:
                    end = wire.find(b"\n", self._searched)
                    if end < 0:
                        self._keep_start()
                        break
                    line = bytes(wire[: end + 1])
                    del wire[: end + 1]
                    self._searched = 0
                    self.obey(line)
                if len(self._out) >= _TOGETHER:
                    self._flush()
        except (Exception, asyncio.CancelledError) as error:
            # A bug in one session is logged and ends that session, never the server.
            self._fail(error)
        # Pipelined commands are answered together (RFC 2920 3.2), but nothing is held back while we wait.
        if self._out:
            self._flush()
        if self._eof or self._held_back:
            self._settle()

    def _keep_start(self) -> None:
        del self._input[COMMAND_BYTES:]  # with its end such a line is too long still
        self._searched = len(self._input)

    def _settle(self) -> None:
        if self.task is not None or self._choked:
            return
        if self._eof:
            self._close()
        elif not self._wire.is_closing() and len(self._input) <= _HELD_BYTES:
            self._held_back = False
            self._wire.resume_reading()

    def _run(self, step: Coroutine[Any, Any, None]) -> None:
        """Run `step` to its end; one that waits goes on as a task, and no other step is taken before its end."""
        try:
            waits_for = step.send(None)
        except StopIteration:
            return  # nearly all end here: a task for each would cost as much as they do
        self.task = self.loop.create_task(_Begun(step, waits_for), context=self._context)
        self.task.add_done_callback(self._go_on, context=self._context)

    def _go_on(self, task: asyncio.Task[None]) -> None:
        self.task = None
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)
        if self._lost:
            self._end()
        else:
            self._pump()

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, OSError | asyncio.CancelledError):
            logger.debug("connection lost reason=%s", error)
        else:
            logger.error("session failed", exc_info=error)
            self._bye("421 4.3.0 Local error, try again later")
        self._close()

    def _bye(self, line: str) -> None:
        if not self._closing:
            self._out.append(line.encode("ascii") + b"\r\n")
            self._close()

    def _close(self) -> None:
        self._closing = True
        self._flush()
        self._wire.close()

    def _flush(self) -> None:
        if self._out:
            if not self._wire.is_closing():
                self._wire.write(b"".join(self._out))
            self._out.clear()

    def _end(self) -> None:
        self.end()
        self.ended.set_result(None)


class _Begun(Coroutine[Any, Any, None]):
    """A coroutine that was begun outside of a task and waits: the task that goes on with it waits first for the same.

    An object rather than a generator: what is thrown in before the first step of the task reaches the coroutine.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._first = [waits_for]

    def send(self, value: Any) -> Any:
        """Return what is waited for next."""
        return self._first.pop() if self._first else self._coroutine.send(value)

    def throw(self, kind: Any, value: Any = None, traceback: TracebackType | None = None, /) -> Any:
        """Raise an exception where the coroutine waits."""
        self._first.clear()
        return self._coroutine.throw(kind if value is None else value)

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Any:
        return self
