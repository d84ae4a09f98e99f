"""Lets an answer leave in one write: uvicorn writes its head before its body, and each write wakes whoever reads.

ASGI lets a server do so: nothing need leave before the first `http.response.body`. A head whose body takes its time
leaves without it, so that a stream begins at once.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_HEAD = b"HTTP/1."
_COPIED = 64 * 1024  # bytes of a body that are put behind its head; to copy more costs more than a second buffer


class _Transport:
    """A transport that keeps the head of an answer until its body comes, or the event loop goes round."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        head = self._head
        if not head and data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._leave)
        elif not head:
            self._transport.write(data)
        else:
            self._head = b""
            if len(data) <= _COPIED:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))

    def _leave(self) -> None:
        if self._head and not self._transport.is_closing():  # whoever asked may have gone
            self.write(b"")

    def close(self) -> None:
        """Close once all that was written has left."""
        self._leave()
        self._transport.close()


class OneWriteProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """HTTP as uvicorn speaks it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(_Transport(transport))  # type: ignore[arg-type]
