"""Codes and tokens: redeemed once, bound to whom they were given, ended by a replay, the clock, the end of the key."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from postroom.model.tenant import SYSTEM
from postroom.server import open_house
from postroom.service.oauth import CODE_MS
from postroom.service.oauth_tokens import ACCESS_MS, REFRESH_MS
from postroom.store.invariants import check
from tests.compat.official import wire
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.http.oauth.browser import CALLBACK, RESOURCE, VERIFIER, Web, told, web


def _refused(answer: httpx2.Response, code: str = "invalid_grant") -> bool:
    assert answer.headers["cache-control"] == "no-store"
    return (answer.status_code, answer.json()["error"]) == (400, code)


def _keys(house: Bed) -> int:
    return len(house.rows("SELECT 1 FROM api_key WHERE name LIKE 'Robot%'"))


async def test_a_code_that_comes_again_is_refused_and_takes_its_tokens_along(house: Bed) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        code = (await browser.allow(client_id))["code"]
        tokens = (await browser.redeem(client_id, code)).json()
        assert await browser.who(tokens["access_token"]) is not None
        assert _refused(await browser.redeem(client_id, code))
        assert await browser.who(tokens["access_token"]) is None
        assert _refused(await browser.refresh(client_id, tokens["refresh_token"]))
    assert _keys(house) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 50},
        {"code_verifier": "short"},
        {"code_verifier": VERIFIER + "é"},
        {"client_id": "cli_other"},
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": "http://127.0.0.1:4243/callback"},
    ],
)
async def test_a_code_is_good_for_whom_it_was_given_alone_and_over_after_one_try(
    house: Bed, changed: dict[str, str]
) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        code = (await browser.allow(client_id))["code"]
        given: dict[str, Any] = {"client_id": client_id} | changed
        assert _refused(await browser.redeem(given.pop("client_id"), code, **given))
        assert _refused(await browser.redeem(client_id, code))
    assert _keys(house) == 0


async def test_a_code_and_a_refresh_token_are_for_this_resource(house: Bed) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        code = (await browser.allow(client_id))["code"]
        elsewhere = "https://elsewhere.test/mcp"
        assert _refused(await browser.redeem(client_id, code, resource=elsewhere), "invalid_target")
        tokens = (await browser.redeem(client_id, code)).json()
        assert _refused(await browser.refresh(client_id, tokens["refresh_token"], resource=elsewhere), "invalid_target")
        assert await browser.who(tokens["access_token"]) is not None
        assert await browser.who(tokens["access_token"], elsewhere) is None


async def test_a_client_that_says_no_resource_and_no_redirect_gets_tokens_for_this_one(house: Bed) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        code = (await browser.allow(client_id, resource=None))["code"]
        answer = await browser.redeem(client_id, code, resource=None, redirect_uri=None)
        assert await browser.who(answer.json()["access_token"], RESOURCE) is not None


@pytest.mark.parametrize(("after", "is_good"), [(CODE_MS - 1, True), (CODE_MS, False)])
async def test_a_code_ends_after_two_minutes(house: Bed, clock: FakeClock, after: int, is_good: bool) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        code = (await browser.allow(client_id))["code"]
        clock.advance(after)
        assert ((await browser.redeem(client_id, code)).status_code == 200) is is_good


async def test_an_access_token_ends_after_an_hour_and_a_refresh_token_gives_the_next(
    house: Bed, clock: FakeClock
) -> None:
    async with web(house) as browser:
        client_id, first = await browser.let_in()
        clock.advance(ACCESS_MS - 1)
        known = await browser.who(first["access_token"])
        clock.advance(1)
        assert await browser.who(first["access_token"]) is None
        second = (await browser.refresh(client_id, first["refresh_token"], resource=RESOURCE)).json()
        assert {first["access_token"], first["refresh_token"]}.isdisjoint(second.values())
        after = await browser.who(second["access_token"])
    assert known is not None
    assert after is not None
    assert after.actor == known.actor
    assert after.subject == known.subject  # a client goes on with its connection


async def test_a_refresh_token_that_comes_again_ends_all(house: Bed) -> None:
    async with web(house) as browser:
        client_id, first = await browser.let_in()
        second = (await browser.refresh(client_id, first["refresh_token"])).json()
        assert await browser.who(second["access_token"]) is not None
        assert _refused(await browser.refresh(client_id, first["refresh_token"]))
        for tokens in (first, second):
            assert await browser.who(tokens["access_token"]) is None
            assert _refused(await browser.refresh(client_id, tokens["refresh_token"]))
    assert _keys(house) == 0


@pytest.mark.parametrize(("after", "is_good"), [(REFRESH_MS - 1, True), (REFRESH_MS, False)])
async def test_a_refresh_token_ends_when_it_is_not_used_for_thirty_days(
    house: Bed, clock: FakeClock, after: int, is_good: bool
) -> None:
    async with web(house) as browser:
        client_id, tokens = await browser.let_in()
        clock.advance(after)
        assert ((await browser.refresh(client_id, tokens["refresh_token"])).status_code == 200) is is_good


async def test_another_client_cannot_use_a_refresh_token_and_it_is_over_then(house: Bed) -> None:
    async with web(house) as browser:
        client_id, tokens = await browser.let_in()
        assert _refused(await browser.refresh(await browser.register(), tokens["refresh_token"]))
        assert _refused(await browser.refresh(client_id, tokens["refresh_token"]))


async def test_a_key_that_is_deleted_ends_access_at_once(house: Bed) -> None:
    async with web(house) as browser:
        client_id, tokens = await browser.let_in()
        found = await browser.who(tokens["access_token"])
        assert found is not None
        await house.call("keys.delete", api_key_id=found.actor.api_key_id)
        assert await browser.who(tokens["access_token"]) is None
        assert _refused(await browser.refresh(client_id, tokens["refresh_token"]))


async def test_permissions_that_are_taken_from_the_key_are_taken_from_the_token(house: Bed) -> None:
    async with web(house) as browser:
        _client_id, tokens = await browser.let_in()
        found = await browser.who(tokens["access_token"])
        assert found is not None
        await house.call("keys.update", api_key_id=found.actor.api_key_id, permissions=["inbox_read"])
        found = await browser.who(tokens["access_token"])
    assert found is not None
    assert found.actor.permissions == frozenset({"inbox_read"})


async def test_access_rests_while_its_inbox_is_in_the_trash_and_comes_back_with_it(house: Bed) -> None:
    inbox = await house.inbox("agent")
    async with web(house) as browser:
        client_id, tokens = await browser.let_in(inbox.address)
        await house.call("inboxes.trash", inbox_id=inbox.address)
        assert await browser.who(tokens["access_token"]) is None
        assert _refused(await browser.refresh(client_id, tokens["refresh_token"]))
        await house.desk.call("oauth.sweep", SYSTEM, {})
        await house.call("inboxes.restore", inbox_id=inbox.address)
        assert await browser.who(tokens["access_token"]) is not None
        assert (await browser.refresh(client_id, tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_client_that_gives_up_its_token_has_no_access_any_more(house: Bed, kind: str) -> None:
    async with web(house) as browser:
        client_id, tokens = await browser.let_in()
        other = {"token": tokens[kind], "client_id": "cli_other"}
        assert (await browser.http.post("/oauth/revoke", data=other)).status_code == 200
        assert await browser.who(tokens["access_token"]) is not None
        own = {"token": tokens[kind], "client_id": client_id}
        assert (await browser.http.post("/oauth/revoke", data=own)).status_code == 200
        assert (await browser.http.post("/oauth/revoke", data=own)).status_code == 200
        assert await browser.who(tokens["access_token"]) is None
    assert _keys(house) == 0


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password", "client_id": "c"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_id": "c"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x", "code_verifier": VERIFIER}, "invalid_request"),
        ({"grant_type": "authorization_code", "client_id": "c", "code": "x"}, "invalid_request"),
        ({"grant_type": "authorization_code", "client_id": "c", "code": "x", "code_verifier": "y"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": "c", "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": ["c", "d"], "refresh_token": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "c\0", "refresh_token": "x"}, "invalid_request"),
    ],
)
async def test_the_token_endpoint_refuses_in_the_words_of_the_rfc(house: Bed, form: dict[str, Any], code: str) -> None:
    async with web(house) as browser:
        assert _refused(await browser.http.post("/oauth/token", data=form), code)


async def test_the_token_endpoint_takes_forms_and_not_too_large_ones(house: Bed) -> None:
    async with web(house) as browser:
        assert _refused(
            await browser.http.post("/oauth/token", json={"grant_type": "refresh_token"}), "invalid_request"
        )
        assert (await browser.http.post("/oauth/token", data={"code": "x" * 70_000})).status_code == 413
        assert (await browser.http.get("/oauth/token")).status_code == 405


async def test_a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing(house: Bed) -> None:
    async with web(house) as browser:
        client_id, tokens = await browser.let_in()
        assert await browser.who(tokens["refresh_token"]) is None
        assert _refused(await browser.refresh(client_id, tokens["access_token"]))
        assert await browser.who(tokens["access_token"]) is not None


async def test_an_access_token_is_for_mcp_and_for_nothing_else_here(house: Bed) -> None:
    async with web(house) as browser:
        _client_id, tokens = await browser.let_in()
    async with wire(house, tokens["access_token"]) as v0:
        assert (await v0.get("/v0/inboxes")).status_code in (401, 403)


async def test_no_secret_is_in_the_database(house: Bed) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        code = (await browser.allow(client_id))["code"]
        tokens = (await browser.redeem(client_id, code)).json()
    for secret in (code, tokens["access_token"], tokens["refresh_token"], browser.key):
        for file in house.home.glob("postroom.db*"):
            assert secret.encode() not in file.read_bytes()


async def test_every_step_goes_on_after_a_restart(house: Bed) -> None:
    known: dict[str, Any] = {}
    steps: list[Callable[[Web], Awaitable[dict[str, Any]]]] = [
        lambda web: _named("client", web.register()),
        lambda web: _named("page", web.open(known["client"])),
        lambda web: _named("page", web.show_key(known["page"])),
        lambda web: _named("answer", web.post(known["page"], "allow", inbox_id="*", toolset=["core"])),
        lambda web: _named("tokens", web.redeem(known["client"], told(known["answer"])["code"])),
        lambda web: _named("tokens", web.refresh(known["client"], known["tokens"].json()["refresh_token"])),
        lambda web: _named("found", web.who(known["tokens"].json()["access_token"])),
    ]
    cookies = None
    for step in steps:
        async with web(house) as browser:
            browser.http.cookies = cookies or browser.http.cookies
            known |= await step(browser)
            cookies = browser.http.cookies
        await house._stack.aclose()
        house.house = await house._stack.enter_async_context(open_house(house.settings, now=house.now))
        house.desk = house.house.desk
    assert known["found"] is not None


async def _named(name: str, value: Awaitable[Any]) -> dict[str, Any]:
    return {name: await value}


async def test_what_nobody_can_use_any_more_is_swept_with_its_key(house: Bed, clock: FakeClock) -> None:
    async with web(house) as browser:
        await browser.allow(await browser.register())  # a code that is never redeemed
        client_id, tokens = await browser.let_in()
        _other, lost = await browser.let_in()
        deleted = await browser.who(lost["access_token"])
        assert deleted is not None
        await house.call("keys.delete", api_key_id=deleted.actor.api_key_id)
        assert _keys(house) == 2
        clock.advance(CODE_MS)
        assert await house.desk.call("oauth.sweep", SYSTEM, {}) is False
        assert (_keys(house), len(house.rows("SELECT 1 FROM oauth_grant"))) == (1, 1)
        tokens = (await browser.refresh(client_id, tokens["refresh_token"])).json()
        clock.advance(REFRESH_MS)
        await house.desk.call("oauth.sweep", SYSTEM, {})
        assert (_keys(house), house.rows("SELECT 1 FROM oauth_token")) == (0, [])
        assert house.rows("SELECT 1 FROM oauth_grant") == []


async def test_tokens_and_grants_that_belong_to_nothing_are_found_by_the_check(house: Bed) -> None:
    async with web(house) as browser:
        await browser.let_in()
        await browser.let_in()
    kept = [house.rows(f"SELECT * FROM {table}") for table in ("oauth_token", "oauth_grant")]
    house.write("INSERT INTO oauth_token VALUES (x'00', 'gra_absent', 'access', 0, NULL)")
    house.write("UPDATE oauth_grant SET org_id = 'org_absent'")
    house.write("UPDATE oauth_grant SET api_key_id = (SELECT min(api_key_id) FROM oauth_grant)")
    found = await check(house.database)
    assert [violation.partition(" ")[0] for violation in found] == ["OAuth", "OAuth", "OAuth", "two"]
    for table, rows in zip(("oauth_token", "oauth_grant"), kept, strict=True):
        house.write(f"DELETE FROM {table}")
        for row in rows:
            house.write(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)
