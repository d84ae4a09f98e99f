"""Which tools a connection offers: what operator, request and key leave; that nothing else is called."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from starlette.datastructures import Headers

from postroom.cli.stdio import add_options
from postroom.mcp.face import Face, Hands
from postroom.mcp.selection import (
    ASKED,
    DEFAULT_TOOLSETS,
    HEADERS,
    TOOLSETS,
    Selection,
    from_headers,
    read_selection,
)
from postroom.mcp.server import Server
from postroom.mcp.tools import rows
from postroom.model.errors import OutOfScope, PostroomError
from postroom.model.tenant import Actor
from postroom.service.catalog import OPERATIONS
from tests.fakes.bed import Bed
from tests.fakes.mail import mail
from tests.mcp.conftest import KEY
from tests.processes.running import Processes

INBOX = "agent@postroom.localhost"
MODERN = {
    "authorization": f"Bearer {KEY}",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def _server(house: Bed, selection: Selection | None = None, actor: Actor | None = None) -> Server:
    hands = Hands()
    chosen: dict[str, Any] = {} if selection is None else {"selection": selection}
    inside = house.house
    hands.open(Face(desk=house.desk, hub=inside.hub, links=inside.links, actor=actor or house.owner, **chosen))
    return Server(hands)


async def _names(server: Server) -> set[str]:
    return {tool.name for tool in await server.list_tools()}


async def _said(server: Any, tool: str, **given: Any) -> str:
    (told,) = (await server.call_tool(tool, given)).content
    return str(told.text)


@contextmanager
def _asking(headers: dict[str, str]) -> Iterator[None]:
    token = ASKED.set(from_headers(headers))
    try:
        yield
    finally:
        ASKED.reset(token)


async def test_what_is_read_only_changes_nothing_and_what_is_not_listed_is_refused(house: Bed) -> None:
    await house.inbox()
    everything = await _names(_server(house, read_selection("all")))
    server = _server(house, read_selection("all", read_only="yes"))
    left = await _names(server)
    assert {"list_messages", "get_message", "wait_for_message", "search_messages"} <= left
    verbs = {name.partition("_")[0] for name in left}
    assert verbs <= {"list", "get", "search", "wait", "check", "count", "whoami"}
    for name in everything - left:
        assert "not offered on this connection" in await _said(server, name)
    assert [i.address for i in (await house.call("inboxes.list")).items] == [INBOX]


async def test_single_tools_can_be_chosen_and_left_out(house: Bed) -> None:
    assert await _names(_server(house, read_selection(tools="list_inboxes, get_message"))) == {
        "list_inboxes",
        "get_message",
    }
    both = read_selection(tools="list_inboxes,get_message", exclude_tools="get_message")
    assert await _names(_server(house, both)) == {"list_inboxes"}


async def test_a_misspelled_name_is_refused_with_the_near_one(house: Bed) -> None:
    with pytest.raises(ValueError, match=r"Unknown toolset 'webhook'. Did you mean 'webhooks'\?"):
        read_selection("webhook")
    with pytest.raises(ValueError, match="neither yes nor no"):
        read_selection(read_only="perhaps")
    with pytest.raises(MCPError, match=r"Unknown tool 'list_inbox'. Did you mean 'list_inboxes'\?"):
        await _server(house, read_selection(tools="list_inbox")).list_tools()
    assert "Did you mean" in await _said(_server(house, read_selection(exclude_tools="get_mesage")), "list_inboxes")


async def test_headers_make_the_tools_fewer_and_never_more(house: Bed) -> None:
    reading = _server(house, read_selection("core", read_only="yes"))
    alone = await _names(reading)
    with _asking({"x-mcp-toolsets": "all", "x-mcp-readonly": "no"}):
        assert await _names(reading) == alone
    with _asking({"x-mcp-tools": "list_inboxes,send_message"}):
        assert await _names(reading) == {"list_inboxes"}
    with _asking({"x-mcp-exclude-tools": "list_inboxes"}):
        assert await _names(reading) == alone - {"list_inboxes"}
        assert "not offered" in await _said(reading, "list_inboxes")


async def test_a_tool_that_the_key_may_not_use_is_neither_listed_nor_called(house: Bed) -> None:
    await house.inbox()
    allowed = frozenset({"inbox_read", "message_read"})
    server = _server(house, actor=house.owner.model_copy(update={"permissions": allowed}))
    names = await _names(server)
    assert {"list_inboxes", "get_message"} <= names
    assert not names & {"send_message", "create_inbox", "delete_inbox"}
    told = await _said(server, "send_message", inbox_id=INBOX, to="a@example.com", text="x")
    assert "lacks the permission message_send" in told


async def test_with_a_key_of_an_inbox_the_inbox_need_not_be_named(house: Bed) -> None:
    inbox = await house.inbox()
    await house.inbox("other")
    own = house.owner.model_copy(
        update={"reach": house.owner.reach.model_copy(update={"pod_id": inbox.pod_id, "inbox_id": inbox.inbox_id})}
    )
    server = _server(house, actor=own)
    for tool in await server.list_tools():
        named = tool.name == "delete_inbox"
        assert ("inbox_id" in tool.input_schema.get("required", [])) is named, tool.name
    sent = await server.call_tool("send_message", {"to": INBOX, "subject": "Hi", "text": "x"})
    assert not sent.is_error
    assert INBOX in await _said(server, "get_inbox")
    # Another one may be named, and is not there.
    assert "No inbox" in await _said(server, "get_inbox", inbox_id="other@postroom.localhost")


async def test_the_names_that_other_servers_have_for_arguments_are_taken(house: Bed) -> None:
    await house.inbox()
    server = _server(house)
    given = {"inboxId": INBOX, "to": INBOX, "subject": "Hi", "text": "x"}
    file = {"content": "eA==", "filename": "a.txt", "contentType": "text/plain", "contentDisposition": "attachment"}
    sent = await server.call_tool("send_message", {**given, "attachments": [file], "replyTo": "me@example.com"})
    assert not sent.is_error, sent
    page = await server.call_tool("list_messages", {"inboxId": INBOX, "pageToken": None, "limit": 1})
    assert not page.is_error, page
    made = await server.call_tool("create_inbox", {"displayName": "B", "metadata": {"camelCase": "kept"}})
    assert not made.is_error, made
    (inbox,) = [i for i in (await house.call("inboxes.list")).items if i.display_name == "B"]
    assert inbox.metadata == {"camelCase": "kept"}
    assert "Did you mean 'inbox_id'" in await _said(server, "get_inbox", inboxIdd=INBOX)


async def test_over_http_the_headers_of_each_request_count(shared: Processes) -> None:
    server = shared.serve(api_key=KEY).started()
    headers = MODERN | {"mcp-method": "tools/list"}
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    async with httpx.AsyncClient(base_url=server.http, headers=headers, timeout=10) as client:
        answer = await client.post("/mcp", json=listing, headers={"x-mcp-tools": "list_inboxes"})
        assert answer.text.count('"inputSchema"') == 1
        assert (await client.post("/mcp", json=listing, headers={"x-mcp-tools": "nonsense"})).text.count("error") > 0


REASONS = [
    ({"toolsets": "core"}, "get_usage", "its toolset metrics is not"),
    ({"toolsets": "all", "read_only": "yes"}, "send_message", "only tools that change nothing are (read_only)"),
    ({"toolsets": "all", "exclude_tools": "get_usage"}, "get_usage", "it is left out by name (exclude_tools)"),
    ({"tools": "list_inboxes"}, "send_message", "only the tools that are named are (tools)"),
]


@pytest.mark.parametrize(("chosen", "tool", "reason"), REASONS)
async def test_a_tool_that_is_not_offered_names_the_reason_and_whose_it_is(
    house: Bed, chosen: dict[str, str], tool: str, reason: str
) -> None:
    told = await _said(_server(house, read_selection(**chosen)), tool)
    assert reason in told
    assert "Ask who set the server up" in told
    with _asking({HEADERS[name]: value for name, value in chosen.items()}):
        told = await _said(_server(house, read_selection("all")), tool)
    assert reason in told
    assert "X-MCP headers" in told


async def test_a_name_in_a_header_that_there_is_not_is_told_to_a_call_too(house: Bed) -> None:
    with _asking({"x-mcp-tools": "list_inboxs"}):
        told = await _said(_server(house), "list_inboxes")
        assert told == "Unknown tool 'list_inboxs'. Did you mean 'list_inboxes'? (in a header of the request)"
        with pytest.raises(MCPError, match="in a header of the request") as refused:
            await _server(house).list_tools()
        assert refused.value.error.code == INVALID_PARAMS


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"X-MCP-Read-Only": "true"}, r"Unknown header 'X-MCP-Read-Only'. Did you mean 'X-MCP-Readonly'\?"),
        ({"x-mcp-toolset": "core"}, r"Unknown header 'X-MCP-Toolset'. Did you mean 'X-MCP-Toolsets'\?"),
        (
            {"x-mcp-lockdown": "1", "x-mcp-tools": "list_inboxes"},
            r"Known: X-MCP-Toolsets, X-MCP-Tools, X-MCP-Exclude-Tools",
        ),
        ({"x-mcp-readonly": " "}, r"The header X-MCP-Readonly is empty"),
        ({"x-mcp-tools": ", ,"}, r"The header X-MCP-Tools is empty"),
        ({"x-mcp-readonly": "maybe"}, r"'maybe' is neither yes nor no"),
    ],
)
def test_no_header_that_was_to_make_the_tools_fewer_is_passed_over(headers: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_headers(headers)


def test_a_header_that_stands_twice_counts_twice_and_others_are_not_ours() -> None:
    twice = Headers(raw=[(b"x-mcp-exclude-tools", b"send_message"), (b"x-mcp-exclude-tools", b"delete_inbox")])
    asked = from_headers(twice)
    assert asked is not None
    assert asked.excluded == {"send_message", "delete_inbox"}
    assert from_headers({"mcp-session-id": "1", "x-forwarded-for": "::1"}) is None


async def test_over_http_a_header_that_there_is_not_ends_the_request_with_the_near_name(shared: Processes) -> None:
    server = shared.serve(api_key=KEY).started()
    headers = MODERN | {"X-MCP-Read-Only": "true"}
    making = {"name": "create_inbox", "arguments": {"username": "unread"}}
    async with httpx.AsyncClient(base_url=server.http, headers=headers, timeout=10) as client:
        for method, params in (("tools/list", {}), ("tools/call", making)):
            asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
            named = {"mcp-method": method} | ({"mcp-name": "create_inbox"} if params else {})
            answer = await client.post("/mcp", json=asked, headers=named)
            assert "Did you mean 'X-MCP-Readonly'?" in answer.text, answer.text
            assert "in a header of the request" in answer.text
        assert (await client.get("/v0/inboxes/unread@postroom.localhost")).status_code == 404


async def test_a_tool_that_takes_a_wider_key_is_not_listed_and_says_so_when_it_is_called(house: Bed) -> None:
    inbox = await house.inbox()
    pod = house.owner.reach.model_copy(update={"pod_id": inbox.pod_id})
    of_pod = house.owner.model_copy(update={"reach": pod})
    of_inbox = house.owner.model_copy(update={"reach": pod.model_copy(update={"inbox_id": inbox.inbox_id})})
    everything = read_selection("all")
    all_of_them = await _names(_server(house, everything))
    assert all_of_them - await _names(_server(house, everything, of_pod)) == {"create_pod"}
    own = _server(house, everything, of_inbox)
    domains = {f"{verb}_domain" for verb in ("add", "get", "verify", "delete")} | {"list_domains"}
    assert all_of_them - await _names(own) == {"create_pod", "create_inbox", "delete_inbox_permanently", *domains}
    assert "takes a key of a whole pod" in await _said(own, "create_inbox")
    assert "takes a key of a whole organization" in await _said(own, "create_pod")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("pods.create", {"name": "x"}),
        ("domains.create", {"domain": "x.example.com", "allow_conflicting_provider": True}),
        ("inboxes.create", {"username": "x"}),
    ],
)
async def test_what_takes_a_wider_key_is_refused_by_the_engine_as_its_row_says(
    house: Bed, name: str, given: dict[str, Any]
) -> None:
    inbox = await house.inbox()
    pod = house.owner.reach.model_copy(update={"pod_id": inbox.pod_id})
    for reach in (house.owner.reach, pod, pod.model_copy(update={"inbox_id": inbox.inbox_id})):
        actor = house.owner.model_copy(update={"reach": reach})
        try:
            await house.desk.call(name, actor, given)
            refused = False
        except OutOfScope:
            refused = True
        except PostroomError:  # it is there already
            refused = False
        assert refused is not OPERATIONS[name].reaches_far_enough(actor)


async def test_a_key_that_may_bring_back_one_kind_of_thing_is_offered_the_undoing(house: Bed) -> None:
    for permission in ("draft_delete", "inbox_delete", "message_delete"):
        actor = house.owner.model_copy(update={"permissions": frozenset({permission})})
        assert "undo_delete" in await _names(_server(house, actor=actor))
    nothing = house.owner.model_copy(update={"permissions": frozenset({"message_read"})})
    assert "undo_delete" not in await _names(_server(house, actor=nothing))


async def test_arguments_of_other_servers_that_are_not_listed_are_taken(house: Bed) -> None:
    await house.inbox()
    server = _server(house, read_selection("core,threads"))
    sent = await server.call_tool("send_message", {"inboxId": INBOX, "to": INBOX, "subject": "Xylophone", "text": "x"})
    thread_id = sent.structured_content["thread_id"]
    await house.settled()
    await house.indexed()
    shown = {"includeSpam": True, "includeTrash": True}
    people = {"senders": ["agent"], "recipients": ["agent"], "subject": ["xylo"]}
    page = await server.call_tool("list_threads", {"inboxId": INBOX, **people, **shown})
    assert [thread["thread_id"] for thread in page.structured_content["threads"]] == [thread_id]
    nobody = await server.call_tool("list_threads", {"inboxId": INBOX, "senders": ["nobody"]})
    assert nobody.structured_content["threads"] == []
    found = await server.call_tool("search_threads", {"q": "xylophone", "limit": 5})
    assert [thread["inbox_id"] for thread in found.structured_content["threads"]] == [INBOX]
    ref = {"inboxId": INBOX, "threadId": thread_id}
    changed = await server.call_tool("update_thread", {**ref, "addLabels": "done", "removeLabels": ["unread"]})
    assert "done" in changed.structured_content["labels"]
    await server.call_tool("delete_thread", ref)
    for tool in ("list_messages", "list_threads"):
        assert (await server.call_tool(tool, {"inboxId": INBOX, **shown})).structured_content[tool[5:]]
        assert not (await server.call_tool(tool, {"inboxId": INBOX})).structured_content[tool[5:]]
    span = {"before": "2999-01-01T00:00:00Z", "after": "2000-01-01T00:00:00Z", "ascending": True}
    assert not (await server.call_tool("list_drafts", {"inboxId": INBOX, **span})).is_error


async def test_an_attachment_is_found_by_its_thread_and_in_no_other(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(files={"a.txt": b"hello"}))
    other = await house.receive(mail(subject="Another"))
    server = _server(house)
    ref = {"inboxId": INBOX, "attachmentId": first.attachments[0].attachment_id}
    assert "hello" in await _said(server, "get_attachment", **ref, threadId=first.thread_id)
    assert "No attachment" in await _said(server, "get_attachment", **ref, threadId=other.thread_id)


def test_the_page_of_the_tools_names_every_way_to_choose_them_and_the_readme_every_toolset() -> None:
    top = Path(__file__).parents[2]
    page = (top / "docs" / "tools.md").read_text("utf-8")
    parser = argparse.ArgumentParser()
    add_options(parser)
    flags = set(re.findall(r"--[a-z-]+", parser.format_help())) - {"--help", "--json"}
    told = set(re.findall(r"`([^`]+)`", page))
    assert flags <= told
    assert set(HEADERS.values()) <= {one.lower() for one in told}
    assert {f"POSTROOM_{name.upper()}" for name in HEADERS} <= told
    (readme,) = re.findall(r"^\| `POSTROOM_TOOLSETS` .*$", (top / "README.md").read_text("utf-8"), re.M)
    remote = (top / "docs" / "remote.md").read_text("utf-8")
    for name in TOOLSETS:
        assert re.search(rf"\b{name}\b", readme), name
        assert f"`{name}`" in remote, name


def test_the_page_of_the_tools_counts_those_that_are_on_by_default() -> None:
    usual = [row for row in rows(Hands()) if row.toolset in DEFAULT_TOOLSETS]
    page = (Path(__file__).parents[2] / "docs" / "tools.md").read_text("utf-8")
    assert f"on by default: {sum(not row.asks for row in usual)} tools, and `confirm_send`" in page
    assert [row.name for row in usual if row.asks] == ["confirm_send"]
