"""Who calls over HTTP: the bearer of an API key, as the SDK wants to be told."""

from mcp.server.auth.provider import AccessToken

from postroom.model.errors import Unauthenticated
from postroom.model.tenant import Actor
from postroom.service.keyring import KeyRing


class BearerToken(AccessToken):
    """A verified API key, with who it is."""

    actor: Actor


class KeyVerifier:
    """Turns an API key into a token; anything unknown is none."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def verify_token(self, token: str) -> BearerToken | None:
        """Return who `token` is, None where it is no key. Raises Temporary: the database cannot be read."""
        try:
            actor = await self._keys.actor(token)
        except Unauthenticated:
            return None
        # The session of a client belongs to its key: another key cannot continue it.
        key = actor.api_key_id
        return BearerToken(token=token, client_id=key or "", subject=key, scopes=[], actor=actor)
