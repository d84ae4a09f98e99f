"""The dispatcher: reads the log behind the bell and wakes the hub's listeners. Reads nothing while nobody listens."""

import logging

from postroom.events.hub import Hub
from postroom.model.errors import Temporary
from postroom.model.tenant import SYSTEM
from postroom.service.bells import Bells, heard
from postroom.service.desk import Desk
from postroom.service.log import After
from postroom.service.operation import Nothing

log = logging.getLogger(__name__)
POLL_S = 1.0


async def dispatch(desk: Desk, bells: Bells, hub: Hub) -> None:
    """Wake listeners for ever."""
    bell = bells.listen("event")
    position: int | None = None
    while True:
        await heard(bell, POLL_S)
        try:
            position = None if hub.is_empty else await _wake(desk, hub, position)
        except Temporary as error:
            log.warning("dispatcher waits error=%s", error)


async def _wake(desk: Desk, hub: Hub, position: int | None) -> int:
    if position is not None:
        return await _wake_since(desk, hub, position)
    # Somebody began to listen since the last look: where from is not known, so let all look once.
    newest: int = await desk.call("events.newest", SYSTEM, Nothing())
    hub.wake_all()
    return newest


async def _wake_since(desk: Desk, hub: Hub, position: int) -> int:
    while feed := await desk.call("events.feed", SYSTEM, After(position=position)):
        hub.wake(inbox_id for _position, inbox_id in feed)
        position = feed[-1][0]
    return position
