"""The pump: steps that wait, replies that go out together, bounds on what is held, steps that fail."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import uvloop
from pydantic import ValidationError

from postroom.model.message import Incoming
from postroom.mta import session as sessions
from postroom.mta.inbound import Inbound, InboundLimits, Verdict
from postroom.mta.pump import _Begun
from postroom.mta.session import Session
from postroom.service.trace import CONNECTION
from tests.mta.dialogue import BEGIN, TO_DATA
from tests.mta.reception import FakeReception, running

Loop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
MESSAGE = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<agent@here.test>\r\nDATA\r\n"


class Slow(FakeReception):
    """Waits before each answer, and notes the connection before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: list[str] = []

    async def verdict(self, address: str) -> Verdict:
        self.connections.append(CONNECTION.get())
        await asyncio.sleep(0)
        self.connections.append(CONNECTION.get())
        return await super().verdict(address)

    async def take(self, mail: Incoming) -> None:
        self.connections.append(CONNECTION.get())
        await asyncio.sleep(0)
        self.connections.append(CONNECTION.get())
        await super().take(mail)


class Wire(asyncio.Transport):
    """A transport that keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: object) -> None:
        self.writes.append(cast(bytes, data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  # nothing rings when it becomes true
        await asyncio.sleep(0)


def _session(folder: Path) -> tuple[Session, Wire]:
    session, wire = Inbound(FakeReception(), "mail.here.test", folder).open(None), Wire()
    session.connection_made(wire)
    session.data_received(b"EHLO client.test\r\n")
    wire.writes.clear()
    return session, wire


async def test_commands_that_came_together_are_answered_in_one_write(tmp_path: Path) -> None:
    session, wire = _session(tmp_path)
    session.data_received(MESSAGE)
    assert [write.count(b"\r\n") for write in wire.writes] == [3]
    session.data_received(b"x\r\n.\r\nNOOP\r\nRSET\r\nQUIT\r\nNOOP\r\n")
    assert b"".join(wire.writes).split(b"\r\n")[3:] == [
        b"250 2.0.0 Ok: kept",
        b"250 2.0.0 OK",
        b"250 2.0.0 OK",
        b"221 2.0.0 Bye",
        b"",
    ]
    session.connection_lost(None)
    assert session.ended.done()


async def test_a_message_that_is_taken_at_once_needs_no_task(tmp_path: Path) -> None:
    session, wire = _session(tmp_path)
    session.data_received(MESSAGE)
    session.data_received(b"x\r\n.\r\n")
    assert session.task is None
    assert wire.writes[-1].startswith(b"250 2.0.0")
    session.connection_lost(None)


@LOOPS
def test_steps_that_wait_keep_the_order_and_the_connection_of_the_log(tmp_path: Path, loop: Loop) -> None:
    reception = Slow

    async def run() -> Slow:
        slow = reception()
        async with running(tmp_path, reception=slow) as it:
            for _ in range(2):
                peer = await it.play(BEGIN)
                await peer.say(MESSAGE + b"one\r\n.\r\n" + MESSAGE + b"two\r\n.\r\nQUIT\r\n")
                for reply in ["250 2.1.0", "250 2.1.5", "354", "250 2.0.0"] * 2 + ["221"]:
                    await peer.hear(reply)
                await peer.hear_end()
        return slow

    with asyncio.Runner(loop_factory=loop) as runner:
        slow = runner.run(run())
    assert slow.contents == [b"one\r\n", b"two\r\n"] * 2
    assert len(slow.connections) == 16
    first, second = set(slow.connections[:8]), set(slow.connections[8:])
    assert (len(first), len(second), first & second) == (1, 1, set())
    assert "" not in first | second


@LOOPS
def test_what_comes_while_a_commit_runs_is_held_up_to_a_bound_and_answered_after_it(tmp_path: Path, loop: Loop) -> None:
    noops = 150_000

    async def run() -> None:
        async with running(tmp_path, InboundLimits(commands=10**9)) as it:
            peer = await it.play(BEGIN + TO_DATA)
            it.reception.may_return.clear()
            await peer.say(b"x\r\n.\r\n")
            async with asyncio.timeout(5):
                await it.reception.taking.wait()
            peer.writer.write(b"NOOP\r\n" * noops)
            session = next(iter(it.server.sessions))
            async with asyncio.timeout(5):
                await _until(lambda: session._held_back)
            assert len(session._input) <= (128 + 256) * 1024
            it.reception.may_return.set()
            await peer.hear("250 2.0.0 Ok: kept")
            async with asyncio.timeout(20):
                assert await peer.reader.readexactly(noops * 14) == b"250 2.0.0 OK\r\n" * noops
            assert len(session._out) == 0

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


@LOOPS
def test_a_large_message_arrives_and_what_follows_it_is_heard(tmp_path: Path, loop: Loop) -> None:
    body = b"0123456789\r\n..\r\n" * 60_000

    async def run() -> list[bytes]:
        async with running(tmp_path) as it:
            peer = await it.play(BEGIN + TO_DATA)
            await peer.say(body + b".\r\nNOOP\r\n")
            await peer.play("<< 250 2.0.0 Ok: kept\n<< 250 2.0.0 OK")
            assert it.spooled() == []
            return it.reception.contents

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(run()) == [body.replace(b"\r\n..\r\n", b"\r\n.\r\n")]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_bug_in_a_command_ends_its_connection_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, waits: bool
) -> None:
    async def broken(_session: Session, _arg: str) -> None:
        if waits:
            await asyncio.sleep(0)
        raise RuntimeError("a bug")

    monkeypatch.setitem(Session.commands, "HELP", broken)
    async with running(tmp_path) as it:
        other = await it.play(BEGIN)
        await it.play(BEGIN + ">> NOOP\n>> HELP\n>> NOOP\n<< 250 2.0.0\n<< 421 4.3.0 Local error\n<< EOF")
        await other.play(">> NOOP\n<< 250 2.0.0")
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [(record.getMessage(), record.exc_info is not None) for record in failed] == [("session failed", True)]


@pytest.mark.parametrize("size", [10, 200_000])
async def test_a_commit_that_outlasts_the_grace_is_given_up_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(sessions, "_GRACE_SECONDS", 0.05)
    async with running(tmp_path) as it:
        peer = await it.play(BEGIN + TO_DATA)
        it.reception.may_return.clear()
        await peer.say(b"x" * size + b"\r\n.\r\n")
        async with asyncio.timeout(5):
            await it.reception.taking.wait()
            assert it.task is not None
            it.task.cancel()
            await asyncio.gather(it.task, return_exceptions=True)
        await peer.hear_end()
        assert (it.reception.kept, it.spooled(), it.server.sessions) == ([], [], set())


async def test_a_peer_that_leaves_while_its_recipient_is_looked_up_is_forgotten_after_that(tmp_path: Path) -> None:
    class Held(FakeReception):
        async def verdict(self, address: str) -> Verdict:
            self.taking.set()
            await self.may_return.wait()
            return Verdict.ACCEPTED

    held = Held()
    held.may_return.clear()
    async with running(tmp_path, reception=held) as it:
        peer = await it.play(BEGIN)
        await peer.say(MESSAGE + b"x\r\n.\r\n")
        async with asyncio.timeout(5):
            await held.taking.wait()
            peer.reset()
            session = next(iter(it.server.sessions))
            await _until(lambda: session._lost)
        assert it.server.sessions == {session}
        held.may_return.set()
        await it.quiet()
        assert held.kept == []


async def test_a_task_cancelled_before_its_first_step_cancels_what_was_begun() -> None:
    ended: list[BaseException] = []
    future = asyncio.get_running_loop().create_future()

    async def step() -> None:
        try:
            await future
        except asyncio.CancelledError as error:
            ended.append(error)
            raise

    begun = step()
    task = asyncio.get_running_loop().create_task(_Begun(begun, begun.send(None)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(ended) == 1


def test_a_message_over_smtp_is_a_record_like_any_other() -> None:
    fields = {"recipients": ("b@here.test",), "content": b"x", "spool": None, "size": 1, "sha256": "", "helo": "c.test"}
    made = Incoming.over_smtp(envelope_from="a@b.test", client=None, **fields)  # type: ignore[arg-type]
    usual = Incoming.model_validate({"envelope_from": "a@b.test", **fields})
    assert made == usual
    assert Incoming.model_validate(made) is made
    assert made.model_copy(update={"helo": "d.test"}).helo == "d.test"
    assert Incoming.model_validate_json(made.model_dump_json()) == usual
    with pytest.raises(ValidationError):
        setattr(made, "helo", "d.test")  # noqa: B010  # mypy knows that it cannot be set
