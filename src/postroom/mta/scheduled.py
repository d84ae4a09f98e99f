"""The worker of scheduled drafts: claims those that are due, sends each, gives back what dead processes held.

Any number of processes may run it over one store: a draft is worked on by whoever leased it.
"""

import asyncio
import logging
from collections.abc import Callable

from postroom.model.draft import DraftSummary
from postroom.model.errors import Temporary
from postroom.model.tenant import SYSTEM
from postroom.service.bells import Bells, heard
from postroom.service.desk import Desk
from postroom.service.draft_sending import Claim, Failure, Leased, Owner
from postroom.service.operation import Nothing

log = logging.getLogger(__name__)
POLL_S = 5.0
RETRY_S = 1.0


class Scheduled:
    """`owner` is the name of this process on its leases, `is_alive` tells whether another's still runs."""

    def __init__(self, desk: Desk, bells: Bells, owner: str, is_alive: Callable[[str], bool]) -> None:
        self._desk = desk
        self._bell = bells.listen("draft")
        self._owner = owner
        self._is_alive = is_alive
        self._lost = False

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            wait = RETRY_S
            try:
                await self._reclaim()
                self._lost = False
                while not self._lost and (claimed := await self._claim()):
                    async with asyncio.TaskGroup() as group:
                        for draft in claimed:
                            group.create_task(self._attempt(draft))
                wait = RETRY_S if self._lost else await self._until_next()
            except Temporary as error:
                log.warning("scheduled drafts wait error=%s", error)
            await heard(self._bell, wait)

    async def _claim(self) -> list[DraftSummary]:
        claimed: list[DraftSummary] = await self._desk.call("drafts.claim", SYSTEM, Claim(owner=self._owner))
        return claimed

    async def _reclaim(self) -> None:
        """Give back what processes held that are gone, and our own: between two turns nothing is under way here."""
        for owner in await self._desk.call("drafts.owners", SYSTEM, Nothing()):
            if owner == self._owner or not self._is_alive(owner):
                count = await self._desk.call("drafts.give_back", SYSTEM, Owner(owner=owner))
                log.info("drafts given back owner=%s count=%d", owner, count)

    async def _attempt(self, draft: DraftSummary) -> None:
        try:
            await self._desk.call("drafts.attempt", SYSTEM, Leased(draft=draft))
        except Temporary as error:
            self._lost = True
            log.warning("draft not sent draft=%s error=%s", draft.draft_id, error)
        except Exception:  # one draft that cannot be sent must not end the sending of all others
            log.exception("draft failed draft=%s", draft.draft_id)
            await self._fail(draft)

    async def _fail(self, draft: DraftSummary) -> None:
        failure = Failure(draft=draft, reason="An error of ours; the log says more.")
        try:
            await self._desk.call("drafts.fail", SYSTEM, failure)
        except Temporary as error:
            self._lost = True
            log.warning("draft not ended draft=%s error=%s", draft.draft_id, error)

    async def _until_next(self) -> float:
        due_at = await self._desk.call("drafts.next_due", SYSTEM, Nothing())
        return POLL_S if due_at is None else min(POLL_S, max(0.01, (due_at - self._desk.clock()) / 1000))
