"""What parameters of OAuth requests must be, at the authorization and at the token endpoint alike."""

import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

from postroom.model.oauth import OAuthProblem


def resource_of(issuer: str) -> str:
    """Return what tokens are for: the address of the MCP endpoint (RFC 8707)."""
    return f"{issuer}/mcp"


def check_resource(asked: str | None, issuer: str) -> None:
    """Refuse a resource that is another server's; None: the client says nothing. Raises OAuthProblem."""
    if asked is not None and _canonical(asked) != _canonical(resource_of(issuer)):
        raise OAuthProblem("The resource is not this server's.", code="invalid_target")


def once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return parameters by name. Raises OAuthProblem: one stands twice (RFC 6749 3.1)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OAuthProblem("A parameter stands twice.")
    return found


def needed(asked: dict[str, str], name: str) -> str:
    """Return a parameter. Raises OAuthProblem: it is missing or empty."""
    if not asked.get(name):
        raise OAuthProblem(f"{name} is missing.")
    return asked[name]


def sha256(secret: str) -> bytes:
    """Return what the database keeps of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _canonical(url: str) -> tuple[str, ...]:
    """Return what is compared of an address: neither case nor a last slash makes another server."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ("", url)
    return parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/"), parts.query, parts.fragment
