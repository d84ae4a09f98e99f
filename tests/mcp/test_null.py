"""Null for an argument: clients with strict schemas send it for all that they leave out."""

from typing import Any

import pytest

from postroom.mcp.selection import read_selection
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import server_of
from tests.processes.running import text_of

AGENT = f"agent@{DOMAIN}"
_ALL = read_selection("all")
# What a tool must have, by the name of the argument, where a word will not do.
_GIVEN: dict[str, Any] = {
    "inbox_id": AGENT,
    "to": ["ann@example.com"],
    "message_ids": ["<none@example.com>"],
    "until": "2030-01-01T00:00:00Z",
    "name": "n",
    "direction": "receive",
    "type": "block",
    "seconds": 60,
    "event_types": ["message.received"],
    "url": "https://example.com/hook",
    "timeout": 0,
}
# Each makes or waits: two calls differ in what they make, or wait.
_DIFFERENT = {"create_inbox", "create_draft", "create_key", "create_pod", "create_webhook"}


async def _said(server: Any, tool: str, given: dict[str, Any]) -> tuple[bool, str]:
    result = await server.call_tool(tool, given)
    return bool(result.is_error), text_of(result).partition("\nposition: ")[0]


async def test_null_for_every_optional_argument_of_every_tool_is_as_if_it_were_left_out(house: Bed) -> None:
    await house.inbox("agent")
    server = server_of(house, selection=_ALL)
    for tool in await server.list_tools():
        schema = tool.input_schema
        must = {name: _GIVEN.get(name, "none") for name in schema.get("required", ())}
        nulls = {name: None for name in schema["properties"] if name not in must}
        nulls |= dict.fromkeys(server.rows[tool.name].unlisted)
        # Null says something there, or it would wait for a minute.
        nulls = {name: value for name, value in nulls.items() if name not in ("metadata", "timeout")}
        if not nulls:
            continue
        wait = {"timeout": 0} if tool.name == "wait_for_message" else {}
        without = await _said(server, tool.name, {**must, **wait})
        with_null = await _said(server, tool.name, {**must, **wait, **nulls})
        if tool.name in _DIFFERENT:
            assert with_null[0] is without[0] is False, (tool.name, with_null)
        else:
            assert with_null == without, tool.name


@pytest.mark.parametrize("name", ["limit", "ascending", "includeSpam", "from"])
async def test_null_where_the_default_is_something_else_gives_the_default(house: Bed, name: str) -> None:
    await house.inbox("agent")
    await house.receive(mail())
    result = await server_of(house).call_tool("list_messages", {"inboxId": AGENT, name: None})
    assert len(result.structured_content["messages"]) == 1


async def test_null_for_what_is_needed_is_told_as_missing_and_in_one_sentence(house: Bed) -> None:
    await house.inbox("agent")
    for given in ({"inbox_id": AGENT}, {"inbox_id": AGENT, "to": None}):
        assert await _said(server_of(house), "send_message", given) == (True, "Invalid arguments. to: it is required.")


async def test_null_within_an_attachment_is_as_if_it_were_left_out(house: Bed) -> None:
    await house.inbox("agent")
    server = server_of(house)
    file = {"content": "eA==", "filename": "a.txt", "url": None, "contentType": None, "content_id": None}
    given = {"inbox_id": AGENT, "to": "ann@example.com", "text": "t"}
    made = await server.call_tool("create_draft", {**given, "attachments": [file]})
    assert not made.is_error, made.content
    changed = {"draft_id": made.structured_content["draft_id"], "add_attachments": [file]}
    after = await server.call_tool("update_draft", changed)
    assert not after.is_error, after.content
    assert len(after.structured_content["attachments"]) == 2


async def test_metadata_that_is_null_is_removed_and_metadata_that_is_left_out_stays(house: Bed) -> None:
    await house.inbox("agent", metadata={"team": 1, "tier": "a"})
    server = server_of(house)

    async def after(**given: Any) -> dict[str, Any]:
        result = await server.call_tool("update_inbox", {"inboxId": AGENT, **given})
        assert not result.is_error, result.content
        found: dict[str, Any] = (await house.call("inboxes.get", inbox_id=AGENT)).metadata
        return found

    assert await after(displayName="Help") == {"team": 1, "tier": "a"}
    assert await after(metadata={"tier": None}) == {"team": 1}
    assert await after(displayName=None, metadata={"more": True}) == {"team": 1, "more": True}
    assert await after(metadata=None) == {}
    assert (await house.call("inboxes.get", inbox_id=AGENT)).display_name == "Help"
    failed, told = await _said(server, "update_inbox", {"inbox_id": AGENT})
    assert failed
    assert "Nothing to change." in told
    assert "status" not in told  # which the tool does not take
