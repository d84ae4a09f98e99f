"""What SMTP asks the house: whether a recipient is here, and to take a message. All through the desk."""

from postroom.model.address import domain_key, split
from postroom.model.message import Incoming
from postroom.model.tenant import SYSTEM
from postroom.mta.inbound import Verdict
from postroom.service.bells import Bells
from postroom.service.desk import Desk
from postroom.service.inboxes import Routed, RouteTo

_REMEMBERED = 10_000


class DeskReception:
    """Answers the SMTP server out of the store.

    Addresses that were found, and domains that are not ours, are remembered until an inbox was deleted, a domain was
    changed or another process has written: a hop to a database thread costs as much as the rest of RCPT. Filing looks
    again, so a stale answer costs a 451, never a mail.
    """

    def __init__(self, desk: Desk, bells: Bells) -> None:
        self._desk = desk
        self._changed = bells.listen("inbox")
        self._found: set[str] = set()
        self._foreign: set[str] = set()  # domains

    async def verdict(self, address: str) -> Verdict:
        """Tell whether `address` is an inbox here, is missing here, or belongs elsewhere."""
        if self._changed.is_set() or len(self._found) + len(self._foreign) > _REMEMBERED:
            self._changed.clear()
            # New ones: an answer that is under way may be of before, and goes into those that nobody looks at any more.
            self._found, self._foreign = set(), set()
        here, foreign = self._found, self._foreign
        if address in here:
            return Verdict.ACCEPTED
        domain = domain_key(split(address)[1])
        if domain in foreign:
            return Verdict.FOREIGN
        found: Routed = await self._desk.call("inboxes.route", SYSTEM, RouteTo(address=address))
        if found.mailbox is not None:
            here.add(address)
            return Verdict.ACCEPTED
        if found.is_ours:
            return Verdict.UNKNOWN
        foreign.add(domain)
        return Verdict.FOREIGN

    async def take(self, mail: Incoming) -> None:
        """Keep a message; it is on disk when this returns."""
        await self._desk.call("mail.take", SYSTEM, mail)
