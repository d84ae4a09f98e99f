"""Does what may take long only while somebody waits for its answer: whoever has gone can be told nothing."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")


async def while_there(work: Awaitable[T], receive: Receive) -> T:
    """Return what comes of `work`; it is cancelled when the peer of the request goes, whose body was read before.

    Raises:
        ClientDisconnect: the peer has gone, and the work has ended.
    """
    there = asyncio.timeout(None)  # ended by the peer and by nothing else

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        there.reschedule(asyncio.get_running_loop().time())

    watching = asyncio.create_task(watch())
    try:
        async with there:
            return await work
    except TimeoutError:
        if there.expired():
            raise ClientDisconnect from None
        raise
    finally:
        watching.cancel()
