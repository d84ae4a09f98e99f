"""Tokens of an outside issuer: signed by its keys, for this server, in time, naming a key here; and nothing else."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from postroom.mcp.auth import BearerToken, KeyVerifier
from postroom.service.keyring import KeyRing
from postroom.service.oauth_issuer import AGAIN_MS, FRESH_MS, Issuer
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock

URL = "https://login.test/realm"
METADATA = "https://login.test/.well-known/oauth-authorization-server/realm"
OPENID = "https://login.test/realm/.well-known/openid-configuration"
JWKS = "https://login.test/keys"
RESOURCE = "https://mail.test/mcp"
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
OTHER = ec.generate_private_key(ec.SECP256R1())
_JWK: dict[str, Callable[[Any], Any]] = {
    "RS256": jwt.algorithms.RSAAlgorithm.to_jwk,
    "ES256": jwt.algorithms.ECAlgorithm.to_jwk,
    "EdDSA": jwt.algorithms.OKPAlgorithm.to_jwk,
}


def _published(**keys: Any) -> bytes:
    listed = [json.loads(_JWK[name](key.public_key())) | {"kid": name} for name, key in keys.items()]
    return json.dumps({"keys": listed}).encode()


class Outside:
    """An issuer and a house that trusts it; `key_id` is a key of the house."""

    def __init__(self, house: Bed, key_id: str) -> None:
        self.house = house
        self.key_id = key_id
        self.pages = house.fetcher.pages
        self.pages[METADATA] = json.dumps({"issuer": URL, "jwks_uri": JWKS}).encode()
        self.pages[JWKS] = _published(**KEYS)
        issuer = Issuer(house.desk, URL, RESOURCE, "postroom_key_id")
        self.verifier = KeyVerifier(KeyRing(house.desk, lambda: 0), RESOURCE, issuer)

    def token(self, algorithm: str = "ES256", key: Any = None, headers: Any = None, **changed: Any) -> str:
        """Return a token as the issuer signs it."""
        claims = {
            **{"iss": URL, "aud": RESOURCE, "exp": self.house.now() // 1000 + 60},
            **{"postroom_key_id": self.key_id, "sub": "somebody"},
        }
        claims = {name: value for name, value in (claims | changed).items() if value is not None}
        named = {"kid": algorithm} | (headers or {})
        return jwt.encode(claims, key or KEYS[algorithm], algorithm, {k: v for k, v in named.items() if v})

    async def who(self, token: str) -> BearerToken | None:
        return await self.verifier.verify_token(token)


async def _outside(house: Bed) -> Outside:
    made = await house.call("keys.create", permissions=["inbox_read"])
    return Outside(house, made.key.api_key_id)


@pytest.mark.parametrize("algorithm", KEYS)
async def test_a_token_of_the_issuer_acts_as_the_key_that_it_names(house: Bed, algorithm: str) -> None:
    outside = await _outside(house)
    found = await outside.who(outside.token(algorithm, aud=["else", RESOURCE]))
    assert found is not None
    assert found.actor.api_key_id == outside.key_id
    assert found.actor.permissions == frozenset({"inbox_read"})
    assert house.fetcher.asked == [METADATA, JWKS]


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.test/other"},
        {"iss": f"{URL}/"},
        {"iss": None},
        {"aud": "https://elsewhere.test/mcp"},
        {"aud": f"{RESOURCE}/"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"nbf": 99_999_999_999},
        {"postroom_key_id": None},
        {"postroom_key_id": ["a"]},
        {"postroom_key_id": "key_absent"},
        {"key": OTHER},
        {"headers": {"kid": "unknown"}},
        {"headers": {"crit": ["x"], "x": "y"}},
        {"more": "x" * 20_000},
    ],
)
async def test_a_token_that_is_not_good_in_every_point_is_nobodys(house: Bed, changed: dict[str, Any]) -> None:
    outside = await _outside(house)
    assert await outside.who(outside.token(**changed)) is None


async def test_a_token_without_a_signature_or_signed_with_what_is_public_is_nobodys(house: Bed) -> None:
    outside = await _outside(house)
    head, claims, signature = outside.token().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"ES256"}').decode().rstrip("=")
    public = json.loads(outside.pages[JWKS])["keys"][0]["n"].encode()
    symmetric = outside.token("HS256", key=public)
    for token in (
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{head}.{claims}.",
        symmetric,
        "a.b." + "c" * 200,
    ):
        assert await outside.who(token) is None


async def test_time_is_told_by_the_clock_of_the_house(house: Bed, clock: FakeClock) -> None:
    outside = await _outside(house)
    token = outside.token()
    clock.advance(89_000)  # half a minute is forgiven
    assert await outside.who(token) is not None
    clock.advance(1_000)
    assert await outside.who(token) is None


async def test_a_key_that_is_deleted_ends_the_access_of_its_tokens(house: Bed) -> None:
    outside = await _outside(house)
    token = outside.token()
    assert await outside.who(token) is not None
    await house.call("keys.delete", api_key_id=outside.key_id)
    assert await outside.who(token) is None


async def test_keys_are_fetched_once_an_hour_and_once_a_minute_for_a_new_one(house: Bed, clock: FakeClock) -> None:
    outside = await _outside(house)
    new = outside.token(key=OTHER, headers={"kid": "new"}, exp=house.now() // 1000 + 9_999)
    assert [await outside.who(new) for _ in range(3)] == [None] * 3
    assert house.fetcher.asked.count(JWKS) == 1
    listed = json.loads(_published(ES256=OTHER))
    listed["keys"][0]["kid"] = "new"
    outside.pages[JWKS] = json.dumps(listed).encode()
    clock.advance(AGAIN_MS)
    assert await outside.who(new) is not None
    assert await outside.who(outside.token()) is None  # a key that is gone
    assert house.fetcher.asked.count(JWKS) == 2
    clock.advance(FRESH_MS)
    assert await outside.who(new) is not None
    assert house.fetcher.asked.count(JWKS) == 3


async def test_keys_that_cannot_be_fetched_anew_stay_until_they_can(house: Bed, clock: FakeClock) -> None:
    outside = await _outside(house)
    assert await outside.who(outside.token()) is not None
    del outside.pages[JWKS]
    clock.advance(FRESH_MS)
    assert await outside.who(outside.token()) is not None


async def test_the_document_of_openid_does_as_well(house: Bed) -> None:
    outside = await _outside(house)
    outside.pages[OPENID] = outside.pages.pop(METADATA)
    assert await outside.who(outside.token()) is not None


@pytest.mark.parametrize(
    ("page", "content"),
    [
        (METADATA, {"issuer": "https://other.test", "jwks_uri": JWKS}),
        (METADATA, {"issuer": URL}),
        (METADATA, {"issuer": URL, "jwks_uri": "http://login.test/keys"}),
        (METADATA, []),
        (JWKS, {"keys": "none"}),
        (JWKS, {"keys": ["x", {"kty": "EC"}]}),
        (JWKS, {"keys": [{"kty": "EC", "kid": "ES256", "crv": "P-256", "x": "?", "y": "?"}]}),
    ],
)
async def test_an_issuer_that_publishes_nonsense_lets_nobody_in(house: Bed, page: str, content: Any) -> None:
    outside = await _outside(house)
    outside.pages[page] = json.dumps(content).encode()
    assert await outside.who(outside.token()) is None


async def test_an_rsa_key_that_is_too_short_is_not_taken(house: Bed) -> None:
    outside = await _outside(house)
    weak = rsa.generate_private_key(65537, 1024)
    outside.pages[JWKS] = _published(RS256=weak)
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        assert await outside.who(outside.token("RS256", key=weak)) is None


async def test_api_keys_are_taken_beside_the_tokens_of_the_issuer_and_our_own_tokens_are_not(house: Bed) -> None:
    outside = await _outside(house)
    made = await house.call("keys.create")
    assert await outside.who(made.api_key) is not None
    assert await outside.who("pa_" + "x" * 43) is None
