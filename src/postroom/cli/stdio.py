"""`postroom mcp`: the MCP server over stdio. Answers at once; the house is opened behind, and shared with others.

It has the whole engine: alone it does everything, beside `postroom serve` or other stdio servers it stands by.
"""

import argparse
import asyncio
import contextlib
import importlib
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from postroom.cli.lean import lean
from postroom.mcp.face import Hands

if TYPE_CHECKING:
    from postroom.mcp.server import Server

log = logging.getLogger(__name__)
_OPEN_AT_THE_LATEST_S = 1.5


SUMMARY = "run the MCP server over stdio, as an agent's host starts it"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what may stand behind `postroom mcp`."""
    parser.add_argument("--toolsets", metavar="A,B", help="the groups of tools to offer, or all")
    parser.add_argument("--tools", metavar="A,B", help="these tools and no others")
    parser.add_argument("--exclude-tools", metavar="A,B", help="tools to leave out")
    parser.add_argument("--read-only", action="store_const", const="yes", help="only tools that change nothing")
    parser.add_argument("--json", action="store_true", help="accepted for uniformity: the protocol is JSON already")


def run_stdio(arguments: Sequence[str] = ()) -> int:
    """Serve until stdin ends or a signal comes; return the exit status."""
    parser = argparse.ArgumentParser(prog="postroom mcp", description=SUMMARY)
    add_options(parser)
    given = vars(parser.parse_args(arguments))
    options = {name: value for name, value in given.items() if name != "json" and value is not None}
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    # Looked at before the settings, whose import the answer must not wait for.
    if os.environ.get("POSTROOM_URL"):
        return _end(_bridged(options))
    hands = Hands()
    with lean():
        from postroom.mcp.server import Server

        server = Server(hands)
    return _end(run_loop(_serve(hands, server, options)))


def _bridged(options: Mapping[str, str]) -> int:
    from postroom.cli.problems import sentences

    try:
        from postroom.cli.bridge import run_bridge

        return run_loop(run_bridge(options))
    except ValueError as error:
        for sentence in sentences(error):
            print(f"postroom: {sentence}", file=sys.stderr)
        return 1


def _end(status: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that reads stdin cannot be woken: everything of ours is closed by now.
    os._exit(status)


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run `main` on uvloop where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


async def _serve(hands: Hands, server: "Server", options: Mapping[str, str]) -> int:
    stop = on_signals()
    house = asyncio.create_task(_house(hands, server, stop, options))
    protocol = asyncio.create_task(_protocol(server))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([protocol, stopped], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    with contextlib.suppress(Exception):  # it was told to each call, and logged
        await house
    if not protocol.done():
        return 0
    protocol.result()
    return 0


async def _protocol(server: "Server") -> None:
    from mcp.server.stdio import stdio_server

    from postroom.cli.pipes import pipes

    try:
        async with pipes() as (stdin, stdout), stdio_server(stdin, stdout) as (read, write):
            low = server._lowlevel_server
            await low.run(read, write, low.create_initialization_options())
    except* ConnectionError:  # a pipe breaks, a socket is reset
        log.warning("the host reads no more")


async def _house(hands: Hands, server: "Server", stop: asyncio.Event, options: Mapping[str, str]) -> None:
    """Open the house once the first request is answered, and keep it open until told to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_OPEN_AT_THE_LATEST_S):
            await server.answered.wait()
    await asyncio.sleep(0.02)  # lets the answer out before the imports take the interpreter
    try:
        daemon = await asyncio.to_thread(importlib.import_module, "postroom.cli.daemon")
        async with daemon.face(options) as face:
            hands.open(face)
            await stop.wait()
    except Exception as error:  # whatever it is, each call is told it, and the log
        from postroom.cli.problems import sentences
        from postroom.model.errors import Temporary

        why = " ".join(sentences(error))
        log.error("the server cannot work error=%s", why)
        with contextlib.suppress(asyncio.InvalidStateError):
            hands.fail(Temporary(f"Postroom cannot work: {why}"))
        raise


def on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop
