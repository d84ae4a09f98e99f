"""Whatever is done in whatever order, at the same time and in two processes: the invariants hold at the end, which the
test bed checks, and what one inbox can see agrees with what happened to it.
"""

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any

import pytest

from postroom.model.errors import AlreadyExists, InvalidInput, NotFound
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import DAY, FakeClock
from tests.fakes.mail import mail

NAMES = ("one", "two", "three")


class _Chance:
    """Draws what happens next; the same for the same seed."""

    def __init__(self, houses: tuple[Bed, ...], clock: FakeClock, seed: int) -> None:
        self._houses, self._clock, self._random = houses, clock, random.Random(seed)
        self._ids = [f"<{n}@example.com>" for n in range(12)]

    @property
    def _house(self) -> Bed:
        return self._random.choice(self._houses)

    def _inbox(self) -> str:
        return f"{self._random.choice(NAMES)}{self._random.choice(('', '', '+tag'))}@{DOMAIN}"

    async def arrive(self) -> None:
        draw = self._random
        related = draw.random() < 0.5
        size = draw.choice([10, 10, 90_000])
        raw = mail(
            message_id=draw.choice(self._ids),
            subject=draw.choice(["Plan", "Re: Plan", "Re: [list] plan"]),
            text=draw.choice(["a", "b"]) * size,
            answers=draw.choice([None, *self._ids]) if related else None,
            references=" ".join(draw.sample(self._ids, 3)) if related else None,
        )
        await self._house.take(raw, *{self._inbox() for _ in range(2)})

    async def send(self) -> None:
        to = [self._inbox() for _ in range(self._random.randint(1, 3))] + ["a@example.com", f"nobody@{DOMAIN}"]
        await self._house.send(self._inbox().replace("+tag", ""), *to)

    async def answer(self) -> None:
        house, inbox = self._house, self._inbox().replace("+tag", "")
        if known := await house.messages(inbox):
            words: dict[str, Any] = {"text": "Yes.", "reply_all": self._random.random() < 0.5}
            message = self._random.choice(known).message_id
            await house.call("messages.reply", inbox_id=inbox, message_id=message, **words)

    async def label(self) -> None:
        house, inbox = self._house, self._inbox().replace("+tag", "")
        if known := await house.messages(inbox):
            given = {"add_labels": self._random.sample("abcd", 2), "remove_labels": self._random.choice("abcd")}
            message = self._random.choice(known).id
            await house.call("messages.update", inbox_id=inbox, message_id=message, **given)

    async def replace(self) -> None:
        house, name = self._house, self._random.choice(NAMES)
        if self._random.random() < 0.2:
            await house.call("inboxes.delete", inbox_id=f"{name}@{DOMAIN}")
        await house.inbox(name)

    async def wait(self) -> None:
        self._clock.advance(self._random.choice([0, 1, 1_000, -500, 8 * DAY]))

    async def step(self) -> None:
        """Let one thing happen; what cannot be at that moment is refused as to any caller."""
        often = [self.arrive] * 5 + [self.send] * 2 + [self.answer] * 2 + [self.label] * 3
        with contextlib.suppress(NotFound, AlreadyExists, InvalidInput):
            await self._random.choice([*often, self.replace, self.wait])()


async def _agrees(house: Bed, inbox: str) -> None:
    """Compare what the lists, the threads and the filters of an inbox say of the same messages."""
    shown = await house.messages(inbox)
    threads = (await house.call("threads.list", inbox_id=inbox, limit=100)).items
    assert sum(thread.message_count for thread in threads) == len(shown)
    for thread in threads:
        conversation = await house.call("threads.get", inbox_id=inbox, thread_id=thread.thread_id, limit=100)
        assert {m.id for m in conversation.messages} == {m.id for m in shown if m.thread_id == thread.thread_id}
    for label in {label for message in shown for label in message.labels}:
        labelled = await house.messages(inbox, labels=label)
        assert [m.id for m in labelled] == [m.id for m in shown if label in m.labels]
    for message in shown:
        assert (await house.message(inbox, message.message_id)).id == message.id


@pytest.mark.parametrize("seed", range(3))
async def test_one_thing_after_the_other_in_any_order(house: Bed, clock: FakeClock, seed: int) -> None:
    for name in NAMES:
        await house.inbox(name)
    chance = _Chance((house,), clock, seed)
    for _ in range(40):
        await chance.step()
    await house.settled()
    for name in NAMES:
        with contextlib.suppress(NotFound):
            await _agrees(house, f"{name}@{DOMAIN}")


@pytest.mark.parametrize("seed", range(3, 6))
async def test_many_things_at_once_in_two_processes(house: Bed, home: Path, clock: FakeClock, seed: int) -> None:
    for name in NAMES:
        await house.inbox(name)
    async with Bed(home, clock) as second:
        chance = _Chance((house, second), clock, seed)
        for _ in range(5):
            await asyncio.gather(*[chance.step() for _ in range(12)])
        await house.settled()
        for name in NAMES:
            with contextlib.suppress(NotFound):
                await _agrees(second, f"{name}@{DOMAIN}")
