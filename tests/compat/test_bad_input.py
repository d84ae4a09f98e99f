"""What is wrong at /v0 is told as such: a 4xx with name, code, message and fix; a 400 says where as well."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest

from postroom.http.agentmail import openapi
from postroom.http.agentmail.app import PREFIX, ROUTES, AgentMail
from postroom.http.json_body import object_of
from postroom.model.errors import InvalidInput
from postroom.service.keyring import KeyRing
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.official import owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

BOX = f"/v0/inboxes/agent@{DOMAIN}"
JSON = {"content-type": "application/json"}


def refused(answer: httpx.Response, status: int = 400, *where: str | int) -> dict[str, Any]:
    """Check that an answer is an error that says what to do, and return it."""
    assert answer.status_code == status, (answer.request.url, answer.text[:500])
    body: dict[str, Any] = answer.json()
    assert all(body[name] and isinstance(body[name], str) for name in ("name", "code", "message", "fix")), body
    assert len(answer.content) < 10_000
    if status == 400:
        assert body["errors"]
        assert all(isinstance(p["path"], list) and p["message"] for p in body["errors"])
        if where:
            assert [*where] in [p["path"] for p in body["errors"]], body["errors"]
    return body


@pytest.mark.promise("errors.invalid-page-token")
async def test_a_page_token_of_another_list_or_of_none_is_refused(house: Bed) -> None:
    await house.inbox()
    await house.inbox("second")
    async with wire(house, await owner_key(house)) as client:
        token = (await client.get("/v0/inboxes", params={"limit": 1})).json()["next_page_token"]
        lists = ("/v0/pods", "/v0/threads", f"{BOX}/messages", "/v0/webhooks", "/v0/domains", f"{BOX}/events")
        for path in (*lists, "/v0/drafts", "/v0/lists/send/block", "/v0/api-keys"):
            for wrong in (token, token[:-3], "x", "%", "é", "W10", "A" * 50_000):
                refused(await client.get(path, params={"page_token": wrong}), 400, "page_token")
        for wrong in (token[:-3], "null", "W10"):
            refused(await client.get("/v0/inboxes", params={"page_token": wrong}), 400, "page_token")


@pytest.mark.promise("pages.limit-1-to-100")
async def test_a_limit_that_is_none_is_refused(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        for path in ("/v0/inboxes", f"{BOX}/messages", "/v0/threads", "/v0/drafts", "/v0/metrics/events"):
            for wrong in ("0", "-1", "1000000000", "abc", "1.5", "²", "9" * 5000, "NaN"):
                refused(await client.get(path, params={"limit": wrong}), 400, "limit")


async def test_a_wrong_date_is_refused_and_says_the_form(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        for wrong in ("yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "99999-01-01T00:00:00Z"):
            found = refused(await client.get(f"{BOX}/messages", params={"before": wrong}), 400, "before")
            assert "RFC 3339" in found["message"]
        refused(await client.post(f"{BOX}/drafts", json={"send_at": "soon"}), 400, "send_at")
        refused(await client.get("/v0/metrics/events", params={"start": "soon"}), 400, "start")


async def test_a_wrong_label_or_address_is_refused(house: Bed) -> None:
    await house.inbox()
    got = await house.receive(mail())
    async with wire(house, await owner_key(house)) as client:
        one = f"{BOX}/messages/{got.message_id}"
        for wrong in ("sent", "", "x" * 101, "a\nb", 7, {"a": 1}):
            refused(await client.patch(one, json={"add_labels": [wrong]}))
        for wrong in ("nobody", "@", "a@", "@b", "a@b\r\nBcc: c@d", "a b@c d", 7):
            refused(await client.post(f"{BOX}/messages/send", json={"to": [wrong], "text": "t"}))
        for wrong in ("nobody at all", "@", "a@b@c", " "):
            refused(await client.post("/v0/lists/send/block", json={"entry": wrong}))


async def test_an_unknown_direction_or_type_of_list_is_refused(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        refused(await client.get("/v0/lists/up/block"), 400, "direction")
        refused(await client.get("/v0/lists/send/grey"), 400, "type")
        refused(await client.post("/v0/lists/send/grey", json={"entry": "a.example"}), 400, "type")
        refused(await client.get("/v0/metrics/events", params={"event_types": "message.eaten"}))
        refused(await client.get("/v0/api-keys", params={"type": "golden"}), 400, "type")


BODIES = {
    "not JSON": b"{",
    "text": b'"x"',
    "an array": b"[]",
    "null": b"null",
    "10,000 deep": b'{"metadata":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    "1,000 deep": b'{"metadata":' + b'{"a":' * 1_000 + b"1" + b"}" * 1_001,
    "an array 10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "NaN": b'{"metadata":{"a":NaN}}',
    "Infinity": b'{"metadata":{"a":Infinity}}',
    "a number without end": b'{"metadata":{"a":1e999}}',
    "a name twice": b'{"username":"a","username":"b"}',
    "a name twice inside": b'{"metadata":{"a":1,"a":2}}',
    "no UTF-8": b'{"username":"\xff\xfe"}',
    "half a surrogate pair": b'{"display_name":"\\ud800"}',
    "half a surrogate pair as bytes": b'{"display_name":"\xed\xa0\x80"}',
    "NUL": b'{"display_name":"a\\u0000b"}',
    "NUL as a byte": b'{"display_name":"a\x00b"}',
    "NUL in a name": b'{"a\\u0000b":1}',
    "UTF-16": '{"username":"a"}'.encode("utf-16"),
    "an unknown field": b'{"user_name":"a"}',
    "a comment": b'{"username":"a"} // a',
}


@pytest.mark.parametrize("what", BODIES)
async def test_a_body_that_is_no_plain_object_is_refused(house: Bed, what: str) -> None:
    async with wire(house, await owner_key(house)) as client:
        refused(await client.post("/v0/inboxes", content=BODIES[what], headers=JSON))
        assert (await client.get("/v0/inboxes")).json()["count"] == 0


def test_a_text_that_speaks_of_nul_has_none() -> None:
    assert object_of(b'{"text":"\\\\u0000","deep":[{"a":["x"]}]}')["text"] == "\\u0000"
    for wrong in (b'{"a":["x",{"b":"\\u0000"}]}', b'{"a":{"\\u0000":1}}'):
        with pytest.raises(InvalidInput):
            object_of(wrong)


async def test_a_permission_that_is_a_list_or_an_object_is_refused(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        wrongs: list[Any] = [
            [["message_read"]],
            [{}],
            [None],
            [1],
            "message_read",
            {"message_read": 1},
            {"message_read": []},
        ]
        for wrong in wrongs:
            refused(await client.post("/v0/api-keys", json={"permissions": wrong}))


async def test_a_moment_that_no_calendar_has_is_refused(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        wrongs: list[Any] = [2**62, 2**61, -(2**61), 2**80, 1e300, 253_402_300_800_000, "0001-01-01T00:00:00+14:00", {}]
        for wrong in wrongs:
            refused(await client.post("/v0/api-keys", json={"expires_at": wrong}), 400, "expires_at")
            refused(await client.post(f"{BOX}/drafts", json={"send_at": wrong}), 400, "send_at")


async def test_an_unknown_field_names_the_near_one(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        found = refused(await client.post("/v0/inboxes", json={"user_name": "a"}), 400, "user_name")
        assert "'username'" in found["message"]


def _texts(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each field of a body that takes text, with a NUL in it in every form that it takes."""
    for name, field in schema["properties"].items():
        for one in field.get("anyOf", [field]):
            if "$ref" in one or "enum" in one:
                continue
            if one.get("type") == "string":
                yield name, "a\0b"
            elif one.get("type") == "array" and (item := one.get("items", {})):
                model = components.get(item.get("$ref", "").rsplit("/", 1)[-1], {})
                yield from ((name, [{inner: "a\0b"}]) for inner in model.get("properties", ()))
                if not model:
                    yield name, ["a\0b"]
            elif one.get("type") == "object":
                yield from ((name, given) for given in ({"a\0b": "x"}, {"a": "a\0b"}))


async def test_nul_in_any_text_of_any_body_is_refused_with_its_place(house: Bed) -> None:
    document = openapi.document(PREFIX, ROUTES)
    checked = 0
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if "{pod_id}" in path or "requestBody" not in operation:
                    continue
                (content,) = operation["requestBody"]["content"].values()
                at = path.replace("{inbox_id}", f"agent@{DOMAIN}")
                at = at.replace("{direction}/{type}", "send/block").replace("{", "").replace("}", "")
                for name, given in _texts(content["schema"], document["components"]["schemas"]):
                    refused(await client.request(method, at, json={name: given}), 400, name)
                    checked += 1
    assert checked > 100


async def test_nul_in_a_path_names_nothing_and_in_a_query_is_refused(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        for path in ("/v0/inboxes/a%00b", f"{BOX}/messages/%00", "/v0/threads/%00", "/v0/webhooks/%00", "/v0/pods/%00"):
            refused(await client.get(path), 404)
        refused(await client.get("/v0/domains/%00"), 404)
        refused(await client.get("/v0/lists/send/block/%00"), 404)
        for name in ("labels", "from", "subject", "page_token", "before", "limit"):
            refused(await client.get(f"{BOX}/messages?{name}=a%00b"), 400, name)
        refused(await client.get("/v0/inboxes/search?q=ab%00"), 400, "q")


async def test_an_encoded_slash_ends_no_step_of_a_path(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        for path in ("/v0/inboxes/a%2Fmessages", "/v0/threads/a%2Fb", "/v0/pods/%2E%2E%2Finboxes", "/v0%2Finboxes"):
            refused(await client.get(path), 404)
        refused(await client.get(f"{BOX}/messages/%3Ca%2Fb%40c%3E"), 404)
        refused(await client.get(f"{BOX}/messages/%ff%fe"), 404)


async def test_a_very_long_path_or_query_is_answered_briefly(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        for path in ("/v0/inboxes/", "/v0/threads/", "/v0/pods/", f"{BOX}/messages/", "/v0/webhooks/", "/v0/nothing/"):
            refused(await client.get(path + "a" * 60_000), 404)
            refused(await client.get(path + "a/" * 30_000 + "b"), 404)
        refused(await client.get("/v0/inboxes?" + "&".join(f"a{n}=1" for n in range(201))))
        refused(await client.get("/v0/inboxes/search?q=" + "a" * 60_000), 400, "q")
        refused(await client.get(f"/v0/inboxes?limit={'1' * 60_000}"), 400, "limit")


async def test_an_unknown_parameter_is_ignored_and_a_filter_of_another_list_refused(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        plain = (await client.get(f"{BOX}/messages")).json()
        assert (await client.get(f"{BOX}/messages?colour=red&utm_source=x&_=1")).json() == plain
        refused(await client.get(f"{BOX}/messages", params={"senders": "bob"}), 400, "senders")


async def test_a_path_that_is_none_is_not_there_and_a_method_that_is_none_is_told_the_others(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        refused(await client.get("/v0/nothing"), 404)
        answer = await client.put("/v0/inboxes", json={})
        refused(answer, 405)
        assert answer.headers["allow"] == "GET, POST"


# Too large a body: said before it is read through.

LIMIT = 1_000
PIECE = b"x" * 400


def _small(house: Bed) -> AgentMail:
    links = Links(Secret.load(house.home / "secret.key", None), lambda: "http://mail.test", house.now)
    return AgentMail(house.desk, KeyRing(house.desk, iter(range(10**9)).__next__), links, LIMIT)


class _Upload:
    """A body in pieces, of which it is known how many were taken."""

    def __init__(self, pieces: int) -> None:
        self.taken = 0
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._pieces):
            self.taken += 1
            yield PIECE


async def _post(house: Bed, upload: _Upload, headers: Mapping[str, str]) -> httpx.Response:
    """Post a body in pieces, as a server hands them on: one when it is asked for."""
    key, sent, pieces = await owner_key(house), [], aiter(upload)

    async def receive() -> dict[str, Any]:
        piece = await anext(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"authorization": f"Bearer {key}", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v0/inboxes",
        "raw_path": b"/v0/inboxes",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }
    await _small(house)(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return httpx.Response(sent[0]["status"], content=content, request=httpx.Request("POST", "http://mail.test"))


@pytest.mark.parametrize("length", [str(LIMIT + 1), "9" * 30, "9" * 5_000])
async def test_a_body_that_says_it_is_too_large_is_refused_unread(house: Bed, length: str) -> None:
    upload = _Upload(1_000)
    assert refused(await _post(house, upload, {"content-length": length}), 413)["code"] == "too_large"
    assert upload.taken == 0


@pytest.mark.parametrize(
    "headers", [{"transfer-encoding": "chunked"}, {"content-length": "10"}, {"content-length": "²"}]
)
async def test_a_body_that_hides_its_size_is_refused_at_the_limit(house: Bed, headers: Mapping[str, str]) -> None:
    upload = _Upload(1_000)
    refused(await _post(house, upload, headers), 413)
    assert upload.taken == 3


@pytest.mark.promise("errors.envelope")
async def test_an_error_of_every_kind_says_what_to_do(house: Bed) -> None:
    await house.inbox()
    key = await owner_key(house, permissions=["inbox_read"])
    async with wire(house, key) as client:
        refused(await client.get(f"{BOX}/messages"), 403)
        refused(await client.get("/v0/inboxes", headers={"authorization": "Basic x"}), 401)
        refused(await client.get("/v0/inboxes", headers=[(b"authorization", b"Bearer \xe9")]), 401)
    async with wire(house, await owner_key(house)) as client:
        refused(await client.post("/v0/inboxes", json={"username": "agent"}), 422)
        refused(await client.post(f"{BOX}/messages/send", json={"text": "t"}), 422)
        assert json.loads((await client.post("/v0/organizations/labs")).content)["fix"]
