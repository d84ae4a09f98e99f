"""Who an API key is, remembered for as long as nothing was committed; and when it was used, noted once a minute.

It makes no key and judges no permission.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from postroom.model.errors import Temporary
from postroom.model.oauth import Granted
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.keys import Use
from postroom.service.oauth_tokens import AccessToken
from postroom.service.tenants import Credentials

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_KEYS = 1024  # that are remembered at once
USED_MS = 60_000  # how true the time of the last use is


class KeyRing:
    """Finds the actor of an API key. Of keys, only those that were found are remembered, by their hash.

    `version` gives a number that changes with every commit of anybody. What was found is remembered as long as it
    stands: a key that is deleted, by any process, stops working at once, and a row of requests costs one look-up.
    """

    def __init__(self, desk: "Desk", version: Callable[[], int]) -> None:
        self._desk = desk
        self._version = version
        self._known: dict[bytes, tuple[Actor, int | None]] = {}  # who it is, and until when
        self._known_at: int | None = None  # the version that all of `_known` was found at
        self._noted: dict[str, int] = {}  # when the use of a key was last written
        self._writing: set[asyncio.Task[None]] = set()

    async def admit(self, api_key: str) -> Actor:
        """Return who asks by `api_key`, with the request counted.

        Raises:
            TooManyRequests: the rate of the key is spent.
            Unauthenticated, Temporary: as `actor` does.
        """
        actor = await self.actor(api_key)
        self._desk.rates.take(actor)
        return actor

    async def actor(self, api_key: str) -> Actor:
        """Return who `api_key` is.

        Raises:
            Unauthenticated: it is no key of this server, or its time is over.
            Temporary: the database cannot be read.
        """
        return await self._find(f"key\0{api_key}", lambda: self._by_key(api_key))

    async def granted(self, token: str, resource: str) -> Actor:
        """Return who acts by an access token that was given for `resource`.

        Raises:
            Unauthenticated: it is no such token, its time is over, or it was revoked.
            Temporary: the database cannot be read.
        """
        # Another kind of name than a key's: what is remembered for one place opens no other.
        return await self._find(f"token\0{resource}\0{token}", lambda: self._by_token(token, resource))

    async def _by_key(self, api_key: str) -> tuple[Actor, int | None]:
        actor: Actor = await self._desk.call("tenants.authenticate", SYSTEM, Credentials(api_key=api_key))
        return actor, actor.expires_at

    async def _by_token(self, token: str, resource: str) -> tuple[Actor, int | None]:
        shown = AccessToken(token=token, resource=resource)
        found: Granted = await self._desk.call("oauth.authenticate", SYSTEM, shown)
        return found.actor, found.until

    async def _find(self, shown: str, look_up: Callable[[], Awaitable[tuple[Actor, int | None]]]) -> Actor:
        found = await self._remembered(shown, look_up)
        self._note(found)
        return found

    async def _remembered(self, shown: str, look_up: Callable[[], Awaitable[tuple[Actor, int | None]]]) -> Actor:
        now, version = self._desk.clock(), self._version()
        if version != self._known_at:
            self._known.clear()
            self._known_at = version
        name = hashlib.sha256(shown.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(name)
        if known is not None and (known[1] is None or known[1] > now):
            return known[0]
        found = await look_up()
        # Somebody may have committed, and another request have seen it, while this one waited.
        if self._known_at == version and len(self._known) < _KEYS:
            self._known[name] = found
        return found[0]

    def _note(self, actor: Actor) -> None:
        """Have the use of a key written, beside the request and not before it, unless that was done just now."""
        key, now = actor.api_key_id, self._desk.clock()
        if key is None or abs(now - self._noted.get(key, -USED_MS)) < USED_MS:
            return
        if len(self._noted) >= _KEYS:
            self._noted.clear()
        self._noted[key] = now
        task = asyncio.get_running_loop().create_task(self._write(Use(api_key_id=key, at=now)))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, use: Use) -> None:
        with contextlib.suppress(Temporary):  # a minute later there is another try
            await self._desk.call("keys.note_use", SYSTEM, use)
