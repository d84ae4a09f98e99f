"""Whoever holds a stream open hears of the end of the server; which requests are answered without a stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp.types import INVALID_REQUEST

from postroom.mcp.door import Receive, Send
from postroom.mcp.door import Scope as AsgiScope
from postroom.mcp.face import Face, Hands
from postroom.mcp.remote import RemoteServer, _PlainAnswers
from postroom.mcp.tools import rows
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed

PLAIN_ANSWERS = _PlainAnswers()
REQUEST = {"type": "http", "method": "POST", "path": "/mcp", "headers": [(b"host", b"127.0.0.1")]}
GONE = {"type": "http.disconnect"}


@contextlib.asynccontextmanager
async def _remote(house: Bed) -> AsyncIterator[RemoteServer]:
    face = Face(desk=house.desk, hub=house.house.hub, links=house.house.links, actor=None)
    remote = RemoteServer(face, public_url="http://127.0.0.1:1", max_body=1000, keys=KeyRing(house.desk, lambda: 0))
    await remote._server.learn()
    yield remote


async def _never() -> Any:
    await asyncio.Event().wait()


async def _body() -> Any:
    return {"type": "http.request", "body": b"x", "more_body": False}


async def test_all_that_wait_for_their_peer_are_told_that_it_is_gone_when_the_server_ends(house: Bed) -> None:
    async with _remote(house) as remote:
        waiting = [asyncio.ensure_future(remote._heard(_never)) for _ in range(3)]
        await asyncio.sleep(0)
        remote.end_streams()
        remote.end_streams()
        assert await asyncio.gather(*waiting) == [GONE] * 3
        assert not remote._waiting


@pytest.mark.parametrize("receive", [_never, _body])
async def test_after_the_end_everybody_is_told_at_once(house: Bed, receive: Receive) -> None:
    async with _remote(house) as remote:
        assert await remote._heard(_body) == await _body()
        remote.end_streams()
        assert await remote._heard(receive) == GONE


async def test_a_request_that_is_given_up_while_it_waits_ends_as_cancelled_and_is_forgotten(house: Bed) -> None:
    async with _remote(house) as remote:
        waiting = asyncio.ensure_future(remote._heard(_never))
        await asyncio.sleep(0)
        assert len(remote._waiting) == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not remote._waiting
        remote.end_streams()


def _chunk(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_messages"}}'


SPEAKING = (b"wait_for_message", b"claim_next", b"confirm_send")


@pytest.mark.parametrize(
    ("chunks", "plain"),
    [
        ([_chunk(CALL)], True),
        ([_chunk(CALL), GONE], True),
        ([_chunk(CALL.replace(b'"name":', b'"name" : '))], True),
        ([_chunk(CALL[:-2] + b',"arguments":{"name":"anything"}}}')], True),
        *(([_chunk(CALL.replace(b"list_messages", name))], False) for name in SPEAKING),
        ([_chunk(CALL.replace(b"list_messages", b"no_such_tool"))], False),
        ([_chunk(CALL[:-2] + b',"arguments":{"name":"claim_next"}}}')], False),
        ([_chunk(CALL.replace(b"list_messages", rb"wait_for_\u006dessage"))], False),
        ([_chunk(CALL[:-2] + b',"_meta":{"progressToken":1}}}')], False),
        ([_chunk(CALL.replace(b"tools/call", b"initialize"))], False),
        ([_chunk(CALL[:-2], more=True), _chunk(b"}}")], False),
        ([_chunk(b'{"params":{"name":"wait_for_message"},', more=True), _chunk(CALL[1:])], False),
        ([GONE], False),
        ([{"type": "http.request"}], False),
    ],
)
async def test_only_a_call_that_came_whole_and_says_nothing_before_its_answer_needs_no_stream(
    house: Bed, chunks: list[dict[str, Any]], plain: bool
) -> None:
    coming = iter(chunks)
    found: list[bool] = []

    async def receive() -> Any:
        return next(coming)

    async def protocol(_scope: AsgiScope, heard: Receive, _send: Send) -> None:
        for _each in chunks:
            await heard()
        found.append(bool(PLAIN_ANSWERS))

    async def send(_message: Any) -> None:
        raise AssertionError("nothing is sent")

    async with _remote(house) as remote:
        remote._protocol = protocol  # type: ignore[assignment]
        await remote.app(dict(REQUEST), receive, send)
    assert found == [plain]


def test_the_tools_that_may_speak_before_their_answer_say_so_in_their_rows() -> None:
    assert {row.name.encode() for row in rows(Hands()) if row.speaks} == set(SPEAKING)


async def test_before_the_tools_are_known_every_call_is_given_a_stream(house: Bed) -> None:
    async with _remote(house) as remote:
        remote._server._names = frozenset(), frozenset()
        assert not remote._is_plain(_chunk(CALL))


async def test_a_body_that_is_too_large_is_refused_in_words_of_the_protocol(house: Bed) -> None:
    key = (await house.call("keys.create")).api_key
    async with _remote(house) as remote, remote.lifespan(), _client(remote, key) as client:
        for body in ({"content": b"x" * 1001}, {"content": _pieces()}):
            answer = await client.post("/mcp", headers={"content-type": "application/json"}, **body)
            assert (answer.status_code, answer.headers["content-type"]) == (413, "application/json")
            error = answer.json()["error"]
            assert error["code"] == INVALID_REQUEST
            assert "over 1000 bytes" in error["message"]
            assert "POST /v1/postroom/attachments" in error["message"]


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"x" * 500


async def test_a_request_does_not_inherit_how_the_one_before_on_its_connection_was_answered(house: Bed) -> None:
    found: list[bool] = []

    async def receive() -> Any:
        return _chunk(CALL)

    async def protocol(_scope: AsgiScope, heard: Receive, _send: Send) -> None:
        found.append(bool(PLAIN_ANSWERS))
        await heard()
        found.append(bool(PLAIN_ANSWERS))

    async def send(_message: Any) -> None:
        raise AssertionError("nothing is sent")

    async with _remote(house) as remote:
        remote._protocol = protocol  # type: ignore[assignment]
        for _request in range(2):
            await remote.app(dict(REQUEST), receive, send)
    assert found == [False, True] * 2


_HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "older", "version": "1"}}


async def test_an_older_client_that_never_says_that_it_goes_is_forgotten_with_what_it_follows(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroom.mcp.remote.IDLE_S", 4.0)  # the deadline of the test goes by the same clock
    inbox, loop = await house.inbox(), asyncio.get_running_loop()
    hub = house.house.hub
    made = await house.call("keys.create")
    began, passed = loop.time, [0.0]
    async with _remote(house) as remote, remote.lifespan(), _client(remote, made.api_key) as client:
        head = await _post(client, "initialize", _HELLO)
        session = {"mcp-session-id": head["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        await _post(client, "notifications/initialized", {}, session)
        await _post(client, "resources/subscribe", {"uri": f"inbox://{inbox.address}"}, session)
        await house.until(lambda: not hub.is_empty)
        monkeypatch.setattr(loop, "time", lambda: began() + passed[0])
        passed[0] = 3.0
        await _post(client, "ping", {}, session)
        passed[0] += 3.0
        await asyncio.sleep(0)
        assert not hub.is_empty  # it was asked something meanwhile
        passed[0] += 2.0
        await house.until(lambda: hub.is_empty)
        with pytest.raises(AssertionError, match="404"):
            await _post(client, "ping", {}, session)


def _client(remote: RemoteServer, key: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {key}", "accept": "application/json, text/event-stream"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(remote.app), base_url="http://127.0.0.1", headers=headers)


async def _post(
    client: httpx.AsyncClient, method: str, params: dict[str, Any], session: dict[str, str] | None = None
) -> Any:
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    message |= {} if method.startswith("notifications/") else {"id": 1}
    answer = await client.post("/mcp", json=message, headers=session)
    assert answer.status_code < 300, answer.status_code
    assert '"error"' not in answer.text
    return answer.headers
