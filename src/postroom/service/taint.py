"""Taint: what came from outside may carry orders, so whoever read it, and the thread that it is in, is not trusted to
write to somebody new. Remembers who read; judges no message.
"""

from typing import TYPE_CHECKING

from postroom.model.address import address_key
from postroom.model.message import Message, MessageSummary
from postroom.model.tenant import Actor
from postroom.service.operation import Context, Input
from postroom.store.queries import inboxes
from postroom.store.queries import policies as queries
from postroom.store.queries.policies import Came

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LASTS_MS = 3_600_000
EXACT_MS = 60_000  # how true the time of the last reading is
MAX_LOOKED_AT = 1_000  # messages of a thread; a longer one is not trusted


class Reading(Input):
    """A key (or the organization of the local owner) that has read what came from outside, and when."""

    reader: str
    at: int


class Readers:
    """Who is known to have read just now: at most one write a minute for each."""

    def __init__(self) -> None:
        self._noted: dict[str, int] = {}

    def needs(self, reader: str, now: int) -> bool:
        """Tell whether a reading is to be written down."""
        return abs(now - self._noted.get(reader, now - EXACT_MS)) >= EXACT_MS

    def noted(self, reader: str, now: int) -> None:
        """Remember that it was written down."""
        if len(self._noted) >= 1024:
            self._noted.clear()
        self._noted[reader] = now


async def remember(desk: "Desk", actor: Actor) -> None:
    """Write down that an actor has read what came from outside; durable when this returns."""
    reader, now = reader_of(actor), desk.clock()
    if reader is not None and desk.readers.needs(reader, now):
        await desk.call("taints.note", actor, Reading(reader=reader, at=now))
        desk.readers.noted(reader, now)


def note(context: Context, given: Reading) -> None:
    """Write when a key read what came from outside; what was read later has said so already."""
    context.tx.insert(queries.TAINT, {"reader": given.reader, "at": given.at})


def reader_of(actor: Actor) -> str | None:
    """Return by what name an actor's readings are kept; None for Postroom itself."""
    return actor.api_key_id or actor.reach.org_id


def has_read(context: Context, reader: str | None) -> bool:
    """Tell whether a reader has read what came from outside within the last hour."""
    at = None if reader is None else context.tx.one(queries.TAINTED_AT, reader=reader)
    return at is not None and at > context.now - LASTS_MS - EXACT_MS


def thread_is_tainted(context: Context, thread_id: str | None, org_id: str) -> bool:
    """Tell whether a thread has a message from outside its organization."""
    if thread_id is None:
        return False
    came = context.tx.all(queries.CAME, thread_id=thread_id, n=MAX_LOOKED_AT)
    return len(came) == MAX_LOOKED_AT or not all(is_trusted(context, one, org_id) for one in set(came))


def is_trusted(context: Context, came: Came, org_id: str) -> bool:
    """Tell whether an inbox of the organization wrote a message; nothing that came over SMTP is proved to be so."""
    if came.origin == "sent":
        return True
    if came.origin != "local" or not came.envelope_from:
        return False
    sender = context.tx.one(inboxes.MAILBOX, address_key=address_key(came.envelope_from))
    return sender is not None and sender.org_id == org_id


def came_of(message: Message) -> Came:
    """Return how a message that was read whole came."""
    return Came(message.origin, message.envelope_from, message.from_)


def reads(context: Context, message: MessageSummary) -> None:
    """Say that the body, or a file, of a message is shown to the actor of this call."""
    if not context.seen and "sent" not in message.labels:
        came = context.tx.one(queries.CAME_ONE, seq=message.seq)
        if came is not None and not is_trusted(context, came, message.org_id):
            context.seen.add("outside")


def shows(context: Context, message: Message) -> None:
    """Say that a message that was read whole is shown to the actor of this call."""
    if not context.seen and not is_trusted(context, came_of(message), message.org_id):
        context.seen.add("outside")
