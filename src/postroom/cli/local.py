"""Does one operation on the data folder, as POSTROOM_API_KEY or as the local owner."""

import asyncio
from collections.abc import Mapping
from typing import Any

from postroom.config import Settings
from postroom.model.errors import Forbidden
from postroom.model.tenant import SYSTEM, Actor
from postroom.server import Postroom, open_house
from postroom.service.operation import Nothing, Operation

_SETTLE_S = 2.0


async def call(operation: Operation, given: Mapping[str, Any]) -> Any:
    """Do `operation` and return its result; mail between inboxes here has arrived then, where it can within 2 s."""
    settings = Settings()
    async with open_house(settings) as house:
        actor = await _actor(house, operation)
        result = await house.desk.call(operation.name, actor, given)
        if operation.scope == "message_send":
            await _settled(house)
        return result


async def _actor(house: Postroom, operation: Operation) -> Actor:
    key = house.settings.api_key.get_secret_value() if house.settings.api_key else None
    actor = await house.actor(key)
    if operation.scope:
        return actor
    if key is not None:
        raise Forbidden(f"{operation.name} is for the local owner.", fix="Leave out POSTROOM_API_KEY.")
    return SYSTEM


async def _settled(house: Postroom) -> None:
    """Wait until nothing is due: whoever runs no server has no other process that would deliver."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SETTLE_S
    while loop.time() < until:
        due = await house.desk.call("deliveries.next_due", SYSTEM, Nothing())
        leased = await house.desk.call("deliveries.owners", SYSTEM, Nothing())
        if not leased and (due is None or due > house.desk.clock()):
            return
        await asyncio.sleep(0.01)
