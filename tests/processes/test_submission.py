"""A mail client on a running server: what it submits is delivered, and seen at /v0."""

import json
import smtplib
import urllib.request
from email.message import EmailMessage
from typing import Any

import pytest

from tests.processes.running import Processes, Server, endpoint, until


def _v0(server: Server, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {server.owner_key}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{server.http}/v0{path}", data, headers), timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def test_what_smtplib_submits_arrives_in_an_inbox_and_is_seen_at_v0(processes: Processes) -> None:
    server = processes.serve(submission="127.0.0.1:0").started()
    agent, peer = (_v0(server, "/inboxes", {"username": name})["inbox_id"] for name in ("agent", "peer"))
    key = _v0(server, f"/inboxes/{agent}/api-keys", {"name": "mail client"})["api_key"]
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = agent, peer, "By SMTP"
    message.set_content("Hello from a mail client.\n")
    message.add_attachment(b"1,2\n", maintype="text", subtype="csv", filename="data.csv")
    with smtplib.SMTP(*endpoint(server.line("submission ").removeprefix("submission ")), timeout=10) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(agent, "pr_" + "x" * 40)
        smtp.login(agent, key)
        smtp.send_message(message)

    def arrived() -> list[dict[str, Any]]:
        return list(_v0(server, f"/inboxes/{peer}/messages")["messages"])

    until(lambda: bool(arrived()), "the peer has it")
    (got,) = arrived()
    (sent,) = _v0(server, f"/inboxes/{agent}/messages")["messages"]
    assert (got["from"], got["subject"], got["labels"]) == (agent, "By SMTP", ["received", "unread"])
    assert (sent["message_id"], sent["labels"]) == (got["message_id"], ["sent"])
    assert [(a["filename"], a["size"]) for a in got["attachments"]] == [("data.csv", 4)]
    assert "submission" in json.loads((processes.home / "run.json").read_text("utf-8"))
    assert server.end() == 0


def test_an_address_beyond_loopback_is_refused_at_the_start(processes: Processes) -> None:
    done = processes.run("serve", status=1, submission="0.0.0.0:2587")
    assert "0.0.0.0 is not a loopback address" in done.stderr
