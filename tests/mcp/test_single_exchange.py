"""A call that reads is answered in its exchange as the SDK would answer it: for an older client byte for byte."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from itertools import count
from time import monotonic
from typing import Any

import httpx
import pytest
from mcp.server._streamable_http_modern import handle_modern_request
from mcp.server.streamable_http import StreamableHTTPServerTransport

from postroom.mcp.face import Face
from postroom.mcp.remote import RemoteServer
from postroom.mcp.single_exchange import FRESH_S
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed

_NEWER = "2026-07-28"
_CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_inboxes"}}'
_HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "older", "version": "1"}}


class Older:
    """A client of the older era; `sessions` counts what went through its session."""

    def __init__(self, client: httpx.AsyncClient, sessions: list[str]) -> None:
        self.client = client
        self.sessions = sessions
        self.headers = {"mcp-protocol-version": "2025-11-25", "content-type": "application/json"}

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/mcp", content=content, headers={**self.headers, **headers})

    async def call(self, tool: str, arguments: Any = None, meta: Any = None, **headers: str) -> httpx.Response:
        params = {"name": tool, "arguments": arguments} | ({} if meta is None else {"_meta": meta})
        return await self.post({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": params}, **headers)

    async def in_exchange(self, tool: str, arguments: Any = None, **headers: str) -> httpx.Response:
        """Call a tool, and see that no session was asked."""
        self.sessions.clear()
        answer = await self.call(tool, arguments, **headers)
        assert self.sessions == []
        return answer


@contextlib.asynccontextmanager
async def _remote(house: Bed) -> AsyncIterator[RemoteServer]:
    face = Face(desk=house.desk, hub=house.house.hub, links=house.house.links, actor=None)
    mounted = RemoteServer(
        face, public_url="http://127.0.0.1:1", max_body=100_000, keys=KeyRing(house.desk, count().__next__)
    )
    await mounted._server.learn()
    async with asyncio.timeout(20), mounted.lifespan():
        yield mounted


def _in_one_piece(remote: RemoteServer) -> Any:
    """Return the app with bodies as uvicorn hands on small ones: the client of the tests hands on each in two."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def whole() -> Any:
            message = await receive()
            while message.get("more_body", False):
                more = await receive()
                message = {**more, "body": message["body"] + more["body"]}
            return message

        await remote.app(scope, whole, send)

    return app


@contextlib.asynccontextmanager
async def _connected(remote: RemoteServer, key: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Older]:
    """Connect, and make the first call, by which the session is known."""
    sessions: list[str] = []
    handle = StreamableHTTPServerTransport.handle_request

    async def counted(transport: Any, scope: Any, receive: Any, send: Any) -> None:
        sessions.append(scope["method"])
        await handle(transport, scope, receive, send)

    monkeypatch.setattr(StreamableHTTPServerTransport, "handle_request", counted)
    headers = {"authorization": f"Bearer {key}", "accept": "application/json, text/event-stream"}
    carrier = httpx.ASGITransport(_in_one_piece(remote))
    async with httpx.AsyncClient(transport=carrier, base_url="http://127.0.0.1", headers=headers) as client:
        older = Older(client, sessions)
        hello = await older.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _HELLO})
        older.headers["mcp-session-id"] = hello.headers["mcp-session-id"]
        await older.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        sessions.clear()
        assert (await older.call("list_inboxes")).status_code == 200
        assert sessions == ["POST"]
        yield older


@contextlib.asynccontextmanager
async def _older(house: Bed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Older]:
    key = (await house.call("keys.create")).api_key
    async with _remote(house) as remote, _connected(remote, key, monkeypatch) as older:
        yield older


async def _in_pieces(
    remote: RemoteServer, older: Older, pieces: AsyncIterator[bytes], **headers: str
) -> httpx.Response:
    """Send a body of the client as it comes, piece by piece."""
    carrier = httpx.ASGITransport(remote.app)
    async with httpx.AsyncClient(transport=carrier, base_url="http://127.0.0.1") as client:
        given = {**older.client.headers, **older.headers, **headers}
        return await client.post("/mcp", content=pieces, headers=given)


def _later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = monotonic
    monkeypatch.setattr("postroom.mcp.single_exchange.monotonic", lambda: now() + seconds)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_inboxes", None),
        ("list_inboxes", {}),
        ("list_inboxes", {"limit": "many"}),
        ("list_inboxes", {"limt": 1}),
        ("list_inboxes", ["limit"]),
        ("list_inboxes", "limit"),
        ("list_messages", {"inbox_id": "agent@postroom.localhost"}),
        ("list_messages", {"inbox_id": "nobody@postroom.localhost"}),
        ("list_threads", {"inboxId": "agent@postroom.localhost"}),
        ("whoami", {}),
    ],
)
async def test_an_answer_is_the_one_of_the_session_byte_for_byte(
    house: Bed, tool: str, arguments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        inbox = await house.inbox("agent")
        await house.send(inbox.address, "ann@example.com")
        here = await older.in_exchange(tool, arguments)
        _later(monkeypatch, FRESH_S + 1)
        there = await older.call(tool, arguments)
        assert older.sessions == ["POST"]
        assert (here.status_code, here.content) == (there.status_code, there.content)
        same = ("content-type", "content-length", "mcp-session-id")
        assert [here.headers[name] for name in same] == [there.headers[name] for name in same]


async def test_a_session_that_is_used_is_shown_to_the_sdk_once_a_minute(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        await older.in_exchange("list_inboxes")
        _later(monkeypatch, FRESH_S + 1)
        for sessions in (["POST"], ["POST"]):
            await older.call("list_inboxes")
            assert older.sessions == sessions


@pytest.mark.parametrize(
    ("tool", "arguments", "more"),
    [
        ("create_inbox", {"username": "new"}, {}),  # changes something: may be cancelled
        ("wait_for_message", {"inbox_id": "nobody@example.com"}, {}),
        ("no_such_tool", {}, {}),
        ("list_inboxes", {}, {"meta": {"progressToken": 1}}),
        ("list_inboxes", {}, {"meta": [1]}),
        ("list_inboxes", {}, {"x-mcp-tools": "list_inboxes"}),
        ("list_inboxes", {}, {"accept": "text/event-stream, */*"}),
        ("list_inboxes", {}, {"content-type": "application/json; charset=utf-8"}),
    ],
)
async def test_what_is_more_than_a_reading_goes_through_the_session(
    house: Bed, tool: str, arguments: Any, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        older.sessions.clear()
        assert (await older.call(tool, arguments, **more)).status_code == 200
        assert older.sessions == ["POST"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'[{"jsonrpc":"2.0"}]', b'{"jsonrpc":"2.0","id":{}}', b"\xff"])
async def test_what_is_no_call_is_refused_in_words_of_the_session(
    house: Bed, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        older.sessions.clear()
        assert (await older.post(body)).status_code == 400
        assert older.sessions == ["POST"]


async def test_headers_that_make_the_tools_fewer_hold_in_a_session_that_is_known(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        answer = await older.call("list_inboxes", {}, **{"x-mcp-exclude-tools": "list_inboxes"})
        assert answer.json()["result"]["isError"]
        assert "not offered" in answer.text


async def test_a_session_is_of_the_key_that_opened_it(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _older(house, monkeypatch) as older:
        other = (await house.call("keys.create")).api_key
        answer = await older.call("list_inboxes", {}, authorization=f"Bearer {other}")
        assert answer.status_code == 404
        assert (await older.call("list_inboxes", {}, authorization="Bearer nobody")).status_code == 401


async def test_a_key_that_ends_ends_its_calls(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _older(house, monkeypatch) as older:
        await older.in_exchange("list_inboxes")
        for (key,) in house.rows("SELECT id FROM api_key"):
            await house.call("keys.delete", api_key_id=key)
        assert (await older.call("list_inboxes")).status_code == 401


async def test_a_session_that_its_client_ended_is_known_no_more(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _older(house, monkeypatch) as older:
        ended = await older.client.delete("/mcp", headers=older.headers)
        assert ended.status_code == 200
        assert (await older.call("list_inboxes")).status_code == 404


async def test_a_call_that_is_met_while_its_session_ends_does_not_keep_it(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        handle = StreamableHTTPServerTransport.handle_request

        async def late(transport: Any, scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "DELETE":
                assert (await older.call("list_inboxes", {}, **{"x-mcp-readonly": "no"})).status_code == 200
            await handle(transport, scope, receive, send)

        monkeypatch.setattr(StreamableHTTPServerTransport, "handle_request", late)
        assert (await older.client.delete("/mcp", headers=older.headers)).status_code == 200
        assert (await older.call("list_inboxes")).status_code == 404


async def test_a_session_that_ends_while_its_client_is_slow_answers_no_more(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await house.call("keys.create")).api_key
    async with _remote(house) as remote, _connected(remote, key, monkeypatch) as older:

        async def slowly() -> AsyncIterator[bytes]:
            yield _CALL[:20]
            assert (await older.client.delete("/mcp", headers=older.headers)).status_code == 200
            yield _CALL[20:]

        assert (await _in_pieces(remote, older, slowly())).status_code == 404


async def test_a_client_that_says_once_more_what_it_can_do_is_looked_at_anew(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        await older.in_exchange("list_inboxes")
        assert (await older.post({"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": _HELLO})).is_success
        older.sessions.clear()
        await older.call("list_inboxes")
        assert older.sessions == ["POST"]


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("authorization", "Bearer nobody", 401),
        ("mcp-session-id", "nobody", 404),
        ("mcp-protocol-version", _NEWER, 400),
        ("accept", "text/html", 406),
        ("content-type", "text/plain", 400),
    ],
)
async def test_of_a_header_that_stands_twice_the_first_counts(
    house: Bed, name: str, value: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _older(house, monkeypatch) as older:
        fields = [(name, value), *{**older.client.headers, **older.headers}.items()]
        assert (await older.client.post("/mcp", content=_CALL, headers=fields)).status_code == status


@pytest.mark.parametrize("accepted", ["application/jsonx", "x-application/json", "text/plain;as=application/json"])
async def test_who_takes_no_json_is_given_none(house: Bed, accepted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _older(house, monkeypatch) as older:
        assert (await older.call("list_inboxes", {}, accept=f"{accepted}, text/event-stream")).status_code == 406


async def test_a_call_that_says_that_it_is_too_long_is_refused_before_it_comes(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await house.call("keys.create")).api_key
    async with _remote(house) as remote, _connected(remote, key, monkeypatch) as older:

        async def never() -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            yield b""

        answer = await _in_pieces(remote, older, never(), **{"content-length": "99999999999"})
        assert answer.status_code == 413


async def test_sessions_that_are_not_used_are_forgotten(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    key = (await house.call("keys.create")).api_key
    async with _remote(house) as remote:
        known = remote._exchange._known
        async with _connected(remote, key, monkeypatch), _connected(remote, key, monkeypatch):
            assert len(known) == 2
        _later(monkeypatch, FRESH_S + 1)
        async with _connected(remote, key, monkeypatch):
            assert len(known) == 1


async def test_a_fault_of_ours_is_told_without_its_words(
    house: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with _older(house, monkeypatch) as older:

        def broken(*_given: Any) -> Any:
            raise RuntimeError("secret")

        monkeypatch.setattr("postroom.mcp.server.peer_of", broken)
        answer = await older.in_exchange("list_inboxes", {"limit": 1})
        assert answer.status_code == 200
        assert answer.json()["error"]["message"] == "Internal server error"
        assert "secret" not in answer.text
        assert "secret" in caplog.text


async def test_the_rate_of_a_key_counts_every_call_in_an_exchange(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _older(house, monkeypatch) as older:
        rates = house.desk.rates
        taken: list[Any] = []
        take = rates.take

        def counted(actor: Any) -> Any:
            taken.append(actor)
            return take(actor)

        rates.take = counted  # type: ignore[method-assign]
        await older.in_exchange("list_inboxes")
        assert len(taken) == 1


@pytest.mark.parametrize(("size", "sessions"), [(65_000, []), (70_000, ["POST"])])
async def test_a_call_in_pieces_is_put_together_unless_it_is_too_long_for_a_reading(
    house: Bed, monkeypatch: pytest.MonkeyPatch, size: int, sessions: list[str]
) -> None:
    key = (await house.call("keys.create")).api_key
    async with _remote(house) as remote, _connected(remote, key, monkeypatch) as older:
        at = _CALL.index(b'"method"')
        pieces = [_CALL[:9], _CALL[9:at], b"", b" " * (size - len(_CALL)), _CALL[at:]]

        async def content() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        older.sessions.clear()
        answer = await _in_pieces(remote, older, content())
        assert answer.status_code == 200
        assert '"isError":false' in answer.text
        assert older.sessions == sessions


class Newer:
    """A client of the newer era; `sdk` counts what the SDK was asked."""

    def __init__(self, client: httpx.AsyncClient, sdk: list[str]) -> None:
        self.client = client
        self.sdk = sdk

    async def call(
        self, tool: str, arguments: Any = None, meta: Any = None, twice: Any = (), **headers: str
    ) -> httpx.Response:
        about = {"protocolVersion": _NEWER, "clientInfo": {"name": "newer", "version": "1"}, "clientCapabilities": {}}
        given = {f"io.modelcontextprotocol/{name}": value for name, value in about.items()} | (meta or {})
        params = {"name": tool, "arguments": arguments, "_meta": given}
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).encode()
        fields = {"content-type": "application/json", "mcp-protocol-version": _NEWER, "mcp-method": "tools/call"}
        sent = [*{**fields, "mcp-name": tool, **headers}.items(), *twice]
        return await self.client.post("/mcp", content=body, headers=sent)


@contextlib.asynccontextmanager
async def _newer(house: Bed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Newer]:
    """Connect, and make the first call, which the SDK answers."""
    sdk: list[str] = []

    async def counted(*given: Any) -> None:
        sdk.append("POST")
        await handle_modern_request(*given)

    monkeypatch.setattr("mcp.server.streamable_http_manager.handle_modern_request", counted)
    key = (await house.call("keys.create")).api_key
    headers = {"authorization": f"Bearer {key}", "accept": "application/json, text/event-stream"}
    async with _remote(house) as remote:
        carrier = httpx.ASGITransport(_in_one_piece(remote))
        async with httpx.AsyncClient(transport=carrier, base_url="http://127.0.0.1", headers=headers) as client:
            newer = Newer(client, sdk)
            assert (await newer.call("list_inboxes")).status_code == 200
            assert sdk == ["POST"]
            yield newer


@pytest.mark.parametrize(
    ("tool", "arguments", "status"),
    [
        ("list_inboxes", {}, 200),
        ("list_inboxes", {"limt": 1}, 200),
        ("list_inboxes", ["limit"], 400),
        ("list_messages", {"inbox_id": "agent@postroom.localhost"}, 200),
        ("list_messages", {"inbox_id": "nobody@postroom.localhost"}, 200),
        ("whoami", {}, 200),
    ],
)
async def test_a_newer_client_is_answered_as_the_sdk_answers_it(
    house: Bed, tool: str, arguments: Any, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _newer(house, monkeypatch) as newer:
        inbox = await house.inbox("agent")
        await house.send(inbox.address, "ann@example.com", subject="Grüße")
        newer.sdk.clear()
        here = await newer.call(tool, arguments)
        assert newer.sdk == []
        there = await newer.call(tool, arguments, **{"content-type": "application/json; charset=utf-8"})
        assert newer.sdk == ["POST"]
        assert (here.status_code, here.json()) == (there.status_code, there.json())
        assert (here.status_code, list(here.json())) == (status, list(there.json()))
        assert here.headers["content-type"] == there.headers["content-type"]
        assert "mcp-session-id" not in here.headers


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"mcp-name": "whoami"}, 400),  # it says another tool than the body
        ({"mcp-method": "tools/list"}, 400),
        ({"mcp-param-limit": "1"}, 200),
        ({"mcp-protocol-version": "2099-01-01"}, 400),
        ({"meta": {"io.modelcontextprotocol/protocolVersion": "2025-11-25"}}, 400),
        ({"meta": {"progressToken": 1}}, 200),
        ({"x-mcp-readonly": "yes"}, 200),
    ],
)
async def test_what_the_sdk_has_to_look_at_it_sees(
    house: Bed, more: dict[str, Any], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _newer(house, monkeypatch) as newer:
        newer.sdk.clear()
        assert (await newer.call("list_inboxes", {"limit": 1}, **more)).status_code == status
        assert newer.sdk == ["POST"]


async def test_a_routing_header_that_stands_twice_is_refused(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _newer(house, monkeypatch) as newer:
        newer.sdk.clear()
        answer = await newer.call("list_inboxes", {}, twice=[("mcp-name", "list_inboxes")])
        assert answer.status_code == 400
        assert newer.sdk == ["POST"]
