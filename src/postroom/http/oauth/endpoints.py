"""What clients ask without a person: tokens, revocation, registration. Answers are JSON, errors too (RFC 6749 5.2)."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, request_response

from postroom.http.errors import status_of
from postroom.http.json_body import object_of
from postroom.http.oauth.forms import body_of, form_of, peer_of
from postroom.http.oauth.metadata import open_to_pages
from postroom.model.errors import PostroomError, TooMany
from postroom.model.oauth import Client, OAuthProblem, Tokens
from postroom.model.tenant import SYSTEM
from postroom.service.desk import Desk
from postroom.service.oauth_clients import HOUR_MS, read_metadata
from postroom.service.oauth_parameters import needed, once
from postroom.service.oauth_tokens import Revoke, TokenRequest
from postroom.service.patience import Quota

_AN_HOUR = 20  # registrations of one peer
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
Ask = Callable[[Request], Awaitable[Response]]


def routes(desk: Desk, public_url: str) -> list[Route]:
    """Return the routes of the endpoints."""
    quota = Quota(desk.clock, _AN_HOUR, HOUR_MS)

    async def token(request: Request) -> Response:
        asked = TokenRequest(issuer=public_url, form=await form_of(request))
        given: Tokens = await desk.call("oauth.token", SYSTEM, asked)
        return _json({"token_type": "Bearer", **given.model_dump()})

    async def revoke(request: Request) -> Response:
        form = once(await form_of(request))
        await desk.call(
            "oauth.revoke", SYSTEM, Revoke(token=needed(form, "token"), client_id=needed(form, "client_id"))
        )
        return _json({})  # RFC 7009 2.2: the same for a token that there is not

    async def register(request: Request) -> Response:
        quota.take(peer_of(request))
        client: Client = await desk.call("oauth.register", SYSTEM, read_metadata(object_of(await body_of(request))))
        return _json(_registered(client, desk.clock() // 1000), 201)

    asked = {"token": token, "revoke": revoke, "register": register}
    return [_route(f"/oauth/{name}", ask) for name, ask in asked.items()]


def _route(path: str, ask: Ask) -> Route:
    return Route(path, open_to_pages(request_response(_told(ask)), "POST"), methods=["POST", "OPTIONS"])


def _told(ask: Ask) -> Ask:
    async def answer(request: Request) -> Response:
        try:
            return await ask(request)
        except PostroomError as error:
            return _json({"error": _code(error), "error_description": _ascii(error.message)}, status_of(error))
        except ClientDisconnect:
            return Response(status_code=400)

    return answer


def _code(error: PostroomError) -> str:
    if isinstance(error, OAuthProblem):
        return error.code
    return "temporarily_unavailable" if isinstance(error, TooMany) or status_of(error) >= 500 else "invalid_request"


def _ascii(text: str) -> str:
    """Return what an error_description may hold (RFC 6749 5.2)."""
    return "".join(c for c in text if " " <= c <= "~" and c not in '"\\')[:300]


def _registered(client: Client, now: int) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "client_id_issued_at": now,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        # RFC 7591 3.2.1: what we give in place of what was asked for. Public clients: PKCE proves who they are.
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def _json(said: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(said, status, headers=_HEADERS)
