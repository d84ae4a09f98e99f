"""Access tokens of an outside issuer: JWTs signed by keys that it publishes, for this server, with a claim that
names an API key here. It trusts the issuer that the operator named and no other, and keeps no token.
"""

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt

from postroom.model.errors import PostroomError, Unauthenticated
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.oauth_tokens import KeyId

if TYPE_CHECKING:
    from postroom.service.desk import Desk

log = logging.getLogger(__name__)
ALGORITHMS = ("RS256", "ES256", "EdDSA")
_KINDS = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
_DOCUMENT_BYTES = 256 * 1024
_TOKEN = 16 * 1024  # characters
_KEYS = 50
_FETCH_S = 5.0
FRESH_MS = 3_600_000
AGAIN_MS = 60_000  # how soon an unknown key id may have the keys fetched again
_SKEW_S = 30
_RSA_BITS = 2048


class Issuer:
    """Verifies tokens of `url` for `resource`. Use it in one event loop."""

    def __init__(self, desk: "Desk", url: str, resource: str, claim: str) -> None:
        self._desk = desk
        self._url = url
        self._resource = resource
        self._claim = claim
        self._keys: list[dict[str, Any]] = []
        self._fetched_at: int | None = None
        self._lock = asyncio.Lock()

    async def actor(self, token: str) -> Actor:
        """Return who acts by a token.

        Raises:
            Unauthenticated: it is not good here; whatever is wrong with it, the words are the same.
            Temporary: the database cannot be read.
        """
        try:
            claims = await self._verified(token)
            named = claims.get(self._claim)
            if not isinstance(named, str):
                raise ValueError("the claim that names the key is missing")
        except (jwt.PyJWTError, PostroomError, ValueError, TypeError, KeyError, RecursionError) as error:
            log.info("a token of the issuer was refused error=%s", error)
            raise Unauthenticated("This token is not good here.") from None
        found: Actor = await self._desk.call("oauth.holder", SYSTEM, KeyId(api_key_id=named))
        return found

    async def _verified(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that is signed, for us, and in time (RFC 9068 section 4)."""
        if len(token) > _TOKEN:
            raise ValueError("too long")
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS or "crit" in header:
            raise ValueError("an algorithm that is not allowed")
        key = await self._key(algorithm, header.get("kid"))
        # Time is judged below, by the clock of the house.
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "iss", "aud"]}
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[algorithm], audience=self._resource, issuer=self._url, options=options
        )
        self._check_time(claims)
        return claims

    def _check_time(self, claims: dict[str, Any]) -> None:
        now = self._desk.clock() / 1000
        if float(claims["exp"]) + _SKEW_S <= now or float(claims.get("nbf", 0)) - _SKEW_S > now:
            raise ValueError("not its time")

    async def _key(self, algorithm: str, kid: object) -> Any:
        async with self._lock:
            now = self._desk.clock()
            age = None if self._fetched_at is None else now - self._fetched_at
            if age is None or age >= FRESH_MS or (age >= AGAIN_MS and self._find(algorithm, kid) is None):
                self._fetched_at = now  # before the try: who cannot be reached is not asked for every token
                await self._renew()
        found = self._find(algorithm, kid)
        if found is None:
            raise ValueError("no such key")
        key = jwt.PyJWK.from_dict(found, algorithm).key
        if algorithm == "RS256" and key.key_size < _RSA_BITS:
            raise ValueError("a key that is too short")
        return key

    def _find(self, algorithm: str, kid: object) -> dict[str, Any] | None:
        fitting = [
            key
            for key in self._keys
            if key.get("kty") == _KINDS[algorithm]
            and key.get("alg", algorithm) == algorithm
            and key.get("use", "sig") == "sig"
            and (kid is None or key.get("kid") == kid)
        ]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None

    async def _renew(self) -> None:
        """Take the keys that the issuer publishes now; while it cannot be asked, those that are known stay."""
        try:
            self._keys = await self._published()
        except (PostroomError, ValueError, RecursionError) as error:
            log.warning("the keys of the issuer cannot be had error=%s", error)

    async def _published(self) -> list[dict[str, Any]]:
        """Return the keys that the issuer publishes now (RFC 8414, RFC 7517)."""
        known = await self._metadata()
        place = known.get("jwks_uri")
        if known.get("issuer") != self._url or not isinstance(place, str):
            raise ValueError("the issuer's document is not its own")
        if not (place.startswith("https://") or urlsplit(place)[:2] == urlsplit(self._url)[:2]):
            raise ValueError("the keys are not had over https")
        listed = (await self._fetch(place)).get("keys")
        return [key for key in listed[:_KEYS] if isinstance(key, dict)] if isinstance(listed, list) else []

    async def _metadata(self) -> dict[str, Any]:
        parts = urlsplit(self._url)
        path, origin = parts.path.rstrip("/"), f"{parts.scheme}://{parts.netloc}"
        places = [
            f"{origin}/.well-known/oauth-authorization-server{path}",
            f"{origin}{path}/.well-known/openid-configuration",
        ]
        try:
            return await self._fetch(places[0])
        except (PostroomError, ValueError):
            return await self._fetch(places[1])

    async def _fetch(self, url: str) -> dict[str, Any]:
        found = await self._desk.rooms.fetcher.fetch(url, max_bytes=_DOCUMENT_BYTES, timeout=_FETCH_S, redirects=0)
        said = json.loads(found.content)
        if not isinstance(said, dict):
            raise ValueError("not an object")
        return said
