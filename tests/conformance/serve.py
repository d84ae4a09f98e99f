"""Our HTTP application with the fixtures of the conformance suites on it: `python -m tests.conformance.serve HOME`.

The suites can send no header: a shim around the application adds the bearer, so that all else is as it is served.
"""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.types import EmptyResult, SetLevelRequestParams, Tool

from postroom.config import Settings
from postroom.http import app as http_app
from postroom.http.listen import serve as serve_http
from postroom.mcp import remote
from postroom.mcp.face import Face, Hands
from postroom.mcp.server import Server
from postroom.server import Postroom, open_house
from postroom.service.keyring import KeyRing
from postroom.store.watch import Watch
from tests.conformance import fixtures, rounds

KEY = "conformance-" + "k" * 30


class Everything(Server):
    """Our server, and beside its tools those of the suites."""

    def __init__(self, hands: Hands, **given: Any) -> None:
        super().__init__(hands, **given)
        self._suite: MCPServer[Any] = MCPServer("suite")
        for tool in (*fixtures.TOOLS, *rounds.TOOLS):
            self._suite.add_tool(tool, structured_output=False)
        schema = self._suite._tool_manager.get_tool("json_schema_2020_12_tool")
        assert schema is not None
        schema.parameters = fixtures.RICH_SCHEMA
        fixtures.add_resources(self)
        for prompt in (*fixtures.PROMPTS, *rounds.PROMPTS):
            self.add_prompt(Prompt.from_function(prompt))
        self._lowlevel_server.add_request_handler("logging/setLevel", SetLevelRequestParams, _set_level)

    async def list_tools(self) -> list[Tool]:
        return [*await super().list_tools(), *await self._suite.list_tools()]

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None) -> Any:
        if self._suite._tool_manager.get_tool(name) is None:
            return await super().call_tool(name, arguments, context)
        return await self._suite.call_tool(name, arguments, context)

    def _tool_input_schema(self, name: str) -> dict[str, Any] | None:
        return self._suite._tool_input_schema(name) or super()._tool_input_schema(name)


async def _set_level(_ctx: Any, _params: SetLevelRequestParams) -> EmptyResult:
    return EmptyResult()


async def main(home: Path) -> None:
    """Serve until killed; the first line on stdout is the address."""
    async with open_house(Settings(home=home), install_key=KEY) as house:
        with socket.create_server(("127.0.0.1", 0)) as sock, contextlib.closing(Watch(home / "postroom.db")) as watch:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            print(f"{url}/mcp", flush=True)
            await serve_http(_application(house, url, watch), sock)


def _application(house: Postroom, url: str, watch: Watch) -> Any:
    face = Face(desk=house.desk, hub=house.hub, links=house.links, actor=None)
    keys = KeyRing(house.desk, watch.version)
    served = remote.RemoteServer(face, public_url=url, max_body=remote.MAX_BODY, keys=keys, server=Everything)
    app: Any = http_app.build(house.desk, house.links, [("/mcp", served.app, served.lifespan)])

    async def with_key(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", f"Bearer {KEY}".encode())]}
        await app(scope, receive, send)

    return with_key


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
