"""Carries MCP messages between a client on stdio and the /mcp of a server, as they are.

What is its own: the headers that HTTP wants of a message, a session that is begun anew when the server has forgotten
it, and a clear error for each call that a lost connection cost. It knows no tool and opens no house.
"""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from postroom.config import is_loopback

log = logging.getLogger(__name__)
Json = dict[str, Any]
CONNECT_S = 10.0
PATIENCE_S = 5.0  # that the first request waits for a server that is about to start
RETRY_S = (0.1, 0.5, 1.0, 2.0, 5.0)  # before the stream of notifications is opened again
_END_S = 1.0
_QUIET = httpx2.Timeout(60.0, connect=CONNECT_S)  # the server pings a stream every 15 s
_LOST, _PARSE_ERROR, _INVALID_REQUEST = -32000, -32700, -32600
_VERSION = "io.modelcontextprotocol/protocolVersion"
# Of a method, the parameter that the newest era repeats in a header.
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_FIRST = ("initialize", "server/discover")


class SessionLost(Exception):
    """The server does not know the session any more."""


class Bridge:
    """Carries messages to `url` and what comes of them to `write`, one JSON text a call."""

    def __init__(self, url: str, headers: Mapping[str, str], write: Callable[[bytes], Awaitable[None]]) -> None:
        self._url = url
        self._put = write
        self._client = httpx2.AsyncClient(
            headers=dict(headers),
            timeout=httpx2.Timeout(None, connect=CONNECT_S),
            # A proxy of the environment is for what lies outside.
            trust_env=not is_loopback(urlsplit(url).hostname or ""),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
        )
        self._writing, self._renewing = asyncio.Lock(), asyncio.Lock()
        self._asked: dict[str, tuple[asyncio.Task[None], bool]] = {}  # by id as JSON; whether of the newest era
        self._listening: asyncio.Task[None] | None = None
        self._hello: Json | None = None  # the `initialize` of this connection
        self._session: dict[str, str] = {}  # the headers that belong to it
        self._followed: dict[str, None] = {}  # what the client has subscribed to in it

    async def take(self, line: bytes) -> None:
        """Carry one line of the client's."""
        try:
            message = json.loads(line)
        except ValueError:
            if line.strip():
                await self._say({"jsonrpc": "2.0", "id": None, "error": _error(_PARSE_ERROR, "This is not JSON.")})
            return
        if not isinstance(message, dict):
            error = _error(_INVALID_REQUEST, "One message a line, an object.")
            await self._say({"jsonrpc": "2.0", "id": None, "error": error})
        elif "id" in message and "method" in message:
            key = json.dumps(message["id"])
            task = asyncio.create_task(self._ask(line.strip(), message))
            self._asked[key] = (task, _version(message) is not None)
            task.add_done_callback(lambda done: self._forget(key, done))
        elif not self._is_cancelled_here(message):
            await self._tell(line.strip(), message)

    async def close(self) -> None:
        """End what is under way, and the session."""
        tasks = [task for task, _newest in self._asked.values()]
        tasks += [self._listening] if self._listening is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(httpx2.HTTPError, TimeoutError):
            async with asyncio.timeout(_END_S):
                if self._session:
                    await self._client.delete(self._url, headers=self._session)
        await self._client.aclose()

    def _forget(self, key: str, task: "asyncio.Task[None]") -> None:
        if self._asked.get(key, (None, False))[0] is task:
            del self._asked[key]

    def _is_cancelled_here(self, message: Json) -> bool:
        """End a request that the client cancels: in the newest era, by ending its connection, and by nothing else."""
        if message.get("method") != "notifications/cancelled":
            return False
        params = message.get("params")
        key = json.dumps(params.get("requestId") if isinstance(params, dict) else None)
        task, newest = self._asked.get(key, (None, False))
        if task is not None and newest:
            task.cancel()
        return newest

    async def _tell(self, line: bytes, message: Json) -> None:
        """Carry what has no answer: a notification, or the answer to a question of the server's."""
        try:
            await self._post(line, message)
        except (httpx2.HTTPError, SessionLost, Refused) as error:
            log.warning("not carried method=%s error=%s", message.get("method"), error or type(error).__name__)
            return
        if message.get("method") == "notifications/initialized" and self._session and self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    async def _ask(self, line: bytes, message: Json) -> None:
        """Carry a request, once more where the session was lost: it was not looked at then."""
        try:
            try:
                await self._first_or_later(line, message)
            except SessionLost:
                await self._renew()
                await self._post(line, message)
        except httpx2.ConnectError:
            await self._fail(message, f"No Postroom answers at {self._url}: nothing was done. Is it running?")
        except (httpx2.HTTPError, SessionLost):
            again = "It is not known whether this was done: look before you do it again."
            await self._fail(message, f"The connection to {self._url} was lost. {again}")
        except Refused as refused:
            await self._fail(message, str(refused))

    async def _first_or_later(self, line: bytes, message: Json) -> None:
        until = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return await self._post(line, message)
            except httpx2.ConnectError:
                if message["method"] not in _FIRST or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(RETRY_S[0])

    async def _post(self, line: bytes, message: Json, *, heard: Callable[[Json], None] | None = None) -> None:
        """Carry one message and what is said in answer, to the client or to `heard`.

        Raises:
            SessionLost: the server does not know the session; it has not looked at the message.
            Refused: it answered otherwise than with a message.
        """
        session = {} if message.get("method") == "initialize" else dict(self._session)
        headers = {**session, **_routing(message)}
        async with self._client.stream("POST", self._url, content=line, headers=headers) as response:
            if response.status_code == 404 and "mcp-session-id" in headers and not _version(message):
                raise SessionLost(headers["mcp-session-id"])
            answered = False
            async for text in _messages(response):
                answered = await self._hear(text, message, response, heard) or answered
            if not answered and "id" in message and "method" in message:
                raise httpx2.RemoteProtocolError("the stream ended before the answer")

    async def _hear(
        self, text: bytes, asked: Json, response: httpx2.Response, heard: Callable[[Json], None] | None
    ) -> bool:
        """Take one message of the server's; tell whether it is the answer."""
        message = json.loads(text)
        is_answer = "method" not in message and ("result" in message or "error" in message)
        if is_answer and message.get("id") is None:  # refused before its id was read
            message["id"], text = asked.get("id"), b""
        if is_answer and "result" in message:
            self._learn(asked, message["result"], response)
        if heard is not None:
            heard(message)
        else:
            await (self._put_line(text) if text and b"\n" not in text else self._say(message))
        return is_answer

    def _learn(self, asked: Json, result: Json, response: httpx2.Response) -> None:
        """Keep what a later request, or a session begun anew, will need."""
        method, uri = asked.get("method"), (asked.get("params") or {}).get("uri")
        if method == "initialize":
            self._hello = asked
            session = response.headers.get("mcp-session-id")
            self._session = {"mcp-protocol-version": str(result.get("protocolVersion", ""))}
            self._session |= {"mcp-session-id": session} if session else {}
        elif method == "resources/subscribe":
            self._followed[str(uri)] = None
        elif method == "resources/unsubscribe":
            self._followed.pop(str(uri), None)

    async def _renew(self) -> None:
        """Begin the session anew, with what the client had subscribed to; it is told that each may have changed."""
        lost = self._session.get("mcp-session-id")
        async with self._renewing:
            if self._hello is None or self._session.get("mcp-session-id") != lost:
                return
            quiet: list[Json] = []
            await self._send(self._hello, quiet.append)
            await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"}, quiet.append)
            for n, uri in enumerate(list(self._followed)):
                follow = {
                    "jsonrpc": "2.0",
                    "id": f"bridge-{n}",
                    "method": "resources/subscribe",
                    "params": {"uri": uri},
                }
                await self._send(follow, quiet.append)
        for uri in self._followed:
            await self._say({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}})

    async def _send(self, message: Json, heard: Callable[[Json], None]) -> None:
        await self._post(json.dumps(message).encode(), message, heard=heard)

    async def _listen(self) -> None:
        """Hear what the server says unasked, for ever; a stream that ends is opened again."""
        tries = 0
        while True:
            with contextlib.suppress(httpx2.HTTPError, Refused):
                try:
                    async with self._client.stream("GET", self._url, headers=self._session, timeout=_QUIET) as response:
                        if response.status_code == 404:
                            raise SessionLost
                        if response.status_code == 405:
                            return
                        async for text in _messages(response):
                            tries = 0
                            await self._put_line(text)
                except SessionLost:
                    await self._renew()
            await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
            tries += 1

    async def _fail(self, message: Json, words: str) -> None:
        """Answer a request with an error: a call of a tool by a result, which the model reads."""
        answer: Json = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "tools/call":
            newest = {"resultType": "complete"} if _version(message) else {}
            answer["result"] = {"content": [{"type": "text", "text": words}], "isError": True, **newest}
        else:
            answer["error"] = _error(_LOST, words)
        await self._say(answer)

    async def _say(self, message: Json) -> None:
        await self._put_line(json.dumps(message, separators=(",", ":")).encode())

    async def _put_line(self, text: bytes) -> None:
        async with self._writing:
            await self._put(text)


class Refused(Exception):
    """The server answered with a status and no message."""


async def _messages(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Give each JSON text that a response carries. Raises Refused for one that should carry some and does not."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream" and response.status_code == 200:
        async for data in _events(response.aiter_bytes()):
            yield data
        return
    body = await response.aread()
    if response.status_code in (202, 204):
        return
    if kind == "application/json" and b'"jsonrpc"' in body:
        yield body
        return
    raise Refused(_refusal(response.status_code, str(response.url), body))


def _refusal(status: int, url: str, body: bytes) -> str:
    if status == 401:
        return f"{url} does not know this key: set POSTROOM_API_KEY to one of that server."
    if status == 421:
        return f"{url} does not go by this name: set POSTROOM_PUBLIC_URL at the server."
    said = " ".join(body[:300].decode("utf-8", "replace").split())
    return f"{url} answered with status {status}: {said or 'nothing'}."


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the data of each event of a stream; lines end as the standard has it and by no other character."""
    buffer = b""
    data: list[bytes] = []
    async for chunk in chunks:
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in (each.removesuffix(b"\r") for each in lines):
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                text, data = b"\n".join(data), []
                if text:
                    yield text


def _version(message: Json) -> str | None:
    """Return the revision that a message of the newest era names; None for one of an older."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    version = meta.get(_VERSION) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None


def _routing(message: Json) -> dict[str, str]:
    """Return the headers that repeat what a message of the newest era says (SEP-2243)."""
    version = _version(message)
    if version is None:
        return {}
    method = str(message.get("method"))
    headers = {"mcp-protocol-version": version, "mcp-method": method}
    name = message["params"].get(_NAMED.get(method, ""))
    return {**headers, "mcp-name": _field(name)} if isinstance(name, str) else headers


def _field(value: str) -> str:
    """Return a value as a header can carry it: in base64, marked as such, where it is not plain ASCII."""
    plain = value.isascii() and value.isprintable() and value == value.strip() and not value.startswith("=?base64?")
    return value if plain else f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def _error(code: int, words: str) -> Json:
    return {"code": code, "message": words}
