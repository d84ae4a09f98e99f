"""The document of the dialect: true to every route, and to what the official clients expect."""

import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from postroom import __version__
from postroom.http.agentmail import openapi
from postroom.http.agentmail.app import PREFIX, ROUTES
from postroom.http.route import Route
from tests.compat.document import hold
from tests.compat.hunt import references
from tests.compat.official import app, official, owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.mail import mail

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contract" / "agentmail.json"
NOT_OURS = ("agent.", "accounts.", "apps.", "calendar.", "files.", "polling.", "armor", "authorize")
BODIES: dict[str, dict[str, Any]] = {
    "messages.send": {"to": "a@example.com", "text": "t"},
    "messages.reply": {"text": "t"},
    "messages.forward": {"to": ["a@example.com"], "text": "t"},
    "messages.update": {"add_labels": "x"},
    "threads.update": {"add_labels": ["x"]},
    "drafts.create": {"to": ["a@example.com"], "attachments": [{"content": "AAAA", "filename": "a.bin"}]},
    "drafts.update": {"subject": "s"},
    "lists.create": {"entry": "bad.example"},
    "webhooks.create": {"url": "https://example.com/hook", "event_types": ["message.received"]},
    "webhooks.update": {"enabled": False},
    "webhooks.update_headers": {"headers": {"x-a": "b"}},
    "domains.update": {"feedback_enabled": False},
    "keys.create": {"permissions": {"message_read": True}},
    "keys.update": {"name": "n"},
    "inboxes.create": {"metadata": {"a": 1}, "display_name": "D"},
    "inboxes.update": {"display_name": "x"},
}


def _document() -> dict[str, Any]:
    return openapi.document(PREFIX, ROUTES)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


async def test_the_document_is_given_to_everybody_as_json(house: Bed) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(house)), base_url="http://mail.test") as client:
        answer = await client.get("/v0/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    assert (found["openapi"], found["info"]["version"]) == ("3.1.1", __version__)
    assert found == json.loads(json.dumps(_document()))


def test_every_route_is_in_the_document_under_a_name_of_its_own() -> None:
    operations = list(_operations(_document()))
    names = [operation["operationId"] for _method, _path, operation in operations]
    assert len(set(names)) == len(names) == len(ROUTES) + 1
    for method, path, operation in operations:
        assert operation["tags"], path
        assert operation["summary"], path
        given = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]
        assert given == [part[1:-1] for part in path.split("/") if part.startswith("{")], (method, path)


def test_every_schema_is_one_and_every_reference_leads_somewhere() -> None:
    document = _document()
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("title", name) == name
    for reference in references(document):
        at: Any = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_the_document_is_not_made_at_the_start() -> None:
    asks = "import sys, postroom.server; print('postroom.http.agentmail.openapi' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, timeout=30, check=True)
    assert told.stdout.strip() == "False"


# The contract.


def _contract() -> dict[str, Any]:
    if not CONTRACT.exists():
        pytest.skip(f"{CONTRACT.name} of the contract is not beside this checkout")
    found: dict[str, Any] = json.loads(CONTRACT.read_text())
    return found


def _core(contract: dict[str, Any]) -> list[dict[str, Any]]:
    return [o for o in contract["operations"] if not any(word in f"{o['operation']}." for word in NOT_OURS)]


def test_every_core_operation_has_its_name_method_path_and_parameters() -> None:
    ours = {operation["operationId"]: (m, p, operation) for m, p, operation in _operations(_document())}
    core = _core(_contract())
    assert len(core) >= 132
    for wanted in core:
        method, path, operation = ours[wanted["operation"]]
        assert (method, path) == (wanted["method"], wanted["path"])
        parameters = {p["name"] for p in operation["parameters"]}
        missing = {*wanted.get("query", {}), *wanted.get("headers", ())} - parameters
        assert not missing, (wanted["operation"], missing)


def test_every_field_that_clients_send_is_in_the_bodies() -> None:
    contract = _contract()
    ours = {operation["operationId"]: operation for _m, _p, operation in _operations(_document())}
    checked = 0
    for wanted in _core(contract):
        fields = _sent_fields(wanted, contract["types"])
        if wanted["operation"].endswith("api_keys.create"):
            fields -= {"public_key", "client_id"}  # keys are bearer's here
        if not fields or wanted["operation"] == "organizations.join_labs":
            continue
        schema = ours[wanted["operation"]]["requestBody"]["content"]["application/json"]["schema"]
        assert fields <= set(schema["properties"]), (wanted["operation"], fields - set(schema["properties"]))
        checked += 1
    assert checked > 35


def _sent_fields(wanted: dict[str, Any], types: dict[str, Any]) -> set[str]:
    body = wanted.get("body") or {}
    if isinstance(body, str):
        return set(_required(body, types, "optional", "required"))
    model = body.get("$model") or body.get("model")
    return set(_required(model, types, "optional", "required")) if isinstance(model, str) else set(body)


def _required(name: str, types: dict[str, Any], *kinds: str) -> Iterator[str]:
    """Yield the fields of a model of the contract and of its bases, of these kinds."""
    kinds = kinds or ("required",)
    found = [t for key, t in types.items() if key.rpartition(":")[2] == name and t["kind"] == "model"]
    for model in found[:1]:
        yield from (field for field, (_type, kind) in model["fields"].items() if kind in kinds)
        for base in model["bases"]:
            yield from _required(base, types, *kinds)


def test_every_field_that_clients_rely_on_is_promised() -> None:
    contract = _contract()
    document = _document()
    ours = {operation["operationId"]: operation for _m, _p, operation in _operations(document)}
    checked = 0
    for wanted in _core(contract):
        needed = set(_required(str(wanted.get("response") or ""), contract["types"]))
        if not needed:
            continue
        schema = _result(ours[wanted["operation"]], document)
        assert needed <= set(schema["required"]), (wanted["operation"], needed - set(schema["required"]))
        checked += 1
    assert checked > 70


def _result(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    (content,) = (r["content"]["application/json"] for s, r in operation["responses"].items() if s[0] == "2")
    schema = content["schema"]
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


# Every route, called: `Held` looks at each answer.

_numbers = itertools.count()


class _World:
    """Makes what the parameters of a path name, anew for each route."""

    def __init__(self, house: Bed, client: httpx.AsyncClient) -> None:
        self._house = house
        self._client = client

    async def path(self, route: Route) -> str:
        """Return the path of a route with objects that exist."""
        path = PREFIX
        for part in route.path.strip("/").split("/"):
            if part.startswith("{"):
                path += "/" + quote(await self._made(part[1:-1], path), safe="")
            else:
                path += f"/{part}"
        return path

    async def _made(self, name: str, path: str) -> str:
        if name in ("direction", "type"):
            return {"direction": "send", "type": "block"}[name]
        if name in ("message_id", "thread_id", "draft_id"):
            return await self.written(name, path)
        if name == "attachment_id":
            return await self._file(path)
        operation = {"entry": "lists", "pod_id": "pods", "inbox_id": "inboxes", "api_key_id": "keys"}
        group = operation.get(name, path.rsplit("/", 1)[-1])
        body = {"domain": f"d{next(_numbers)}.example"} if name == "domain_id" else BODIES.get(f"{group}.create", {})
        answer = await self._client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()[name])

    async def written(self, name: str, path: str) -> str:
        inbox = await self._inbox(path)
        if name == "draft_id":
            made = await self._client.post(f"{PREFIX}/inboxes/{inbox}/drafts", json=BODIES["drafts.create"])
            return str(made.json()["draft_id"])
        got = await self._house.receive(mail(files={"a.txt": b"hello"}, text="hello"), inbox)
        return str(got.message_id if name == "message_id" else got.thread_id)

    async def _inbox(self, path: str) -> str:
        parts = path.split("/")
        if "inboxes" in parts:
            return parts[parts.index("inboxes") + 1].replace("%40", "@")
        prefix = "/".join(parts[:4]) if "pods" in parts else PREFIX
        return str((await self._client.post(f"{prefix}/inboxes", json={})).json()["inbox_id"])

    async def _file(self, path: str) -> str:
        owner = (await self._client.get(path.removesuffix("/attachments"))).json()
        return str(owner["attachments"][0]["attachment_id"])

    async def body(self, route: Route, path: str) -> dict[str, Any]:
        """Return a body for a route."""
        if route.operation == "domains.create":
            return {"domain": f"d{next(_numbers)}.example"}
        if "batch" in route.path:
            listed = (await self._client.get(path.rsplit("/", 1)[0])).json()["messages"]
            ids = [item["message_id"] for item in listed] or ["<none@example.com>"]
            return {"message_ids": ids, **({"add_labels": ["x"]} if "update" in route.path else {})}
        return BODIES.get(route.operation, {})


async def test_every_route_answers_as_the_document_says(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        world = _World(house, client)
        for route in ROUTES:
            path = await world.path(route)
            if route.path.endswith(("/messages/search", "batch-get", "batch-update", "/events", "/threads/search")):
                await world.written("message_id", path)
            body = await world.body(route, path) if route.method in ("POST", "PATCH") else None
            asked = {"q": "hello"} if path.endswith("/search") else {}
            answer = await client.request(route.method, path, json=body, params=asked)
            if route.path.endswith("/labs") and route.method == "POST":
                assert answer.status_code == 403
            else:
                assert answer.status_code == route.status, (route, answer.text)


async def test_a_status_or_a_field_that_the_document_does_not_know_is_noticed() -> None:
    hold("GET", "/v0/auth/me", 401, "application/json", b'{"name":"U","code":"c","message":"m","fix":"f"}')
    for status, body in (
        (418, b"{}"),
        (200, b'{"scope_type":"pod","scope_id":"p","organization_id":"o","more":1}'),
        (200, b'{"scope_type":"pod","scope_id":"p"}'),
        (401, b'{"name":"U","code":"c","message":"m"}'),
    ):
        with pytest.raises(AssertionError):
            hold("GET", "/v0/auth/me", status, "application/json", body)


async def _pages(client: httpx.AsyncClient, path: str) -> AsyncIterator[dict[str, Any]]:
    page = (await client.get(path, params={"limit": 1})).json()
    yield page
    while token := page.get("next_page_token"):
        page = (await client.get(path, params={"limit": 1, "page_token": token})).json()
        yield page


async def test_a_full_page_with_its_token_is_as_the_document_says(house: Bed) -> None:
    async with official(house) as client, wire(house, await owner_key(house)) as plain:
        made = [(await client.inboxes.create()).inbox_id for _ in range(2)]
        assert sorted([p["inboxes"][0]["inbox_id"] async for p in _pages(plain, "/v0/inboxes")]) == sorted(made)
