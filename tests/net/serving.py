"""A server that answers as a test likes, for the one outgoing client; and that client, with the rules of two places."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from postroom.net.addresses import AddressRules
from postroom.net.http import HttpClient

PUBLIC = AddressRules()
LAN = AddressRules(allow_private=True)
Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(bounded())


@asynccontextmanager
async def serve(answer: Answer) -> AsyncIterator[int]:
    """Serve on a free port of this host; `answer` gets the head of the request and writes what it likes."""

    handling: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.add(asyncio.current_task())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            await answer(head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in handling:
            if task is not None:
                task.cancel()
        await asyncio.gather(*filter(None, handling), return_exceptions=True)


@asynccontextmanager
async def client(rules: AddressRules = LAN) -> AsyncIterator[HttpClient]:
    made = HttpClient(rules)
    try:
        yield made
    finally:
        await made.close()


def reply(body: bytes, *headers: str, status: str = "200 OK") -> Answer:
    async def answer(_head: str, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return answer
