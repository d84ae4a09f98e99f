"""What waits for somebody ends when he goes, and nothing else does."""

import asyncio

import pytest

from postroom.mcp.peer import Peer, PeerGone


async def _slow() -> str:
    try:
        return await asyncio.Event().wait() and "told"
    except asyncio.CancelledError:
        await asyncio.sleep(0)  # it puts things right before it ends
        raise


async def test_a_call_ends_when_its_peer_goes_however_often_that_is_told() -> None:
    peer = Peer({})
    calls = [asyncio.create_task(peer.while_there(_slow)) for _ in range(2)]
    await asyncio.sleep(0)
    for _ in range(3):
        peer.leave()
        await asyncio.sleep(0)
    assert [type(each) for each in await asyncio.gather(*calls, return_exceptions=True)] == [PeerGone] * 2
    with pytest.raises(PeerGone):
        await peer.while_there(_slow)


async def test_a_time_limit_of_the_call_itself_is_its_own_error() -> None:
    async def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Peer({}).while_there(late)


async def test_who_has_gone_after_the_answer_ends_nothing() -> None:
    async def quick() -> str:
        return "told"

    peer = Peer({})
    assert await peer.while_there(quick) == "told"
    peer.leave()
