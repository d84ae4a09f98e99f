"""Who asks over HTTP: the bearer of an API key, in the header or, where a client can set none, in the query."""

from starlette.requests import HTTPConnection

from postroom.model.errors import Unauthenticated
from postroom.model.tenant import Actor
from postroom.service.keyring import KeyRing


async def bearer(request: HTTPConnection, keys: KeyRing, *, in_query: bool = False, again: bool = False) -> Actor:
    """Return who asks, with the request counted; `again`: it was counted before.

    Raises:
        TooManyRequests: the rate of the key is spent.
        Unauthenticated: with a code that says whether the key is missing, spelled wrong, or unknown.
    """
    header = request.headers.get("authorization", "")
    secret = request.query_params.get("api_key", "") if in_query else ""
    if header:
        scheme, _space, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise _refused(
                "invalid_token_type", "The Authorization header is not a bearer's.", fix="Send: Bearer <API key>."
            )
    if not secret:
        raise _refused(
            "missing_authorization", "No API key was given.", fix="Send the header Authorization: Bearer <API key>."
        )
    try:
        return await (keys.actor if again else keys.admit)(secret.strip())
    except Unauthenticated as error:
        raise _refused("unknown_api_key", error.message, fix=error.fix) from None


def _refused(code: str, message: str, fix: str | None) -> Unauthenticated:
    error = Unauthenticated(message, fix=fix)
    error.code = code
    return error
