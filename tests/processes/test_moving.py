"""`postroom import agentmail` from one Postroom into another, each a process of its own, and killed in the middle."""

import json
import signal
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.processes.running import Processes, Server, until

INBOXES = [f"{name}@postroom.localhost" for name in ("one", "two+tag", "o-three%d")]
EACH = 100
SUBJECTS = ("Plan", "Crème brûlée 🍮", "=?utf-8?q?odd?=", "\u202eevil\u202c", "x" * 900, "")
NAMES = ("a.txt", "../../etc/passwd", "grün \u202e.exe", 'q"uote.bin', "l" * 300 + ".pdf")
HIDDEN = {f"include_{name}": "true" for name in ("spam", "blocked", "unauthenticated", "trash")}


class _Api:
    """A server's API, asked as its owner while a `with` block runs."""

    def __init__(self, server: Server, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._client = httpx2.Client(base_url=f"{server.http}/v0", headers=headers, timeout=20)

    def __enter__(self) -> "_Api":
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def __call__(self, method: str, path: str, **given: Any) -> Any:
        answer = self._client.request(method, path, **given)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def messages(self, inbox: str) -> Iterator[dict[str, Any]]:
        """Yield all messages of an inbox, the oldest first."""
        token: dict[str, str] = {}
        while True:
            query = {"limit": "100", "ascending": "true", **HIDDEN, **token}
            page = self("GET", f"/inboxes/{quote(inbox)}/messages", params=query)
            yield from page["messages"]
            if "next_page_token" not in page:
                return
            token = {"page_token": page["next_page_token"]}

    def raw(self, inbox: str, message_id: str) -> bytes:
        found = self("GET", f"/inboxes/{quote(inbox)}/messages/{quote(message_id, safe='')}/raw")
        return httpx2.get(found["download_url"]).content


@pytest.fixture
def server(processes: Processes) -> Server:
    """The server that mail is moved from."""
    return processes.serve(processes.folder / "there").started()


@pytest.fixture
def there(server: Server) -> Iterator[_Api]:
    """Its API: three inboxes and a hundred messages in each, with files, answers, labels, and what was sent."""
    with _Api(server, server.owner_key) as api:
        for number, inbox in enumerate(INBOXES):
            words = {"display_name": f'Agent "{number}" <x>, Jr.', "metadata": {"n": number}}
            api("POST", "/inboxes", json={"username": inbox.split("@")[0], **words})
        with smtplib.SMTP(*server.smtp, timeout=20) as smtp:
            for number in range(3 * EACH):
                smtp.send_message(_letter(number, INBOXES[number % 3]), "ann@example.com", [INBOXES[number % 3]])
        for inbox in INBOXES:
            _use(api, inbox)
        yield api


def _letter(number: int, inbox: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = 'Ann "the\\" Field <ann@example.com>', inbox
    letter["Subject"] = SUBJECTS[number % len(SUBJECTS)]
    if number % 7:
        letter["Message-ID"] = f"<{number}?x%2Fy#z@example.com>" if number % 11 == 0 else f"<{number}@example.com>"
    if number % 5 == 4:
        letter["In-Reply-To"] = f"<{number - 3}@example.com>"
    letter.set_content(f"Message {number}.\nÄ line.\n")
    if number % 4 == 0:
        content = bytes([number % 256]) * (100_000 if number % 40 == 0 else 500)
        letter.add_attachment(content, maintype="application", subtype="x-y", filename=NAMES[number % len(NAMES)])
    return letter


def _use(api: _Api, inbox: str) -> None:
    """Label, answer and hide some of what an inbox has."""
    box = f"/inboxes/{quote(inbox)}"
    ids = [message["message_id"] for message in api.messages(inbox)]
    for number, message_id in enumerate(ids[:10]):
        labels = {"add_labels": [f"label {number}", "trash" if number % 9 == 0 else "kept"], "remove_labels": "unread"}
        api("PATCH", f"{box}/messages/{quote(message_id, safe='')}", json=labels)
    for message_id in ids[20:22]:
        api("POST", f"{box}/messages/{quote(message_id, safe='')}/reply", json={"text": "Yes."})
    api("POST", f"{box}/messages/send", json={"to": ["b@example.com"], "bcc": [INBOXES[0]], "text": "New"})
    api("POST", f"{box}/drafts", json={"to": ["b@example.com"], "text": "Later"})
    api("POST", f"{box}/lists/send/block", json={"entry": "bad@example.com"})


def _command(server: Server, *more: str) -> list[str]:
    return ["import", "agentmail", "--key", server.owner_key, "--url", server.http, *more]


def _kill_in_the_middle(processes: Processes, command: list[str]) -> None:
    process, log = processes.begin(*command)
    until(lambda: log.exists() and "so far" in log.read_text("utf-8"), "some of it is here", 30)
    process.send_signal(signal.SIGKILL)
    assert process.stdout is not None
    with process.stdout:
        assert process.wait(timeout=10) == -signal.SIGKILL


def _seen(api: _Api, inbox: str) -> list[dict[str, Any]]:
    """Return what must be the same on both sides of each message, its thread as the first message of it."""
    first: dict[str, str] = {}
    same = ("message_id", "timestamp", "created_at", "from", "to", "bcc", "subject", "preview", "size", "in_reply_to")
    seen = []
    for message in api.messages(inbox):
        thread = first.setdefault(message["thread_id"], message["message_id"])
        files = [(f.get("filename"), f["size"], f["content_type"]) for f in message.get("attachments", [])]
        labels = sorted(message["labels"])
        seen.append({**{k: message.get(k) for k in same}, "labels": labels, "thread": thread, "files": files})
    return sorted(seen, key=lambda message: (message["timestamp"], message["message_id"]))


@pytest.mark.timeout(120)  # three hundred messages, and five processes one after the other
def test_an_import_that_was_killed_goes_on_and_ends_with_the_same_mail_once(
    processes: Processes, server: Server, there: _Api
) -> None:
    command = _command(server, "--json")
    expected = {inbox: _seen(there, inbox) for inbox in INBOXES}
    total = sum(map(len, expected.values()))
    assert total > 3 * EACH
    _kill_in_the_middle(processes, command)
    summary = json.loads(processes.run(*command).stdout)
    assert summary["messages"]["already_here"] >= EACH
    assert summary["messages"]["already_here"] + summary["messages"]["imported"] == total
    assert (summary["failures"], summary["complete"]) == ([], True)
    ours = processes.serve().started()
    with _Api(ours, (processes.home / "owner.key").read_text("utf-8").strip()) as here:
        for number, inbox in enumerate(INBOXES):
            box = f"/inboxes/{quote(inbox)}"
            assert _seen(here, inbox) == expected[inbox]
            assert here("GET", box)["metadata"] == {"n": number}
            assert len(here("GET", f"{box}/drafts")["drafts"]) == 1
            assert len(here("GET", f"{box}/lists/send/block")["entries"]) == 1
            for message in expected[inbox][::25]:
                assert here.raw(inbox, message["message_id"]) == there.raw(inbox, message["message_id"])
        assert here("GET", "/metrics")["message.received"] == []


def test_a_wrong_key_and_an_address_that_is_none_are_said_in_a_sentence(processes: Processes, server: Server) -> None:
    for wrong, said in (("--key", "refused the key"), ("--url", "http or https")):
        done = processes.run(*_command(server, wrong, "wrong"), status=1)
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
