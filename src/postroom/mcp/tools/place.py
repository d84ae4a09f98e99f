"""Asks for what belongs to an inbox, a pod or the organization, as who calls: for tools that name one of the three."""

from collections.abc import Mapping
from typing import Any

from postroom.mcp.face import Hands
from postroom.service.narrowing import narrowed
from postroom.service.operation import Answer

SAYS = {
    "inbox_id": "Of this inbox; of all that you reach when left out.",
    "pod_id": "Of this pod; exclusive with inbox_id.",
}


async def ask_within(
    hands: Hands, operation: str, given: Mapping[str, Any], *, inbox_id: str | None, pod_id: str | None = None
) -> Answer[Any]:
    """Do an operation as whoever calls, confined to an inbox or a pod where one is named; None is absent."""
    face = await hands.face()
    actor = await narrowed(face.desk, await hands.actor(), inbox_id=inbox_id, pod_id=pod_id)
    present = {name: value for name, value in given.items() if value is not None}
    return await face.desk.ask(operation, actor, present)
