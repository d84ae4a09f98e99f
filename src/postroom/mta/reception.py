"""What SMTP asks the house: whether a recipient is here, and to take a message. All through the desk."""

from postroom.model.address import domain_key, split
from postroom.model.message import Incoming
from postroom.model.tenant import SYSTEM
from postroom.mta.inbound import Verdict
from postroom.service.desk import Desk
from postroom.service.inboxes import RouteTo


class DeskReception:
    """Answers the SMTP server out of the store."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._domain = domain_key(desk.house.domain)

    async def verdict(self, address: str) -> Verdict:
        """Tell whether `address` is an inbox here, is missing here, or belongs elsewhere."""
        if domain_key(split(address)[1]) != self._domain:
            return Verdict.FOREIGN
        found = await self._desk.call("inboxes.route", SYSTEM, RouteTo(address=address))
        return Verdict.UNKNOWN if found is None else Verdict.ACCEPTED

    async def take(self, mail: Incoming) -> None:
        """Keep a message; it is on disk when this returns."""
        await self._desk.call("mail.take", SYSTEM, mail)
