"""Takes mail from the network: the SMTP server for mail addressed to our inboxes.

It neither parses nor stores a message, and it knows no inbox: it asks. It relays nothing and has neither AUTH nor
STARTTLS.
"""

from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from postroom.model.errors import InvalidInput, Refused, TooLarge
from postroom.model.message import Incoming
from postroom.mta.data import Body
from postroom.mta.limits import InboundLimits
from postroom.mta.session import Listener, Session, in_words

__all__ = ["Inbound", "InboundLimits", "Reception", "Verdict"]


class Verdict(Enum):
    """What becomes of mail to an address."""

    ACCEPTED = auto()
    UNKNOWN = auto()  # our domain, no such inbox
    FOREIGN = auto()  # not our domain


class Reception(Protocol):
    """Who knows the inboxes and keeps the mail.

    Both functions are begun outside of a task and are in one from their first wait on: before it they cannot use what
    belongs to a task (asyncio.timeout, TaskGroup). Messages over 16 KB are always taken in a task.
    """

    async def verdict(self, address: str) -> Verdict:
        """Say whether mail to `address` is wanted. Raises Temporary where that cannot be told now."""

    async def take(self, mail: Incoming) -> None:
        """Keep `mail`: it is durable when this returns, and its spool file moved or deleted.

        Raises InvalidInput, Refused or TooLarge for mail that will never be kept; all else means "try again".
        """


class Inbound(Listener):
    """The server of the inbound port: what arrives is `reception`'s."""

    def __init__(
        self, reception: Reception, hostname: str, spool_folder: Path, limits: InboundLimits | None = None
    ) -> None:
        super().__init__(hostname, spool_folder, limits or InboundLimits())
        self.reception = reception

    def open(self, client: str | None) -> "InboundSession":
        """Return a session for a connection from the IP address `client`."""
        return InboundSession(self, client)


class InboundSession(Session):
    """A connection of somebody who brings mail for us."""

    def __init__(self, server: Inbound, client: str | None) -> None:
        super().__init__(server, client)
        self._reception = server.reception

    async def _ask(self, address: str) -> str | None:
        try:
            verdict = await self._reception.verdict(address)
        except Exception as error:
            # Whatever fails on our side, the sender shall try again.
            return self._failure("verdict", error)
        if verdict is Verdict.ACCEPTED:
            return None
        return "550 5.1.1 No such inbox" if verdict is Verdict.UNKNOWN else "550 5.7.1 Relaying denied"

    async def _take(self, body: Body) -> str | None:
        try:
            await self._reception.take(self._mail(body))
        except TooLarge as error:
            return in_words("552 5.3.4", error)
        except (InvalidInput, Refused) as error:
            return in_words("554 5.6.0", error)
        except Exception as error:
            # 250 would lose the mail and 5xx bounce it: whatever else fails is ours, and the sender shall try again.
            return self._failure("take", error)
        return None
