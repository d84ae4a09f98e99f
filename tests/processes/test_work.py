"""Workers in processes of their own: no conversation is answered twice, whoever is killed; no file fills the memory."""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from tests.processes.running import Processes, Server, environment, mail, patient, remote, send, until

KEY = "owner-key-" + "w" * 30
LEASE_S = 2
_WORKER = f"""
import asyncio, sys
from postroom.config import Settings
from postroom.model.errors import PostroomError
from postroom.server import open_house

async def work() -> None:
    async with open_house(Settings()) as house:
        owner = await house.actor(None)
        print("ready", flush=True)
        while True:
            given = {{"inbox_id": sys.argv[1], "lease_seconds": {LEASE_S}, "max_tries": 100}}
            claim = await house.desk.call("claims.next", owner, given)
            if claim is None:
                await asyncio.sleep(0.05)
                continue
            print("claimed", claim.thread.thread_id, claim.claim_id, flush=True)
            try:
                answer = {{"claim_id": claim.claim_id, "text": "Done."}}
                await house.desk.call("claims.reply", owner, answer)
            except PostroomError as error:
                print("lost", error, flush=True)

asyncio.run(work())
"""


class _Worker:
    def __init__(self, home: Path, log: Path, inbox: str) -> None:
        self.claims: list[str] = []
        self.ready = threading.Event()
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _WORKER, inbox],
                env=environment(home),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                if line.startswith("ready"):
                    self.ready.set()
                if line.startswith("claimed"):
                    self.claims.append(line.split()[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)
        self._reading.join(timeout=10)


@patient
async def test_workers_that_are_killed_leave_every_conversation_answered_once(processes: Processes) -> None:
    server = processes.serve(api_key=KEY).started()
    async with remote(server.http, KEY) as agent:
        inbox = (await agent.does("create_inbox", username="desk"))["inbox_id"]
    log = processes.new_log()
    workers = [_Worker(processes.home, log, inbox) for _ in range(2)]
    asked = count()
    try:
        for kills in range(4):
            victim = workers[kills % 2]
            assert await asyncio.to_thread(victim.ready.wait, 30)
            wanted = len(victim.claims) + 2
            while len(victim.claims) < wanted:  # there is work for both when it is killed, however fast they are
                await asyncio.to_thread(send, server.smtp, _question(inbox, next(asked)))
            victim.kill()
            workers[kills % 2] = _Worker(processes.home, log, inbox)
        await asyncio.to_thread(until, lambda: _waiting(processes) == 0, "all were answered", 30)
    finally:
        for worker in workers:
            worker.kill()
    assert _answers(processes) == [1] * next(asked)


def _question(inbox: str, number: int) -> EmailMessage:
    question = mail(inbox, subject=f"Question {number}")
    question.replace_header("From", f"asker{number}@example.com")  # ten answers to one within an hour are held
    return question


def _waiting(processes: Processes) -> int:
    return int(_query(processes, "SELECT count(*) FROM claim")[0][0])


def _answers(processes: Processes) -> list[int]:
    sql = "SELECT sum(labels LIKE '%\"sent\"%') FROM message GROUP BY thread_id"
    return [int(row[0]) for row in _query(processes, sql)]


def _query(processes: Processes, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(processes.home / "postroom.db", timeout=10)) as database:
        return database.execute(sql).fetchall()


@patient
async def test_a_file_of_25_mb_is_never_in_memory(processes: Processes) -> None:
    server = processes.serve(api_key=KEY).started()
    async with remote(server.http, KEY) as agent:
        inbox = (await agent.does("create_inbox", username="desk"))["inbox_id"]
    size, piece = 25 * 2**20, os.urandom(2**16)

    async def pieces() -> Any:
        for _ in range(size // len(piece)):
            yield piece

    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=server.http, headers=headers, timeout=20) as client:
        ours = "/v1/postroom/attachments"
        (await client.post(ours, params={"inbox_id": inbox}, content=b"warm")).raise_for_status()
        before = _peak(server)
        made = await client.post(ours, params={"inbox_id": inbox}, content=pieces())
        form = {"file": ("a.bin", b"".join([piece] * 400))}
        (await client.post(ours, params={"inbox_id": inbox}, files=form)).raise_for_status()
    assert (made.status_code, made.json()["size"]) == (201, size)
    assert _peak(server) - before < 12 * 2**20


def _peak(server: Server) -> int:
    """Return the most memory that a process has held, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_signed_addresses_and_the_dialect_share_a_path(processes: Processes) -> None:
    server = processes.serve(api_key=KEY).started()
    with urllib.request.urlopen(f"{server.http}/v1/postroom/opens/none", timeout=10) as answer:
        assert answer.headers["content-type"] == "image/gif"
    with urllib.request.urlopen(f"{server.http}/v1/postroom/openapi.json", timeout=10) as answer:
        assert "/v1/postroom/events" in json.loads(answer.read())["paths"]


@patient
async def test_a_worker_over_mcp_claims_answers_and_finds_nothing_more(processes: Processes) -> None:
    server = processes.serve(api_key=KEY, toolsets="core,work").started()
    async with remote(server.http, KEY) as agent:
        inbox = (await agent.does("create_inbox", username="desk"))["inbox_id"]
        waiting = asyncio.create_task(agent.does("claim_next", inbox_id=inbox, wait=20))
        await asyncio.to_thread(send, server.smtp, mail(inbox, subject="Help"))
        claim = await waiting
        assert claim["thread"]["subject"] == "Help"
        assert (await agent.does("claim_next", inbox_id=inbox))["found"] is False
        assert claim["thread"]["thread_id"] in await agent.says("nack", claim_id=claim["claim_id"])
        claim = await agent.does("claim_next", inbox_id=inbox)
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=server.http, headers=headers) as client:
            made = await client.post("/v1/postroom/attachments", params={"inbox_id": inbox}, content=b"bytes")
        file = {"handle": made.json()["handle"], "filename": "a.txt"}
        sent = await agent.does("reply_and_ack", claim_id=claim["claim_id"], text="Here.", attachments=[file])
        assert sent["thread_id"] == claim["thread"]["thread_id"]
        assert "lease" in await agent.refuses("ack", claim_id=claim["claim_id"])
        await asyncio.to_thread(send, server.smtp, mail(inbox, subject="Poison"))
        for _ in range(5):
            claim = await agent.does("claim_next", inbox_id=inbox, wait=5)
            done = await agent.does("nack", claim_id=claim["claim_id"], reason="I cannot")
        assert done["waits"] is False
        (aside,) = (await agent.does("list_set_aside", inbox_id=inbox))["threads"]
        assert aside["reason"] == "I cannot"
        await agent.does("requeue", inbox_id=inbox, thread_id=aside["thread"]["thread_id"])
        claim = await agent.does("claim_next", inbox_id=inbox)
        await agent.does(
            "defer", claim_id=claim["claim_id"], until=(datetime.now(UTC) + timedelta(hours=1)).isoformat()
        )
