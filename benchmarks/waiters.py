"""A thousand callers that wait for mail at once: what they cost in memory, and how soon each hears of its mail.

Beside them as many callers of a bare server of the same SDK, whose tool waits for nothing but a bell. Each has a
session and a connection of its own.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.client import HttpClient
from benchmarks.loops import run
from benchmarks.report import Line, Report, at_most
from benchmarks.sides import DOMAIN, postroom
from benchmarks.tree import Tree, read_line, running

_MB = 2**20
_VERSION = "2025-06-18"
_HELLO = {"protocolVersion": _VERSION, "capabilities": {}, "clientInfo": {"name": "waiter", "version": "1"}}
_SETTLE_S = 3.0
_AT_ONCE = 50
_PROBES = 50
_MORE_MB, _HEARD_MS = 20.0, 200.0


@dataclass
class Side:
    """A server with waiters: how a waiter calls and how one is woken."""

    tree: Tree
    url: str
    key: str | None
    tool: str
    arguments: list[Mapping[str, Any]]  # of each waiter
    waiters: list["_Waiter"] = field(default_factory=list)


class _Waiter:
    """One session that waits: a POST whose answer is a stream, read to its end."""

    def __init__(self, url: str, key: str | None) -> None:
        self._host, _, port = urlsplit(url).netloc.rpartition(":")
        self._port = int(port)
        self._head = f"POST /mcp HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n"
        self._head += "Accept: application/json, text/event-stream\r\n"
        self._head += f"Authorization: Bearer {key}\r\n" if key else ""
        self.heard_at = 0.0

    async def begin(self) -> None:
        """Open the connection and the session."""
        self._read, self._write = await asyncio.open_connection(self._host, self._port)
        head, _body = await self._post({"id": 0, "method": "initialize", "params": _HELLO})
        names = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        self._head += f"MCP-Protocol-Version: {_VERSION}\r\n"
        if "mcp-session-id" in names:
            self._head += f"Mcp-Session-Id: {names['mcp-session-id']}\r\n"
        await self._post({"method": "notifications/initialized"})

    async def wait(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Call the tool; `heard_at` is when its answer was there. Raises RuntimeError for one that is an error."""
        params = {"name": tool, "arguments": arguments}
        _head, body = await self._post({"id": 1, "method": "tools/call", "params": params})
        self.heard_at = time.perf_counter()
        if '"isError":true' in body.replace(" ", "") or '"result"' not in body:
            raise RuntimeError(f"a waiter heard {body[:300]}")

    def close(self) -> None:
        self._write.close()

    async def _post(self, message: Mapping[str, Any]) -> tuple[str, str]:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._write.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await self._read.readuntil(b"\r\n\r\n")).decode("latin-1")
        return head, (await self._body(head.lower())).decode("utf-8", "replace")

    async def _body(self, head: str) -> bytes:
        if "transfer-encoding: chunked" not in head:
            length = head.partition("content-length: ")[2].partition("\r\n")[0]
            return await self._read.readexactly(int(length or 0))
        parts = []
        while size := int((await self._read.readline()).strip(), 16):
            parts.append((await self._read.readexactly(size + 2))[:-2])
        await self._read.readline()
        return b"".join(parts)


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Let both servers have their waiters, one server after the other."""
    count = 200 if quick else 1000
    with postroom(folder / "ours") as house, contextlib.closing(house.client()) as client:
        boxes = [f"waits{n}" for n in range(count)]
        position = 0
        for box in boxes:
            position = client.call("create_inbox", {"username": box})["structuredContent"]["position"]
        given = [{"inbox_id": f"{box}@{DOMAIN}", "after": position, "timeout": 120} for box in boxes]
        ours = Side(house.tree, house.http, house.owner_key, "wait_for_message", list(given))
        mb, heard = run(_measured(ours, client))
        shared = Side(house.tree, house.http, house.owner_key, "wait_for_message", [given[0] | {"after": None}] * count)
        shared.arguments = [{k: v for k, v in one.items() if v is not None} for one in shared.arguments]
        _more, (together,) = run(_measured(shared, client, at_once=True))
    with running([sys.executable, "-m", "benchmarks.twin", "http"], folder / "log") as tree:
        url = read_line(tree.process.stdout, 20, "the twin").decode().strip()
        time.sleep(1)
        bare = Side(tree, url, None, "waits", [{}] * count)
        with contextlib.closing(HttpClient(url)) as client:
            other, (rung,) = run(_measured(bare, client, at_once=True))
    name = f"{count} waiters"
    promise = at_most(_MORE_MB, " MB more")
    yield Line(name=f"{name}: memory", unit="MB", ours=[mb], other=[other], promise=promise, judged=mb - other)
    yield Line(name=f"{name}: send to heard, worst", unit="ms", ours=[max(heard)], promise=at_most(_HEARD_MS, " ms"))
    note = "one mail that all of them wait for; the other side's bell says nothing, and its answers are empty"
    yield Line(name=f"{name} of one inbox: last heard", unit="ms", ours=[together], other=[rung], note=note)


async def _measured(side: Side, client: HttpClient, *, at_once: bool = False) -> tuple[float, list[float]]:
    """Return the megabytes that the waiters took, and the ms from a mail to its answer, to the last where all hear."""
    before = side.tree.rss()
    side.waiters = [_Waiter(side.url, side.key) for _ in side.arguments]
    async with asyncio.timeout(150), asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []
        for at in range(0, len(side.waiters), _AT_ONCE):
            some = side.waiters[at : at + _AT_ONCE]
            await asyncio.gather(*(waiter.begin() for waiter in some))
            # At once: a server ends a connection on which nothing is asked for five seconds.
            pairs = zip(some, side.arguments[at : at + _AT_ONCE], strict=True)
            tasks += [group.create_task(waiter.wait(side.tool, given)) for waiter, given in pairs]
        await asyncio.sleep(_SETTLE_S)
        more = (side.tree.rss() - before) / _MB
        heard = [await _woken(side, client, tasks)] if at_once else await _probed(side, client, tasks)
        for task in tasks:
            task.cancel()
    for waiter in side.waiters:
        waiter.close()
    return more, heard


async def _woken(side: Side, client: HttpClient, tasks: list["asyncio.Task[None]"]) -> float:
    """Wake all; return when the last had heard."""
    ring = ("ring", {}) if side.tool == "waits" else ("send_message", _mail(side.arguments[0]))
    begun = time.perf_counter()
    await asyncio.to_thread(client.call, *ring)
    await asyncio.gather(*tasks)
    return (max(waiter.heard_at for waiter in side.waiters) - begun) * 1000


async def _probed(side: Side, client: HttpClient, tasks: list["asyncio.Task[None]"]) -> list[float]:
    """Wake one after another, while all others go on waiting."""
    times = []
    step = max(1, len(tasks) // _PROBES)
    for task, waiter, given in list(zip(tasks, side.waiters, side.arguments, strict=True))[::step]:
        begun = time.perf_counter()
        await asyncio.to_thread(client.call, "send_message", _mail(given))
        await task
        times.append((waiter.heard_at - begun) * 1000)
    return times


def _mail(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"inbox_id": f"waits1@{DOMAIN}", "to": given["inbox_id"], "subject": "Wake up", "text": "Good morning."}
