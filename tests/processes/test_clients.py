"""Official clients of another product on a running server."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from postroom.client import connect
from tests.processes.running import Processes

SMOKE = Path(__file__).resolve().parents[3] / "shared" / "check" / "agentmail_smoke.py"
TYPESCRIPT = Path(__file__).resolve().parents[1] / "compat" / "typescript"


def test_connect_finds_the_server_of_the_data_folder(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    processes.serve().started()
    monkeypatch.setenv("POSTROOM_HOME", str(processes.home))
    with httpx.Client() as wire:
        client = connect(httpx_client=wire)
        made = client.inboxes.create(username="support-agent", metadata={"tenant_id": "acme", "seat_count": 5})
        assert client.inboxes.get(made.inbox_id).metadata == {"tenant_id": "acme", "seat_count": 5}
        assert client.inboxes.list().count == 1


def test_connect_says_that_no_server_runs(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTROOM_HOME", str(processes.home))
    with pytest.raises(FileNotFoundError, match=r"run\.json"):
        connect()


def test_the_typescript_client_sends_reads_and_answers(processes: Processes) -> None:
    node = shutil.which("node")
    if node is None or not (TYPESCRIPT / "node_modules").is_dir():
        pytest.skip(f"the official TypeScript client is not installed: npm ci in {TYPESCRIPT}")
    server = processes.serve().started()
    command = [node, "story.mjs", server.http, server.owner_key]
    told = subprocess.run(command, cwd=TYPESCRIPT, capture_output=True, text=True, timeout=45, check=False)
    assert told.stdout == "ALL OK\n", told.stdout + told.stderr


def test_the_end_to_end_check_of_the_contract_finds_all_ok(processes: Processes) -> None:
    if not SMOKE.is_file():
        pytest.skip("the check of the contract is not beside this checkout")
    server = processes.serve(allow_private_urls="1").started()
    command = [sys.executable, str(SMOKE), server.http, server.http.replace("http", "ws", 1), server.owner_key]
    told = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert told.stdout.endswith("ALL OK\n"), told.stdout + told.stderr
