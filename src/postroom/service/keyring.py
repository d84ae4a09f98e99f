"""Who an API key is, remembered for as long as nothing was committed. It makes no key and judges no permission."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from postroom.model.tenant import SYSTEM, Actor
from postroom.service.tenants import Credentials

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_KEYS = 1024  # that are remembered at once


class KeyRing:
    """Finds the actor of an API key. Of keys, only those that were found are remembered, by their hash.

    `version` gives a number that changes with every commit of anybody. What was found is remembered as long as it
    stands: a key that is deleted, by any process, stops working at once, and a row of requests costs one look-up.
    """

    def __init__(self, desk: "Desk", version: Callable[[], int]) -> None:
        self._desk = desk
        self._version = version
        self._known: dict[bytes, Actor] = {}
        self._known_at: int | None = None  # the version that all of `_known` was found at

    async def actor(self, api_key: str) -> Actor:
        """Return who `api_key` is.

        Raises:
            Unauthenticated: it is no key of this server, or its time is over.
            Temporary: the database cannot be read.
        """
        now, version = self._desk.clock(), self._version()
        if version != self._known_at:
            self._known.clear()
            self._known_at = version
        name = hashlib.sha256(api_key.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(name)
        if known is not None and (known.expires_at is None or known.expires_at > now):
            return known
        actor: Actor = await self._desk.call("tenants.authenticate", SYSTEM, Credentials(api_key=api_key))
        # Somebody may have committed, and another request have seen it, while this one waited.
        if self._known_at == version and len(self._known) < _KEYS:
            self._known[name] = actor
        return actor
