"""The pages of consent: who asks, who may allow it, what is granted, and every way in which nobody is let in."""

import re

import pytest

from postroom.model.errors import NotFound
from postroom.service import toolsets
from postroom.service.oauth import TICKET_MS
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import SECOND, FakeClock
from tests.http.oauth.browser import CALLBACK, RESOURCE, SITE, VERIFIER, fields, told, web


async def test_what_is_allowed_is_a_key_named_after_the_client_for_one_inbox_and_some_tools(house: Bed) -> None:
    inbox = await house.inbox("agent")
    async with web(house) as browser:
        client_id = await browser.register()
        answer = await browser.allow(client_id, inbox.address, "core", "metrics")
        assert answer == {"code": answer["code"], "state": "s t&te", "iss": SITE}
        tokens = (await browser.redeem(client_id, answer["code"])).json()
        assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 3600, "core metrics")
        found = await browser.who(tokens["access_token"])
    assert found is not None
    (key,) = (await house.call("keys.list", inbox_id=inbox.address)).items
    assert (key.name, key.inbox_address) == ("Robot (this computer)", inbox.address)
    assert found.actor.api_key_id == key.api_key_id
    assert found.actor.reach.inbox_id == inbox.inbox_id
    assert key.permissions == toolsets.PERMISSIONS["core"] | {"metrics_read"}


async def test_the_pages_run_nothing_and_cannot_be_framed(house: Bed) -> None:
    await house.inbox("agent")
    async with web(house) as browser:
        first = await browser.open(await browser.register(client_name='<script>alert("x")</script>\u202eevil'))
        second = await browser.show_key(first)
    for page in (first, second):
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert policy.endswith("form-action 'self' http://127.0.0.1:4242")
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
        assert "\u202e" not in page.text
        assert "&lt;script&gt;" in page.text
        assert "this computer" in page.text
        assert browser.key not in page.text
    assert "httponly" in first.headers["set-cookie"].lower()
    assert "samesite=lax" in first.headers["set-cookie"].lower()
    assert "secure" in first.headers["set-cookie"].lower()
    assert f"agent@{DOMAIN}" in second.text


async def test_what_the_client_asks_for_is_ticked_and_no_more(house: Bed) -> None:
    async with web(house) as browser:
        page = await browser.show_key(await browser.open(await browser.register(), scope="core lists nonsense"))
        ticked = re.findall(r'value="([a-z]+)" checked', page.text)
        offered = re.findall(r'name="toolset" value="([a-z]+)"', page.text)
    assert ticked == ["core", "lists"]
    assert offered == list(toolsets.PERMISSIONS)


async def test_only_toolsets_that_the_server_offers_are_there_to_choose_and_granted(house: Bed) -> None:
    async with web(house, offered=("core", "work")) as browser:
        client_id = await browser.register()
        page = await browser.show_key(await browser.open(client_id, scope="admin"))
        assert re.findall(r'name="toolset" value="([a-z]+)"', page.text) == ["core", "work"]
        assert re.findall(r'value="([a-z]+)" checked', page.text) == ["core"]
        assert (await browser.post(page, "allow", inbox_id="*", toolset=["admin"])).status_code == 400
        answer = told(await browser.post(page, "allow", inbox_id="*", toolset=["core", "admin", "domains"]))
        tokens = (await browser.redeem(client_id, answer["code"])).json()
        found = await browser.who(tokens["access_token"])
    assert tokens["scope"] == "core"
    assert found is not None
    assert found.actor.permissions == toolsets.PERMISSIONS["core"]


async def test_a_client_of_one_inbox_is_not_granted_domains_which_no_inbox_has(house: Bed) -> None:
    inbox = await house.inbox("agent")
    async with web(house) as browser:
        _client, tokens = await browser.let_in(inbox.address, "core", "domains")
        page = await browser.show_key(await browser.open(await browser.register()))
        assert (await browser.post(page, "allow", inbox_id=inbox.address, toolset=["domains"])).status_code == 400
        own = await house.call("keys.create", inbox_id=inbox.address)
        page = await browser.show_key(page, own.api_key)
    assert tokens["scope"] == "core"
    assert "domains" not in re.findall(r'name="toolset" value="([a-z]+)"', page.text)


async def test_who_denies_sends_the_client_away_and_nothing_is_made(house: Bed) -> None:
    async with web(house) as browser:
        answer = await browser.post(await browser.open(await browser.register()), "deny")
        assert told(answer) == {"error": "access_denied", "state": "s t&te", "iss": SITE}
    assert house.rows("SELECT 1 FROM oauth_grant") == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": "https://elsewhere.test/mcp"}, "invalid_target"),
        ({"resource": f"{SITE}/mcp?x=1"}, "invalid_target"),
        ({"state": "s" * 2001}, "invalid_request"),
    ],
)
async def test_a_wrong_request_is_told_on_a_page_that_sends_nobody_anywhere(
    house: Bed, changed: dict[str, str | None], code: str
) -> None:
    async with web(house) as browser:
        page = await browser.open(await browser.register(), **changed)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert f"{CALLBACK}?error={code}&amp;" in page.text


@pytest.mark.parametrize(
    "redirect",
    [
        "http://127.0.0.1:4242/callback/../evil",
        "http://127.0.0.1:4242/other",
        "http://127.0.0.1:4242/callback?x=1",
        "http://127.0.0.1.evil.test:4242/callback",
        "http://127.0.0.1:4242@evil.test/callback",
        "http://localhost:4242/callback",
        "https://127.0.0.1:4242/callback",
        "https://evil.test/callback",
        "//evil.test/callback",
        "javascript:alert(1)",
        "",
        None,
    ],
)
async def test_an_answer_goes_to_no_address_that_the_client_did_not_name(house: Bed, redirect: str | None) -> None:
    async with web(house) as browser:
        page = await browser.open(await browser.register(), redirect_uri=redirect)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "href" not in page.text


@pytest.mark.parametrize("redirect", ["http://127.0.0.1:59999/callback", "http://127.0.0.1/callback"])
async def test_on_loopback_the_port_is_free(house: Bed, redirect: str) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        answer = await browser.allow(client_id, redirect_uri=redirect)
        assert (await browser.redeem(client_id, answer["code"], redirect_uri=redirect)).status_code == 200


async def test_beyond_loopback_the_port_counts(house: Bed) -> None:
    async with web(house) as browser:
        client_id = await browser.register("https://app.test:8443/cb")
        assert (await browser.open(client_id, redirect_uri="https://app.test:9443/cb")).status_code == 400
        assert (await browser.open(client_id, redirect_uri="https://app.test:8443/cb")).status_code == 200


async def test_a_parameter_that_stands_twice_is_refused(house: Bed) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        page = await browser.http.get(f"/oauth/authorize?client_id={client_id}&client_id=other")
    assert page.status_code == 400


async def test_a_wrong_key_and_one_that_may_not_make_keys_are_told_the_same(house: Bed) -> None:
    weak = await house.call("keys.create", permissions=["inbox_read"])
    answers = []
    for peer, key in (("192.0.2.1", "pr_wrong"), ("192.0.2.2", weak.api_key), ("192.0.2.3", ""), ("192.0.2.4", "\x7f")):
        async with web(house, peer) as browser:
            answer = await browser.show_key(await browser.open(await browser.register()), key)
            answers.append((answer.status_code, answer.text))
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 403


async def test_a_wrong_key_makes_its_peer_wait_longer_each_time_and_nobody_else(house: Bed, clock: FakeClock) -> None:
    async with web(house) as browser:
        page = await browser.open(await browser.register())
        for seconds in (1, 2, 4):
            assert (await browser.show_key(page, "wrong")).status_code == 403
            clock.advance(seconds * SECOND - 1)
            assert (await browser.show_key(page)).status_code == 429  # the right one, too
            clock.advance(1)
        async with web(house, "192.0.2.99") as other:
            assert (await other.show_key(await other.open(await other.register()))).status_code == 200
        assert (await browser.show_key(page)).status_code == 200
        assert (await browser.show_key(page, "wrong")).status_code == 403
        clock.advance(SECOND)
        assert (await browser.show_key(page)).status_code == 200  # a right one forgave the earlier ones


async def test_a_form_without_its_browser_or_from_elsewhere_is_refused(house: Bed) -> None:
    async with web(house) as browser, web(house) as other:
        page = await browser.open(await browser.register())
        await other.open(await other.register())
        given = fields(page) | {"step": "key", "api_key": browser.key}
        assert (await other.http.post("/oauth/authorize", data=given)).status_code == 400
        for header in ({"origin": "https://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
            assert (await browser.http.post("/oauth/authorize", data=given, headers=header)).status_code == 400
        assert (await browser.http.post("/oauth/authorize", json=given)).status_code == 400
        own = {"origin": SITE, "sec-fetch-site": "same-origin"}
        assert (await browser.http.post("/oauth/authorize", data=given, headers=own)).status_code == 200
        browser.http.cookies.clear()
        assert (await browser.http.post("/oauth/authorize", data=given)).status_code == 400


async def test_a_page_ends_after_some_minutes_and_a_ticket_cannot_be_changed(house: Bed, clock: FakeClock) -> None:
    async with web(house) as browser:
        page = await browser.open(await browser.register())
        forged = fields(page)["ticket"][:-8] + "AAAAAAA="
        assert (await browser.post(page, "key", api_key=browser.key, ticket=forged)).status_code == 400
        clock.advance(SECOND)
        assert (await browser.post(page, "key", api_key=browser.key, ticket="\u00e9")).status_code == 400
        clock.advance(TICKET_MS - SECOND - 1)
        assert (await browser.show_key(page)).status_code == 200
        clock.advance(1)
        assert (await browser.show_key(page)).status_code == 400


async def test_nothing_is_allowed_before_a_key_was_shown(house: Bed) -> None:
    async with web(house) as browser:
        page = await browser.open(await browser.register())
        assert (await browser.post(page, "allow", inbox_id="*", toolset=["core"])).status_code == 400
    assert house.rows("SELECT 1 FROM oauth_grant") == []


async def test_a_question_is_answered_once(house: Bed) -> None:
    async with web(house) as browser:
        page = await browser.show_key(await browser.open(await browser.register()))
        assert (await browser.post(page, "allow", inbox_id="*", toolset=["core"])).status_code == 303
        assert (await browser.post(page, "allow", inbox_id="*", toolset=["core"])).status_code == 400
    assert len(house.rows("SELECT 1 FROM oauth_grant")) == 1


@pytest.mark.parametrize(
    "given", [{"inbox_id": "*"}, {"toolset": ["core"]}, {"inbox_id": "*", "toolset": ["nonsense"]}]
)
async def test_without_an_inbox_or_a_tool_nothing_is_granted(house: Bed, given: dict[str, object]) -> None:
    async with web(house) as browser:
        page = await browser.show_key(await browser.open(await browser.register()))
        assert (await browser.post(page, "allow", **given)).status_code == 400
    assert house.rows("SELECT 1 FROM oauth_grant") == []


async def test_a_key_that_was_deleted_meanwhile_allows_nothing(house: Bed) -> None:
    made = await house.call("keys.create")
    async with web(house) as browser:
        page = await browser.show_key(await browser.open(await browser.register()), made.api_key)
        await house.call("keys.delete", api_key_id=made.key.api_key_id)
        assert (await browser.post(page, "allow", inbox_id="*", toolset=["core"])).status_code == 401


async def test_a_client_gets_no_more_than_the_key_has_that_was_shown(house: Bed) -> None:
    inbox = await house.inbox("agent")
    await house.inbox("other")
    few = ["api_key_create", "message_read", "inbox_read"]
    made = await house.call("keys.create", inbox_id=inbox.address, permissions=few)
    async with web(house) as browser:
        client_id = await browser.register()
        page = await browser.show_key(await browser.open(client_id), made.api_key)
        assert f"other@{DOMAIN}" not in page.text
        assert re.findall(r'name="toolset" value="([a-z]+)"', page.text) == ["core", "threads", "work", "admin"]
        given = {"toolset": ["core", "domains"]}
        assert (await browser.post(page, "allow", inbox_id=f"other@{DOMAIN}", **given)).status_code == 400
        answer = told(await browser.post(page, "allow", inbox_id="*", **given))
        found = await browser.who((await browser.redeem(client_id, answer["code"])).json()["access_token"])
    assert found is not None
    assert found.actor.reach.inbox_id == inbox.inbox_id
    assert found.actor.permissions == frozenset({"message_read", "inbox_read"})


async def test_another_tenant_sees_and_gets_nothing_of_ours(house: Bed) -> None:
    await house.inbox("agent")
    stranger = await house.stranger()
    theirs = await house.call("keys.create", stranger)
    async with web(house) as browser:
        client_id, tokens = await browser.let_in(f"agent@{DOMAIN}")
        page = await browser.show_key(await browser.open(client_id), theirs.api_key)
        assert "agent@" not in page.text
        answers = [
            await browser.post(page, "allow", inbox_id=address, toolset=["core"])
            for address in (f"agent@{DOMAIN}", f"absent@{DOMAIN}")
        ]
        assert [(a.status_code, a.text) for a in answers] == [(400, answers[0].text)] * 2
        ours = await browser.who(tokens["access_token"])
        assert ours is not None
        with pytest.raises(NotFound):
            await house.call("keys.delete", stranger, api_key_id=ours.actor.api_key_id)
        answer = told(await browser.post(page, "allow", inbox_id="*", toolset=["core"]))
        found = await browser.who((await browser.redeem(client_id, answer["code"])).json()["access_token"])
    assert found is not None
    assert found.actor.reach == stranger.reach


async def test_another_process_reads_the_answer_to_a_page_of_the_first(house: Bed) -> None:
    async with web(house) as browser:
        client_id = await browser.register()
        page = await browser.open(client_id)
        async with web(house) as other:
            other.http.cookies = browser.http.cookies
            page = await other.show_key(page)
            answer = told(await browser.post(page, "allow", inbox_id="*", toolset=["core"]))
            again = await other.redeem(client_id, answer["code"], code_verifier=VERIFIER, resource=RESOURCE)
            assert again.status_code == 200


async def test_pages_are_not_asked_for_without_end(house: Bed, clock: FakeClock) -> None:
    async with web(house) as browser:
        assert [(await browser.open("cli_absent")).status_code for _ in range(61)] == [400] * 60 + [429]
        clock.advance(60 * SECOND)
        assert (await browser.open("cli_absent")).status_code == 400
