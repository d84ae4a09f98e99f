"""Who calls over HTTP: the bearer of an API key or of an access token, as the SDK wants to be told."""

from mcp.server.auth.provider import AccessToken

from postroom.model.errors import Unauthenticated
from postroom.model.tenant import Actor
from postroom.service.keyring import KeyRing
from postroom.service.oauth_issuer import Issuer
from postroom.service.oauth_tokens import ACCESS
from postroom.service.tenants import KEY_LENGTHS


class BearerToken(AccessToken):
    """A verified API key or access token, with who it is."""

    actor: Actor


class KeyVerifier:
    """Turns what a bearer shows into a token; anything unknown is none.

    Access tokens are for `resource`; those of an outside `issuer` are taken in place of our own.
    """

    def __init__(self, keys: KeyRing, resource: str | None = None, issuer: Issuer | None = None) -> None:
        self._keys = keys
        self._resource = resource
        self._issuer = issuer

    async def verify_token(self, token: str) -> BearerToken | None:
        """Return who `token` is, None where it is nothing. Raises Temporary: the database cannot be read."""
        actor = await self._granted(token) or await self._known(token)
        if actor is None:
            return None
        # The session of a client belongs to its key: another key cannot continue it, the next token of a grant can.
        key = actor.api_key_id
        return BearerToken(token=token, client_id=key or "", subject=key, scopes=[], actor=actor)

    async def _granted(self, token: str) -> Actor | None:
        try:
            if self._issuer is not None:
                # No key is that long, and no key has to be a JWT.
                return await self._issuer.actor(token) if len(token) > KEY_LENGTHS[1] else None
            if self._resource is not None and token.startswith(f"{ACCESS}_"):
                return await self._keys.granted(token, self._resource)
        except Unauthenticated:
            pass
        return None

    async def _known(self, token: str) -> Actor | None:
        try:
            return await self._keys.actor(token)
        except Unauthenticated:
            return None
