"""`postroom demo`: two agents and an outside correspondent exchange real mail, and what is printed is checked.

The agents are real MCP clients over stdio, a server process each, on one temporary data folder; Ann, the correspondent,
is a real SMTP client. Nothing leaves the machine.
"""

import asyncio
import json
import os
import smtplib
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

_ANN = "Ann Field <ann@example.com>"
_CODE = "482913"
_INVOICE = b"date,amount\n2026-11-21,480.00\n"
_DEADLINE_S = 60.0


class Failed(Exception):
    """What the demo saw is not what it should have seen."""


class Transcript:
    """Prints what happens, and holds it against what must be."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._checks = 0

    def says(self, who: str, what: str, **facts: Any) -> None:
        if self._as_json:
            print(json.dumps({"who": who, "what": what, **facts}, ensure_ascii=False), flush=True)
            return
        print(f"{who:>8}  {what}")
        for name, value in facts.items():
            print(f"{'':>8}    {name}: {value}")
        sys.stdout.flush()

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            raise Failed(what)
        self._checks += 1
        self.says("check", f"ok, {what}")

    def end(self) -> None:
        self.says("demo", f"{self._checks} checks passed: real mail in, read, answered, threaded and forwarded.")


class Agent:
    """An agent with its own MCP server process."""

    def __init__(self, name: str, client: Client, transcript: Transcript) -> None:
        self._name = name
        self._client = client
        self._transcript = transcript

    async def does(self, tool: str, **given: Any) -> Mapping[str, Any]:
        """Call a tool, tell of it, return the structured result."""
        arguments = {"from" if name == "from_" else name: value for name, value in given.items()}
        told = " ".join(f"{name}={str(value)[:70]!r}" for name, value in arguments.items())
        self._transcript.says(self._name, f"{tool} {told}")
        result = await self._client.call_tool(tool, arguments)
        if result.is_error or not isinstance(result.structured_content, dict):
            raise Failed(f"{tool}: {getattr(result.content[0], 'text', 'no text')}")
        return result.structured_content


async def demo(*, as_json: bool) -> int:
    """Run the demo; return 0 when all that it printed was checked and held."""
    transcript = Transcript(as_json=as_json)
    try:
        with tempfile.TemporaryDirectory(prefix="postroom-demo-", ignore_cleanup_errors=True) as folder:
            async with asyncio.timeout(_DEADLINE_S):
                await _story(Path(folder), transcript)
    except (Failed, TimeoutError) as error:
        print(f"demo failed: {error or 'it took too long'}", file=sys.stderr)
        return 1
    transcript.end()
    return 0


async def _story(home: Path, transcript: Transcript) -> None:
    async with _agent("support", home, transcript) as support, _agent("records", home, transcript) as records:
        here = (await support.does("create_inbox", username="support", display_name="Support"))["inbox_id"]
        other = await records.does("create_inbox", username="records", display_name="Records")
        first = await _mail_arrives(home, support, here, transcript)
        replied = await _agent_answers(support, here, first, transcript)
        await _ann_answers(home, support, here, first, replied, transcript)
        await _second_agent_gets_a_forward(support, records, here, other, first, transcript)


async def _mail_arrives(home: Path, support: Agent, here: str, transcript: Transcript) -> Mapping[str, Any]:
    before = (await support.does("list_messages", inbox_id=here))["position"]
    waiting = asyncio.create_task(support.does("wait_for_message", inbox_id=here, after=before, timeout=20))
    mail = _from_ann(here, "Invoice for November", f"Hello,\n\nyour verification code is {_CODE}.\n\nAnn\n")
    mail.add_attachment(_INVOICE, maintype="text", subtype="csv", filename="invoice.csv")
    await _ann_sends(home, mail, transcript)
    message: Mapping[str, Any] = (await waiting)["message"]
    transcript.says("support", "hears of it at once", sender=message["from"], subject=message["subject"])
    transcript.check(message["message_id"] == mail["Message-ID"], "it is the message that Ann sent")
    transcript.check([c["code"] for c in message["codes"]] == [_CODE], f"the one-time code {_CODE} was found in it")
    file = message["attachments"][0]
    got = await support.does("get_attachment", inbox_id=here, attachment_id=file["attachment_id"])
    transcript.check(got["text"].encode() == _INVOICE, "the attachment invoice.csv reads as Ann wrote it")
    return message


async def _agent_answers(
    support: Agent, here: str, first: Mapping[str, Any], transcript: Transcript
) -> Mapping[str, Any]:
    sent = await support.does(
        "reply_to_message", inbox_id=here, message_id=first["message_id"], text="Thank you, it is paid."
    )
    transcript.check(sent["thread_id"] == first["thread_id"], "the reply is in the thread of the mail")
    transcript.check(sent["captured"] == ["ann@example.com"], "the sandbox kept it on this machine, and said so")
    return sent


async def _ann_answers(
    home: Path,
    support: Agent,
    here: str,
    first: Mapping[str, Any],
    replied: Mapping[str, Any],
    transcript: Transcript,
) -> None:
    text = "Perfect!\n\nOn Sat, 21 Nov 2026, Support wrote:\n> Thank you, it is paid.\n"
    answer = _from_ann(here, "Re: Invoice for November", text)
    answer["In-Reply-To"] = replied["message_id"]
    answer["References"] = f"{first['message_id']} {replied['message_id']}"
    waiting = asyncio.create_task(
        support.does("wait_for_message", inbox_id=here, after=replied["position"], from_="ann@example.com", timeout=20)
    )
    await _ann_sends(home, answer, transcript)
    message = (await waiting)["message"]
    transcript.check(message["text"].strip() == "Perfect!", "what is new in it is told from what it quotes")
    thread = await support.does("get_thread", inbox_id=here, thread_id=first["thread_id"])
    whole = [m["message_id"] for m in thread["messages"]]
    transcript.check(
        whole == [first["message_id"], replied["message_id"], answer["Message-ID"]],
        "the thread has all three, in order",
    )


async def _second_agent_gets_a_forward(
    support: Agent,
    records: Agent,
    here: str,
    other: Mapping[str, Any],
    first: Mapping[str, Any],
    transcript: Transcript,
) -> None:
    await support.does(
        "forward_message",
        inbox_id=here,
        message_id=first["message_id"],
        to=other["inbox_id"],
        text="For the archive.",
    )
    waited = await records.does("wait_for_message", inbox_id=other["inbox_id"], after=other["position"], timeout=20)
    message = waited["message"]
    transcript.says("records", "got it", sender=message["from"], subject=message["subject"])
    transcript.check(
        message["sender_verdict"] == "tainted", "it is known to come from an inbox here, of mail from outside"
    )
    transcript.check(_CODE in message["text"], "the forward carries what Ann wrote")
    file = message["attachments"][0]
    got = await records.does("get_attachment", inbox_id=other["inbox_id"], attachment_id=file["attachment_id"])
    transcript.check(got["text"].encode() == _INVOICE, "and her attachment")


@asynccontextmanager
async def _agent(name: str, home: Path, transcript: Transcript) -> AsyncIterator[Agent]:
    environment = {
        **os.environ,
        "POSTROOM_HOME": str(home),
        "POSTROOM_HTTP": "127.0.0.1:0",
        "POSTROOM_SMTP": "127.0.0.1:0",
        "POSTROOM_DOMAIN": "postroom.localhost",
    }
    environment.pop("POSTROOM_API_KEY", None)
    server = StdioServerParameters(command=sys.executable, args=["-m", "postroom", "mcp"], env=environment)
    async with Client(stdio_client(server)) as client:
        yield Agent(name, client, transcript)


def _from_ann(to: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = _ANN
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain="example.com")
    mail.set_content(text)
    return mail


async def _ann_sends(home: Path, mail: EmailMessage, transcript: Transcript) -> None:
    host, _, port = json.loads((home / "run.json").read_text("utf-8"))["smtp"].rpartition(":")
    transcript.says("Ann", f"sends over SMTP to {host}:{port}", subject=mail["Subject"])

    def send() -> None:
        with smtplib.SMTP(host, int(port), timeout=20) as smtp:
            smtp.send_message(mail)

    await asyncio.to_thread(send)
