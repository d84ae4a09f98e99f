"""An MCP server over a house of the tests, in this process: whoever acts, in either era of the protocol."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from mcp import Client

from postroom.mcp.face import Face, Hands
from postroom.mcp.selection import Selection
from postroom.mcp.server import Server
from postroom.model.tenant import Actor
from tests.fakes.bed import Bed


def server_of(house: Bed, actor: Actor | None = None, selection: Selection | None = None) -> Server:
    """Return a server that acts as `actor`, the owner when there is none."""
    hands, inside = Hands(), house.house
    chosen: dict[str, Any] = {} if selection is None else {"selection": selection}
    hands.open(Face(desk=house.desk, hub=inside.hub, links=inside.links, actor=actor or house.owner, **chosen))
    return Server(hands)


@contextlib.asynccontextmanager
async def client_of(house: Bed, actor: Actor | None = None, **given: Any) -> AsyncIterator[Client]:
    """Connect to such a server; `selection` chooses its tools, all else goes to the client."""
    async with Client(server_of(house, actor, given.pop("selection", None)), **given) as client:
        yield client


async def read(client: Client, uri: str) -> str:
    """Return the text of a resource."""
    (content,) = (await client.read_resource(uri)).contents
    return str(getattr(content, "text", ""))
