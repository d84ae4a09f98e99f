"""MCP over streamable HTTP: the same tools at /mcp, behind a bearer key."""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from postroom.mcp.auth import KeyVerifier
from postroom.mcp.face import Face, Hands
from postroom.mcp.server import Server

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class RemoteServer:
    """The ASGI app for /mcp and the lifespan that must be entered around it."""

    def __init__(self, face: Face, *, public_url: str, max_body: int) -> None:
        hands = Hands()
        hands.open(face)
        auth = AuthSettings(issuer_url=AnyHttpUrl(public_url), resource_server_url=None, required_scopes=[])
        self._server = Server(hands, verifier=KeyVerifier(hands), auth=auth)
        self.app = self._server.streamable_http_app(
            max_request_body_size=max_body, transport_security=_hosts(public_url)
        )

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run the sessions."""
        async with self._server.session_manager.run():
            yield


def _hosts(public_url: str) -> TransportSecuritySettings:
    """Allow the names of this machine and of the public address: no page elsewhere can rebind its name to us."""
    names = (*_LOOPBACK, urlsplit(public_url).hostname or "localhost")
    hosts = [form for name in dict.fromkeys(names) for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)
