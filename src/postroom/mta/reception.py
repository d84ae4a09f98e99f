"""What SMTP asks the house: whether a recipient is here, who a mail client is, and to take a message. All through the
desk.
"""

import asyncio
import contextlib

from postroom.model.address import domain_key, split
from postroom.model.errors import NotFound, Unauthenticated
from postroom.model.inbox import Inbox
from postroom.model.message import Incoming
from postroom.model.tenant import SYSTEM, Actor
from postroom.mta.inbound import Verdict
from postroom.mta.submission import Sender
from postroom.service.bells import Bells
from postroom.service.desk import Desk
from postroom.service.inboxes import InboxRef, Routed, RouteTo
from postroom.service.send import Prepare
from postroom.service.submit import Submission
from postroom.service.tenants import Credentials

_REMEMBERED = 10_000
_LARGE_AT_ONCE = 4  # submitted messages that are too large for a row are in memory while they are sent


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


class DeskSubmissions:
    """Lets mail clients send. The key is asked for at each step: one that was deleted stops a session, too."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def authenticate(self, user: str, password: str) -> Sender:
        """Return who sends: `user` is an inbox, `password` a key that may send from it. Raises Unauthenticated."""
        actor = await self._actor(password)
        self._desk.rates.take(actor)
        try:
            inbox: Inbox = await self._desk.call("inboxes.enter", actor, InboxRef(inbox_id=user))
        except NotFound:
            raise Unauthenticated("No such inbox within the reach of this key.") from None
        if "@" not in user or not actor.may("message_send"):
            raise Unauthenticated("This key may not send.")
        return Sender(address=inbox.address, inbox_id=inbox.inbox_id, api_key=password)

    async def check(self, sender: Sender) -> None:
        """Let pass who may send now, with the message counted as a request."""
        actor = await self._actor(sender.api_key)
        self._desk.rates.take(actor)
        await self._desk.call("messages.prepare", actor, Prepare(inbox_id=sender.inbox_id))

    async def take(self, sender: Sender, mail: Incoming, *, utf8: bool) -> None:
        """Send a message; it is on disk when this returns."""
        actor = await self._actor(sender.api_key)
        given = Submission(inbox_id=sender.inbox_id, incoming=mail, utf8=utf8)
        async with contextlib.nullcontext() if mail.spool is None else self._large:
            await self._desk.call("messages.submit", actor, given)

    async def _actor(self, api_key: str) -> Actor:
        actor: Actor = await self._desk.call("tenants.authenticate", SYSTEM, Credentials(api_key=api_key))
        return actor
