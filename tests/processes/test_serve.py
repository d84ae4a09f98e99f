"""`postroom serve`: what it prints, whom it lets in, how it starts and ends."""

import asyncio
import json
import signal
import smtplib
import socket
import stat
from pathlib import Path

import pytest
from mcp.client.client import ConnectMode

from postroom.cli.commands import run
from tests.processes.running import Processes, endpoint, fetch, follows, free_port, patient, remote, until

KEY = "k" * 40


def test_the_first_start_prints_addresses_and_the_owner_key_and_the_second_no_key(processes: Processes) -> None:
    processes.as_a_person_does()
    first = processes.serve().started()
    known = json.loads((processes.home / "run.json").read_text("utf-8"))
    assert (known["http"], endpoint(known["smtp"])) == (first.http, first.smtp)
    assert fetch(f"{first.http}/healthz")[0] == 200
    key_file = processes.home / "owner.key"
    assert key_file.read_text("utf-8").strip() == first.owner_key
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert first.end() == 0
    assert not (processes.home / "run.json").exists()
    second = processes.serve().started()
    assert not any("owner key" in line for line in second.lines)
    assert first.owner_key not in "\n".join(second.lines) + first.errors() + second.errors()
    assert second.end(signal.SIGINT) == 0


def test_a_given_key_becomes_the_owner_key_of_a_store_without_keys(processes: Processes) -> None:
    server = processes.serve(api_key=KEY).started()
    assert not (processes.home / "owner.key").exists()
    assert not any("owner key" in line for line in server.lines)
    assert fetch(f"{server.http}/mcp", authorization=f"Bearer {KEY}")[0] != 401
    assert fetch(f"{server.http}/mcp", authorization=f"Bearer {KEY}x")[0] == 401
    assert fetch(f"{server.http}/mcp")[0] == 401
    assert KEY not in server.errors()
    assert json.loads(processes.run("inboxes", "list", "--json", api_key=KEY).stdout)["items"] == []


def test_a_key_of_a_bad_length_is_refused_in_a_sentence(processes: Processes) -> None:
    done = processes.run("serve", status=1, api_key="k" * 31)
    assert "POSTROOM_API_KEY: must be 32 to 128" in done.stderr
    assert "k" * 31 not in done.stderr


@pytest.mark.parametrize(("name", "value"), [("HTTP", "foo"), ("MESSAGE_BYTES", "many"), ("PUBLIC_URL", "here")])
def test_a_broken_setting_is_a_sentence_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTROOM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(f"POSTROOM_{name}", value)
    assert run(["serve"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"postroom: POSTROOM_{name}: ")
    assert "pydantic" not in said


def test_a_reserved_setting_is_warned_of(processes: Processes) -> None:
    server = processes.serve(tls_cert="/nowhere.pem").started()
    assert "POSTROOM_TLS_CERT is reserved" in server.errors()


@pytest.mark.parametrize("kind", ["http", "smtp"])
def test_a_port_that_a_foreign_program_holds_ends_serve_with_the_name_of_the_setting(
    processes: Processes, kind: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        taken = f"127.0.0.1:{foreign.getsockname()[1]}"
        done = processes.run("serve", status=1, **{kind: taken})
    assert f"POSTROOM_{kind.upper()}" in done.stderr
    assert taken in done.stderr


def test_serve_stands_by_while_another_of_its_folder_listens_and_follows_it_at_once(processes: Processes) -> None:
    ports = {"http": f"127.0.0.1:{free_port()}", "smtp": f"127.0.0.1:{free_port()}"}
    first = processes.serve(**ports).started()
    second = processes.serve(**ports).started()
    assert second.http == first.http
    assert "standing by" in second.errors()
    assert first.end() == 0
    follows(f"http://{ports['http']}", endpoint(ports["smtp"]))
    assert json.loads((processes.home / "run.json").read_text("utf-8"))["pid"] == second.process.pid


@pytest.mark.parametrize(("number", "mode"), [(signal.SIGTERM, "auto"), (signal.SIGINT, "legacy")])
@patient
async def test_a_signal_ends_serve_with_0_though_peers_and_streams_are_open(
    processes: Processes, number: int, mode: ConnectMode
) -> None:
    server = await asyncio.to_thread(lambda: processes.serve().started())
    peer = await asyncio.to_thread(smtplib.SMTP, *server.smtp, timeout=10)
    await asyncio.to_thread(peer.ehlo)
    heard = asyncio.Event()

    async def on(progress: float, total: float | None, message: str | None) -> None:
        heard.set()

    async def session() -> None:
        async with remote(server.http, server.owner_key, mode) as agent:
            inbox = (await agent.does("create_inbox"))["inbox_id"]
            waits = {"inbox_id": inbox, "timeout": 60}
            await agent.client.call_tool("wait_for_message", waits, progress_callback=on)

    waiting = asyncio.create_task(session())
    await heard.wait()
    assert await asyncio.to_thread(server.end, number) == 0
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)  # its server went away under it
    peer.close()


@pytest.mark.parametrize("written", ["null", "[]", "7", '{"http": null, "smtp": [1]}', "{"])
def test_a_server_whose_run_file_was_spoiled_goes_on_and_writes_it_anew(processes: Processes, written: str) -> None:
    server = processes.serve().started()
    run_file = processes.home / "run.json"
    told = json.loads(run_file.read_text("utf-8"))
    run_file.write_text(written, "utf-8")
    until(lambda: _read_again(run_file) == told, "run.json is whole again")
    assert server.end() == 0
    assert not run_file.exists()


def _read_again(run_file: Path) -> object:
    try:
        return json.loads(run_file.read_text("utf-8"))
    except ValueError:
        return None
