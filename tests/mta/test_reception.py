"""What SMTP is told of an address, and for how long that is remembered."""

import asyncio
from typing import cast

import pytest

from postroom.model.inbox import Mailbox
from postroom.mta.inbound import Verdict
from postroom.mta.reception import DeskReception
from postroom.service.bells import Bells
from postroom.service.desk import Desk
from postroom.service.inboxes import Routed, RouteTo

HERE = Mailbox(inbox_id="inb_a", org_id="org_a", pod_id="pod_a", address="agent@new.test")


class HeldDesk:
    """A desk whose answers are given by the test."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Routed]] = []

    async def call(self, _operation: str, _actor: object, _given: RouteTo) -> Routed:
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        (Routed(mailbox=None, is_ours=False), Verdict.FOREIGN),
        (Routed(mailbox=HERE, is_ours=True), Verdict.ACCEPTED),
    ],
)
async def test_an_answer_of_before_a_change_is_not_remembered_after_it(before: Routed, verdict: Verdict) -> None:
    desk, bells = HeldDesk(), Bells()
    reception = DeskReception(cast(Desk, desk), bells)
    early = asyncio.ensure_future(reception.verdict("agent@new.test"))
    await asyncio.sleep(0)
    bells.ring(["inbox"])
    other = asyncio.ensure_future(reception.verdict("agent@else.test"))  # this one hears the bell
    await asyncio.sleep(0)
    for answer in desk.asked:
        answer.set_result(before)
    assert [await early, await other] == [verdict, verdict]
    again = asyncio.ensure_future(reception.verdict("agent@new.test"))
    await asyncio.sleep(0)
    assert len(desk.asked) == 3
    again.cancel()
