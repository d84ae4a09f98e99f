"""Many that wait for one mail: one reading serves all that a key lets see the same, and no boundary serves two."""

import asyncio
import contextlib
import re
from typing import Any

from mcp.types import CallToolResult

from postroom.model.tenant import Actor
from postroom.service.desk import Desk
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of

AGENT = f"agent@{DOMAIN}"
WAITERS = 50


async def _all_hear(house: Bed, actors: list[Actor | None], times: int = 1) -> list[CallToolResult]:
    async with asyncio.timeout(30), contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        clients = [await stack.enter_async_context(client_of(house, actor)) for actor in actors]
        waiting = {"inbox_id": AGENT, "timeout": 20}
        tasks = [group.create_task(one.call_tool("wait_for_message", waiting)) for one in clients * times]
        await house.until(lambda: _listening(house) == len(tasks))
        await house.receive(mail(text="Your code is 123456."))
        return [await task for task in tasks]


def _listening(house: Bed) -> int:
    return sum(map(len, house.house.hub._listeners.values()))


async def test_a_mail_that_many_wait_for_is_read_once_and_fenced_for_each(house: Bed, monkeypatch: Any) -> None:
    await house.inbox()
    asked: list[str] = []
    ask = Desk.ask

    async def counted(self: Desk, name: str, actor: Actor, given: Any) -> Any:
        asked.append(name)
        return await ask(self, name, actor, given)

    monkeypatch.setattr(Desk, "ask", counted)
    heard = await _all_hear(house, [None], WAITERS)
    texts = [str(getattr(one.content[0], "text", "")) for one in heard]
    assert all("123456" in text for text in texts)
    marks = {re.findall(r"^--- mail (\w+) ", text, re.M)[0] for text in texts}
    assert len(marks) == WAITERS
    assert asked.count("messages.read") < WAITERS / 5
    # Each looks once before it waits; what all hear is looked at for a few.
    assert asked.count("messages.since") < 3 * WAITERS


async def test_what_many_keys_wait_for_is_read_by_each_of_them(house: Bed) -> None:
    await house.inbox()
    keys = [await house.key(inbox_id=AGENT) for _ in range(3)]
    heard = await _all_hear(house, [*keys])
    assert all((one.meta or {})["postroom/untrusted"] for one in heard)
    readers = {row[0] for row in house.rows("SELECT reader FROM taint")}
    assert {key.api_key_id for key in keys} <= readers


async def test_who_waits_for_another_sender_does_not_hear_what_others_hear(house: Bed) -> None:
    await house.inbox()
    async with client_of(house) as one, client_of(house) as other, asyncio.timeout(30), asyncio.TaskGroup() as group:
        waiting = {"inbox_id": AGENT, "timeout": 20}
        found = group.create_task(one.call_tool("wait_for_message", waiting))
        missed = group.create_task(
            other.call_tool("wait_for_message", waiting | {"from": "nobody@example.org", "timeout": 0.5})
        )
        await house.until(lambda: _listening(house) == 2)
        await house.receive(mail())
    assert (found.result().structured_content or {})["found"]
    assert not (missed.result().structured_content or {})["found"]
