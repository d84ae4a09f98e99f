"""The inai API of a server that runs: what it serves, and that an address of a file leads to its bytes."""

import base64
import json
import urllib.request
from typing import Any

from tests.processes.running import Processes, fetch

WORDS = b"words of a file"


def _ask(url: str, key: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"authorization": f"Bearer {key}", "content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.load(answer)


def test_mail_is_sent_and_its_file_downloaded_over_api_v0(processes: Processes) -> None:
    server = processes.serve().started()
    owner, base = str(server.owner_key), f"{server.http}/api/v0"
    key = _ask(f"{base}/api-keys", owner, {"name": "mine"})["key"]
    alice, bob = (_ask(f"{base}/inboxes", key, {"username": name}) for name in ("alice", "bob"))
    files = [{"filename": "a.txt", "content_type": "text/plain", "content": base64.b64encode(WORDS).decode()}]
    given = {"to": bob["email_address"], "subject": "Hello", "text": "Hi", "attachments": files}
    sent = _ask(f"{base}/inboxes/{alice['inbox_id']}/messages/send", key, given)
    one = f"{base}/inboxes/{alice['inbox_id']}/messages/{sent['message_id']}"
    (listed,) = _ask(one, key)["attachments"]
    found = _ask(f"{one}/attachments/{listed['attachment_id']}", key)
    with urllib.request.urlopen(found["download_url"], timeout=20) as answer:
        assert answer.read() == WORDS
    assert _ask(f"{base}/organizations", key)["inbox_count"] == 2
    assert fetch(f"{base}/inboxes")[0] == 401
    assert fetch(f"{base}/openapi.json")[0] == 200
    assert server.end() == 0
