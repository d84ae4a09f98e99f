"""Clients: those that publish a document of their own, those that register, and the limits on both."""

import json
from typing import Any

import pytest

from postroom.model.tenant import SYSTEM
from postroom.service import oauth_clients
from postroom.service.oauth_clients import HOUR_MS, UNUSED_MS
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.http.oauth.browser import CALLBACK, web

URL = "https://app.test/client.json"
DOCUMENT = {"client_id": URL, "client_name": "Reader", "redirect_uris": [CALLBACK]}


async def test_a_client_is_known_by_its_own_document(house: Bed) -> None:
    house.fetcher.pages[URL] = json.dumps(DOCUMENT).encode()
    async with web(house) as browser:
        page = await browser.open(URL)
        assert "Reader asks for access" in page.text
        assert URL in page.text
        answer = await browser.redeem(URL, (await browser.allow(URL))["code"])
        assert await browser.who(answer.json()["access_token"]) is not None
    (key,) = house.rows("SELECT name FROM api_key WHERE name LIKE 'Reader%'")
    assert key == ("Reader (this computer)",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{" * 100_000,
        json.dumps(DOCUMENT | {"client_id": "https://app.test/other.json"}).encode(),
        json.dumps(DOCUMENT | {"redirect_uris": []}).encode(),
        json.dumps(DOCUMENT | {"redirect_uris": CALLBACK}).encode(),
        json.dumps(DOCUMENT | {"redirect_uris": [CALLBACK, 7]}).encode(),
        json.dumps(DOCUMENT | {"redirect_uris": [CALLBACK, "javascript:alert(1)"]}).encode(),
        json.dumps(DOCUMENT | {"token_endpoint_auth_method": "client_secret_post"}).encode(),
        json.dumps(DOCUMENT | {"client_secret": "s"}).encode(),
        json.dumps(DOCUMENT | {"grant_types": ["client_credentials"]}).encode(),
        json.dumps(DOCUMENT | {"more": "x" * 20_000}).encode(),
    ],
)
async def test_a_document_that_is_not_the_clients_own_lets_nobody_in(house: Bed, content: bytes) -> None:
    house.fetcher.pages[URL] = content
    async with web(house) as browser:
        page = await browser.open(URL)
    assert page.status_code == 400
    assert "href" not in page.text


async def test_what_cannot_be_had_and_what_is_private_are_told_the_same(house: Bed) -> None:
    house.fetcher.refused.add("https://10.0.0.1/x.json")
    async with web(house) as browser:
        pages = [await browser.open(url) for url in ("https://10.0.0.1/x.json", "https://absent.test/x.json")]
    assert pages[0].status_code == 400
    assert pages[0].text == pages[1].text


@pytest.mark.parametrize(
    "client_id",
    ["https://app.test", "https://app.test/", "https://a@app.test/x", "https://app.test/a/../x", "http://app.test/x"],
)
async def test_an_id_that_is_no_address_of_a_document_is_not_asked(house: Bed, client_id: str) -> None:
    async with web(house) as browser:
        assert (await browser.open(client_id)).status_code == 400
    assert house.fetcher.asked == []


async def test_the_document_of_a_true_server_on_a_private_address_is_not_fetched(house: Bed) -> None:
    house.use_true_client()
    async with web(house) as browser:
        page = await browser.open("https://127.0.0.1:1/client.json")
    assert (page.status_code, "cannot be had" in page.text) == (400, True)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.test/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.test/cb#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://u:p@app.test/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https:///cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["JavaScript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.test/c b"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.test/\r\nx: y"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.test:99999/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.test/" + "x" * 1000]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://app.test/{n}" for n in range(11)]}, "invalid_redirect_uri"),
        ({"redirect_uris": [CALLBACK], "grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"redirect_uris": [CALLBACK], "grant_types": "authorization_code"}, "invalid_client_metadata"),
    ],
)
async def test_a_registration_is_refused_in_the_words_of_the_rfc(house: Bed, said: dict[str, Any], code: str) -> None:
    async with web(house) as browser:
        answer = await browser.http.post("/oauth/register", json=said)
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert house.rows("SELECT 1 FROM oauth_client") == []


async def test_what_registers_is_a_public_client_with_a_name_that_acts_on_nobody(house: Bed) -> None:
    said = {
        "client_name": "A\u202e\u200b\n  B" + "x" * 500,
        "redirect_uris": ["cursor://anysphere.cursor/callback", "http://[::1]/cb", "https://app.test/cb?x=1"],
        "token_endpoint_auth_method": "client_secret_basic",
        "logo_uri": "https://app.test/logo.png",
    }
    async with web(house) as browser:
        answer = await browser.http.post("/oauth/register", json=said)
        client_id = answer.json()["client_id"]
        for redirect, policy in (
            ("cursor://anysphere.cursor/callback", "cursor:"),
            ("http://[::1]:9/cb", "http:"),
            ("https://app.test/cb?x=1", "https://app.test"),
        ):
            page = await browser.open(client_id, redirect_uri=redirect)
            assert page.headers["content-security-policy"].endswith(f"form-action 'self' {policy}")
            told = await browser.post(page, "deny")
            assert told.headers["location"].startswith(f"{redirect}{'&' if '?' in redirect else '?'}error=")
    assert answer.status_code == 201
    registered = answer.json()
    assert registered["client_name"] == ("A B" + "x" * 80)[:80]
    assert registered["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in registered


async def test_a_peer_registers_twenty_clients_an_hour(house: Bed, clock: FakeClock) -> None:
    async with web(house) as browser, web(house, "192.0.2.2") as other:
        for _ in range(20):
            await browser.register()
        answer = await browser.http.post("/oauth/register", json={"redirect_uris": [CALLBACK]})
        assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
        clock.advance(HOUR_MS)
        await browser.register()
        await other.register()


async def test_all_together_register_so_many_an_hour_and_the_oldest_unused_make_room(
    house: Bed, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth_clients, "AN_HOUR", 2)
    monkeypatch.setattr(oauth_clients, "KEPT", 3)
    async with web(house) as browser:
        used, _tokens = await browser.let_in()
        clock.advance(HOUR_MS)
        oldest, second = await browser.register(), await browser.register()
        assert (await browser.http.post("/oauth/register", json={"redirect_uris": [CALLBACK]})).status_code == 429
        clock.advance(HOUR_MS)
        third = await browser.register()
        known = {name for (name,) in house.rows("SELECT id FROM oauth_client")}
    assert known == {used, second, third}
    assert oldest not in known


async def test_a_client_that_does_not_come_back_is_forgotten(house: Bed, clock: FakeClock) -> None:
    async with web(house) as browser:
        await browser.register()
        client_id, tokens = await browser.let_in()
        for _ in range(4):
            clock.advance(UNUSED_MS // 4)
            tokens = (await browser.refresh(client_id, tokens["refresh_token"])).json()
        await house.desk.call("oauth.sweep", SYSTEM, {})
    assert house.rows("SELECT id FROM oauth_client") == [(client_id,)]
