"""Whoever holds a stream open hears of the end of the server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from postroom.mcp.face import Face
from postroom.mcp.remote import Receive, RemoteServer
from tests.fakes.bed import Bed

GONE = {"type": "http.disconnect"}


@contextlib.asynccontextmanager
async def _remote(house: Bed) -> AsyncIterator[RemoteServer]:
    face = Face(desk=house.desk, hub=house.house.hub, links=house.house.links, actor=None)
    yield RemoteServer(face, public_url="http://127.0.0.1:1", max_body=1000, version=lambda: 0)


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
