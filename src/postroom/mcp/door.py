"""What a request must show before the protocol sees it: a host name of ours, and its key wherever a client can put it.

It decides on nothing else: whether the key is one is said behind it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

# ASGI, spelled out: starlette is the HTTP face's.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_IN_QUERY = "apiKey"


class Names:
    """The names under which the server may be reached: those of this machine to itself, that of its public address,
    and the address of ours that a connection came to. No page elsewhere can rebind a name of its own to us.
    """

    def __init__(self, public_url: str) -> None:
        self._names = _LOOPBACK | {(urlsplit(public_url).hostname or "localhost").lower()}

    def refusal(self, scope: Scope) -> tuple[int, bytes] | None:
        """Return the status and the words with which a request is refused; None: it may come in."""
        fields = dict(scope["headers"])
        if not self._is_ours(scope, _host(b"http://" + fields.get(b"host", b""))):
            return 421, b"Invalid Host header"
        origin = fields.get(b"origin")
        if origin and not self._is_ours(scope, _host(origin)):
            return 403, b"Invalid Origin header"
        return None

    def _is_ours(self, scope: Scope, host: str | None) -> bool:
        if host is None:
            return False
        # Where the server listens on every address, each of them is a name: no DNS answer makes a name into one.
        own = (scope.get("server") or ("",))[0]
        return host in self._names or (host == own and _is_address(host))


async def refuse(send: Send, status: int, words: bytes) -> None:
    """Answer a request that may not come in."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(words))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words})


def with_bearer(scope: Scope) -> Scope:
    """Return the request with its key as a bearer's: from x-api-key, or from ?apiKey= where a client can set no header.

    The query goes on without the key, whatever logs it later.
    """
    headers = list(scope["headers"])
    pairs = scope.get("query_string", b"").split(b"&") if scope.get("query_string") else []
    keys = [value for name, _sign, value in (pair.partition(b"=") for pair in pairs) if _is_key_name(name)]
    given = dict(headers)
    if b"authorization" not in given:
        key = given.get(b"x-api-key", b"").strip() or next(map(_decoded, keys), b"")
        headers += [(b"authorization", b"Bearer " + key)] if key else []
    if not keys:
        return {**scope, "headers": headers}
    kept = b"&".join(pair for pair in pairs if not _is_key_name(pair.partition(b"=")[0]))
    return {**scope, "headers": headers, "query_string": kept}


def _is_key_name(name: bytes) -> bool:
    return unquote_to_bytes(name) == _IN_QUERY.encode()


def _decoded(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" ")).strip()


def _host(url: bytes) -> str | None:
    """Return the host of an address without its port, None where it has none that is well formed."""
    try:
        found = urlsplit(url.decode("ascii"))
        _port = found.port
    except ValueError:
        return None
    well_formed = found.username is None and not found.path and not found.query and not found.fragment
    return found.hostname if well_formed else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
