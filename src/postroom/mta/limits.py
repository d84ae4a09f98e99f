"""How much a peer may ask of the SMTP port: the figures, the door that counts connections, the clocks of a session.

It knows nothing of the dialogue behind the door.
"""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast


@dataclass(frozen=True)
class InboundLimits:
    """Sizes are bytes, times seconds; each figure is the last one that is allowed."""

    message_bytes: int = 50 * 2**20
    recipients: int = 1000  # a message; RFC 5321 4.5.3.1.8 asks for 100 at least
    connections: int = 500
    per_client: int = 50  # an IPv4 address or an IPv6 /64; loopback is not counted
    errors: int = 10  # 5xx replies; counted anew after each message accepted
    commands: int = 1000  # without a message accepted in between; accepted recipients have their own limit
    message_seconds: float = 600
    idle_seconds: float = 300  # RFC 5321 4.5.3.2.7 asks for five minutes
    line_bytes: int = 2**20  # without its line end
    received_headers: int = 50
    spool_after: int = 64 * 1024


def client_address(peer: object) -> str | None:
    """Return the IP address in a transport's `peername`, an IPv4-mapped one as IPv4; None for a Unix socket."""
    return _read_address(str(peer[0])) if isinstance(peer, tuple) and peer else None


@lru_cache(maxsize=4096)
def _read_address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


class Connections:
    """The connections that are open, in all and by client."""

    def __init__(self, limits: InboundLimits) -> None:
        self.closed = False  # the server stops: nobody is admitted any more
        self._limits = limits
        self._open = 0
        self._by_client: Counter[str] = Counter()

    def admit(self, client: str | None) -> bool:
        """Count a new connection and return True, or return False where a limit is reached."""
        key = counted_as(client)
        if self._open >= self._limits.connections:
            return False
        if key is not None and self._by_client[key] >= self._limits.per_client:
            return False
        self._open += 1
        if key is not None:
            self._by_client[key] += 1
        return True

    def leave(self, client: str | None) -> None:
        """Count out a connection that was admitted."""
        self._open -= 1
        key = counted_as(client)
        if key is None:
            return
        self._by_client[key] -= 1
        if not self._by_client[key]:
            del self._by_client[key]


@lru_cache(maxsize=4096)
def counted_as(client: str | None, *, loopback: bool = False) -> str | None:
    """Return the name under which a client is counted, an IPv6 /64 as one; None for loopback, unless asked for."""
    if client is None:
        return None
    address = ipaddress.ip_address(client)
    if address.is_loopback and not loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        # One customer has a /64 and may change its address at every connection.
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return client


class Door(asyncio.Protocol):
    """Stands in for a session until the connection is admitted: one that is not costs a reply and no more."""

    def __init__(self, connections: Connections, session: Callable[[str | None], asyncio.Protocol]) -> None:
        self._connections = connections
        self._session = session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection on to a new session, which counts it out in the end, or turn it away."""
        wire = cast(asyncio.Transport, transport)
        client = client_address(wire.get_extra_info("peername"))
        if self._connections.closed:
            wire.write(b"421 4.3.2 Service is closing\r\n")
            wire.close()
        elif not self._connections.admit(client):
            wire.write(b"421 4.7.0 Too many connections, try again later\r\n")
            wire.close()
        else:
            session = self._session(client)
            wire.set_protocol(session)
            session.connection_made(wire)


class Watch:
    """The two clocks of a session, idleness and the time of a whole message, on one timer that is seldom set.

    `expire` is called with a word that says which has run out, and again each `idle_seconds` after.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: InboundLimits, expire: Callable[[str], None]) -> None:
        self._loop = loop
        self._limits = limits
        self._expire = expire
        self.heard_at = loop.time()  # when the peer has last done something; no call, for it is set at every command
        self._message_due: float | None = None
        self.ours = False  # while we are at work the peer cannot be late
        self._timer: asyncio.TimerHandle | None = None
        self._arm()

    def message_begins(self) -> None:
        self.heard_at = self._loop.time()
        self._message_due = self.heard_at + self._limits.message_seconds

    def message_ends(self) -> None:
        self._message_due = None

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        # A message that begins after this has its end after message_seconds from now: no later look is needed for it.
        due = self._message_due or self._loop.time() + self._limits.message_seconds
        self._timer = self._loop.call_at(min(self.heard_at + self._limits.idle_seconds, due), self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if self.ours:
            self.heard_at = now
        late = self._message_due is not None and now >= self._message_due
        if late or now >= self.heard_at + self._limits.idle_seconds:
            self._message_due = None
            self.heard_at = now
            self._expire("message" if late else "idle")
        self._arm()
