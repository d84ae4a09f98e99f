"""The limits: what happens at each one, and that it is not reached before."""

import asyncio
from pathlib import Path

import pytest

from postroom.mta.inbound import InboundLimits
from postroom.mta.limits import Connections, client_address
from tests.mta.dialogue import BEGIN, TO_DATA
from tests.mta.reception import running


def test_a_recipient_over_the_limit_is_for_the_next_message(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(recipients=2, commands=6, errors=0)) as it:
            peer = await it.play(BEGIN + ">> MAIL FROM:<>\n<< 250")
            await peer.play(">> RCPT TO:<agent1@here.test>\n<< 250\n>> RCPT TO:<agent2@here.test>\n<< 250")
            await peer.play(">> RCPT TO:<agent3@here.test>\n<< 452 4.5.3\n>> DATA\n<< 354\n>> x\n>> .\n<< 250")
            assert it.reception.kept[0].recipients == ("agent1@here.test", "agent2@here.test")

    asyncio.run(run())


def test_errors_over_the_limit_end_the_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(errors=2)) as it:
            peer = await it.play(BEGIN + ">> XX\n<< 500\n>> XX\n<< 500\n" + TO_DATA + ">> x\n>> .\n<< 250")
            await peer.play(">> XX\n>> XX\n>> XX\n>> XX\n<< 500\n<< 500\n<< 500\n<< 421 4.7.0\n<< EOF")

    asyncio.run(run())


def test_commands_over_the_limit_end_the_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(commands=4)) as it:
            peer = await it.play(BEGIN + TO_DATA + ">> x\n>> .\n<< 250\n" + ">> NOOP\n<< 250\n" * 4)
            await peer.play(">> NOOP\n<< 421 4.7.0\n<< EOF")

    asyncio.run(run())


def test_a_connection_over_the_limit_is_turned_away_and_a_closed_one_makes_room(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(connections=2, per_client=1)) as it:
            await it.play(BEGIN)
            two = await it.play(BEGIN)
            await it.play("<< 421 4.7.0\n<< EOF")
            two.close()
            await it.down_to(1)
            await it.play(BEGIN)

    asyncio.run(run())


def test_a_message_over_the_size_is_read_to_its_end_and_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(message_bytes=100_000)) as it:
            peer = await it.play(BEGIN + TO_DATA)
            await peer.say(b"0123456789\r\n" * 50_000 + b".\r\nNOOP\r\n")
            await peer.play("<< 552 5.3.4\n<< 250 2.0.0")
            assert it.spooled() == []

    asyncio.run(run())


@pytest.mark.parametrize("before", ["", BEGIN, BEGIN + TO_DATA])
def test_a_silent_peer_is_told_and_closed(tmp_path: Path, before: str) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(idle_seconds=0.5)) as it:
            peer = await it.play(before or "<< 220")
            await peer.play("<< 421 4.4.2\n<< EOF")

    asyncio.run(run())


def test_a_peer_that_trickles_has_the_time_of_a_message_and_no_more(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(idle_seconds=0.5, message_seconds=1.0)) as it:
            begun = asyncio.get_running_loop().time()
            peer = await it.play(BEGIN + TO_DATA)
            hearing = asyncio.create_task(peer.hear("421 4.4.2"))
            while not hearing.done():
                peer.writer.write(b"x\r\n")
                await asyncio.wait([hearing], timeout=0.02)
            await hearing
            assert asyncio.get_running_loop().time() - begun >= 1.0
            peer.abort()
            await it.quiet()
            assert it.reception.kept == []

    asyncio.run(run())


def test_a_slow_commit_is_not_the_peers_idleness(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(idle_seconds=0.5, message_seconds=0.5)) as it:
            it.reception.may_return.clear()
            peer = await it.play(BEGIN + TO_DATA)
            await peer.say(b"x\r\n.\r\n")
            asyncio.get_running_loop().call_later(1.1, it.reception.may_return.set)
            await peer.hear("250 2.0.0 Ok: kept")

    asyncio.run(run())


def test_a_peer_that_reads_no_reply_is_not_listened_to_for_ever(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, InboundLimits(idle_seconds=0.5, commands=10**9)) as it:
            peer = await it.play(BEGIN)
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            peer.writer.write(b"NOOP\r\n" * 3_000_000)
            await it.quiet()
            peer.abort()

    asyncio.run(run())


def test_clients_are_counted_by_address_and_by_ipv6_network_and_loopback_is_not() -> None:
    connections = Connections(InboundLimits(connections=7, per_client=1))
    assert connections.admit("192.0.2.1")
    assert not connections.admit("192.0.2.1")
    assert connections.admit("2001:db8::1")
    assert not connections.admit("2001:db8::2")
    assert connections.admit("2001:db8:0:1::2")
    assert all(connections.admit(client) for client in ("127.0.0.1", "::1", None))
    connections.leave("192.0.2.1")
    assert connections.admit("192.0.2.1")
    assert connections.admit("127.0.0.1")
    assert not connections.admit("127.0.0.1")


def test_a_peer_name_is_an_address_or_nothing() -> None:
    assert client_address(("::ffff:127.0.0.1", 25, 0, 0)) == "127.0.0.1"
    assert client_address(("fe80::1%eth0", 25, 0, 2)) == "fe80::1"
    assert client_address("") is None
    assert client_address(("", 0)) is None
    assert client_address(None) is None
