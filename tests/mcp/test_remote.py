"""Whoever holds a stream open hears of the end of the server; which requests are answered without a stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from postroom.mcp.face import Face
from postroom.mcp.remote import Receive, RemoteServer, Send, _PlainAnswers
from postroom.mcp.remote import Scope as AsgiScope
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed

PLAIN_ANSWERS = _PlainAnswers()
GONE = {"type": "http.disconnect"}


@contextlib.asynccontextmanager
async def _remote(house: Bed) -> AsyncIterator[RemoteServer]:
    face = Face(desk=house.desk, hub=house.house.hub, links=house.house.links, actor=None)
    yield RemoteServer(face, public_url="http://127.0.0.1:1", max_body=1000, keys=KeyRing(house.desk, lambda: 0))


async def _never() -> Any:
    await asyncio.Event().wait()


async def _body() -> Any:
    return {"type": "http.request", "body": b"x", "more_body": False}


async def test_all_that_wait_for_their_peer_are_told_that_it_is_gone_when_the_server_ends(house: Bed) -> None:
    async with _remote(house) as remote:
        waiting = [asyncio.ensure_future(remote._received(_never)) for _ in range(3)]
        await asyncio.sleep(0)
        remote.end_streams()
        remote.end_streams()
        assert await asyncio.gather(*waiting) == [GONE] * 3
        assert not remote._waiting


@pytest.mark.parametrize("receive", [_never, _body])
async def test_after_the_end_everybody_is_told_at_once(house: Bed, receive: Receive) -> None:
    async with _remote(house) as remote:
        assert await remote._received(_body) == await _body()
        remote.end_streams()
        assert await remote._received(receive) == GONE


async def test_a_request_that_is_given_up_while_it_waits_ends_as_cancelled_and_is_forgotten(house: Bed) -> None:
    async with _remote(house) as remote:
        waiting = asyncio.ensure_future(remote._received(_never))
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


@pytest.mark.parametrize(
    ("chunks", "plain"),
    [
        ([_chunk(CALL)], True),
        ([_chunk(CALL), GONE], True),
        ([_chunk(CALL.replace(b"list_messages", b"wait_for_message"))], False),
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
        await remote.app({"type": "http", "headers": [(b"host", b"127.0.0.1")]}, receive, send)
    assert found == [plain]


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
            await remote.app({"type": "http", "headers": [(b"host", b"127.0.0.1")]}, receive, send)
    assert found == [False, True] * 2
