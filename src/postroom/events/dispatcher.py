"""The dispatcher: reads the log behind the bell, takes what waits for webhooks, and wakes the hub's listeners. Does
neither where there is nobody to tell.
"""

import logging

from postroom.events.hub import Hub
from postroom.model.errors import Temporary
from postroom.model.tenant import SYSTEM
from postroom.service.bells import Bells, heard
from postroom.service.desk import Desk
from postroom.service.log import After
from postroom.service.notifications import Share
from postroom.service.operation import Nothing

log = logging.getLogger(__name__)
POLL_S = 1.0


async def dispatch(desk: Desk, bells: Bells, hub: Hub) -> None:
    """Take events and wake listeners for ever."""
    bell, changed = bells.listen("event"), bells.listen("webhook")
    changed.set()
    taking = False
    position: int | None = None
    while True:
        await heard(bell, POLL_S)
        try:
            if changed.is_set():
                changed.clear()
                taking = await desk.call("notifications.is_needed", SYSTEM, Nothing())
            if taking:
                await _take(desk)
            position = None if hub.is_empty else await _wake(desk, hub, position)
        except Temporary as error:
            changed.set()
            log.warning("dispatcher waits error=%s", error)


async def _take(desk: Desk) -> None:
    while await desk.call("notifications.is_waiting", SYSTEM, Nothing()):
        await desk.call("notifications.take", SYSTEM, Share())


async def _wake(desk: Desk, hub: Hub, position: int | None) -> int:
    if position is not None:
        return await _wake_since(desk, hub, position)
    # Somebody began to listen since the last look: where from is not known, so let all look once.
    newest: int = await desk.call("events.newest", SYSTEM, Nothing())
    hub.wake_all()
    return newest


async def _wake_since(desk: Desk, hub: Hub, position: int) -> int:
    while feed := await desk.call("events.feed", SYSTEM, After(position=position)):
        hub.wake(name for _position, *names in feed for name in names)
        position = feed[-1][0]
    return position
