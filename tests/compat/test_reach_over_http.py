"""No key sees, counts or changes anything out of its reach: every route, every key, every other tenant's things.

All routes are taken from the table itself, so a new one is tried as soon as it is there; one that needs a body fails
here until it has one.
"""

import base64
import json
from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import httpx
import pytest

from postroom.http import app as http_app
from postroom.http.agentmail.app import ROUTES
from postroom.http.route import Route
from postroom.model.tenant import Reach
from postroom.service.links import Download, Links
from postroom.store.secret import Secret
from tests.compat.official import BASE
from tests.compat.sockets import connected
from tests.compat.tenants import WORD, Answer, Key, Site, World, on_the_wire
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

# What is sent along, by operation: a body that would do something if its path led anywhere.
BODIES: dict[str, Any] = {
    "domains.create": {"domain": "new.example.com"},
    "domains.update": {"feedback_enabled": False},
    "domains.verify": {},
    "drafts.create": {"subject": "new"},
    "drafts.send": {},
    "drafts.update": {"subject": "changed"},
    "inboxes.create": {"username": "new"},
    "inboxes.update": {"display_name": "changed", "metadata": {"note": "changed"}},
    "keys.create": {"name": "new"},
    "keys.update": {"name": "changed"},
    "lists.create": {"entry": "new@listed.example"},
    "messages.batch_get": {"message_ids": ["<absent@example.com>"]},
    "messages.batch_update": {"message_ids": ["<absent@example.com>"], "add_labels": ["changed"]},
    "messages.forward": {"to": "someone@example.com"},
    "messages.reply": {"text": "answer"},
    "messages.send": {"to": "someone@example.com", "text": "new"},
    "messages.update": {"add_labels": ["changed"]},
    "organizations.get": {},
    "pods.create": {"name": "new"},
    "threads.update": {"add_labels": ["changed"]},
    "webhooks.create": {"url": "https://hooks.example/new"},
    "webhooks.update": {"enabled": False},
    "webhooks.update_headers": {"headers": {"X-New": "changed"}},
}
OF_LIST = ("direction", "type")  # words of a path that are no ids
# Ids that nothing has, spelled like those of things.
ABSENT = {
    "pod_id": ("pod_00000000000000000000000000",),
    "inbox_id": ("absent@postroom.localhost", "inb_00000000000000000000000000"),
    "message_id": ("<absent.test@example.com>", "msg_00000000000000000000000000"),
    "thread_id": ("thd_00000000000000000000000000",),
    "draft_id": ("dft_00000000000000000000000000",),
    "attachment_id": ("att_00000000000000000000000000_1", "att_00000000000000000000000000"),
    "api_key_id": ("key_00000000000000000000000000",),
    "domain_id": ("absent.example.com", "dom_00000000000000000000000000"),
    "webhook_id": ("ep_00000000000000000000000000",),
    "entry": ("absent@listed.example",),
    "direction": ("send",),
    "type": ("block",),
}
BOTH_SPELLINGS = (0, 1)
KEYS = ("organization", "pod", "inbox", "few permissions", "reading pod", "ended")


def parameters(route: Route) -> tuple[str, ...]:
    return tuple(route.pattern.groupindex)


def ids_in(route: Route) -> tuple[str, ...]:
    return tuple(name for name in parameters(route) if name not in OF_LIST)


def body_for(route: Route) -> Any:
    return BODIES[route.operation] if route.method in ("POST", "PATCH") else None


def query_for(route: Route) -> str:
    return f"?limit=100&q={WORD}" if route.path.endswith("/search") else ("?limit=100" if route.method == "GET" else "")


def path_of(route: Route, ids: dict[str, str]) -> str:
    path = route.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", on_the_wire(value))
    return path + query_for(route)


def crossings(route: Route, own: Site, foreign: Site) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Give ids that lead out of reach, from the first of a path on or from a later one, and absent ones like them."""
    names = parameters(route)
    if not all(name in foreign.ids for name in names):
        return
    for first, spelling in ((n, s) for n in range(len(names)) for s in BOTH_SPELLINGS):
        if not all(name in own.ids for name in names[:first]):
            continue
        led = {name: own.id(name) if n < first else foreign.id(name, spelling) for n, name in enumerate(names)}
        kept = {name: value for name, value in led.items() if value in own.ids.get(name, ())}
        if all(name in kept for name in ids_in(route)):  # all of it is in reach after all
            continue
        yield led, {name: kept.get(name, ABSENT[name][min(spelling, len(ABSENT[name]) - 1)]) for name in names}


def plain(answer: Answer, ids: dict[str, str]) -> tuple[int, str]:
    """Return an answer without the ids that it repeats, and without the moment."""
    text = answer.text
    for value in sorted(ids.values(), key=len, reverse=True):
        text = text.replace(value, "…")
    return answer.status, text


def own_site(world: World, key: Key) -> Site:
    """Return the innermost site that a key reaches, which has an id of every kind but a domain's."""
    return next(s for s in world.sites if s.is_within(key.reach) and "inbox_id" in s.ids)


def test_every_route_that_takes_a_body_has_one_here() -> None:
    assert {r.operation for r in ROUTES if r.method in ("POST", "PATCH")} <= set(BODIES)
    assert {name for route in ROUTES for name in parameters(route)} == set(ABSENT)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.promise("errors.out-of-scope-is-absent")
async def test_what_is_out_of_reach_answers_as_what_does_not_exist_and_stays_as_it_is(
    house: Bed, clock: FakeClock, name: str
) -> None:
    world = await World(house, clock).build()
    key = world.keys[KEYS.index(name)]
    before, known, tried = world.dump(), dict[tuple[str, str], tuple[int, str]](), 0
    every = ((route, foreign) for route in ROUTES for foreign in world.foreign(key.reach))
    for route, foreign in every:
        for led, absent in crossings(route, own_site(world, key), foreign):
            path, other = path_of(route, led), path_of(route, absent)
            if (route.method, other) not in known:
                missing = await world.ask(key, route.method, other, body_for(route))
                known[route.method, other] = plain(missing, absent)
            told = plain(await world.ask(key, route.method, path, body_for(route)), led)
            assert told == known[route.method, other], (route.method, path)
            assert not world.leaked(told[1], key.reach), (route.method, path)
            assert told[0] in ((404,) if key.is_whole else (401, 403, 404)), (path, told)
            tried += 1
    assert world.dump() == before
    assert tried > 1_000


async def test_each_answer_to_a_key_speaks_of_what_it_reaches_alone(house: Bed, clock: FakeClock) -> None:
    world = await World(house, clock).build()
    for key in (key for key in world.keys if key.is_whole):
        for route in (r for r in ROUTES if r.method == "GET"):
            names = parameters(route)
            for site in (s for s in world.sites if s.is_within(key.reach) and all(name in s.ids for name in names)):
                spelling = 1 if "/drafts/" in route.path else 0  # of the two attachments the one of a draft
                answer = await world.ask(key, "GET", path_of(route, {n: site.id(n, spelling) for n in names}))
                assert answer.status == 200 or route.operation == "lists.get", (key.name, route.path, answer)
                leaked = world.leaked(answer.text, narrowed(route, key.reach, site), its_pod(world, route, site))
                assert not leaked, (key.name, route.path)


def its_pod(world: World, route: Route, site: Site) -> list[str]:
    """Return what is said of the pod that something lies in: its id everywhere, its name where pods are shown."""
    pod = site.ids.get("pod_id", ())
    if not route.operation.startswith("pods."):
        return list(pod)
    return [m for s in world.sites if s.ids.get("pod_id") == pod and "inbox_id" not in s.ids for m in s.markers]


def narrowed(route: Route, reach: Reach, site: Site) -> Reach:
    """Return the reach of a key in the pod or inbox that a path names."""
    if "inbox_id" in parameters(route):
        return site.reach
    if "pod_id" in parameters(route) and reach.pod_id is None:
        return Reach(org_id=site.reach.org_id, pod_id=site.reach.pod_id)
    return reach


def reached(world: World, key: Key, parameter: str) -> set[str]:
    """Return the ids of one kind within the reach of a key."""
    return {s.id(parameter) for s in world.sites if s.is_within(key.reach) and parameter in s.ids}


LISTS = {
    "/inboxes": ("inboxes", "inbox_id"),
    f"/inboxes/search?q={WORD}": ("inboxes", "inbox_id"),
    "/threads": ("threads", "thread_id"),
    f"/threads/search?q={WORD}": ("threads", "thread_id"),
    "/drafts": ("drafts", "draft_id"),
    "/domains": ("domains", "domain_id"),
    "/webhooks": ("webhooks", "webhook_id"),
    "/pods": ("pods", "pod_id"),
    "/api-keys": ("api_keys", "api_key_id"),
}


async def test_lists_and_searches_hold_all_that_is_in_reach_and_nothing_else(house: Bed, clock: FakeClock) -> None:
    world = await World(house, clock).build()
    for key in (key for key in world.keys if key.is_whole):
        for path, (name, parameter) in LISTS.items():
            joint = "&" if "?" in path else "?"
            answer = await world.ask(key, "GET", f"{path}{joint}limit=100")
            found = {item[parameter] for item in answer.json[name] if item.get("name") not in (*KEYS, "owner")}
            assert found == reached(world, key, parameter), (key.name, path)


async def test_counts_and_metrics_are_of_what_is_in_reach(house: Bed, clock: FakeClock) -> None:
    world = await World(house, clock).build()
    for key in (key for key in world.keys if key.is_whole):
        inboxes, domains = len(reached(world, key, "inbox_id")), len(reached(world, key, "domain_id"))
        organization = (await world.ask(key, "GET", "/organizations")).json
        assert (organization["inbox_count"], organization["domain_count"]) == (inboxes, domains)
        usage = (await world.ask(key, "GET", "/metrics/usage")).json
        counted = {kind: points[-1]["value"] for kind, points in usage.items()}
        assert (counted["message_count"], counted["thread_count"]) == (inboxes, inboxes), key.name
        assert counted.get("inbox_count", inboxes) == inboxes
        assert counted.get("domain_count", domains) == domains
        assert counted.get("pod_count", 2) == 2
        events = (await world.ask(key, "GET", "/metrics/events?event_types=message.received")).json
        assert sum(point["count"] for point in events["message.received"]) == inboxes


def asked_with(own: Site, ids: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Return requests that name things in their bodies."""
    inbox, draft = f"/inboxes/{on_the_wire(own.id('inbox_id'))}", own.id("draft_id")
    hook, message = f"/webhooks/{own.id('webhook_id')}", ids["message_id"]
    return [
        ("POST", "/webhooks", {"url": "https://new.example/", "inbox_ids": [ids["inbox_id"]]}),
        ("POST", "/webhooks", {"url": "https://new.example/", "pod_ids": [ids["pod_id"]]}),
        ("PATCH", hook, {"add_inbox_ids": [ids["inbox_id"]]}),
        ("PATCH", hook, {"add_pod_ids": [ids["pod_id"]]}),
        ("POST", f"{inbox}/drafts", {"in_reply_to": message}),
        ("POST", f"{inbox}/drafts", {"forward_of": message}),
        ("PATCH", f"{inbox}/drafts/{draft}", {"remove_attachments": [ids["attachment_id"]]}),
        ("POST", f"{inbox}/messages/batch-get", {"message_ids": [message]}),
        ("POST", f"{inbox}/messages/batch-update", {"message_ids": [message], "add_labels": ["changed"]}),
    ]


@pytest.mark.parametrize("spelling", BOTH_SPELLINGS)
async def test_what_a_body_names_out_of_reach_is_as_what_does_not_exist(
    house: Bed, clock: FakeClock, spelling: int
) -> None:
    world = await World(house, clock).build()
    before = world.dump()
    for key in (key for key in world.keys if key.is_whole):
        own, absent = own_site(world, key), {n: v[min(spelling, len(v) - 1)] for n, v in ABSENT.items()}
        for foreign in (s for s in world.foreign(key.reach) if "inbox_id" in s.ids):
            ids = {name: foreign.id(name, spelling) for name in foreign.ids if name != "pod_id"}
            ids["pod_id"] = next(s.id("pod_id") for s in world.foreign(key.reach) if is_other_pod(s, own))
            pairs = zip(asked_with(own, ids), asked_with(own, absent), strict=True)
            for (method, path, body), (_method, _path, other) in pairs:
                got = plain(await world.ask(key, method, path, body), ids)
                assert got == plain(await world.ask(key, method, path, other), absent), (key.name, path, body)
                assert got[0] in (400, 404) or "/batch-" in path
                assert not world.leaked(got[1], key.reach), (key.name, path)
    assert world.dump() == before


def is_other_pod(site: Site, own: Site) -> bool:
    return "pod_id" in site.ids and site.reach.org_id != own.reach.org_id


async def test_a_page_token_of_another_tenant_leads_into_what_its_bearer_sees_anyway(
    house: Bed, clock: FakeClock
) -> None:
    world = await World(house, clock).build()
    stranger = await world.key("stranger", world.site("basalt").reach)
    for path, (name, parameter) in LISTS.items():
        joint = "&" if "?" in path else "?"
        for order in ("", "&ascending=true"):
            if order and "search" in path:
                continue
            theirs = (await world.ask(stranger, "GET", f"{path}{joint}limit=1{order}")).json
            for key in (key for key in world.keys if key.is_whole):
                token = theirs["next_page_token"]
                answer = await world.ask(key, "GET", f"{path}{joint}limit=100{order}&page_token={token}")
                assert answer.status == 200, (key.name, path)
                found = {item[parameter] for item in answer.json[name] if item.get("name") not in (*KEYS, "owner")}
                assert found <= reached(world, key, parameter), (key.name, path)
                assert not world.leaked(answer.text, key.reach, its_pod(world, pods_route(path), own_site(world, key)))


def pods_route(path: str) -> Route:
    return next(r for r in ROUTES if r.method == "GET" and r.path == path.partition("?")[0])


async def test_a_client_id_of_another_tenant_makes_a_thing_of_ones_own(house: Bed, clock: FakeClock) -> None:
    world = await World(house, clock).build()
    key, own = world.keys[0], world.site("amber.b1")
    before = others_rows(world)
    for theirs in (s for s in world.sites if s.reach.org_id != own.reach.org_id):
        given = {"client_id": theirs.marker, "display_name": "mine"}
        made = [await world.ask(key, "POST", "/webhooks", {"url": "https://new.example/", "client_id": theirs.marker})]
        if "inbox_id" in theirs.ids:
            drafts = f"/inboxes/{on_the_wire(own.id('inbox_id'))}/drafts"
            made.append(await world.ask(key, "POST", "/inboxes", given))
            made.append(await world.ask(key, "POST", drafts, {"client_id": theirs.marker, "subject": "mine"}))
        marks = [marker for marker in theirs.markers if marker.startswith("mk")]
        made += [await world.ask(key, "POST", "/pods", {"client_id": marker, "name": "mine"}) for marker in marks]
        for answer in made:
            assert answer.status == 200, answer
            assert not world.leaked(answer.text, key.reach, marks)
    assert before <= others_rows(world)


def others_rows(world: World) -> set[str]:
    """Return the rows that do not name the first organization."""
    mine = str(world.site("amber").reach.org_id)
    return {
        f"{t} {row!r}" for t, rows in world.dump().items() for row in rows if mine not in row and t != "sqlite_sequence"
    }


async def test_an_idempotency_key_of_another_organization_is_as_a_new_one(house: Bed, clock: FakeClock) -> None:
    world = await World(house, clock).build()
    theirs, own = world.site("basalt.a1"), world.site("amber.a1")
    stranger = await world.key("stranger", theirs.reach)
    body, header = {"to": "someone@example.com", "text": "Hello"}, {"idempotency-key": "the-same"}
    sent: dict[str, list[str]] = {}
    for key, site in ((stranger, theirs), (world.keys[0], own)):
        path = f"/inboxes/{on_the_wire(site.id('inbox_id'))}/messages/send"
        answers = [await world.ask(key, "POST", path, body, header) for _ in range(2)]
        assert [a.status for a in answers] == [200, 200]
        assert not world.leaked(answers[0].text, key.reach)
        sent[site.name] = [a.json["message_id"] for a in answers]
    assert all(first == again for first, again in sent.values())
    assert sent[own.name] != sent[theirs.name]


async def test_a_signed_address_gives_the_one_file_that_it_was_made_for(house: Bed, clock: FakeClock) -> None:
    world = await World(house, clock).build()
    key, own, theirs = world.keys[0], world.site("amber.a1"), world.site("basalt.a1")
    stranger = await world.key("stranger", world.site("basalt").reach)
    files = {}
    for bearer, site in ((key, own), (stranger, theirs)):
        inbox, draft = f"/inboxes/{on_the_wire(site.id('inbox_id'))}", site.id("draft_id")
        message = f"{inbox}/messages/{on_the_wire(site.id('message_id'))}"
        shown = [
            await world.ask(bearer, "GET", f"{message}/raw"),
            await world.ask(bearer, "GET", f"{message}/attachments/{site.id('attachment_id')}"),
            await world.ask(bearer, "GET", f"{inbox}/drafts/{draft}/attachments/{site.id('attachment_id', 1)}"),
        ]
        files[site.name] = [answer.json["download_url"].rpartition("/")[2] for answer in shown]
    async with served(house) as client:
        for token in files[own.name]:
            answer = await client.get(f"/v1/postroom/downloads/{token}")
            assert answer.status_code == 200
            assert not world.leaked(answer.text + str(answer.headers), own.reach)
        for forged in forgeries(*files.values()):
            answer = await client.get(f"/v1/postroom/downloads/{forged}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        for crossed in crossed_downloads(own, theirs):
            url, _until = links_of(house).make(crossed) or ("", 0)
            assert (await client.get(url)).status_code == 404, crossed


def links_of(house: Bed) -> Links:
    return Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)


def served(house: Bed) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(http_app.build(house.desk, links_of(house))), base_url=BASE)


def forgeries(ours: list[str], theirs: list[str]) -> Iterator[str]:
    """Give tokens put together of parts of true ones: claims of each, signatures of the others, claims exchanged."""
    tokens = [token.partition(".") for token in (*ours, *theirs)]
    for (body, _dot, signature), (_body, _, other) in permutations(tokens, 2):
        assert signature != other
        yield f"{body}.{other}"
    claims = [json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) for body, *_rest in tokens]
    for (mine, (*_body, signature)), other in product(zip(claims, tokens, strict=True), claims):
        for n in (n for n in range(len(mine)) if mine[n] != other[n]):
            changed = json.dumps([*mine[:n], other[n], *mine[n + 1 :]], separators=(",", ":")).encode()
            yield f"{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{signature}"


def crossed_downloads(own: Site, theirs: Site) -> Iterator[Download]:
    """Give what no route would sign: things of one tenant as those of another."""
    for owner, thing in ((own, theirs), (theirs, own)):
        place: dict[str, str] = {"org_id": str(owner.reach.org_id), "inbox_id": str(owner.reach.inbox_id)}
        yield Download(**place, message_id=thing.id("message_id"))
        yield Download(**place, message_id=thing.id("message_id", 1), attachment_id=thing.id("attachment_id"))
        yield Download(**place, draft_id=thing.id("draft_id"), attachment_id=thing.id("attachment_id", 1))
        yield Download(org_id=place["org_id"], inbox_id=str(thing.reach.inbox_id), message_id=thing.id("message_id"))


async def test_a_websocket_is_told_of_what_its_key_reaches_and_of_nothing_else(house: Bed, clock: FakeClock) -> None:
    world = await World(house, clock).build()
    inboxes = [s for s in world.sites if "inbox_id" in s.ids]
    for key in (key for key in world.keys if key.is_whole):
        own, mine = own_site(world, key), [s for s in inboxes if s.is_within(key.reach)]
        async with connected(house, key.secret) as socket:
            assert (await socket.sent.get())["type"] == "websocket.accept"
            for foreign in (s for s in inboxes if s not in mine):
                for name, spelling in (("inbox_ids", 0), ("inbox_ids", 1)):
                    asked = [foreign.id("inbox_id", spelling), ABSENT["inbox_id"][spelling]]
                    told = []
                    for one in asked:
                        await socket.says({"type": "subscribe", name: [own.id("inbox_id"), one]})
                        told.append(str(await socket.hears()).replace(one, "…"))
                    assert told[0] == told[1], key.name
                    assert "NotFoundError" in told[0]
            for pod_id in {s.id("pod_id") for s in inboxes if s.reach.org_id != own.reach.org_id}:
                await socket.says({"type": "subscribe", "pod_ids": [pod_id]})
                assert (await socket.hears())["name"] == "NotFoundError"
            await socket.subscribes(event_types=["message.received"])
            for site in (*(s for s in inboxes if s not in mine), *mine):
                text = f"words for {site.marker}"
                await house.take(mail(subject=site.marker, text=text), site.id("inbox_id"))
            heard = [await socket.hears() for _ in mine]
            assert {frame["message"]["subject"] for frame in heard} == {s.marker for s in mine}
            assert not world.leaked(json.dumps(heard), key.reach, [own.id("pod_id")])
            assert socket.sent.empty()
