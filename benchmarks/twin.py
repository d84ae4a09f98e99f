"""The other side of the tool figures: a bare server of the same SDK with a tool that does nothing, and one that waits.

`python -m benchmarks.twin` serves stdio; with `http`, streamable HTTP on a free port, whose address it prints; with
`json`, the same with JSON instead of streams, which costs it least.
"""

import asyncio
import socket
import sys
from typing import Any

from mcp.server import MCPServer

from benchmarks.loops import run

server: MCPServer[Any] = MCPServer("twin", log_level="WARNING")


@server.tool()
async def nothing() -> str:
    """Do nothing."""
    return ""


_bell = asyncio.Event()


@server.tool()
async def waits() -> str:
    """Wait until somebody rings."""
    await _bell.wait()
    return ""


@server.tool()
async def ring() -> str:
    """Wake all who wait."""
    _bell.set()
    return ""


async def _http(*, as_json: bool) -> None:
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        app = server.streamable_http_app(json_response=as_json)
        # As Postroom runs it: uvloop and httptools, no access log.
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
        await uvicorn.Server(config).serve(sockets=[sock])


if __name__ == "__main__":
    way = sys.argv[1] if sys.argv[1:] else "stdio"
    run(server.run_stdio_async() if way == "stdio" else _http(as_json=way == "json"))
