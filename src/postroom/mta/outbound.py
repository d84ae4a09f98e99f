"""The outbound worker: claims due deliveries, attempts them a message at a time, gives back what dead processes held.

Any number of processes may run it over one store: a row is worked on by whoever leased it.
"""

import asyncio
import logging
from collections.abc import Callable
from itertools import groupby

from postroom.model.delivery import Delivery
from postroom.model.errors import Temporary
from postroom.model.tenant import SYSTEM
from postroom.service.bells import Bells, heard
from postroom.service.deliver import Attempt, Claim, Failure, Owner
from postroom.service.desk import Desk
from postroom.service.operation import Nothing

log = logging.getLogger(__name__)
POLL_S = 5.0
RECLAIM_S = 0.5
BATCH = 50


class Outbound:
    """`owner` is the name of this process on its leases, `is_alive` tells whether another's still runs."""

    def __init__(self, desk: Desk, bells: Bells, owner: str, is_alive: Callable[[str], bool]) -> None:
        self._desk = desk
        self._bell = bells.listen("delivery")
        self._owner = owner
        self._is_alive = is_alive
        self._lost = False

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            wait = POLL_S
            try:
                if self._lost:
                    # What could not be recorded is still leased to us, and nothing of ours is under way here.
                    await self._desk.call("deliveries.give_back", SYSTEM, Owner(owner=self._owner))
                    self._lost = False
                while claimed := await self._desk.call(
                    "deliveries.claim", SYSTEM, Claim(owner=self._owner, limit=BATCH)
                ):
                    await self._attempt_all(claimed)
                wait = RECLAIM_S if self._lost else await self._until_next()
            except Temporary as error:
                log.warning("outbound waits error=%s", error)
            await heard(self._bell, wait)

    async def reclaim(self) -> None:
        """Give back, for ever, what processes held that are gone."""
        while True:
            await asyncio.sleep(RECLAIM_S)
            try:
                for owner in await self._desk.call("deliveries.owners", SYSTEM, Nothing()):
                    if not self._is_alive(owner):
                        count = await self._desk.call("deliveries.give_back", SYSTEM, Owner(owner=owner))
                        log.info("leases given back owner=%s count=%d", owner, count)
            except Temporary as error:
                log.warning("reclaim waits error=%s", error)

    async def _attempt_all(self, claimed: list[Delivery]) -> None:
        async with asyncio.TaskGroup() as group:
            for _message, deliveries in groupby(sorted(claimed, key=_message_of), key=_message_of):
                group.create_task(self._attempt(tuple(deliveries)))

    async def _attempt(self, deliveries: tuple[Delivery, ...]) -> None:
        given = Attempt(owner=self._owner, deliveries=deliveries)
        try:
            await self._desk.call("deliveries.attempt", SYSTEM, given)
        except Temporary as error:
            self._lost = True
            log.warning("delivery not recorded message=%s error=%s", deliveries[0].message_id, error)
        except Exception:  # one message that cannot be delivered must not end the delivery of all others
            log.exception("delivery failed message=%s", deliveries[0].message_id)
            await self._put_off(deliveries)

    async def _put_off(self, deliveries: tuple[Delivery, ...]) -> None:
        failure = Failure(owner=self._owner, deliveries=deliveries, error="An error of ours; the log says more.")
        try:
            await self._desk.call("deliveries.defer", SYSTEM, failure)
        except Temporary as error:
            self._lost = True
            log.warning("delivery not put off message=%s error=%s", deliveries[0].message_id, error)

    async def _until_next(self) -> float:
        due_at = await self._desk.call("deliveries.next_due", SYSTEM, Nothing())
        return POLL_S if due_at is None else min(POLL_S, max(0.01, (due_at - self._desk.clock()) / 1000))


def _message_of(delivery: Delivery) -> str:
    return delivery.message_id
