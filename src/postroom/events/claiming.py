"""Waits for a conversation to claim: takes one as soon as it is committed, given back or due. It looks when it is told,
and when the next one falls due; it does not poll.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import Field, ValidationError

from postroom.events.hub import Hub
from postroom.model.claim import Claim
from postroom.model.tenant import Actor
from postroom.service.bells import heard
from postroom.service.claims import ClaimNext, Next, look
from postroom.service.desk import Desk, invalid
from postroom.service.operation import Answer

PROGRESS_S = 5.0
Progress = Callable[[float, float], Awaitable[None]]  # seconds waited, seconds in all


class WaitToClaim(ClaimNext):
    wait: float = Field(default=0, ge=0, le=600, description="Seconds to wait at most when nothing is due.")


async def _silent(_waited: float, _in_all: float) -> None:
    return None


async def claim_next(
    desk: Desk, hub: Hub, actor: Actor, given: Mapping[str, Any], progress: Progress = _silent
) -> Answer[Claim | None]:
    """Claim the conversation that waits longest; none when time is up.

    Raises:
        PostroomError: as the operation claims.next.
    """
    try:
        wanted = WaitToClaim.model_validate(given)
    except ValidationError as error:
        raise invalid(error, WaitToClaim) from None
    command = ClaimNext(**wanted.model_dump(exclude={"wait"}))
    answer: Answer[Next] = await look(desk, actor, command)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with hub.listen(answer.result.inbox_id) as bell:
        while answer.result.claim is None:
            left = begun + wanted.wait - loop.time()
            if left <= 0:
                break
            answer = await look(desk, actor, command)  # what was committed before the bell was there
            if answer.result.claim is None:
                await progress(loop.time() - begun, wanted.wait)
                await heard(bell, min(left, PROGRESS_S, _until_due(desk, answer.result)))
    return Answer(answer.result.claim, answer.position)


def _until_due(desk: Desk, found: Next) -> float:
    if found.next_due is None:
        return PROGRESS_S
    return max(0.001, (found.next_due - desk.clock()) / 1000)
