"""Waiting for a message: none falls between two steps, from whichever process it comes, and the wake is quick."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from postroom.events.waiting import PROGRESS_S, WaitForMessage, wait_for_message
from postroom.model.errors import NotFound
from postroom.service.messages import LatestNews
from postroom.service.operation import Answer
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"


async def _quiet(_waited: float, _in_all: float) -> None:
    return None


async def _wait(house: Bed, actor: Any = None, desk: Any = None, **given: Any) -> Answer[LatestNews]:
    wanted = WaitForMessage(inbox_id=AGENT, **({"timeout": 15} | given))
    return await wait_for_message(desk or house.desk, house.house.hub, actor or house.owner, wanted, _quiet)


class _Meanwhile:
    """A desk where something happens before or after its n-th call."""

    def __init__(self, desk: Any, call: int, after: bool, what: Callable[[], Awaitable[Any]]) -> None:
        self._desk, self._left, self._after, self._what = desk, call, after, what

    async def ask(self, *given: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            await self._what()
        answer = await self._desk.ask(*given)
        if self._left == 0 and self._after:
            await self._what()
        return answer


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", [1, 2])
async def test_a_message_between_any_two_steps_is_found_at_once(house: Bed, call: int, after: bool) -> None:
    await house.inbox()
    position = (await house.desk.ask("inboxes.get", house.owner, {"inbox_id": AGENT})).position
    desk = _Meanwhile(house.desk, call, after, lambda: house.take(mail(subject="Now"), AGENT))
    async with asyncio.timeout(PROGRESS_S - 1):
        answer = await _wait(house, desk=desk, after=position)
    assert answer.result.message is not None
    assert answer.result.message.subject == "Now"


async def test_without_a_position_what_came_before_is_no_news(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail(subject="Old"))
    answer = await _wait(house, timeout=0)
    assert answer.result.message is None
    assert answer.result.recent == 1


async def test_with_the_position_of_an_earlier_answer_what_came_since_is_news(house: Bed) -> None:
    await house.inbox()
    position = (await _wait(house, timeout=0)).position
    first = await house.receive(mail(subject="First"))
    await house.receive(mail(subject="Second"))
    answer = await _wait(house, after=position)
    assert answer.result.message is not None
    assert answer.result.message.id == first.id


async def test_the_position_of_an_answer_leads_past_what_was_there(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail())
    position = (await house.desk.ask("messages.list", house.owner, {"inbox_id": AGENT})).position
    assert (await _wait(house, after=position, timeout=0)).result.message is None


async def test_a_wait_in_vain_ends_in_time_with_an_empty_answer(house: Bed) -> None:
    await house.inbox()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert (await _wait(house, timeout=0.2)).result.message is None
    assert 0.2 <= loop.time() - begun < 5


async def test_a_filter_lets_other_mail_pass_by(house: Bed) -> None:
    await house.inbox()
    waiting = asyncio.create_task(_wait(house, from_="dave@", subject=["code", "LOGIN"]))
    await house.until(lambda: not house.house.hub.is_empty)
    await house.receive(mail(subject="Your login code", sender="carol@example.com"))
    await house.receive(mail(subject="Your code", sender="dave@example.com"))
    wanted = await house.receive(mail(subject="Your login code", sender="Dave <dave@example.com>"))
    answer = await waiting
    assert answer.result.message is not None
    assert answer.result.message.id == wanted.id


async def test_mail_of_ones_own_wakes_nobody(house: Bed) -> None:
    await house.inbox()
    position = (await _wait(house, timeout=0)).position
    await house.send(AGENT, "a@example.com")
    assert (await _wait(house, after=position, timeout=0)).result.message is None


async def test_a_waiter_wakes_within_50_ms_of_the_commit(house: Bed) -> None:
    await house.inbox()
    loop = asyncio.get_running_loop()
    took = []
    for _ in range(5):
        waiting = asyncio.create_task(_wait(house))
        await house.until(lambda: not house.house.hub.is_empty)
        await house.take(mail(), AGENT)
        committed = loop.time()
        await waiting
        took.append(loop.time() - committed)
    assert min(took) < 0.05


async def test_many_waiters_of_one_inbox_all_hear_of_a_message(house: Bed) -> None:
    await house.inbox()
    waiting = [asyncio.create_task(_wait(house)) for _ in range(20)]
    await asyncio.sleep(0)
    position = (await _wait(house, timeout=0)).position
    message = await house.receive(mail())
    answers = await asyncio.gather(*waiting, _wait(house, after=position))
    assert {a.result.message.id for a in answers if a.result.message is not None} == {message.id}


async def test_a_cancelled_waiter_leaves_no_listener(house: Bed) -> None:
    await house.inbox()
    waiting = asyncio.create_task(_wait(house))
    await house.until(lambda: not house.house.hub.is_empty)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert house.house.hub.is_empty


async def test_a_key_of_another_inbox_waits_for_nothing_here(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    with pytest.raises(NotFound):
        await _wait(house, await house.key(inbox_id=other.address))


@pytest.mark.parametrize("given", [{"after": -1}, {"after": 10**30}, {"timeout": -1}, {"timeout": 601}, {"form": "x"}])
def test_a_wait_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WaitForMessage(inbox_id=AGENT, **given)


async def test_two_houses_on_one_folder_hear_each_other(house: Bed, home: Path) -> None:
    await house.inbox()
    async with Bed(home, house.now) as second:
        for one, two in ((house, second), (second, house)):
            waiting = asyncio.create_task(_wait(one))
            await one.until(lambda one=one: not one.house.hub.is_empty)  # type: ignore[misc]
            message = await two.receive(mail())
            async with asyncio.timeout(PROGRESS_S - 1):
                answer = await waiting
            assert answer.result.message is not None
            assert answer.result.message.id == message.id


async def test_mail_sent_in_one_house_is_delivered_once_however_many_work(house: Bed, home: Path) -> None:
    await house.inbox()
    other = await house.inbox("other")
    async with Bed(home, house.now) as second:
        for number in range(10):
            await (house, second)[number % 2].send(AGENT, other.address, subject=f"{number}")
        await house.settled()
        assert sorted(m.subject or "" for m in await second.messages(other.address)) == [str(n) for n in range(10)]
