"""What SMTP asks the house: whether a recipient is here, and to take a message. All through the desk."""

from postroom.model.address import domain_key, split
from postroom.model.message import Incoming
from postroom.model.tenant import SYSTEM
from postroom.mta.inbound import Verdict
from postroom.service.bells import Bells
from postroom.service.desk import Desk
from postroom.service.inboxes import RouteTo

_REMEMBERED = 10_000


class DeskReception:
    """Answers the SMTP server out of the store.

    Addresses that were found are remembered until an inbox was deleted or another process has written: a hop to a
    database thread costs as much as the rest of RCPT. Filing looks again, so a stale answer costs a 451, never a mail.
    """

    def __init__(self, desk: Desk, bells: Bells) -> None:
        self._desk = desk
        self._domain = domain_key(desk.house.domain)
        self._changed = bells.listen("inbox")
        self._found: set[str] = set()

    async def verdict(self, address: str) -> Verdict:
        """Tell whether `address` is an inbox here, is missing here, or belongs elsewhere."""
        if self._changed.is_set() or len(self._found) > _REMEMBERED:
            self._changed.clear()
            self._found.clear()
        if address in self._found:
            return Verdict.ACCEPTED
        if domain_key(split(address)[1]) != self._domain:
            return Verdict.FOREIGN
        found = await self._desk.call("inboxes.route", SYSTEM, RouteTo(address=address))
        if found is None:
            return Verdict.UNKNOWN
        self._found.add(address)
        return Verdict.ACCEPTED

    async def take(self, mail: Incoming) -> None:
        """Keep a message; it is on disk when this returns."""
        await self._desk.call("mail.take", SYSTEM, mail)
