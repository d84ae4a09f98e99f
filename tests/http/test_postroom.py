"""Our own dialect over HTTP: the log by cursor, claims, files that are handed in, and its document."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from postroom.http.postroom.app import ROUTES, Ours
from postroom.http.postroom.attachments import Uploads
from postroom.service.keyring import KeyRing
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.official import BASE, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
PREFIX = f"{BASE}/v1/postroom"


def _app(house: Bed) -> Ours:
    versions = iter(range(10**9))
    links = Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)
    return Ours(house.desk, KeyRing(house.desk, lambda: next(versions)), house.house.hub, links, 2**20)


@contextlib.asynccontextmanager
async def _ours(house: Bed, api_key: str | None = None, app: Ours | None = None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {api_key or await owner_key(house)}"}
    transport = httpx.ASGITransport(app or _app(house))
    async with httpx.AsyncClient(transport=transport, base_url=PREFIX, headers=headers, timeout=15) as client:
        yield client


class Visitor:
    """A client that goes when it is told to; `answers` is what it was told before."""

    def __init__(self, key: str, method: str, path: str, **given: Any) -> None:
        self.gone = asyncio.Event()
        self.answers: list[Any] = []
        self._body: bytes | None = json.dumps(given).encode()
        fields = [(b"authorization", f"Bearer {key}".encode())]
        where = {"path": f"/v1/postroom{path}", "query_string": b"after=0&types=message.sent&wait=30"}
        self.scope = {"type": "http", "method": method, "headers": fields, **where}

    async def receive(self) -> Any:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.answers.append(message)


@pytest.mark.parametrize(("method", "path"), [("POST", f"/inboxes/{AGENT}/claims"), ("GET", "/events")])
async def test_what_waits_for_a_client_that_goes_ends_and_answers_nothing(house: Bed, method: str, path: str) -> None:
    await house.inbox()
    visitor = Visitor(await owner_key(house), method, path, wait=30)
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(_app(house)(visitor.scope, visitor.receive, visitor.send))
        await house.until(lambda: not house.house.hub.is_empty)
        visitor.gone.set()
        await waiting
    assert (visitor.answers, house.house.hub.is_empty) == ([], True)
    await house.take(mail(), AGENT)
    (item,) = (await house.call("claims.list", inbox_id=AGENT)).items
    assert (item.state, item.attempts) == ("waiting", 0)


async def test_a_claim_for_a_client_that_has_gone_already_is_given_back(house: Bed) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    visitor = Visitor(await owner_key(house), "POST", f"/inboxes/{AGENT}/claims")
    visitor.gone.set()
    await _app(house)(visitor.scope, visitor.receive, visitor.send)
    (item,) = (await house.call("claims.list", inbox_id=AGENT)).items
    assert (item.state, item.attempts, visitor.answers) == ("waiting", 0, [])


async def test_a_wrong_request_is_sent_to_the_document_of_this_dialect(house: Bed) -> None:
    await house.inbox()
    async with _ours(house) as client:
        refused = await client.post(f"/inboxes/{AGENT}/claims", json={"wait": "long"})
    assert refused.status_code == 400
    assert "GET /v1/postroom/openapi.json" in refused.json()["fix"]
    assert "Value error" not in refused.text


async def test_the_log_is_read_from_position_to_position(house: Bed) -> None:
    await house.inbox()
    for _ in range(7):
        await house.take(mail(), AGENT)
    async with _ours(house) as client:
        whole = (await client.get("/events", params={"limit": 500})).json()
        seen, after, more = [], 0, True
        while more:
            page = (await client.get("/events", params={"after": after, "limit": 3})).json()
            seen += page["events"]
            after, more = page["position"], page["has_more"]
        assert seen == whole["events"]
        assert [e["type"] for e in seen] == ["inbox.created"] + ["message.received"] * 7
        assert {e["inbox_id"] for e in seen} == {AGENT}
        only = (await client.get("/events", params={"types": "inbox.created,message.sent"})).json()
        assert [e["type"] for e in only["events"]] == ["inbox.created"]
        assert (await client.get("/events", params={"types": "no.such"})).status_code == 400


async def test_who_waits_for_an_event_has_it_when_it_is_committed(house: Bed) -> None:
    await house.inbox()
    async with _ours(house) as client:
        after = (await client.get("/events")).json()["position"]
        waiting = asyncio.create_task(client.get("/events", params={"after": after, "wait": 10}))
        await house.until(lambda: not house.house.hub.is_empty)
        await house.take(mail(), AGENT)
        (event,) = (await waiting).json()["events"]
        assert event["type"] == "message.received"
        empty = (await client.get("/events", params={"after": event["position"], "wait": 0.01})).json()
        assert (empty["events"], empty["position"]) == ([], event["position"])


async def test_no_event_is_skipped_or_repeated_while_two_processes_commit(
    house: Bed, home: Path, clock: FakeClock
) -> None:
    await house.inbox()
    key = await owner_key(house)
    async with Bed(home, clock) as second, _ours(house, key) as client:

        async def write(bed: Bed) -> None:
            for _ in range(30):
                await bed.take(mail(), AGENT)

        writing = asyncio.gather(write(house), write(second), write(second))
        seen: list[int] = []
        after = 0
        while len(seen) < 91:
            page = (await client.get("/events", params={"after": after, "limit": 7, "wait": 1})).json()
            seen += [event["position"] for event in page["events"]]
            after = page["position"]
        await writing
        assert seen == [row[0] for row in house.rows("SELECT seq FROM event ORDER BY seq")]


async def test_the_log_shows_what_a_key_may_see(house: Bed) -> None:
    await house.inbox()
    eve = await house.call("inboxes.create", username="eve")
    await house.take(mail(), AGENT)
    for given, types in (
        ({"inbox_id": eve.address}, ["inbox.created"]),
        ({"inbox_id": eve.address, "permissions": {"message_read": True}}, []),
        ({"permissions": {"message_read": True}}, ["message.received"]),
    ):
        async with _ours(house, await owner_key(house, **given)) as client:
            assert [e["type"] for e in (await client.get("/events")).json()["events"]] == types
    stranger = await house.stranger()
    made = await house.call("keys.create", stranger)
    async with _ours(house, made.api_key) as client:
        assert (await client.get("/events")).json()["events"] == []


async def test_a_conversation_is_claimed_answered_and_gone_from_the_queue(house: Bed) -> None:
    await house.inbox()
    await house.take(mail(subject="Help"), AGENT)
    async with _ours(house) as client:
        claims = f"/inboxes/{AGENT}/claims"
        assert (await client.get(claims)).json()["claims"][0]["state"] == "waiting"
        claim = (await client.post(claims, json={"lease_seconds": 60, "wait": 1})).json()["claim"]
        assert claim["messages"][0]["subject"] == "Help"
        assert (await client.post(claims, json={})).json() == {}
        file = (await client.post("/attachments", params={"inbox_id": AGENT}, content=b"bytes")).json()["handle"]
        answer = {"text": "Here.", "attachments": [{"handle": file}]}
        sent = await client.post(f"/claims/{claim['claim_id']}/reply", json=answer)
        assert sent.json()["thread_id"] == claim["thread"]["thread_id"]
        assert (await client.post(f"/claims/{claim['claim_id']}/ack")).status_code == 404
        assert (await client.get(claims)).json()["claims"] == []


async def test_what_was_given_back_too_often_is_listed_and_put_back(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    async with _ours(house) as client:
        claims = f"/inboxes/{AGENT}/claims"
        claim = (await client.post(claims, json={"max_tries": 1})).json()["claim"]
        settled = (await client.post(f"/claims/{claim['claim_id']}/nack", json={"reason": "no"})).json()
        assert settled == {"thread_id": claim["thread"]["thread_id"], "waits": False}
        (aside,) = (await client.get(claims, params={"state": "set_aside"})).json()["claims"]
        assert aside["reason"] == "no"
        back = await client.post(f"{claims}/{aside['thread_id']}/requeue")
        assert back.json()["state"] == "waiting"
        claim = (await client.post(claims)).json()["claim"]
        longer = (await client.post(f"/claims/{claim['claim_id']}/extend", json={"lease_seconds": 600})).json()
        assert longer["thread_id"] == claim["thread"]["thread_id"]
        assert longer["lease_until"] > claim["lease_until"]
        later = {"until": "2026-03-02T10:00:00Z"}
        assert (await client.post(f"/claims/{claim['claim_id']}/defer", json=later)).json()["waits"]
        assert (await client.get(claims)).json()["claims"][0]["due_at"] == "2026-03-02T10:00:00.000Z"


@pytest.mark.parametrize("size", [10, 300_000])
@pytest.mark.parametrize("form", [False, True], ids=["raw", "form"])
async def test_a_file_is_handed_in_as_the_body_or_in_a_form(house: Bed, form: bool, size: int) -> None:
    await house.inbox()
    content = b"%PDF\r\n--" * (size // 8)
    async with _ours(house) as client:
        if form:
            files = {"file": ("a ü.pdf", content, "application/pdf")}
            made = await client.post("/attachments", data={"inbox_id": AGENT}, files=files)
        else:
            asked = {"inbox_id": AGENT, "filename": "a ü.pdf"}
            made = await client.post(
                "/attachments", params=asked, content=content, headers={"content-type": "application/pdf"}
            )
        assert made.status_code == 201, made.text
        shown = made.json()
        assert (shown["filename"], shown["content_type"], shown["size"]) == ("a ü.pdf", "application/pdf", len(content))
        assert shown["sha256"] == hashlib.sha256(content).hexdigest()
        assert (await client.get(f"/attachments/{shown['handle']}")).json() == shown
        message = {"to": "a@example.com", "text": "t", "attachments": [{"handle": shown["handle"]}]}
        sent = (await client.post(f"/inboxes/{AGENT}/messages/send", json=message)).json()
        (file,) = (await house.message(AGENT, sent["message_id"])).attachments
        assert (file.filename, file.size) == ("a ü.pdf", len(content))
        assert (await client.delete(f"/attachments/{shown['handle']}")).status_code == 204
        assert (await client.get(f"/attachments/{shown['handle']}")).status_code == 404


async def test_a_key_of_an_inbox_need_not_name_it(house: Bed) -> None:
    await house.inbox()
    async with _ours(house, await owner_key(house, inbox_id=AGENT)) as client:
        assert (await client.post("/attachments", content=b"a")).json()["inbox_id"] == AGENT
    async with _ours(house) as client:
        refused = await client.post("/attachments", content=b"a")
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, ["inbox_id"])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"a"),
        ("multipart/form-data; boundary=x", b"nothing of the kind"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; filename="a"\r\n\r\ncut of'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: " + b"a" * 9_000),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a: b\r\n\r\nc\r\n--x\r\n" * 100),
    ],
)
async def test_a_form_that_is_none_is_refused_and_leaves_nothing(house: Bed, kind: str, body: bytes) -> None:
    await house.inbox()
    async with _ours(house) as client:
        asked = {"inbox_id": AGENT}
        refused = await client.post("/attachments", params=asked, content=body, headers={"content-type": kind})
    assert refused.status_code in (400, 413), refused.text
    assert house.rows("SELECT 1 FROM upload") == []
    assert list((house.home / "blobs").glob("??/*")) == []


@pytest.mark.parametrize("limit", ["AT_ONCE", "AT_ONCE_EACH"])
async def test_so_many_files_come_in_at_once_and_no_more(
    house: Bed, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    await house.inbox()
    monkeypatch.setattr(f"postroom.http.postroom.attachments.{limit}", 1)
    go = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await go.wait()

    app = _app(house)
    app._uploads = Uploads(house.desk, seconds=1.0)
    async with _ours(house, app=app) as client:
        asked = {"inbox_id": AGENT}
        first = asyncio.create_task(client.post("/attachments", params=asked, content=slow()))
        await house.until(lambda: app._uploads._open.total() == 1)
        assert (await client.post("/attachments", params=asked, content=b"b")).status_code == 429
        refused = await first
        assert (refused.status_code, "slowly" in refused.json()["message"]) == (400, True)
        assert (await client.post("/attachments", params=asked, content=b"b")).status_code == 201


async def test_a_form_that_never_comes_to_its_file_holds_its_place_for_a_moment_only(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.inbox()
    monkeypatch.setattr("postroom.http.postroom.attachments.OPENING_S", 0.1)

    async def silent() -> AsyncIterator[bytes]:
        yield b"--b\r\n"
        await asyncio.Event().wait()

    app = _app(house)
    async with _ours(house, app=app) as client:
        form = {"content-type": "multipart/form-data; boundary=b"}
        refused = await client.post("/attachments", params={"inbox_id": AGENT}, content=silent(), headers=form)
        assert (refused.status_code, app._uploads._open.total()) == (400, 0)


@pytest.mark.parametrize("field", ["handle", "message_id", "attachment_id", "inbox_id"])
async def test_the_other_dialect_knows_none_of_it(house: Bed, field: str) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        message = {"to": "a@example.com", "text": "t", "attachments": [{field: "upl_a"}]}
        for path in (f"/v0/inboxes/{AGENT}/messages/send", f"/v0/inboxes/{AGENT}/drafts"):
            refused = await client.post(path, json=message)
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, ["attachments", 0, field])
        document = (await client.get("/v0/openapi.json")).text
        assert '"handle"' not in document


async def test_the_document_describes_every_route_and_what_it_answers(house: Bed) -> None:
    await house.inbox()
    await house.take(mail(), AGENT)
    async with _ours(house) as client:
        document: dict[str, Any] = (await client.get("/openapi.json")).json()
        described = {(m.upper(), p) for p, methods in document["paths"].items() for m in methods}
        assert {(route.method, f"/v1/postroom{route.path}") for route in ROUTES} <= described
        assert '"handle"' in str(document).replace("'", '"')
        claims = f"/inboxes/{AGENT}/claims"
        answers = {
            ("get", "/events"): await client.get("/events"),
            ("get", "/inboxes/{inbox_id}/claims"): await client.get(claims),
            ("post", "/inboxes/{inbox_id}/claims"): await client.post(claims),
            ("post", "/attachments"): await client.post("/attachments", params={"inbox_id": AGENT}, content=b"a"),
        }
        for (method, path), answer in answers.items():
            responses = document["paths"][f"/v1/postroom{path}"][method]["responses"]
            schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
            jsonschema.validate(answer.json(), {**schema, "components": document["components"]})


async def test_without_a_key_there_is_nothing_to_see(house: Bed) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(_app(house)), base_url=PREFIX) as client:
        for path in ("/events", "/attachments", "/no/such"):
            refused = await client.get(path)
            assert (refused.status_code, refused.json()["name"]) == (401, "UnauthorizedError")


async def test_the_trash_is_listed_and_each_thing_in_it_restored(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    message = await house.receive(mail(subject="Bin me"))
    thread = await house.receive(mail(subject="And me"))
    await house.call("messages.trash", inbox_id=AGENT, message_id=message.id)
    await house.call("threads.trash", inbox_id=AGENT, thread_id=thread.thread_id)
    await house.call("inboxes.trash", inbox_id=other.address)
    draft = await house.call("drafts.create", inbox_id=AGENT, to=["a@example.com"], text="t")
    await house.call("drafts.trash", draft_id=draft.draft_id)
    async with _ours(house) as client:
        listed = (await client.get("/trash", params={"limit": 4})).json()
        assert (listed["count"], {item["kind"] for item in listed["trash"]}) == (4, {"inbox", "message", "draft"})
        of_one = (await client.get("/trash", params={"inbox_id": AGENT})).json()["trash"]
        assert {item["message"]["subject"] for item in of_one if "message" in item} == {"Bin me", "And me"}
        assert [item["draft"]["draft_id"] for item in of_one if "draft" in item] == [draft.draft_id]
        base = "/trash/inboxes"
        back = [
            f"{base}/{AGENT}/messages/{message.id}/restore",
            f"{base}/{AGENT}/threads/{thread.thread_id}/restore",
            f"{base}/{AGENT}/drafts/{draft.draft_id}/restore",
            f"{base}/{other.address}/restore",
        ]
        for path in back:
            assert (await client.post(path)).json() == {"restored": True}
        assert (await client.get("/trash")).json()["trash"] == []
