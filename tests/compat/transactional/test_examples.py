"""Every example of the text, as printed: the requests are read from it, and each answer has the shape that it shows.

Replaced are the names of objects by those of objects that are there, the domain by this server's, and `<base64>`.
"""

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from postroom.model.errors import NotFound
from tests.compat.promises import ROOT
from tests.compat.requirements.transactional import ENDPOINTS
from tests.compat.transactional.client import Client, transactional
from tests.fakes.bed import Bed
from tests.fakes.mail import mail

TEXT = ROOT.parent / "shared" / "contract" / "transactional.txt"
PREFIX = "/v1/agent-email"
DOMAIN = "agentmail.usetransactional.com"


@dataclass(frozen=True)
class Example:
    """A request of the text, and the answer that it shows, with its status: None where it shows none."""

    method: str
    path: str
    body: Any
    status: int | None
    shown: Any


def examples(text: str) -> Iterator[Example]:
    """Read the requests of the text."""
    _before, *parts = re.split(r"^(GET|POST|PATCH|DELETE) (/\S+)\n", text, flags=re.MULTILINE)
    for method, path, after in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        body = json.JSONDecoder().raw_decode(after)[0] if after.startswith("{") else None
        found = re.search(r"^Response (\d+)\n\n", after, re.MULTILINE)
        shown = json.JSONDecoder().raw_decode(after[found.end() :])[0] if found else None
        yield Example(method, path, body, int(found[1]) if found else None, shown)


def _same_shape(shown: Any, answer: Any, where: str) -> None:
    """Hold an answer against what is shown: the same fields, of the same types where neither is null."""
    if shown is None or answer is None:
        return
    assert type(shown) is type(answer), (where, shown, answer)
    if isinstance(shown, dict):
        assert shown.keys() == answer.keys(), where
        for name, value in shown.items():
            _same_shape(value, answer[name], f"{where}.{name}")
    if isinstance(shown, list) and shown and answer:
        _same_shape(shown[0], answer[0], f"{where}[0]")


async def _names(house: Bed, client: Client, number: int) -> dict[str, str]:
    """Make anew what an example names; return what stands for the names of the text."""
    with contextlib.suppress(NotFound):
        await house.call("inboxes.delete", inbox_id="research-agent@postroom.localhost", with_keys=True)
    box = await client.create_mailbox("research-agent")
    ids = [(await house.receive(mail(sender="user@example.com"), box.address)).id for _ in range(2)]
    sent = await client.send(box.address, "x@elsewhere.example", text="x", scheduledAt="2026-12-01T00:00:00Z")
    await client.add_labels(ids[0], "labelname")
    hook = await client.create_webhook(box.id, "https://a.example/", ["message.received"])
    domain = await client.add_domain(f"d{number}.example")
    return {
        "mbx_abc123": box.id,
        ":mailboxId": box.id,
        ":messageId/cancel": f"{sent.id}/cancel",
        ":messageId": ids[0],
        "msg_abc123": ids[0],
        "msg_def456": ids[1],
        ":threadId": (await client.message(ids[0])).thread_id,
        ":labelName": "labelname",
        ":webhookId": hook.id,
        ":domainId": domain.id,
        "<base64>": base64.b64encode(b"words of a file").decode(),
        DOMAIN: "postroom.localhost",
    }


def _filled(value: Any, names: dict[str, str]) -> Any:
    text = json.dumps(value)
    for name, true in names.items():
        text = text.replace(name, true)
    return json.loads(text)


@pytest.mark.promise("transactional.examples", "transactional.mailboxes.create", "transactional.send.queued")
@pytest.mark.timeout(60)
async def test_every_example_of_the_text_answers_with_the_shape_that_it_shows(house: Bed) -> None:
    if not TEXT.exists():
        pytest.skip("the text of this API is not beside this checkout")
    found = list(examples(TEXT.read_text("utf-8")))
    assert len(found) == len(ENDPOINTS) == 35
    async with transactional(house) as client:
        for number, example in enumerate(found):
            names = await _names(house, client, number)
            if (example.method, example.path) == ("POST", "/mailboxes"):
                await client.delete_mailbox(names["mbx_abc123"])
            body = None if example.body is None else _filled(example.body, names)
            body = body or _not_printed(example, names)
            path = PREFIX + _filled(example.path, names)
            answer = await client.http.request(example.method, path, json=body)
            where = f"{example.method} {example.path}"
            assert answer.status_code < 300, (where, answer.text)
            if example.shown is not None:
                assert answer.status_code == example.status, where
                _same_shape(example.shown, answer.json(), where)
            if (example.method, example.path) == ("POST", "/mailboxes"):
                assert answer.json()["data"]["address"] == "research-agent@postroom.localhost"


def _not_printed(example: Example, names: dict[str, str]) -> Any:
    """Return the body of a request whose body the text leaves out."""
    if example.path.endswith("/reply-all"):
        return {"text": "x"}
    if example.path in ("/inbox/mark-unread", "/inbox/unarchive"):
        return {"messageIds": [names["msg_abc123"]]}
    return {"events": ["message.sent"]} if example.method == "PATCH" else None


@pytest.mark.promise("transactional.errors.envelope", "transactional.errors.mailbox")
async def test_the_error_of_the_text_is_given_to_the_letter(house: Bed) -> None:
    if not TEXT.exists():
        pytest.skip("the text of this API is not beside this checkout")
    text = TEXT.read_text("utf-8")
    shown = json.JSONDecoder().raw_decode(text[text.rindex("standard format:") + 16 :].lstrip())[0]
    async with transactional(house) as client:
        answer = await client.http.get(f"{PREFIX}/mailboxes/mbx_abc123")
        assert (answer.status_code, answer.json()) == (404, shown)
