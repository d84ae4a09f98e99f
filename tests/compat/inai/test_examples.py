"""Every example of the text, as printed: the requests are read from it, and each answer has the shape that it shows.

Replaced are the host, the key, the names of objects by those of objects that are there, and `<base64>`.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.inai.client import inai
from tests.compat.promises import ROOT
from tests.compat.requirements.inai import ENDPOINTS
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.dns import FakeDns
from tests.fakes.mail import mail

TEXT = ROOT.parent / "shared" / "contract" / "inai.txt"
HOST = "https://your-instance.com"
FILE = base64.b64encode(b"words of a file").decode()


@dataclass(frozen=True)
class Example:
    """A request of the text: its body as the example has it and as the section describes it, and the answer shown."""

    method: str
    path: str
    bodies: tuple[Any, ...]
    shown: Any


def _examples(text: str) -> Iterator[Example]:
    before, *commands = text.split("Example\ncurl ")
    for after in commands:  # what follows a command in its line is the heading of the next section
        found = re.match(r"(?:-X ([A-Z]+) )?(https://\S+)", after)
        assert found is not None
        example = re.search(r"-d '([^']*)'", after)
        described = _json_after(before, "Request Body\n")
        bodies = [json.loads(example[1])] if example else []
        bodies += [] if described is None else [described]
        shown = _json_after(before, "Response\n")
        yield Example(found[1] or "GET", found[2].removeprefix(HOST), tuple(bodies) or (None,), shown)
        before = after


def _json_after(section: str, heading: str) -> Any:
    """Return the JSON below a heading without its remarks and with nothing for what it leaves out."""
    _before, found, rest = section.rpartition(heading)
    if not found:
        return None
    plain = re.sub(r"\s//\s[^\n]*", "", rest).replace("[...]", "[]")
    plain = re.sub(r',\s*"\.\.\."', "", plain)
    value, _end = json.JSONDecoder().raw_decode(plain)
    return value


def _same_shape(shown: Any, answer: Any, where: str) -> None:
    """Hold an answer against what is shown: the same fields, of the same types where neither is null."""
    if shown is None or answer is None:
        return
    assert type(shown) is type(answer), (where, shown, answer)
    if isinstance(shown, dict) and shown:
        assert shown.keys() <= answer.keys() if "labels" in shown and len(shown) == 2 else shown.keys() == answer.keys()
        for name, value in shown.items():
            _same_shape(value, answer[name], f"{where}.{name}")
    if isinstance(shown, list) and shown and answer:
        _same_shape(shown[0], answer[0], f"{where}[0]")


@pytest.fixture
def dns() -> Iterator[FakeDns]:
    """A DNS server whose records the test sets."""
    with FakeDns() as server:
        yield server


@pytest.fixture
def house(home: Path, clock: FakeClock, migrated: Path, dns: FakeDns) -> Bed:
    """A house that asks the test's DNS server."""
    return Bed(home, clock, migrated, resolver=dns.endpoint)


class _World:
    """Makes anew what an example names."""

    def __init__(self, house: Bed, http: httpx.AsyncClient, dns: FakeDns) -> None:
        self._house = house
        self._http = http
        self._dns = dns
        self._number = 1

    async def names(self, path: str) -> dict[str, str]:
        """Return what stands for the names of the text."""
        self._number += 1
        inbox = await self._made("/inboxes", {"username": f"agent-{self._number}", "display_name": "Agent One"})
        files = {"a.txt": b"words"} if "/attachments/" in path else None
        raw = mail(sender="sender@example.com", text="Hi there!", files=files)
        got = await self._house.receive(raw, inbox["email_address"])
        await self._domain(is_wanted="/domains/" in path)
        hook = await self._made("/webhooks", {"url": "https://a.example/", "event_types": ["message.received"]})
        key = await self._made("/api-keys", {"name": "another"})
        return {
            "nk8x2j...": inbox["inbox_id"],
            "msg_abc123": got.id,
            "thr_xyz789": f"thr_{got.thread_id[4:]}",
            "att_abc123": got.attachments[0].attachment_id if got.attachments else "",
            "wh_abc123": hook["webhook_id"],
            "key_abc123": key["key_id"],
            "<base64>": FILE,
        }

    async def _domain(self, *, is_wanted: bool) -> None:
        if is_wanted:
            await self._http.post("/api/v0/domains", json={"domain": "yourdomain.com"})

    async def verified(self) -> None:
        """Have yourdomain.com carry mail."""
        made = await self._made("/domains", {"domain": "yourdomain.com"})
        self._dns.publish([_Record(**record) for record in made["records"]])
        assert (await self._made("/domains/yourdomain.com/verify", None))["status"] == "VERIFIED"

    async def gone(self) -> None:
        """Have no yourdomain.com."""
        await self._http.delete("/api/v0/domains/yourdomain.com")

    async def _made(self, path: str, body: Any) -> Any:
        answer = await self._http.post(f"/api/v0{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass(frozen=True)
class _Record:
    type: str
    name: str
    value: str
    status: str
    priority: int | None


def _filled(value: Any, names: dict[str, str]) -> Any:
    text = json.dumps(value)
    for name, true in names.items():
        text = text.replace(name, true)
    filled = json.loads(text)
    for file in filled.get("attachments", ()) if isinstance(filled, dict) else ():
        file.pop("url", None)  # "or a URL to fetch"
    return filled


@pytest.mark.promise("inai.examples", "inai.send.recipients")
@pytest.mark.timeout(60)
async def test_every_example_of_the_text_answers_with_the_shape_that_it_shows(house: Bed, dns: FakeDns) -> None:
    if not TEXT.exists():
        pytest.skip("the text of this API is not beside this checkout")
    examples = list(_examples(TEXT.read_text("utf-8")))
    assert len(examples) == len(ENDPOINTS) == 30
    async with inai(house) as client:
        world = _World(house, client.http, dns)
        for example in examples:
            for body in example.bodies:
                names = await world.names(example.path)
                if (example.method, example.path) == ("POST", "/api/v0/domains"):
                    await world.gone()
                if isinstance(body, dict) and body.get("domain") and "username" in body:
                    await world.verified()
                path = _filled(example.path, names)
                given = None if body is None else _filled(body, names)
                answer = await client.http.request(example.method, path, json=given)
                where = f"{example.method} {example.path} {given}"
                assert answer.status_code == (204 if example.method == "DELETE" else 200), (where, answer.text)
                if example.shown is not None:
                    _same_shape(example.shown, answer.json(), where)
