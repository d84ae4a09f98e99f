"""What comes after DATA: where it ends, what it may hold, where it goes."""

import asyncio
import errno
import hashlib
import itertools
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mta import data
from postroom.mta.data import Body, BodyReader, Draft, Fault, prepare_folder
from postroom.mta.inbound import InboundLimits
from tests.mta.dialogue import BEGIN, TO_DATA
from tests.mta.reception import running

INNER = b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<agent2@here.test>\r\nDATA\r\nsmuggled\r\n.\r\n"
SMUGGLING = {
    "LF.LF": b"hi\n.\n" + INNER,
    "LF.CRLF": b"hi\n.\r\n" + INNER,
    "LF.CR": b"hi\n.\r" + INNER,
    "CR.CR": b"hi\r.\r" + INNER,
    "CR.LF": b"hi\r.\n" + INNER,
    "CR.CRLF": b"hi\r.\r\n" + INNER,
    "CRLF.LF": b"hi\r\n.\n" + INNER,
    "CRLF.CR": b"hi\r\n.\r" + INNER,
    "CRLF.CRCRLF": b"hi\r\n.\r\r\n" + INNER,
    "CRCRLF.CRLF": b"hi\r\r\n.\r\n",
    "LFCR.LFCR": b"hi\n\r.\n\r" + INNER,
    "CRLF NUL.CRLF": b"hi\r\n\0.\r\n" + INNER,
    "CRLF.NUL CRLF": b"hi\r\n.\0\r\n" + INNER,
    "NUL in a line": b"h\0i\r\n.\r\n",
    "bare LF": b"a\nb\r\n.\r\n",
    "bare CR": b"a\rb\r\n.\r\n",
    "CR before the end": b"a\r\r\n.\r\n",
    "LF before the end": b"a\n\r\n.\r\n",
    "LF first": b"\n.\r\n" + INNER,
    "CR first": b"\r.\r\n" + INNER,
    "dot LF first": b".\n" + INNER,
    "dot CR first": b".\r" + INNER,
}
PASSING = {
    "vertical tab": (b"hi\x0b.\x0b\r\n.\r\n", b"hi\x0b.\x0b\r\n"),
    "NEL": (b"hi\x85.\x85\r\n.\r\n", b"hi\x85.\x85\r\n"),
    "dot and space": (b"hi\r\n. \r\n.\r\n", b"hi\r\n \r\n"),
    "space and dot": (b"hi\r\n .\r\n.\r\n", b"hi\r\n .\r\n"),
    "two dots": (b"hi\r\n..\r\n.\r\n", b"hi\r\n.\r\n"),
}


@pytest.mark.parametrize("name", SMUGGLING)
@pytest.mark.parametrize("bytewise", [False, True])
def test_a_false_end_neither_ends_the_message_nor_makes_two(tmp_path: Path, name: str, bytewise: bool) -> None:
    wire = SMUGGLING[name]

    async def run() -> None:
        async with running(tmp_path) as it:
            peer = await it.play(BEGIN + TO_DATA)
            await peer.say(*((wire[i : i + 1] for i in range(len(wire))) if bytewise else (wire,)))
            await peer.hear("550 5.6.0")
            await peer.play(">> NOOP\n<< 250 2.0.0")
            assert it.reception.kept == []
            assert it.reception.asked == ["agent@here.test"]

    asyncio.run(run())


@pytest.mark.parametrize("name", PASSING)
def test_what_only_looks_like_an_end_is_text(tmp_path: Path, name: str) -> None:
    wire, expected = PASSING[name]

    async def run() -> list[bytes]:
        async with running(tmp_path) as it:
            peer = await it.play(BEGIN + TO_DATA)
            await peer.say(wire)
            await peer.hear("250 2.0.0")
            return it.reception.contents

    assert asyncio.run(run()) == [expected]


def test_a_peer_that_sends_byte_by_byte_is_understood(tmp_path: Path) -> None:
    wire = b"EHLO slow.test\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<agent@here.test>\r\n", b"DATA\r\n"

    async def run() -> list[bytes]:
        async with running(tmp_path) as it:
            peer = await it.peer()
            await peer.hear("220")
            for line, reply in zip(wire, ("250", "250", "250", "354"), strict=True):
                await peer.say(*(line[i : i + 1] for i in range(len(line))))
                await peer.hear(reply)
            body = b"..a\r\n\r\n.b\r\n.\r\n"
            await peer.say(*(body[i : i + 1] for i in range(len(body))))
            await peer.hear("250 2.0.0")
            return it.reception.contents

    assert asyncio.run(run()) == [b".a\r\n\r\nb\r\n"]


def _stuffed(body: bytes) -> bytes:
    return (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


async def _read(
    chunks: list[bytes], folder: Path, limits: InboundLimits, piece_bytes: int
) -> tuple[Body | Fault, bytes]:
    reading = BodyReader(folder, limits, piece_bytes)
    wire = bytearray(b"\r\n")
    body: Body | Fault | None = None
    async with asyncio.timeout(10):
        for chunk in chunks:
            wire += chunk
            while body is None and (piece := reading.next_piece(wire)) is not None:
                body = await reading.take(piece)
    reading.discard()
    assert body is not None
    return body, bytes(wire)


LINES = st.lists(st.one_of(st.sampled_from([b"", b".", b"..", b".\t", b"a"]), st.binary(max_size=40)), max_size=30)


@settings(deadline=None, max_examples=150)
@given(lines=LINES, cuts=st.lists(st.integers(1, 400), max_size=12), reader_limit=st.integers(5, 300))
def test_any_body_cut_anywhere_arrives_byte_identical(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: list[int], reader_limit: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    clean = bytes.maketrans(b"\r\n\0", b"xyz")
    body = b"".join(line.translate(clean) + b"\r\n" for line in lines)
    wire = _stuffed(body) + b"QUIT\r\n"
    places = [0, *sorted({min(cut, len(wire)) for cut in cuts}), len(wire)]
    chunks = [wire[a:b] for a, b in itertools.pairwise(places)]
    got, rest = asyncio.run(_read(chunks, folder, InboundLimits(spool_after=100), reader_limit))
    assert isinstance(got, Body)
    kept = got.content if got.spool is None else got.spool.read_bytes()
    if got.spool is not None:
        got.spool.unlink()
    assert (kept, rest) == (body, b"QUIT\r\n")
    named = "" if got.spool is None else hashlib.sha256(body).hexdigest()
    assert (got.size, got.sha256) == (len(body), named)
    assert (got.spool is None) == (len(body) <= 100)


def _fault(folder: Path, wire: bytes, limits: InboundLimits, reader_limit: int = 64) -> Body | Fault:
    got, rest = asyncio.run(_read([wire + b".\r\nQUIT\r\n"], folder, limits, reader_limit))
    assert rest == b"QUIT\r\n"
    if isinstance(got, Fault):
        assert list(folder.iterdir()) == []
    return got


@pytest.mark.parametrize("reader_limit", [7, 64, 2**16])
def test_each_limit_allows_its_figure_and_not_one_more(tmp_path: Path, reader_limit: int) -> None:
    limits = InboundLimits(message_bytes=900, line_bytes=80, received_headers=3, spool_after=50)
    hop = b"Received: from x\r\n"
    for wire, fault in [
        (b"x" * 80 + b"\r\n", None),
        (b"x" * 81 + b"\r\n", Fault.LONG_LINE),
        (b"a\r\n" + b"x" * 300 + b"\r\nb\r\n", Fault.LONG_LINE),
        (b"0123456\r\n" * 100, None),
        (b"0123456\r\n" * 100 + b"\r\n", Fault.TOO_BIG),
        (hop * 3 + b"\r\n" + hop * 9, None),
        (b"X: y\r\n" * 9 + hop * 3 + hop.upper() + b"\r\n", Fault.LOOP),
        (b"X-Received: x\r\n" * 9 + b"\r\n", None),
        (b"\r\n" + hop * 9, None),
    ]:
        got = _fault(tmp_path, wire, limits, reader_limit)
        assert (got if isinstance(got, Fault) else None) is fault, wire
        if isinstance(got, Body) and got.spool is not None:
            got.spool.unlink()


def test_a_large_message_is_a_file_that_only_we_can_read(tmp_path: Path) -> None:
    got = _fault(tmp_path, b"0123456789\r\n" * 20_000, InboundLimits(), 2**16)
    assert isinstance(got, Body)
    assert got.spool is not None
    assert got.spool.stat().st_mode & 0o777 == 0o600
    assert got.spool.read_bytes() == b"0123456789\r\n" * 20_000


@pytest.mark.parametrize(
    ("number", "fault"), [(errno.ENOSPC, Fault.FULL), (errno.EDQUOT, Fault.FULL), (errno.EIO, Fault.OURS)]
)
@pytest.mark.parametrize("where", ["open", "write", "close"])
def test_a_disk_that_fails_is_answered_after_the_end_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, fault: Fault, where: str
) -> None:
    class Failing:
        def __init__(self, descriptor: int, mode: str) -> None:
            self.file = os.fdopen(descriptor, mode)
            if where == "open":
                self.file.close()
                raise OSError(number, "no")

        def write(self, block: bytes) -> int:
            if where == "write":
                raise OSError(number, "no")
            return self.file.write(block)

        def close(self) -> None:
            was_open = not self.file.closed
            self.file.close()
            if where == "close" and was_open:
                raise OSError(number, "no")

    class System:
        def __getattr__(self, name: str) -> object:
            return Failing if name == "fdopen" else getattr(os, name)

    monkeypatch.setattr(data, "os", System())
    assert _fault(tmp_path, b"0123456789\r\n" * 20_000, InboundLimits(), 2**16) is fault


def test_a_missing_spool_folder_is_a_failure_of_ours(tmp_path: Path) -> None:
    got, rest = asyncio.run(
        _read([b"x" * 200 + b"\r\n.\r\nR"], tmp_path / "absent", InboundLimits(spool_after=100), 2**16)
    )
    assert (got, rest) == (Fault.OURS, b"R")


@pytest.mark.parametrize("size", [20, 300_000])
@pytest.mark.parametrize("rudely", [False, True])
def test_a_peer_that_leaves_in_the_middle_leaves_nothing(tmp_path: Path, size: int, rudely: bool) -> None:
    async def run() -> None:
        async with running(tmp_path) as it:
            peer = await it.play(BEGIN + TO_DATA)
            await peer.say(b"x" * size + b"\r\n.\r")
            if rudely:
                peer.abort()
            else:
                peer.close()
            await it.quiet()
            assert it.reception.kept == []
            assert it.spooled() == []

    asyncio.run(run())


def test_only_old_files_are_deleted_when_the_folder_is_prepared(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "spool"
    prepare_folder(folder, InboundLimits())
    old, young, foreign = folder / "old.spool", folder / "young.spool", folder / "old.db"
    for path in (old, young, foreign):
        path.write_bytes(b"")
    past = time.time() - 86_400
    os.utime(old, (past, past))
    os.utime(foreign, (past, past))
    prepare_folder(folder, InboundLimits())
    assert sorted(folder.iterdir()) == [foreign, young]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_piece_whose_turn_comes_after_its_message_was_given_up_leaves_no_file(tmp_path: Path) -> None:
    draft = Draft(tmp_path, InboundLimits(spool_after=100))
    draft.feed(b"\r\n" + b"x" * 50, last=False)
    draft.discard()
    draft.feed(b"x" * 200, last=False)
    assert list(tmp_path.iterdir()) == []
