"""What a model reads before it calls anything: tools, instructions, prompts. Every change of it is a reviewed diff."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from postroom.mcp.face import Face, Hands
from postroom.mcp.selection import DEFAULT_TOOLSETS, read_selection
from postroom.mcp.server import Server
from postroom.mcp.tools import rows
from postroom.mcp.tools.sending import AttachmentArgument
from postroom.mcp.words import prompt_text
from postroom.model.tenant import SYSTEM
from postroom.service.catalog import OPERATIONS

SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "tools"
REWRITE = "REWRITE_SNAPSHOTS"
_IN_TRASH = ("message", "thread", "draft", "inbox")


def _server() -> Server:
    class Open(Hands):
        async def face(self) -> Face:
            everything = read_selection("all")
            return Face(desk=None, hub=None, links=None, actor=SYSTEM, selection=everything)  # type: ignore[arg-type]

        async def may_ask(self) -> bool:
            return True

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
    # What asks the person at the client is listed where a policy allows it alone.
    toolset = {row.name: row.toolset for row in rows(Hands()) if not row.asks}
    read = [
        json.dumps({key: tool[key] for key in ("name", "description", "inputSchema")})
        for name, tool in (await _tools()).items()
        if toolset.get(name) in DEFAULT_TOOLSETS
    ]
    assert sum(len(text.encode()) for text in read) < 24 * 1024


async def test_whoever_attaches_files_is_told_every_field_of_one() -> None:
    for name, tool in (await _tools()).items():
        if (files := tool["inputSchema"]["properties"].get("attachments")) is not None:
            told = set(re.findall(r"\w+", files["description"]))
            assert set(AttachmentArgument.model_fields) <= told, name


async def test_what_cannot_be_undone_says_so() -> None:
    final = {
        "delete_domain",
        "delete_key",
        "delete_pod",
        "delete_webhook",
        *(f"delete_{kind}_permanently" for kind in _IN_TRASH),
    }
    tools = await _tools()
    for name in [name for name in tools if name.startswith("delete_")]:
        words = tools[name]["description"]
        assert ("for good" in words) is (name in final), name
        assert ("undo_delete" in words) is (name.removeprefix("delete_") in _IN_TRASH), name


def test_every_tool_names_an_operation_and_every_public_operation_has_a_face() -> None:
    named = {row.operation for row in rows(Hands())}
    assert named <= OPERATIONS.keys()
    public = {name for name, operation in OPERATIONS.items() if not operation.internal}
    from postroom.cli.commands import offered

    assert public <= named | {operation.name for operation in offered()}


def test_the_page_of_the_tools_names_each_in_its_group_and_the_readme_names_all() -> None:
    top = Path(__file__).parents[2]
    named: dict[str, set[str]] = {}
    group = ""
    for found in re.finditer(r"^\| (?:`(\w+)`)? ?\| (.*) \|$", (top / "docs" / "tools.md").read_text("utf-8"), re.M):
        group = found[1] or group
        named.setdefault(group, set()).update(re.findall(r"`(\w+)`", found[2]))
    told: dict[str, set[str]] = {}
    for row in rows(Hands()):
        told.setdefault(row.toolset, set()).add(row.name)
    assert named == told
    assert set().union(*told.values()) <= set(re.findall(r"`(\w+)`", (top / "README.md").read_text("utf-8")))


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


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("triag", {}, "Unknown prompt 'triag'. Did you mean 'triage'?"),
        ("triage", {}, "The prompt triage needs inbox_id."),
        ("reply", None, "The prompt reply needs inbox_id and message_id."),
        ("triage", {"inbox_id": "a@b", "inbox": "c"}, "Unknown argument 'inbox'. Did you mean 'inbox_id'?"),
    ],
)
async def test_a_prompt_that_is_asked_for_wrongly_is_refused_with_what_is_known(
    mode: str, name: str, given: dict[str, str] | None, said: str
) -> None:
    async with Client(_server(), mode=mode) as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt(name, given)
    assert (refused.value.error.code, refused.value.error.message) == (INVALID_PARAMS, said)
