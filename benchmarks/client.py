"""The least MCP client there is, over stdio and over HTTP: JSON out, JSON in, and no processor time spent on more.

Not for use: it answers no request of a server and validates nothing. What it saves, a measurement sees.
"""

import contextlib
import http.client
import itertools
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from benchmarks.tree import Tree, read_line

_VERSION = "2025-06-18"
_HELLO = {"protocolVersion": _VERSION, "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}

_NEWER = "2026-07-28"
_ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": _NEWER,
    "io.modelcontextprotocol/clientInfo": _HELLO["clientInfo"],
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Client(Protocol):
    """Calls tools."""

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool and return the result. Raises RuntimeError for an error of any kind."""


def initialize_line() -> bytes:
    """Return the first line that a client writes over stdio."""
    return _request(0, "initialize", _HELLO) + b"\n"


def _request(number: int, method: str, params: Mapping[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def _result(answer: bytes) -> dict[str, Any]:
    told = json.loads(answer)
    if "result" not in told or told["result"].get("isError"):
        raise RuntimeError(f"refused: {str(told)[:500]}")
    result: dict[str, Any] = told["result"]
    return result


_INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


class StdioClient:
    """A client of a server whose pipes are those of `tree`."""

    def __init__(self, tree: Tree) -> None:
        if tree.process.stdin is None or tree.process.stdout is None:
            raise RuntimeError("a stdio server needs pipes")
        self._in, self._out = tree.process.stdin, tree.process.stdout
        self._numbers = itertools.count(1)
        self._in.write(initialize_line())
        self._in.flush()
        _result(read_line(self._out, 20, "initialize"))
        self._in.write(_INITIALIZED + b"\n")
        self._in.flush()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._in.write(_request(next(self._numbers), "tools/call", {"name": tool, "arguments": arguments}) + b"\n")
        self._in.flush()
        return _result(self._out.readline() or b"{}")


class _Http:
    """One connection that is kept, to the MCP endpoint of a server."""

    def __init__(self, url: str, key: str | None) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._numbers = itertools.count(1)
        self._used = 0.0

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, body: bytes, **headers: str) -> http.client.HTTPResponse:
        # uvicorn ends a connection that was idle for 5 s; http.client opens another by itself.
        if time.monotonic() - self._used > 2:
            self._connection.close()
        self._connection.request("POST", "/mcp", body, {**self._headers, **headers})
        response = self._connection.getresponse()
        self._used = time.monotonic()
        if response.status >= 300:
            raise RuntimeError(f"HTTP {response.status}: {response.read()[:300]!r}")
        return response


class HttpClient(_Http):
    """A client of the older era (2025-06-18) over streamable HTTP, with a session."""

    def __init__(self, url: str, key: str | None = None) -> None:
        super().__init__(url, key)
        response = self._post(_request(0, "initialize", _HELLO))
        self._headers["MCP-Protocol-Version"] = _VERSION
        if (session := response.getheader("mcp-session-id")) is not None:
            self._headers["Mcp-Session-Id"] = session
        _result(_data(response))
        self._post(_INITIALIZED).read()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return _result(
            _data(
                self._post(_request(next(self._numbers), "tools/call", {"name": tool, "arguments": arguments})),
            )
        )

    def close(self) -> None:
        """End the session and the connection."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._connection.request("DELETE", "/mcp", headers=self._headers)
            self._connection.getresponse().read()
        super().close()


class NewerClient(_Http):
    """A client of the newer era (2026-07-28) over streamable HTTP: each request says what the client is."""

    def __init__(self, url: str, key: str | None = None) -> None:
        super().__init__(url, key)
        self._headers |= {"MCP-Protocol-Version": _NEWER, "Mcp-Method": "tools/call"}

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        params = {"name": tool, "arguments": arguments, "_meta": _ENVELOPE}
        return _result(_data(self._post(_request(next(self._numbers), "tools/call", params), **{"Mcp-Name": tool})))


def _data(response: http.client.HTTPResponse) -> bytes:
    """Return the JSON of a plain answer, or of the event in a stream that carries a result."""
    body = response.read()
    if not (response.getheader("content-type") or "").startswith("text/event-stream"):
        return body
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return next((line for line in reversed(lines) if line), b"{}")
