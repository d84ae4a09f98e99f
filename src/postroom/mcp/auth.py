"""Who calls over HTTP: the bearer of an API key."""

from mcp.server.auth.provider import AccessToken

from postroom.mcp.face import Hands
from postroom.model.errors import Unauthenticated
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.tenants import Credentials


class BearerToken(AccessToken):
    """A verified API key, with who it is."""

    actor: Actor


class KeyVerifier:
    """Turns an API key into a token; anything unknown is none."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def verify_token(self, token: str) -> BearerToken | None:
        face = await self._hands.face()
        try:
            actor: Actor = await face.desk.call("tenants.authenticate", SYSTEM, Credentials(api_key=token))
        except Unauthenticated:
            return None
        # The session of a client belongs to its key: another key cannot continue it.
        return BearerToken(
            token=token, client_id=actor.api_key_id or "", subject=actor.api_key_id, scopes=[], actor=actor
        )
