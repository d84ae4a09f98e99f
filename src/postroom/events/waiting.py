"""Waits for a message: takes a position in the log, looks, listens, looks again. No message falls between."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import Field

from postroom.events.hub import Hub
from postroom.model.tenant import Actor
from postroom.service.bells import heard
from postroom.service.desk import Desk
from postroom.service.inboxes import InboxRef
from postroom.service.messages import LatestNews, Since, Strings
from postroom.service.operation import Answer

PROGRESS_S = 5.0
Progress = Callable[[float, float], Awaitable[None]]  # seconds waited, seconds in all


class WaitForMessage(InboxRef):
    after: int | None = Field(
        default=None,
        ge=0,
        le=2**62,
        description="A position that an earlier result carried: messages since then count. Absent: from now on.",
    )
    from_: Strings = Field(default=(), description="Whose sender contains all these.")
    subject: Strings = Field(default=(), description="Whose subject contains all these.")
    timeout: float = Field(default=60, ge=0, le=600, description="Seconds to wait at most.")


async def wait_for_message(
    desk: Desk, hub: Hub, actor: Actor, given: WaitForMessage, progress: Progress
) -> Answer[LatestNews]:
    """Return the first message that matches, as soon as it is committed; an empty answer when time is up."""
    answer = await _look(desk, hub, actor, given, given.after)
    if answer.result.message is not None:
        return answer
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with hub.listen(answer.result.inbox_id) as bell:
        while True:
            answer = await _look(desk, hub, actor, given, answer.position)
            left = begun + given.timeout - loop.time()
            if answer.result.message is not None or left <= 0:
                return answer
            await progress(loop.time() - begun, given.timeout)
            await heard(bell, min(left, PROGRESS_S))


async def _look(desk: Desk, hub: Hub, actor: Actor, given: WaitForMessage, after: int | None) -> Answer[LatestNews]:
    since = Since(inbox_id=given.inbox_id, after=after, from_=given.from_, subject=given.subject)
    return await hub.together.ask((actor, since), lambda: desk.ask("messages.since", actor, since))
