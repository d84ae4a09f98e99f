"""The blocks of the product's guide to inboxes, run as they are printed: what stands there works here."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from postroom.client import connect
from tests.fakes.dns import FakeDns
from tests.processes.running import Processes, Server

GUIDE = Path(__file__).resolve().parents[3] / "shared" / "contract" / "agentmail-inboxes-guide.md"
TYPESCRIPT = Path(__file__).resolve().parents[1] / "compat" / "typescript"
PATIENCE_S = 25.0
RUN = ("python", "typescript")
LISTED = {
    'bash title="CLI"': "The command line `agentmail` is a program of its own that no client package contains;"
    " tests/compat/test_cli_requests.py replays what it sends.",
}
# What an import of the client begins is a program; blocks without one go on with its names.
BEGINS = ("from agentmail import", 'from "agentmail"')
# The guide's own construction of the client, with this server's address.
CONNECTED = """
import agentmail
from postroom.client import connect

agentmail.AgentMail = lambda api_key: connect(api_key=api_key)
"""


@dataclass(frozen=True)
class Block:
    """A block of code: what stands behind its opening fence, and its text."""

    kind: str
    text: str

    @property
    def language(self) -> str:
        return self.kind.partition(" ")[0]


def blocks() -> list[Block]:
    """Read the guide; the test is skipped where it is not at hand."""
    if not GUIDE.is_file():
        pytest.skip("the guide of the product is not beside this checkout")
    found: list[Block] = []
    kind, lines = "", list[str]()
    for line in GUIDE.read_text("utf-8").splitlines():
        if line.startswith("```") and not kind:
            kind, lines = line.removeprefix("```").strip() or "text", []
        elif line.startswith("```"):
            found.append(Block(kind, "\n".join(lines) + "\n"))
            kind = ""
        else:
            lines.append(line)
    return found


def programs(language: str) -> list[str]:
    """Return the blocks of a language as the programs that a reader types."""
    texts: list[str] = []
    for block in blocks():
        if block.language == language:
            if any(begin in block.text for begin in BEGINS) or not texts:
                texts.append("")
            texts[-1] += block.text
    return texts


@pytest.fixture
def server(processes: Processes) -> Iterator[Server]:
    """A server whose own domain is the guide's, with the domain and the inbox that the guide takes to be there."""
    with FakeDns() as dns, httpx.Client(timeout=10) as wire:
        running = processes.serve(domain="agentmail.to", resolver=dns.endpoint).started()
        client = connect(running.http, running.owner_key, httpx_client=wire)
        made = client.domains.create(domain="domain.com")
        dns.publish(made.records)
        client.domains.verify(made.domain_id)
        client.inboxes.create(username="my_name", domain="domain.com")
        yield running


def run(command: list[str], folder: Path, **settings: str) -> list[str]:
    """Run a program in a folder whose `.env` has what the guide says, and return the lines that it printed."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("POSTROOM_", "AGENTMAIL_"))}
    done = subprocess.run(
        command, cwd=folder, env=outside | settings, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def told(server: Server, lines: list[str]) -> str:
    """Check what holds of the last line and of the server after the first program; return what was printed before."""
    key = lines[-1]
    with httpx.Client(timeout=10) as wire:
        support = connect(server.http, server.owner_key, httpx_client=wire).inboxes.get("support-agent@agentmail.to")
        assert support.metadata is None
        scoped = connect(server.http, key, httpx_client=wire)
        assert scoped.auth.me().scope_type == "inbox"
        assert f"Created Inbox: {scoped.auth.me().inbox_id}" == lines[0]
    return "\n".join(lines[1:-1])


def test_every_block_of_the_guide_is_run_or_listed_with_its_reason() -> None:
    found = blocks()
    assert {block.language for block in found} >= set(RUN)
    assert {block.kind for block in found if block.language not in RUN} == set(LISTED)
    typed = "".join(text for language in RUN for text in programs(language))
    assert [block for block in found if block.language in RUN and block.text not in typed] == []


def test_the_python_of_the_guide_runs_as_it_is_printed(processes: Processes, server: Server, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"AGENTMAIL_API_KEY={server.owner_key}\n", "utf-8")
    printed = []
    for number, text in enumerate(programs("python")):
        program = tmp_path / f"guide_{number}.py"
        program.write_text(CONNECTED + text.replace("YOUR_API_KEY", server.owner_key), "utf-8")
        printed.append(run([sys.executable, str(program)], tmp_path, POSTROOM_HOME=str(processes.home)))
    first, second = printed
    metadata = {"tenant_id": "acme", "seat_count": 5, "monthly_spend": 19.99, "active": True}
    retrieved, total, shown = told(server, first).splitlines()
    assert (retrieved, total) == ("Retrieved Inbox: my_name@domain.com", "Total Inboxes: 2")
    assert ast.literal_eval(shown) == metadata
    assert second == ["Total: 4"]


def test_the_typescript_of_the_guide_runs_as_it_is_printed(server: Server, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (TYPESCRIPT / "node_modules" / "dotenv").is_dir():
        pytest.skip(f"the official TypeScript client is not installed: npm ci in {TYPESCRIPT}")
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    (tmp_path / ".env").write_text(f"AGENTMAIL_API_KEY={server.owner_key}\n", "utf-8")
    printed = []
    for number, text in enumerate(programs("typescript")):
        here = text.replace("YOUR_API_KEY", server.owner_key)
        here = here.replace("new AgentMailClient({", f'new AgentMailClient({{ baseUrl: "{server.http}",')
        command = [node, "strip.mjs"]
        plain = subprocess.run(
            command, cwd=TYPESCRIPT, input=here, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
        (tmp_path / f"guide_{number}.mjs").write_text(plain.stdout, "utf-8")
        printed.append(run([node, f"guide_{number}.mjs"], tmp_path))
    first, second = printed
    # The guide asks an answer for `inbox_id`, which this client calls `inboxId`: it prints the same anywhere.
    said = told(server, first).replace("\n", " ")
    metadata = "{ tenant_id: 'acme', seat_count: 5, monthly_spend: 19.99, active: true }"
    assert " ".join(said.split()) == f"Retrieved Inbox: undefined Total Inboxes: 2 {metadata}"
    assert [line for line in second if line.startswith("Total:")] == ["Total: 4"]
