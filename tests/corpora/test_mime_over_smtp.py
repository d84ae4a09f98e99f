"""Every message of the MIME corpora through a running server: in by SMTP, or by import where SMTP may not take it; kept
as it came, and readable.
"""

import asyncio
import re
import smtplib
from pathlib import Path
from typing import Any

import pytest

from postroom.config import Settings
from postroom.server import Postroom, open_house
from tests.processes.running import Agent, Processes, Server, remote

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "mime"
KEY = "corpus-owner-" + "k" * 30
BOX = "corpus@postroom.localhost"
FAULTY = re.compile(rb"\0|(?<!\r)\n|\r(?!\n)")  # RFC 5321 2.3.8: CR and LF only together


@pytest.mark.timeout(120)
def test_every_message_of_the_corpora_is_kept_as_it_came_and_readable(processes: Processes, tmp_path: Path) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the mail corpora are not beside this checkout")
    server = processes.serve(api_key=KEY).started()
    processes.run("inboxes", "create", "--username", "corpus")
    contents = {_as_sent(file.read_bytes()) for file in sorted(CORPUS.rglob("*")) if file.suffix in (".eml", ".txt")}
    assert len(contents) > 200
    by_file = _send_all(server, sorted(contents))
    files = [tmp_path / f"{number}.eml" for number in range(len(by_file))]
    for file, content in zip(files, by_file, strict=True):
        file.write_bytes(content)
    processes.run("import", "eml", *map(str, files), "--inbox", BOX)
    kept = asyncio.run(_read_all(server, processes.home))
    assert kept == contents
    said = server.errors()
    assert "ERROR" not in said
    assert server.end() == 0


def _as_sent(content: bytes) -> bytes:
    """Return a message in the form in which it goes over the wire: a file with LF alone gets CRLF."""
    if b"\r" not in content:
        content = content.replace(b"\n", b"\r\n")
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _send_all(server: Server, contents: list[bytes]) -> list[bytes]:
    """Send each; return those that SMTP may not take: faulty line ends and NUL 550, lines and paths too long 554."""
    refused: list[bytes] = []
    with smtplib.SMTP(*server.smtp, timeout=30) as peer:
        peer.ehlo()
        for number, content in enumerate(contents):
            # A sender each: some differ in trace fields alone, and would be retries of one message.
            assert peer.mail(f"ann+{number}@example.com", ["BODY=8BITMIME"])[0] == 250
            assert peer.rcpt(BOX)[0] == 250
            code, text = peer.data(content)
            if FAULTY.search(content):
                assert code == 550, text
            elif code != 250:
                assert (code, b"line" in text or b"hops" in text) == (554, True), text
            if code != 250:
                refused.append(content)
    return refused


async def _read_all(server: Server, home: Path) -> set[bytes]:
    async with (
        asyncio.timeout(80),
        remote(server.http, KEY) as agent,
        open_house(Settings(home=home, http="127.0.0.1:0", smtp="127.0.0.1:0")) as house,
    ):
        return {await _read(agent, house, item) for item in await _listed(agent)}


async def _listed(agent: Agent) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = await agent.does("list_messages", inbox_id=BOX, limit=100, **token)
        items += page["messages"]
        if "next_page_token" not in page:
            return items
        token = {"page_token": page["next_page_token"]}


async def _read(agent: Agent, house: Postroom, item: dict[str, Any]) -> bytes:
    """Read a message as a model does; return the bytes that are kept of it."""
    ref = {"inbox_id": BOX, "message_id": item["message_id"]}
    message = await agent.does("get_message", **ref)
    assert message["size"] == item["size"]
    for file in message.get("attachments", ()):
        got = await agent.does("get_attachment", inbox_id=BOX, attachment_id=file["attachment_id"])
        assert got["size"] == file["size"]
    raw: bytes = await house.desk.call("messages.raw", await house.actor(None), ref)
    assert len(raw) == item["size"]
    return raw
