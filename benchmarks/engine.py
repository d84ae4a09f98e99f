"""Runs a measurement inside the engine: in a process of its own, on the event loop that Postroom uses, in a new house.

The process prints the figures as one JSON line, by name. Nothing listens: no port is opened.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.loops import run
from benchmarks.sides import DOMAIN
from benchmarks.tree import ROOT
from postroom.config import Settings
from postroom.model.message import Incoming
from postroom.model.tenant import SYSTEM
from postroom.server import Postroom, open_house

_DEADLINE_S = 600  # to fill an inbox with 100,000 messages takes most of it on a slow disk
Figures = dict[str, list[float]]
Inside = Callable[[Postroom, int], Awaitable[Figures]]


def run_apart(module: str, folder: Path, size: int) -> Figures:
    """Run `module` as a process with its house in `folder`; return its figures. Raises RuntimeError if it failed."""
    command = [sys.executable, "-m", module, str(folder / "home"), str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=_DEADLINE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr.decode()[-800:]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def inside(measure: Inside) -> None:
    """Be that process: open the house that the arguments name, measure, print."""
    home, size = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps(run(_in_house(measure, home, size))))


async def _in_house(measure: Inside, home: Path, size: int) -> Figures:
    settings = Settings(home=home, http="127.0.0.1:0", smtp="127.0.0.1:0", domain=DOMAIN)
    async with asyncio.timeout(_DEADLINE_S - 10), open_house(settings) as house:
        return await measure(house, size)


async def take(house: Postroom, to: str, content: bytes) -> None:
    """Bring a message in by the way of SMTP, without the wire; it is committed when this returns."""
    incoming = Incoming(
        envelope_from="sender@example.org",
        recipients=(to,),
        content=content,
        spool=None,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    await house.desk.call("mail.take", SYSTEM, incoming)
