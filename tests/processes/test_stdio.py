"""`postroom mcp` as a process: starts anywhere, says nothing but protocol, ends when told, shares a folder."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.processes.running import (
    COMMAND,
    Agent,
    Processes,
    endpoint,
    environment,
    fetch,
    follows,
    free_port,
    mail,
    patient,
    reached,
    send,
)

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


class Wire:
    """A stdio server whose lines we read ourselves."""

    def __init__(self, env: dict[str, str], cwd: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "mcp"],
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer; every line before it must be protocol as well."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        while True:
            answer: dict[str, Any] = json.loads(self.process.stdout.readline())
            assert answer["jsonrpc"] == "2.0"
            if answer.get("id") == message["id"]:
                return answer

    def call(self, number: int, tool: str, **given: Any) -> dict[str, Any]:
        params = {"name": tool, "arguments": given}
        answer = self.ask({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
        found: dict[str, Any] = answer["result"]["structuredContent"]
        return found

    def close(self) -> str:
        """Kill it if it still runs; return what it said on stderr."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        with self.process:
            return self.process.stderr.read() if self.process.stderr is not None else ""


def test_initialize_is_answered_with_an_empty_environment_and_from_another_folder(tmp_path: Path) -> None:
    wire = Wire({}, tmp_path)
    try:
        answer = wire.ask(INITIALIZE)
    finally:
        wire.close()  # at once: without HOME the data folder would be that of whoever runs the tests
    assert answer["result"]["serverInfo"]["name"] == "postroom"


def test_stdout_is_protocol_alone_and_sigterm_drains_and_ends_with_0_while_stdin_is_open(tmp_path: Path) -> None:
    home = tmp_path / "home"
    wire = Wire(environment(home, tls_key="x"), tmp_path)
    try:
        wire.ask(INITIALIZE)
        assert wire.process.stdin is not None
        wire.process.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        inbox = wire.call(2, "create_inbox")["inbox_id"]
        wire.call(3, "send_message", inbox_id=inbox, to=inbox, subject="To myself")
        begun = time.monotonic()
        wire.process.send_signal(signal.SIGTERM)
        assert wire.process.wait(timeout=10) == 0
        assert time.monotonic() - begun < 3
        assert wire.process.stdout is not None
        assert wire.process.stdout.read() == ""
    finally:
        errors = wire.close()
    assert "POSTROOM_TLS_KEY is reserved" in errors
    assert "Traceback" not in errors
    assert not (home / "run.json").exists()


def test_the_end_of_stdin_ends_the_server_with_0(tmp_path: Path) -> None:
    wire = Wire(environment(tmp_path / "home"), tmp_path)
    try:
        wire.ask(INITIALIZE)
        assert wire.process.stdin is not None
        wire.process.stdin.close()
        assert wire.process.wait(timeout=5) == 0
    finally:
        wire.process.stdin = None
        assert "Traceback" not in wire.close()


@patient
async def test_an_unknown_key_is_told_to_each_call(processes: Processes) -> None:
    async with processes.agent(api_key="x" * 40) as agent:
        assert "not known" in await agent.refuses("list_inboxes")
        assert "Traceback" not in await agent.refuses("get_inbox", inbox_id="a@b")


@patient
async def test_a_broken_setting_is_told_to_each_call(processes: Processes) -> None:
    async with processes.agent(smtp="nowhere") as agent:
        assert "POSTROOM_SMTP: 'nowhere' is not host:port" in await agent.refuses("list_inboxes")


@patient
async def test_a_port_that_a_foreign_program_holds_is_warned_of_and_the_tools_work(processes: Processes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        async with processes.agent(smtp=f"127.0.0.1:{foreign.getsockname()[1]}") as agent:
            inbox = (await agent.does("create_inbox"))["inbox_id"]
            await agent.does("send_message", inbox_id=inbox, to=inbox, subject="Local")
            assert (await agent.does("wait_for_message", inbox_id=inbox, after=0, timeout=10))["found"]
            assert agent.log is not None
            assert "POSTROOM_SMTP" in agent.log.read_text("utf-8")


@patient
async def test_a_stdio_server_alone_does_everything(processes: Processes) -> None:
    async with processes.agent() as agent:
        here = await agent.does("create_inbox", username="here")
        there = await agent.does("create_inbox", username="there")
        smtp = endpoint(reached(processes.home)["smtp"])
        letter = mail(here["inbox_id"], "A picture")
        letter.add_attachment(b"\x89PNG....", maintype="image", subtype="png", filename="p.png")
        await asyncio.to_thread(send, smtp, letter)
        came = await agent.does("wait_for_message", inbox_id=here["inbox_id"], after=here["position"], timeout=10)
        message = came["message"]
        await agent.does(
            "forward_message", inbox_id=here["inbox_id"], message_id=message["message_id"], to=there["inbox_id"]
        )
        passed = await agent.does("wait_for_message", inbox_id=there["inbox_id"], after=0, timeout=10)
        file = passed["message"]["attachments"][0]
        got = await agent.does("get_attachment", inbox_id=there["inbox_id"], attachment_id=file["attachment_id"])
        status, fields, content = await asyncio.to_thread(fetch, got["download_url"])
        assert (status, fields["content-type"], content) == (200, "image/png", b"\x89PNG....")


async def _waits(agent: Agent, inbox: str, begun: asyncio.Event) -> dict[str, Any]:
    """Wait for what comes from now on; `begun` is set once a message would be noticed."""

    async def on(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    given = {"inbox_id": inbox, "timeout": 15}
    result = await agent.client.call_tool("wait_for_message", given, progress_callback=on)
    assert not result.is_error, result.content
    return result.structured_content or {}


@patient
async def test_servers_that_share_a_folder_hear_of_each_other_at_once(processes: Processes) -> None:
    server = await asyncio.to_thread(lambda: processes.serve().started())
    async with processes.agent() as ann, processes.agent() as bob:
        a = (await ann.does("create_inbox"))["inbox_id"]
        b = await bob.does("create_inbox")
        took: list[float] = []
        for _each in range(3):
            begun = asyncio.Event()
            waiting = asyncio.create_task(_waits(bob, b["inbox_id"], begun))
            await begun.wait()  # `after` is left out
            await ann.does("send_message", inbox_id=a, to=b["inbox_id"], subject="From the other process")
            sent = time.monotonic()
            assert (await waiting)["message"]["subject"] == "From the other process"
            took.append(time.monotonic() - sent)
        assert min(took) < 0.5  # of three: the machine of a test is shared
        await asyncio.to_thread(send, server.smtp, mail(a, "By SMTP"))
        heard = await bob.does("wait_for_message", inbox_id=a, after=b["position"], timeout=10, from_="ann")
        assert heard["message"]["subject"] == "By SMTP"


@patient
async def test_the_key_of_a_stdio_server_is_what_it_is_now(processes: Processes) -> None:
    processes.run("inboxes", "create", "--username", "agent")
    made = json.loads(processes.run("keys", "create", "--json").stdout)
    async with processes.agent(api_key=made["api_key"]) as agent:
        assert (await agent.does("list_inboxes"))["inboxes"]
        told = await asyncio.to_thread(processes.run, "keys", "delete", made["key"]["api_key_id"])
        assert told.returncode == 0
        assert "key" in await agent.refuses("list_inboxes")
        with pytest.raises(MCPError):
            await agent.client.list_tools()


@patient
async def test_when_the_holder_is_killed_a_stdio_server_listens_within_2_s(processes: Processes) -> None:
    ports = {"http": f"127.0.0.1:{free_port()}", "smtp": f"127.0.0.1:{free_port()}"}
    server = await asyncio.to_thread(lambda: processes.serve(**ports).started())
    async with processes.agent(**ports) as agent:
        inbox = (await agent.does("create_inbox"))["inbox_id"]
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(follows, f"http://{ports['http']}", endpoint(ports["smtp"]))
        await asyncio.to_thread(send, endpoint(ports["smtp"]), mail(inbox))
        assert (await agent.does("wait_for_message", inbox_id=inbox, after=0, timeout=10))["found"]
