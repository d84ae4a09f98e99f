"""What a model reads before it calls anything: tools, instructions, prompts. Every change of it is a reviewed diff."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from postroom.mcp.face import Face, Hands
from postroom.mcp.selection import DEFAULT_TOOLSETS, read_selection
from postroom.mcp.server import Server
from postroom.mcp.tools import rows
from postroom.mcp.words import prompt_text
from postroom.model.tenant import SYSTEM
from postroom.service.catalog import OPERATIONS

SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "tools"
REWRITE = "REWRITE_SNAPSHOTS"


def _server() -> Server:
    class Open(Hands):
        async def face(self) -> Face:
            everything = read_selection("all")
            return Face(desk=None, hub=None, links=None, actor=SYSTEM, selection=everything)  # type: ignore[arg-type]

    return Server(Open())


async def _tools() -> dict[str, dict[str, Any]]:
    async with Client(_server()) as client:
        listed = (await client.list_tools()).tools
    return {tool.name: tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed}


async def test_the_tools_are_those_of_the_snapshots() -> None:
    """Set REWRITE_SNAPSHOTS=1 to write the files anew, and look at the difference."""
    tools = await _tools()
    if os.environ.get(REWRITE):
        SNAPSHOTS.mkdir(parents=True, exist_ok=True)
        for old in SNAPSHOTS.glob("*.json"):
            old.unlink()
        for name, tool in tools.items():
            (SNAPSHOTS / f"{name}.json").write_text(json.dumps(tool, indent=2) + "\n", "utf-8")
    kept = {file.stem: json.loads(file.read_text("utf-8")) for file in SNAPSHOTS.glob("*.json")}
    assert tools == kept


async def test_every_tool_describes_itself_and_every_argument() -> None:
    for name, tool in (await _tools()).items():
        assert tool["description"].endswith("."), name
        assert tool["inputSchema"]["additionalProperties"] is False
        for argument, schema in tool["inputSchema"].get("properties", {}).items():
            assert schema.get("description"), (name, argument)


async def test_what_a_model_reads_of_the_default_tools_stays_under_24_kilobytes() -> None:
    toolset = {row.name: row.toolset for row in rows(Hands())}
    read = [
        json.dumps(part)
        for name, tool in (await _tools()).items()
        if toolset[name] in DEFAULT_TOOLSETS
        for part in (name, tool["description"], tool["inputSchema"])
    ]
    assert sum(len(text.encode()) for text in read) < 24 * 1024


def test_every_tool_names_an_operation_and_every_public_operation_has_a_face() -> None:
    named = {row.operation for row in rows(Hands())}
    assert named <= OPERATIONS.keys()
    public = {name for name, operation in OPERATIONS.items() if not operation.internal}
    from postroom.cli.commands import offered

    assert public <= named | {operation.name for operation in offered()}


async def test_the_instructions_are_short_and_name_no_tool_that_is_not_there() -> None:
    text = prompt_text("instructions.md")
    described = await _tools()
    arguments = {name for tool in described.values() for name in tool["inputSchema"].get("properties", {})}
    tools = set(described)
    verbs = {name.split("_")[0] for name in tools}
    words = set(re.findall(r"[a-z]+(?:_[a-z]+)+", text)) - arguments
    named = {word for word in words if word.split("_")[0] in verbs}
    assert len(text) <= 2_000
    assert named
    assert named <= tools


@pytest.mark.parametrize(
    ("name", "given"), [("triage", {"inbox_id": "a@b"}), ("reply", {"inbox_id": "a@b", "message_id": "<1@c>"})]
)
async def test_a_prompt_is_filled_with_its_arguments(name: str, given: dict[str, str]) -> None:
    async with Client(_server()) as client:
        offered = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert [argument.name for argument in offered[name].arguments or []] == list(given)
        text = str(getattr((await client.get_prompt(name, given)).messages[0].content, "text", ""))
    assert all(value in text for value in given.values())
    assert "{" not in text
