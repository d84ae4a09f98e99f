"""Clients that need an environment of their own, each on a running server: what `.ci/clients` installs for them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.fakes.https import https
from tests.processes.running import Processes, Server

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "tests" / "compat"
INSTALLED = ROOT / ".venv" / "clients"


def story(server: Server, client: str, **outside: str) -> None:
    """Run a client's story.py in its environment against a server."""
    command = [str(INSTALLED / client / "bin" / "python"), str(CLIENTS / client / "story.py"), server.http]
    told = subprocess.run(
        [*command, server.owner_key],
        env={**os.environ, **outside},
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
    )
    assert told.stdout == "ALL OK\n", told.stdout + told.stderr


def need(client: str) -> None:
    """Skip the test where a client has no environment."""
    if not (INSTALLED / client / "installed.lock").is_file():
        pytest.skip(f"this client is not installed: .ci/clients {client}")


@pytest.mark.parametrize("client", ["older", "toolkit"])
def test_the_lock_of_a_client_has_hashes_and_no_address(client: str) -> None:
    text = (CLIENTS / client / "requirements.lock").read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)==", text, re.M)
    assert text.count("--hash=sha256:") >= len(pinned) > 0
    assert not re.search(r"https?://|--index|--find-links|^-", text, re.M)


def test_every_langchain_tool_of_the_toolkit_has_its_effect(processes: Processes) -> None:
    need("toolkit")
    story(processes.serve().started(), "toolkit")


def test_the_toolkit_reads_files_where_links_begin_with_https(processes: Processes) -> None:
    need("toolkit")
    with https(processes.folder) as front:
        server = processes.serve(public_url=front.url).started()
        front.behind = server.http
        story(server, "toolkit", SSL_CERT_FILE=str(front.certificate))


def test_every_method_of_the_older_python_client_works(processes: Processes) -> None:
    need("older")
    story(processes.serve().started(), "older")
