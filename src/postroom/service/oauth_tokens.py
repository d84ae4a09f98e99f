"""Codes and tokens of OAuth: redeemed, rotated, revoked, recognised. A code or a refresh token that comes a second time
ends the grant, its API key with it.

What is refused is refused by None and not by an error, where the transaction ends something: an error would undo it.
"""

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from postroom.model.errors import Unauthenticated
from postroom.model.ids import new_secret
from postroom.model.oauth import Grant, Granted, OAuthProblem, Token, Tokens
from postroom.model.tenant import SYSTEM, Actor, ApiKey, Reach
from postroom.service import families
from postroom.service.oauth_clients import UNUSED_MS
from postroom.service.oauth_parameters import check_resource, needed, once, resource_of, sha256
from postroom.service.operation import Answer, Context, Input
from postroom.store.queries import keys
from postroom.store.queries import oauth as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

ACCESS = "pa"  # what access tokens begin with
ACCESS_MS = 3_600_000
REFRESH_MS = 30 * 24 * 3_600_000
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.1


class TokenRequest(Input):
    """A request to the token endpoint as its form stands."""

    issuer: str
    form: tuple[tuple[str, str], ...]


class Exchange(Input):
    """A code that is redeemed; what is None was not said."""

    code: str
    client_id: str
    redirect_uri: str | None
    verifier: str
    resource: str


class Refresh(Input):
    token: str
    client_id: str
    resource: str


class Revoke(Input):
    token: str
    client_id: str


class AccessToken(Input):
    """A bearer's token and the resource where it was shown."""

    token: str
    resource: str


class KeyId(Input):
    api_key_id: str


class Sweep(Input):
    """How many grants and tokens to end in one transaction."""

    limit: int = 200


async def token(desk: "Desk", _actor: Actor, given: TokenRequest) -> Answer[Tokens]:
    """Give tokens for a code or a refresh token. Raises OAuthProblem."""
    asked = once(given.form)
    kind = needed(asked, "grant_type")
    client_id = needed(asked, "client_id")
    check_resource(asked.get("resource"), given.issuer)
    resource = resource_of(given.issuer)
    found: Tokens | None
    if kind == "authorization_code":
        exchange = Exchange(
            code=needed(asked, "code"),
            client_id=client_id,
            redirect_uri=asked.get("redirect_uri"),
            verifier=needed(asked, "code_verifier"),
            resource=resource,
        )
        found = await desk.call("oauth.exchange", SYSTEM, exchange)
    elif kind == "refresh_token":
        refreshed = Refresh(token=needed(asked, "refresh_token"), client_id=client_id, resource=resource)
        found = await desk.call("oauth.refresh", SYSTEM, refreshed)
    else:
        raise OAuthProblem("Known are authorization_code and refresh_token.", code="unsupported_grant_type")
    if found is None:
        raise OAuthProblem("It is not good here, or not any more.", code="invalid_grant")
    return Answer(found, 0)


def exchange(context: Context, given: Exchange) -> Tokens | None:
    """Redeem a code, once; None where it is not good, and its grant is over then, whatever was wrong."""
    grant = context.tx.one(queries.BY_CODE, code=sha256(given.code))
    if grant is None:
        return None
    is_good = (
        grant.used_at is None  # RFC 6749 4.1.2: a code that comes again takes the tokens with it
        and grant.code_until > context.now
        and grant.client_id == given.client_id
        and given.redirect_uri in (None, grant.redirect_uri)  # OAuth 2.1 has no redirect_uri here any more
        and grant.resource == given.resource
        and _proves(given.verifier, grant.challenge)
    )
    if not is_good:
        _end(context, grant)
        return None
    if _key(context, grant) is None:
        return None
    context.tx.run(queries.REDEEM, key=grant.grant_id, used_at=context.now)
    return _tokens(context, grant)


def refresh(context: Context, given: Refresh) -> Tokens | None:
    """Give new tokens for a refresh token, once; None where it is not good, and its grant is over then."""
    digest = sha256(given.token)
    found = context.tx.one(queries.TOKEN, hash=digest)
    if found is None or found.kind != "refresh":
        return None
    is_good = (
        found.replaced_at is None  # OAuth 2.1 4.3.1: who shows it again may have stolen it, or been stolen from
        and found.expires_at > context.now
        and found.grant.client_id == given.client_id
        and found.grant.resource == given.resource
    )
    if not is_good:
        _end(context, found.grant)
        return None
    if _key(context, found.grant) is None:  # it may come back, as its inbox may: that is not the client's doing
        return None
    context.tx.run(queries.REPLACE, known=digest, replaced_at=context.now)
    return _tokens(context, found.grant)


def revoke(context: Context, given: Revoke) -> None:
    """End the grant of a token, of either kind (RFC 7009); a token of another client is let alone."""
    found = context.tx.one(queries.TOKEN, hash=sha256(given.token))
    if found is not None and found.grant.client_id == given.client_id:
        _end(context, found.grant)


def authenticate(context: Context, given: AccessToken) -> Granted:
    """Return who acts by an access token for this resource. Raises Unauthenticated."""
    found = context.tx.one(queries.TOKEN, hash=sha256(given.token))
    key = None if found is None or not _opens(found, given.resource, context.now) else _key(context, found.grant)
    if found is None or key is None:
        raise _unknown()
    return Granted(actor=actor_of(context, key), until=min(found.expires_at, key.expires_at or found.expires_at))


def holder(context: Context, given: KeyId) -> Actor:
    """Return who acts by the key of an id, of whoever has shown that it is theirs. Raises Unauthenticated."""
    key = context.tx.one(keys.BY_ID, id=given.api_key_id)
    if key is None or (key.expires_at is not None and key.expires_at <= context.now):
        raise _unknown()
    return actor_of(context, key)


def sweep(context: Context, given: Sweep) -> bool:
    """Forget tokens whose time is over, grants that nobody can use any more with their keys, and clients that did not
    come back; tell whether there may be more.
    """
    tokens = context.tx.run(queries.SWEEP_TOKENS, now=context.now, n=given.limit)
    ended = context.tx.all(queries.ENDED, now=context.now, n=given.limit)
    for grant in ended:
        _end(context, grant)
    context.tx.run(queries.SWEEP_CLIENTS, before=context.now - UNUSED_MS)
    return given.limit in (tokens, len(ended))


def actor_of(context: Context, key: ApiKey) -> Actor:
    """Return who acts by a key."""
    reach = Reach(org_id=key.org_id, pod_id=key.pod_id, inbox_id=key.inbox_id)
    return Actor(
        reach=reach,
        api_key_id=key.api_key_id,
        permissions=key.permissions,
        expires_at=key.expires_at,
        made_by=key.made_by,
        family=families.of(context, key.api_key_id),
    )


def _opens(found: Token, resource: str, now: int) -> bool:
    return found.kind == "access" and found.expires_at > now and found.grant.resource == resource


def _key(context: Context, grant: Grant) -> ApiKey | None:
    """Return the key that a grant stands on, None where it opens nothing: deleted, over, its inbox in the trash."""
    key = context.tx.one(keys.BY_ID, id=grant.api_key_id)
    return None if key is None or (key.expires_at is not None and key.expires_at <= context.now) else key


def _tokens(context: Context, grant: Grant) -> Tokens:
    made = {"access": (new_secret(ACCESS), ACCESS_MS), "refresh": (new_secret("pf"), REFRESH_MS)}
    for kind, (secret, life) in made.items():
        row = {"hash": sha256(secret), "grant_id": grant.grant_id, "kind": kind, "replaced_at": None}
        context.tx.insert(queries.ADD_TOKEN, {**row, "expires_at": context.now + life})
    return Tokens(
        access_token=made["access"][0],
        refresh_token=made["refresh"][0],
        expires_in=ACCESS_MS // 1000,
        scope=grant.scope,
    )


def _end(context: Context, grant: Grant) -> None:
    context.tx.run(keys.DELETE, id=grant.api_key_id)
    context.tx.run(queries.DELETE_TOKENS, id=grant.grant_id)
    context.tx.run(queries.DELETE_GRANT, id=grant.grant_id)


def _proves(verifier: str, challenge: str) -> bool:
    """Tell whether a verifier is the one behind a challenge (RFC 7636 4.6, S256)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return hmac.compare_digest(digest, challenge)


def _unknown() -> Unauthenticated:
    return Unauthenticated("This token is not known here.", fix="Authorize again.")
