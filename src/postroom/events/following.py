"""Follows the log from a position: what has happened since, or, where nothing has, what happens within some seconds."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from postroom.events.hub import Hub
from postroom.model.tenant import Actor
from postroom.service.bells import heard
from postroom.service.desk import Desk, invalid
from postroom.service.log import Feed, ListEvents
from postroom.service.operation import Answer

POLL_S = 5.0


class Follow(ListEvents):
    wait: float = Field(default=0, ge=0, le=60, description="Seconds to wait at most when there is none.")


async def follow(desk: Desk, hub: Hub, actor: Actor, given: Mapping[str, Any]) -> Feed:
    """Return the events after a position, as soon as there is one; an empty page with its position when time is up."""
    try:
        wanted = Follow.model_validate(given)
    except ValidationError as error:
        raise invalid(error, Follow) from None
    command = ListEvents(**wanted.model_dump(exclude={"wait"}))
    feed = await _look(desk, actor, command)
    loop = asyncio.get_running_loop()
    end = loop.time() + wanted.wait
    reach = actor.reach
    with hub.listen(reach.inbox_id or reach.org_id or "") as bell:
        while not feed.items and (left := end - loop.time()) > 0:
            # From where the last look ended, so that no event is looked at twice and none is passed over.
            feed = await _look(desk, actor, command.model_copy(update={"after": feed.position}))
            if not feed.items and not feed.has_more:
                await heard(bell, min(left, POLL_S))
    return feed


async def _look(desk: Desk, actor: Actor, command: ListEvents) -> Feed:
    answer: Answer[Feed] = await desk.ask("events.list", actor, command)
    return answer.result
