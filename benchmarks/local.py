"""Mail between two inboxes of one house: from the call of send_message to the answer of who waits in the other."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from benchmarks.engine import Figures, inside, run_apart
from benchmarks.report import Line, Report, at_most
from postroom.events.waiting import WaitForMessage, wait_for_message
from postroom.server import Postroom

_TEXT = "Hello,\n\nthe figures of this week are in the usual place; please look at number {} first.\n\nAnn\n"


def measure(folder: Path, report: Report, *, quick: bool) -> Iterator[Line]:
    """Send one message after another, none while another is on its way."""
    figures = run_apart("benchmarks.local", folder, 60 if quick else 300)
    heard = figures["heard"]
    yield Line(name="local mail: send to wake, p50", unit="ms", ours=heard, promise=at_most(10, " ms"))
    yield Line(name="local mail: send to wake, p95", unit="ms", ours=[quantiles(heard, n=20)[-1]])
    yield Line(name="local mail: send to commit, p50", unit="ms", ours=figures["committed"], promise=at_most(2, " ms"))


async def _send_all(house: Postroom, count: int) -> Figures:
    actor = await house.actor(None)
    ann = await house.desk.call("inboxes.create", actor, {"username": "ann"})
    bob = await house.desk.call("inboxes.create", actor, {"username": "bob"})
    position = (await house.desk.ask("inboxes.list", actor, {})).position
    committed: list[float] = []
    heard: list[float] = []

    async def progress(_waited: float, _whole: float) -> None:
        listens.set()

    for number in range(count):
        listens = asyncio.Event()
        wanted = WaitForMessage(inbox_id=bob.address, after=position, timeout=10)
        waiting = asyncio.create_task(wait_for_message(house.desk, house.hub, actor, wanted, progress))
        await listens.wait()
        begun = time.perf_counter()
        mail = {"to": bob.address, "subject": f"Figures {number}", "text": _TEXT.format(number)}
        await house.desk.call("messages.send", actor, {"inbox_id": ann.address, **mail})
        committed.append((time.perf_counter() - begun) * 1000)
        answer = await waiting
        heard.append((time.perf_counter() - begun) * 1000)
        if answer.result.message is None or answer.result.message.subject != mail["subject"]:
            raise RuntimeError(f"message {number} was not heard of")
        position = answer.position
    return {"committed": committed[count // 10 :], "heard": heard[count // 10 :]}


if __name__ == "__main__":
    inside(_send_all)
