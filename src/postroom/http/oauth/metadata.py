"""What clients read before they ask: metadata of the resource (RFC 9728) and of the authorization server (RFC 8414).

Both stand where the RFCs look for them: the well-known part before the path of what they describe.
"""

from typing import Any
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from postroom.service import toolsets
from postroom.service.oauth_parameters import resource_of

_HEADERS = {"cache-control": "max-age=300"}


def routes(public_url: str, outside: str | None, offered: tuple[str, ...]) -> list[Route]:
    """Return the routes of the documents; `offered` are the toolsets of the server."""
    path = urlsplit(public_url).path.rstrip("/")
    scopes = toolsets.told(offered)
    resource = _resource(public_url, outside or public_url, scopes)
    at = "/.well-known/oauth-protected-resource"
    found = [_route(place, resource) for place in dict.fromkeys((at, f"{at}/mcp", f"{at}{path}/mcp"))]
    if outside is None:
        at = "/.well-known/oauth-authorization-server"
        found += [_route(place, _server(public_url, scopes)) for place in dict.fromkeys((at, f"{at}{path}"))]
    return found


def open_to_pages(app: ASGIApp, *methods: str) -> ASGIApp:
    """Let clients that are pages read the answers of `app`; no cookie goes there, and none would help."""
    return CORSMiddleware(app, allow_origins=["*"], allow_methods=[*methods, "OPTIONS"], allow_headers=["*"])


def _route(path: str, said: dict[str, Any]) -> Route:
    return Route(path, open_to_pages(JSONResponse(said, headers=_HEADERS), "GET"), methods=["GET", "OPTIONS"])


def _resource(public_url: str, issuer: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "resource": resource_of(public_url),
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": "Postroom",
        # What clients ask for where nobody tells them more; the person chooses.
        **({"scopes_supported": list(scopes)} if issuer == public_url else {}),
    }


def _server(public_url: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "issuer": public_url,
        "authorization_endpoint": f"{public_url}/oauth/authorize",
        "token_endpoint": f"{public_url}/oauth/token",
        "registration_endpoint": f"{public_url}/oauth/register",
        "revocation_endpoint": f"{public_url}/oauth/revoke",
        "scopes_supported": list(scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
    }
