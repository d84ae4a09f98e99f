"""The parser beside the loop: inline and in the worker, deadlines, and the end of workers."""

import asyncio
import time
from pathlib import Path

import pytest

from postroom.model.message import Incoming
from postroom.service import parsing
from postroom.service.parsing import Parser

_BIG = b"From: a@example.com\r\nSubject: big\r\n\r\n" + b"hello world\r\n" * 10_000
# Japanese that is as large as a message may be: reading it takes more time or memory than one is given.
_HEAD = b"From: a@example.com\r\nSubject: s\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
_ENDLESS = _HEAD + b"\x1b$B" + b"0!" * 24_000_000


def _incoming(content: bytes | None = None, spool: Path | None = None) -> Incoming:
    size = len(content) if content is not None else spool.stat().st_size if spool else 0
    return Incoming(envelope_from="", recipients=(), content=content, spool=spool, size=size, sha256="")


def test_a_small_message_needs_no_worker(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.write_bytes(b"Subject: file\r\n\r\nx")

    async def run() -> None:
        async with asyncio.timeout(20):
            parser = Parser()
            assert (await parser.parse(_incoming(b"Subject: a\r\n\r\nx"))).subject == "a"
            assert (await parser.parse(_incoming(spool=small))).subject == "file"
            assert not parser._all
            await parser.close()

    asyncio.run(run())


def test_large_messages_are_parsed_by_one_worker_one_after_the_other(tmp_path: Path) -> None:
    spool = tmp_path / "big"
    spool.write_bytes(_BIG)

    async def run() -> None:
        async with asyncio.timeout(40):
            parser = Parser()
            first = await parser.parse(_incoming(_BIG))
            assert (first.subject, first.text) == ("big", "hello world\n" * 10_000)
            others = await asyncio.gather(*[parser.parse(_incoming(spool=spool)) for _ in range(3)])
            assert all(other == first for other in others)
            assert len(parser._all) == 1
            await parser.close()
            assert not parser._all

    asyncio.run(run())


def test_a_message_that_costs_too_much_gives_its_header_and_the_next_one_is_served() -> None:
    async def run() -> None:
        async with asyncio.timeout(50):
            parser = Parser()
            read = await parser.parse(_incoming(_ENDLESS))
            assert (read.subject, read.text, len(read.digest)) == ("s", None, 64)
            assert "time or memory" in (read.parse_error or "")
            assert (await parser.parse(_incoming(_BIG))).parse_error is None
            await parser.close()

    asyncio.run(run())


def test_a_worker_that_exceeds_the_deadline_is_killed(tmp_path: Path) -> None:
    spool = tmp_path / "big"
    spool.write_bytes(_BIG)

    async def run() -> None:
        async with asyncio.timeout(20):
            parser = Parser(deadline=0)
            read = await parser.parse(_incoming(spool=spool))
            assert read.parse_error is not None
            assert (read.subject, parser._count) == ("big", 0)
            await parser.close()

    asyncio.run(run())


def test_a_message_that_waits_too_long_gets_a_second_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "_PATIENCE", 0.0)

    async def run() -> None:
        async with asyncio.timeout(40):
            parser = Parser()
            await asyncio.gather(*[parser.parse(_incoming(_BIG)) for _ in range(4)])
            assert len(parser._all) == 2
            await parser.close()

    asyncio.run(run())


def test_an_idle_worker_ends() -> None:
    async def run() -> None:
        async with asyncio.timeout(20):
            parser = Parser(idle=0)
            await parser.parse(_incoming(_BIG))
            (worker,) = parser._all
            await worker.wait()
            await parser.close()
            assert parser._count == 0

    asyncio.run(run())


def test_a_worker_ends_when_its_input_does() -> None:
    async def run() -> None:
        async with asyncio.timeout(20):
            parser = Parser()
            await parser.parse(_incoming(_BIG))
            (worker,) = parser._all
            assert worker.stdin is not None
            worker.stdin.close()
            assert await worker.wait() == 0
            await parser.close()

    asyncio.run(run())


def test_a_cancelled_parse_leaves_no_worker_busy() -> None:
    async def run() -> None:
        async with asyncio.timeout(40):
            parser = Parser()
            await parser.parse(_incoming(_BIG))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await parser.parse(_incoming(_ENDLESS))
            assert (await parser.parse(_incoming(_BIG))).subject == "big"
            await parser.close()

    asyncio.run(run())


def test_an_attachment_is_read_from_bytes_and_from_a_file(tmp_path: Path) -> None:
    head = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    small, large = head + b"QUJD\r\n", head + b"QUJD\r\n" * 60_000
    spool, empty = tmp_path / "large", tmp_path / "empty"
    spool.write_bytes(large)
    empty.write_bytes(b"")

    async def run() -> None:
        async with asyncio.timeout(20):
            parser = Parser()
            assert await parser.attachment(small, 0) == b"ABC"
            assert await parser.attachment(large, 0) == b"ABC" * 60_000
            assert await parser.attachment(spool, 0) == b"ABC" * 60_000
            assert await parser.attachment(empty, 0) == b""
            with pytest.raises(IndexError):
                await parser.attachment(spool, 7)
            await parser.close()

    asyncio.run(run())


def test_a_message_that_takes_all_memory_ends_its_worker_and_nobody_waits_for_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUST_BACKTRACE", "1")  # as many hosts of agents have it: the worker hung in its own panic

    async def run() -> None:
        parser = Parser(deadline=30)
        begun = time.monotonic()
        read = await parser.parse(_incoming(b"Subject: large\r\n\r\n" + (b"y" * 998 + b"\r\n") * 48 * 1024))
        assert (read.subject, read.text) == ("large", None)
        assert read.parse_error is not None
        assert time.monotonic() - begun < 15
        await parser.close()

    asyncio.run(asyncio.wait_for(run(), 45))
