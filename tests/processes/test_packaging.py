"""What hosts are told of us: server.json, the bundle, and the snippets of docs/clients.md, each tried as written."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from postroom import __version__
from postroom.config import Settings
from tests.processes.running import Processes, patient
from tests.processes.test_conformance import node

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
CLIENTS = (ROOT / "docs/clients.md").read_text("utf-8")
KEY = "owner-key-" + "p" * 30
Entry = dict[str, Any]


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("given", "schema"), [("server.json", "server.json"), ("bundle/manifest.json", "manifest.json")]
)
def test_what_hosts_read_fits_its_schema_and_this_version(given: str, schema: str) -> None:
    document = _json(ROOT / given)
    checker = jsonschema.Draft202012Validator(_json(SCHEMAS / schema))
    checker.check_schema(checker.schema)
    assert [f"{error.json_path}: {error.message}" for error in checker.iter_errors(document)] == []
    assert {document["version"], *(package["version"] for package in document.get("packages", ()))} == {__version__}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [(("description",), "x" * 101), (("remotes", 0, "url"), "{url}/mcp"), (("name",), "postroom"), (("version",), "")],
)
def test_the_schema_of_server_json_bites(path: tuple[Any, ...], wrong: str) -> None:
    document = _json(ROOT / "server.json")
    *way, last = path
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, _json(SCHEMAS / "server.json"))


def test_every_variable_that_is_named_to_a_host_is_a_setting() -> None:
    named = {each["name"] for each in _json(ROOT / "server.json")["packages"][0]["environmentVariables"]}
    named |= _json(ROOT / "bundle/manifest.json")["server"]["mcp_config"]["env"].keys()
    assert named <= {f"POSTROOM_{field.upper()}" for field in Settings.model_fields}


def test_the_readme_says_whose_package_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    server = _json(ROOT / "server.json")
    assert f"mcp-name: {server['name']} " in (ROOT / project["readme"]).read_text("utf-8")
    assert server["packages"][0]["identifier"] == project["name"]


def _entries() -> list[Entry]:
    """Return the servers that the snippets configure."""
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", CLIENTS, re.S)]
    found: list[Entry] = []
    for block in blocks:
        (servers,) = block.values()
        found += servers.values()
    commands = [shlex.split(line)[3:] for line in CLIENTS.splitlines() if line.startswith("claude mcp add")]
    return [*found, *map(_of_claude_code, commands)]


def _of_claude_code(words: list[str]) -> Entry:
    if "--" in words:
        options, command = words[: words.index("--")], words[words.index("--") + 1 :]
        pairs = [options[n + 1].split("=", 1) for n, word in enumerate(options) if word == "-e"]
        return {"command": command[0], "args": command[1:], "env": dict(pairs)}
    name, _colon, value = words[words.index("--header") + 1].partition(": ")
    return {"url": next(word for word in words if word.startswith("http:")), "headers": {name: value}}


ENTRIES = _entries()


def test_each_host_has_its_snippets() -> None:
    assert [("url" in entry, "POSTROOM_URL" in entry.get("env", {})) for entry in ENTRIES].count((True, False)) == 3
    assert sum("command" in entry for entry in ENTRIES) == 5
    assert all(f"## {host}\n" in CLIENTS for host in ("Claude Desktop", "Claude Code", "Cursor", "VS Code"))


def _filled(entry: Entry, home: Path, http: str) -> Entry:
    """Return an entry with what a reader puts in."""
    text = json.dumps(entry)
    installed = str(Path(sys.executable).with_name("postroom"))
    for written, meant in (
        ("/path/to/postroom/.venv/bin/postroom", installed),
        ("/path/to/data", str(home)),
        ("http://127.0.0.1:8025", http),
        ("<key>", KEY),
    ):
        text = text.replace(written, meant)
    assert "/path/to" not in text
    filled: Entry = json.loads(text)
    return filled


async def _offers_tools(entry: Entry, folder: Path) -> bool:
    if "url" in entry:
        async with (
            httpx2.AsyncClient(headers=entry["headers"], timeout=20) as carrier,
            Client(streamable_http_client(entry["url"], http_client=carrier), mode="legacy") as client,
        ):
            return bool((await client.list_tools()).tools)
    # The ports of this machine are others' in a test; a reader leaves them as they are.
    ports = {"POSTROOM_HTTP": "127.0.0.1:0", "POSTROOM_SMTP": "127.0.0.1:0"}
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **ports, **entry.get("env", {})}
    shell = ["-i", *(f"{name}={value}" for name, value in env.items()), entry["command"], *entry["args"]]
    parameters = StdioServerParameters(command="/usr/bin/env", args=shell, cwd=folder)
    with (folder / "stderr.txt").open("a") as errors:
        async with Client(stdio_client(parameters, errlog=errors), mode="legacy") as client:
            return bool((await client.list_tools()).tools)


@patient
async def test_every_snippet_answers_with_an_empty_environment_and_a_minimal_path(processes: Processes) -> None:
    server = await asyncio.to_thread(lambda: processes.serve(api_key=KEY).started())
    for entry in ENTRIES:
        assert await _offers_tools(_filled(entry, processes.home, server.http), processes.folder), entry
    assert "Traceback" not in (processes.folder / "stderr.txt").read_text("utf-8")


@patient
async def test_the_bundle_is_packed_valid_and_has_all_that_it_starts(processes: Processes) -> None:
    node()
    packed, unpacked = processes.folder / "dist", processes.folder / "unpacked"
    await asyncio.to_thread(_run, [str(ROOT / "bundle/pack"), str(packed)])
    with zipfile.ZipFile(packed / f"postroom-{__version__}.mcpb") as bundle:
        names = bundle.namelist()
        bundle.extractall(unpacked)
    manifest = _json(unpacked / "manifest.json")
    config = manifest["server"]["mcp_config"]
    assert {manifest["server"]["entry_point"], "pyproject.toml", "prompts/triage.md", "README.md"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", ".venv"))]
    # It brings the versions that were tested.
    project = tomllib.loads((unpacked / "pyproject.toml").read_text("utf-8"))
    locked = re.findall(r"^[a-z0-9][^ ;\\]*==[^ ;\\]+", (ROOT / "requirements.lock").read_text("utf-8"), re.M)
    pinned = [entry.partition(" ;")[0] for entry in project["tool"]["uv"]["constraint-dependencies"]]
    assert (pinned, project["project"]["name"]) == (locked, "postroom")
    # What uv does is make an environment of pyproject.toml; ours has the same, and takes the code of the bundle.
    assert (config["command"], config["args"][:3]) == ("uv", ["run", "--directory", "${__dirname}"])
    module = config["args"][config["args"].index("python") + 1 :]
    given = dict.fromkeys(config["env"], "") | {"POSTROOM_HOME": str(processes.home)}
    given |= {"PYTHONPATH": str(unpacked / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert await _offers_tools({"command": sys.executable, "args": module, "env": given}, processes.folder)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Manifest schema validation passes" in done.stdout


def test_uv_runs_the_command_of_the_bundle_where_there_is_one(tmp_path: Path) -> None:
    config = _json(ROOT / "bundle/manifest.json")["server"]["mcp_config"]
    options = config["args"][config["args"].index("${__dirname}") + 1 : config["args"].index("python")]
    uv = shutil.which("uv")
    if uv is None:
        assert options == ["--no-dev"]
        return
    done = subprocess.run([uv, "run", "--help"], capture_output=True, text=True, timeout=20, check=True)
    assert all(option in done.stdout for option in options)
