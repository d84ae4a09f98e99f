"""Who asks the same at the same moment shares one asking; who asks later is never told what was true before."""

import asyncio

import pytest

from postroom.events.together import Together


async def test_those_who_ask_at_once_share_one_asking_and_others_do_not() -> None:
    together = Together()
    asked: list[int] = []

    async def asking() -> int:
        asked.append(len(asked))
        return asked[-1]

    async with asyncio.timeout(10):
        same = await asyncio.gather(*[together.ask("a", asking) for _ in range(100)])
        assert (same, asked) == ([0] * 100, [0])
        assert sorted(await asyncio.gather(together.ask("a", asking), together.ask("b", asking))) == [1, 2]


async def test_who_asks_after_it_began_is_not_given_an_older_answer() -> None:
    together, begun, go = Together(), asyncio.Event(), asyncio.Event()
    truth = ["old"]

    async def asking() -> str:
        seen = truth[0]
        begun.set()
        await go.wait()
        return seen

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        first = group.create_task(together.ask("a", asking))
        await begun.wait()
        truth[0] = "new"
        second = group.create_task(together.ask("a", asking))
        go.set()
    assert (first.result(), second.result()) == ("old", "new")


async def test_an_error_is_everybodys_and_who_gives_up_takes_no_answer_from_the_others() -> None:
    together, go = Together(), asyncio.Event()

    async def failing() -> None:
        raise LookupError("gone")

    async def waiting() -> str:
        await go.wait()
        return "here"

    async with asyncio.timeout(10):
        failed = await asyncio.gather(*[together.ask("a", failing) for _ in range(3)], return_exceptions=True)
        assert [type(one) for one in failed] == [LookupError] * 3
        tasks = [asyncio.create_task(together.ask("b", waiting)) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        go.set()
        assert await tasks[1] == "here"
