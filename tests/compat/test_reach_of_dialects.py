"""No key reaches in a dialect what it does not reach in /v0: every route of either, every key, every foreign thing."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from starlette.types import ASGIApp

from postroom.http.inai import app as inai_app
from postroom.http.inai import wire as inai_wire
from postroom.http.names import Names
from postroom.http.route import Route
from postroom.http.transactional import app as email_app
from postroom.http.transactional import wire as email_wire
from tests.compat.inai.client import app as inai_face
from tests.compat.official import BASE
from tests.compat.tenants import Key, Site, World
from tests.compat.test_reach_over_http import own_site
from tests.compat.transactional.client import app as email_face
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock

_LETTERS = "0" * 26
# What would do something if its path led anywhere.
_BODIES: dict[str, Any] = {
    "messages.send": {"to": "a@b.example", "text": "x"},
    "messages.reply": {"text": "x"},
    "messages.forward": {"to": "a@b.example"},
    "messages.update": {"labels": ["changed"]},
    "messages.label_each": {"messageIds": []},
    "messages.delete_each": {"messageIds": []},
    "inboxes.update": {"display_name": "changed"},
    "labels.create": {"name": "changed"},
    "webhooks.update": {"enabled": False},
}
_HOOKS = {
    "/api/v0": {"url": "https://hooks.example/x", "event_types": ["message.received"]},
    "/v1/agent-email": {"url": "https://hooks.example/x", "events": ["message.received"]},
}


class Face(NamedTuple):
    """A dialect: where it stands, what it answers with, how it names things."""

    prefix: str
    routes: tuple[Route, ...]
    names: Names
    app: ASGIApp


def _faces(house: Bed) -> list[Face]:
    return [
        Face(inai_app.PREFIX, inai_app.ROUTES, inai_wire.NAMES, inai_face(house)),
        Face(email_app.PREFIX, email_app.ROUTES, email_wire.NAMES, email_face(house)),
    ]


def _named(face: Face, parameter: str, site: Site) -> str | None:
    """Return how a dialect names the thing of a site, None where there is none."""
    if parameter == "label":
        return site.marker
    spellings = site.ids.get(parameter)
    if spellings is None:
        return None
    try:
        kind = face.names[parameter]
    except KeyError:
        return spellings[0]
    inner = next((one for one in spellings if one.startswith(kind.inner_prefix)), None)
    return None if inner is None else kind.name(inner)


def _absent(face: Face, parameter: str, name: str) -> str:
    """Return a name like `name` that nothing has."""
    if "." in name or "@" in name or parameter == "label":
        return f"absent.{name}"
    kind = face.names[parameter]
    return f"{kind.prefix}{_LETTERS}{'_1' if kind.parts else ''}"


def _crossings(face: Face, route: Route, own: Site, foreign: Site) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Give names that lead out of reach, from the first of a path on or from a later one, and absent ones like them."""
    parameters = tuple(route.pattern.groupindex)
    for first in range(len(parameters)):
        led: dict[str, str] = {}
        for number, parameter in enumerate(parameters):
            name = _named(face, parameter, own if number < first else foreign)
            if name is None:
                break
            led[parameter] = name
        else:
            kept = {p: _named(face, p, own) for p in parameters}
            if any(led[p] != kept[p] for p in parameters if p != "label"):  # a label is a word, and no id
                yield led, {p: n if n == kept[p] else _absent(face, p, n) for p, n in led.items()}


async def _ask(http: httpx.AsyncClient, face: Face, route: Route, names: Mapping[str, str]) -> tuple[int, str]:
    """Ask for what `names` lead to; return the status and the text without the names."""
    path = face.prefix + route.path
    for parameter, name in names.items():
        path = path.replace(f"{{{parameter}}}", quote(name, safe="@"))
    body = _HOOKS[face.prefix] if route.operation == "webhooks.create" else _BODIES.get(route.operation, {})
    answer = await http.request(route.method, path, content=json.dumps(body) if route.takes_body else None)
    text = answer.text
    for name in sorted(names.values(), key=len, reverse=True):
        text = text.replace(name, "…")
    return answer.status_code, text


def _client(face: Face, key: Key) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {key.secret}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(face.app), base_url=BASE, headers=headers)


@pytest.mark.parametrize("number", [0, 1])
async def test_what_is_out_of_reach_answers_in_a_dialect_as_what_is_absent(
    house: Bed, clock: FakeClock, number: int
) -> None:
    world = await World(house, clock).build()
    face, before, tried = _faces(house)[number], world.dump(), 0
    for key in world.keys:
        async with _client(face, key) as http:
            known: dict[tuple[str, str], tuple[int, str]] = {}
            for site in world.foreign(key.reach):
                for route in face.routes:
                    for led, absent in _crossings(face, route, own_site(world, key), site):
                        question = (f"{route.method} {route.path}", json.dumps(absent))
                        if question not in known:
                            known[question] = await _ask(http, face, route, absent)
                        answer = await _ask(http, face, route, led)
                        assert answer == known[question], (key.name, question, led)
                        assert answer[0] >= 400, (key.name, question, led)
                        tried += 1
    assert tried > 500
    assert world.dump() == before


@pytest.mark.parametrize("number", [0, 1])
async def test_a_list_of_a_dialect_shows_and_counts_what_its_key_reaches_alone(
    house: Bed, clock: FakeClock, number: int
) -> None:
    world = await World(house, clock).build()
    face = _faces(house)[number]
    for key in world.keys:
        async with _client(face, key) as http:
            own = own_site(world, key)
            for route in face.routes:
                names = {p: _named(face, p, own) for p in route.pattern.groupindex}
                if route.method != "GET" or None in names.values():
                    continue
                _status, text = await _ask(http, face, route, {p: n for p, n in names.items() if n is not None})
                assert not world.leaked(text, key.reach), (key.name, route.path)


async def test_ids_in_bodies_of_a_dialect_reach_no_further_than_those_in_its_paths(
    house: Bed, clock: FakeClock
) -> None:
    world = await World(house, clock).build()
    before = world.dump()
    inai, email = _faces(house)
    for key in (one for one in world.keys if one.is_whole):
        own = own_site(world, key)
        sites = [site for site in world.foreign(key.reach) if "message_id" in site.ids]
        for site in sites:
            box, message = inai.names["inbox_id"].name(site.ids["inbox_id"][1]), site.ids["message_id"][1]
            hook = inai.names["webhook_id"].name(own.ids["webhook_id"][0])
            mine = [own.ids["message_id"][1]] if "message_id" in own.ids else []
            async with _client(inai, key) as http:
                body = {**_HOOKS[inai.prefix], "inbox_ids": [box]}
                made = await http.post("/api/v0/webhooks", json=body)
                changed = await http.patch(f"/api/v0/webhooks/{hook}", json={"inbox_ids": [box]})
            async with _client(email, key) as http:
                asked = [
                    await http.post("/v1/agent-email/inbox/archive", json={"messageIds": [*mine, message]}),
                    await http.request("DELETE", "/v1/agent-email/inbox", json={"messageIds": [*mine, message]}),
                    await http.post(
                        "/v1/agent-email/messages/send",
                        json={"from": site.ids["inbox_id"][0], "to": "a@b.example", "text": "x"},
                    ),
                    await http.post(
                        "/v1/agent-email/messages/send-batch",
                        json={"from": site.ids["inbox_id"][0], "messages": [{"to": "a@b.example", "text": "x"}]},
                    ),
                    await http.post(
                        f"/v1/agent-email/messages/msg_{site.ids['draft_id'][0][4:]}/cancel",
                        json={},
                    ),
                ]
            assert {made.status_code, changed.status_code} <= {400, 404}, (key.name, site.name)
            assert [one.status_code for one in asked] == [404] * 5, (key.name, site.name)
    assert world.dump() == before
