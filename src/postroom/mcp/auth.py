"""Who calls over HTTP: the bearer of an API key. Of keys, only those that were found are remembered, by their hash."""

import hashlib
from collections.abc import Callable

from mcp.server.auth.provider import AccessToken

from postroom.mcp.face import Hands
from postroom.model.errors import Unauthenticated
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.tenants import Credentials

_KEYS = 1024  # that are remembered at once


class BearerToken(AccessToken):
    """A verified API key, with who it is."""

    actor: Actor


class KeyVerifier:
    """Turns an API key into a token; anything unknown is none.

    `version` gives a number that changes with every commit of anybody. What was found is remembered as long as it
    stands: a key that is deleted, by any process, stops working at once, and a row of requests costs one look-up.
    """

    def __init__(self, hands: Hands, version: Callable[[], int]) -> None:
        self._hands = hands
        self._version = version
        self._known: dict[bytes, BearerToken] = {}
        self._known_at: int | None = None  # the version that all of `_known` was found at

    async def verify_token(self, token: str) -> BearerToken | None:
        """Return who `token` is, None where it is no key. Raises Temporary: the database cannot be read."""
        face = await self._hands.face()
        now, version = face.desk.clock(), self._version()
        if version != self._known_at:
            self._known.clear()
            self._known_at = version
        name = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(name)
        if known is not None and (known.actor.expires_at is None or known.actor.expires_at > now):
            return known
        try:
            actor: Actor = await face.desk.call("tenants.authenticate", SYSTEM, Credentials(api_key=token))
        except Unauthenticated:
            return None
        # The session of a client belongs to its key: another key cannot continue it.
        bearer = BearerToken(
            token=token, client_id=actor.api_key_id or "", subject=actor.api_key_id, scopes=[], actor=actor
        )
        # Somebody may have committed, and another request have seen it, while this one waited.
        if self._known_at == version and len(self._known) < _KEYS:
            self._known[name] = bearer
        return bearer
