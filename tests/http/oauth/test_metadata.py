"""Where clients learn of OAuth, and that with an outside issuer nothing of ours is offered."""

import httpx2
import pytest

from postroom.http.app import build
from postroom.http.oauth.app import routes
from postroom.mcp import selection
from postroom.service import toolsets
from postroom.service.tenants import PERMISSIONS
from tests.fakes.bed import Bed
from tests.http.oauth.browser import RESOURCE, SITE, web

RESOURCES = ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp")
SERVER = "/.well-known/oauth-authorization-server"


async def test_the_documents_say_where_everything_is(house: Bed) -> None:
    async with web(house) as browser:
        found = [(await browser.http.get(place)).json() for place in RESOURCES]
        server = (await browser.http.get(SERVER, headers={"origin": "https://inspector.test"})).json()
        for name in ("authorization", "token", "registration", "revocation"):
            place = server[f"{name}_endpoint"]
            answer = await browser.http.request("GET" if name == "authorization" else "POST", place)
            assert answer.status_code == 400, place
    assert found[0] == found[1]
    assert (found[0]["resource"], found[0]["authorization_servers"]) == (RESOURCE, [SITE])
    assert server["issuer"] == SITE
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["authorization_response_iss_parameter_supported"] is True
    assert server["client_id_metadata_document_supported"] is True


@pytest.mark.parametrize(
    ("offered", "told"),
    [
        (("core", "domains"), ["core", "domains"]),
        (("core", "work"), ["core", "work"]),
        (toolsets.ALL, [name for name in toolsets.ALL if name != "admin"]),
        (("admin",), ["admin"]),
    ],
)
async def test_both_documents_name_the_scopes_that_the_server_offers_and_keys_are_for_who_asks(
    house: Bed, offered: tuple[str, ...], told: list[str]
) -> None:
    async with web(house, offered=offered) as browser:
        found = [(await browser.http.get(place)).json()["scopes_supported"] for place in (*RESOURCES, SERVER)]
    assert found == [told] * 3


@pytest.mark.parametrize(
    ("chosen", "offered"),
    [
        (selection.read_selection(), ("core", "domains")),
        (selection.read_selection("all"), selection.TOOLSETS),
        (selection.read_selection("work,core"), ("core", "work")),
        (selection.read_selection(tools="claim_next,list_messages"), ("core", "work")),
        (selection.read_selection("core,threads", exclude_tools="search_threads,update_thread"), ("core",)),
        (selection.read_selection("core,admin", read_only="yes"), ("core", "admin")),
    ],
)
def test_a_toolset_is_offered_where_a_tool_of_it_is(chosen: selection.Selection, offered: tuple[str, ...]) -> None:
    assert selection.offered_toolsets(chosen) == offered


async def test_a_page_may_read_the_documents_and_ask_for_tokens_but_not_the_pages_for_people(house: Bed) -> None:
    asked = {"origin": "https://inspector.test", "access-control-request-method": "POST"}
    async with web(house) as browser:
        for place in ("/oauth/token", "/oauth/register"):
            answer = await browser.http.options(place, headers=asked)
            assert answer.headers["access-control-allow-origin"] == "*"
        assert (
            "access-control-allow-origin" not in (await browser.http.options("/oauth/authorize", headers=asked)).headers
        )


async def test_below_a_path_the_documents_stand_where_the_rfcs_look(house: Bed) -> None:
    app = build(house.desk, house.house.links, more=routes(house.desk, "https://host.test/mail"))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://host.test") as client:
        resource = (await client.get("/.well-known/oauth-protected-resource/mail/mcp")).json()
        server = (await client.get(f"{SERVER}/mail")).json()
    assert resource["resource"] == "https://host.test/mail/mcp"
    assert server["issuer"] == "https://host.test/mail"
    assert server["token_endpoint"] == "https://host.test/mail/oauth/token"


async def test_with_an_outside_issuer_only_that_one_is_named(house: Bed) -> None:
    app = build(house.desk, house.house.links, more=routes(house.desk, SITE, "https://login.test"))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=SITE) as client:
        assert (await client.get(RESOURCES[1])).json()["authorization_servers"] == ["https://login.test"]
        for place in (SERVER, "/oauth/authorize", "/oauth/token", "/oauth/register"):
            assert (await client.get(place)).status_code == 404


def test_the_toolsets_of_the_page_are_those_of_the_tools() -> None:
    assert tuple(toolsets.PERMISSIONS) == selection.TOOLSETS
    assert selection.DEFAULT_TOOLSETS == toolsets.DEFAULT
    assert set(toolsets.SAYS) == set(toolsets.PERMISSIONS)


@pytest.mark.parametrize("name", toolsets.PERMISSIONS)
def test_a_toolset_gives_permissions_that_there_are(name: str) -> None:
    assert toolsets.PERMISSIONS[name] <= PERMISSIONS
