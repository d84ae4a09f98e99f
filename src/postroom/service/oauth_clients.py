"""Who asks for access by OAuth: clients that publish a document of their own (client id metadata documents), clients
that registered themselves (RFC 7591), and where either may be answered. It grants nothing.
"""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

from postroom.model.errors import PostroomError, TooMany
from postroom.model.ids import new_id
from postroom.model.inert import inert
from postroom.model.oauth import Client, OAuthProblem
from postroom.model.tenant import SYSTEM
from postroom.service.operation import Context, Input
from postroom.store.json import as_json
from postroom.store.queries import oauth as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

HOUR_MS = 3_600_000
KEPT = 1_000  # registrations at once
AN_HOUR = 100  # registrations, whoever makes them
UNUSED_MS = 90 * 24 * HOUR_MS
_DOCUMENT_BYTES = 16 * 1024
_FETCH_S = 5.0
_REDIRECTS = 10
_URL = 1_000  # characters
_NAME = 80
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Of schemes without a server, those by which a browser runs or reads something.
_NEVER = frozenset(
    ("about", "blob", "chrome", "data", "file", "filesystem", "ftp", "javascript", "mailto", "view-source", "vbscript")
)


class Register(Input):
    """What a client says of itself."""

    name: str
    redirect_uris: tuple[str, ...]


class ClientRef(Input):
    client_id: str = Field(description="What the client is known by.")


def register(context: Context, given: Register) -> Client:
    """Keep a client; the oldest that was never let in makes room. Raises TooMany."""
    count, of_late = context.tx.one(queries.COUNT_CLIENTS, since=context.now - HOUR_MS) or (0, 0)
    if of_late >= AN_HOUR or (count >= KEPT and context.tx.run(queries.EVICT_CLIENT) == 0):
        raise TooMany("Too many clients have registered.", fix="Try again later.")
    client = Client(client_id=new_id("cli", context.now), name=given.name, redirect_uris=given.redirect_uris)
    row = {"id": client.client_id, "name": client.name, "redirect_uris": as_json(client.redirect_uris)}
    context.tx.insert(queries.ADD_CLIENT, {**row, "created_at": context.now, "used_at": None})
    return client


def find(context: Context, given: ClientRef) -> Client | None:
    """Return a client that registered, None for any other."""
    return context.tx.one(queries.CLIENT, id=given.client_id)


async def look_up(desk: "Desk", client_id: str) -> Client:
    """Return the client of an id, by its own document where the id is an https URL. Raises OAuthProblem."""
    if client_id.startswith("https://"):
        return await _published(desk, client_id)
    found: Client | None = await desk.call("oauth.client", SYSTEM, ClientRef(client_id=client_id[:_URL]))
    if found is None:
        raise OAuthProblem("This client is not known here. Let it register again.", code="invalid_client")
    return found


async def _published(desk: "Desk", url: str) -> Client:
    """Return what a client says of itself at `url` (draft-ietf-oauth-client-id-metadata-document section 4)."""
    if _parts(url) is None or urlsplit(url).path in ("", "/") or "/../" in url or "/./" in url:
        raise OAuthProblem("The client_id is no address of a document.", code="invalid_client")
    try:
        found = await desk.rooms.fetcher.fetch(url, max_bytes=_DOCUMENT_BYTES, timeout=_FETCH_S, redirects=0)
        said = json.loads(found.content)
    except (PostroomError, ValueError, RecursionError):
        # Of what lies there, or that it is private, nothing is told.
        raise OAuthProblem("The client's document cannot be had.", code="invalid_client") from None
    if not isinstance(said, dict) or said.get("client_id") != url:
        raise OAuthProblem("The client's document is not its own.", code="invalid_client")
    if said.get("token_endpoint_auth_method", "none") != "none" or "client_secret" in said:
        raise OAuthProblem("The client's document asks for a secret.", code="invalid_client")
    given = read_metadata(said)
    return Client(client_id=url, name=given.name, redirect_uris=given.redirect_uris)


def read_metadata(said: dict[str, Any]) -> Register:
    """Return what matters of a client's metadata (RFC 7591 section 2); the rest is let alone. Raises OAuthProblem."""
    uris = said.get("redirect_uris")
    if not isinstance(uris, list) or not 1 <= len(uris) <= _REDIRECTS:
        raise OAuthProblem(f"redirect_uris must be a list of 1 to {_REDIRECTS}.", code="invalid_redirect_uri")
    for uri in uris:
        check_redirect(uri)
    grants = said.get("grant_types", ["authorization_code"])
    if not isinstance(grants, list) or "authorization_code" not in grants:
        raise OAuthProblem("grant_types must have authorization_code.", code="invalid_client_metadata")
    name = said.get("client_name")
    shown = " ".join(inert(name[: _NAME * 4]).split())[:_NAME] if isinstance(name, str) else ""
    return Register(name=shown or "A client without a name", redirect_uris=tuple(uris))


def check_redirect(uri: object) -> None:
    """Refuse what no answer may be sent to: plain http beyond this machine, what a browser would run. Raises
    OAuthProblem.
    """
    parts = _parts(uri) if isinstance(uri, str) else None
    if parts is None or parts.scheme in _NEVER:
        raise OAuthProblem("A redirect_uri is not an address.", code="invalid_redirect_uri")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise OAuthProblem("A redirect_uri must be https, or on loopback.", code="invalid_redirect_uri")
    if parts.scheme in ("http", "https") and not parts.hostname:
        raise OAuthProblem("A redirect_uri has no host.", code="invalid_redirect_uri")


def fits(client: Client, uri: str) -> bool:
    """Tell whether a client may be answered at `uri`: it names it letter by letter, but for the port on loopback
    (RFC 8252 section 7.3).
    """
    return uri in client.redirect_uris or any(_but_for_port(known, uri) for known in client.redirect_uris)


def _but_for_port(known: str, asked: str) -> bool:
    one, other = _parts(known), _parts(asked)
    if one is None or other is None or one.scheme != "http" or one.hostname not in _LOOPBACK:
        return False
    if other.netloc != _with_port(other):  # one spelling: what is compared is what is followed
        return False
    return other._replace(netloc="") == one._replace(netloc="") and one.hostname == other.hostname


def _with_port(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    return host if parts.port is None else f"{host}:{parts.port}"


def host_of(uri: str) -> str:
    """Return where an address leads, as a person is told."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return f"the program that opens {parts.scheme}: on this computer"
    return "this computer" if parts.hostname in _LOOPBACK else str(parts.hostname)


def _parts(uri: str) -> SplitResult | None:
    """Return the parts of an absolute address of plain ASCII without fragment and user, None for anything else."""
    if len(uri) > _URL or not uri.isascii() or not uri.isprintable() or set(uri) & set(' "<>\\^`{|}#'):
        return None
    try:
        parts = urlsplit(uri)
        known = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if parts.scheme and "@" not in parts.netloc and known and uri[len(parts.scheme)] == ":" else None
