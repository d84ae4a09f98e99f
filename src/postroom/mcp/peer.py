"""Whoever waits over HTTP for the answer to a request, and what ends when he goes: a call that waits for news.

A call that does something is not ended by it: whether it was done could be told to nobody.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

# Of the request at hand, None where it has no connection of its own (stdio).
PEER: "ContextVar[Peer | None]" = ContextVar("PEER", default=None)
_IN_SCOPE = "postroom.peer"


class PeerGone(Exception):
    """Nobody is there whom the answer could be told: streams that end are not resumed here, in either era."""


class Peer:
    """One request's other end."""

    def __init__(self, scope: Any) -> None:
        scope[_IN_SCOPE] = self
        self._gone = False
        self._calls: set[asyncio.Timeout] = set()

    def leave(self) -> None:
        """Note that he has gone; what waits for his sake ends. He is noted once, however often it is told."""
        if self._gone:
            return
        self._gone = True
        now = asyncio.get_running_loop().time()
        for call in self._calls:
            call.reschedule(now)

    async def while_there(self, call: Callable[[], Any]) -> Any:
        """Return what a call returns. Raises PeerGone: he has gone before, and the call was cancelled."""
        if self._gone:
            raise PeerGone
        there = asyncio.timeout(None)
        try:
            async with there:
                self._calls.add(there)
                return await call()
        except TimeoutError:
            if there.expired():
                raise PeerGone from None
            raise
        finally:
            self._calls.discard(there)


def peer_of(request: Any) -> Peer | None:
    """Return the other end of a request as the transport hands it on; None where there is none."""
    return None if request is None else request.scope.get(_IN_SCOPE)
