"""Waits for a conversation to claim: takes one as soon as it is committed, given back or due. It looks when it is told,
and when the next one falls due; it does not poll. What was taken for somebody who has gone meanwhile is given back.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

from pydantic import Field, ValidationError

from postroom.events.hub import Hub
from postroom.model.claim import Claim
from postroom.model.errors import PostroomError
from postroom.model.tenant import Actor
from postroom.service.bells import heard
from postroom.service.claims import ClaimNext, Next, look
from postroom.service.desk import Desk, invalid
from postroom.service.operation import Answer

log = logging.getLogger(__name__)
PROGRESS_S = 5.0
Progress = Callable[[float, float], Awaitable[None]]  # seconds waited, seconds in all
# What gives back goes on though whoever claimed is cancelled once more; the loop alone would keep no task.
_GIVING: "set[asyncio.Task[None]]" = set()


class WaitToClaim(ClaimNext):
    wait: float = Field(default=0, ge=0, le=600, description="Seconds to wait at most when nothing is due.")


async def _silent(_waited: float, _in_all: float) -> None:
    return None


async def claim_next(
    desk: Desk, hub: Hub, actor: Actor, given: Mapping[str, Any], progress: Progress = _silent
) -> Answer[Claim | None]:
    """Claim the conversation that waits longest; none when time is up.

    Cancelled while it takes one, it gives that back: it was no try.

    Raises:
        PostroomError: as the operation claims.next.
    """
    try:
        wanted = WaitToClaim.model_validate(given)
    except ValidationError as error:
        raise invalid(error, WaitToClaim) from None
    command = ClaimNext(**wanted.model_dump(exclude={"wait"}))
    answer = await _look(desk, actor, command)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with hub.listen(answer.result.inbox_id) as bell:
        while answer.result.claim is None:
            left = begun + wanted.wait - loop.time()
            if left <= 0:
                break
            answer = await _look(desk, actor, command)  # what was committed before the bell was there
            if answer.result.claim is None:
                await progress(loop.time() - begun, wanted.wait)
                await heard(bell, min(left, PROGRESS_S, _until_due(desk, answer.result)))
    return Answer(answer.result.claim, answer.position)


@contextlib.asynccontextmanager
async def claimed(
    desk: Desk, hub: Hub, actor: Actor, given: Mapping[str, Any], progress: Progress = _silent
) -> AsyncIterator[Answer[Claim | None]]:
    """Claim as claim_next does, for a block that words it: where it fails or is cancelled, the claim is given back."""
    answer = await claim_next(desk, hub, actor, given, progress)
    try:
        yield answer
    except BaseException:  # nobody is told of it, whatever the reason
        if answer.result is not None:
            await _shielded(_let_go(desk, actor, answer.result))
        raise


async def _look(desk: Desk, actor: Actor, command: ClaimNext) -> Answer[Next]:
    """Look once; a look that is cancelled has taken what it has taken: its transaction ends in a thread."""
    looking = asyncio.ensure_future(look(desk, actor, command))
    try:
        return await asyncio.shield(looking)
    except asyncio.CancelledError:
        await _shielded(_unlooked(desk, actor, looking))
        raise


async def _unlooked(desk: Desk, actor: Actor, looking: "asyncio.Future[Answer[Next]]") -> None:
    with contextlib.suppress(PostroomError):  # it took nothing
        claim = (await looking).result.claim
        if claim is not None:
            await _let_go(desk, actor, claim)


async def _let_go(desk: Desk, actor: Actor, claim: Claim) -> None:
    try:
        await desk.call("claims.let_go", actor, {"claim_id": claim.claim_id})
    except PostroomError as error:  # its lease ends it
        log.warning("claim not given back thread=%s error=%s", claim.thread.thread_id, error)


async def _shielded(giving: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(giving)
    _GIVING.add(task)
    task.add_done_callback(_GIVING.discard)
    await asyncio.shield(task)


def _until_due(desk: Desk, found: Next) -> float:
    if found.next_due is None:
        return PROGRESS_S
    return max(0.001, (found.next_due - desk.clock()) / 1000)
