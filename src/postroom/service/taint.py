"""Taint: what came from outside may carry orders, so whoever read it, and the thread that it is in, is not trusted to
write to somebody new, and what they write is itself as if it came from outside. Remembers who read; judges no message.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from postroom.model.address import address_key
from postroom.model.draft import DraftSummary
from postroom.model.message import Message
from postroom.model.policy import Taint, hand
from postroom.model.tenant import Actor
from postroom.service import families
from postroom.service.operation import Context, Input
from postroom.store.queries import inboxes, messages
from postroom.store.queries import policies as queries
from postroom.store.queries.policies import Came

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LASTS_MS = 3_600_000
EXACT_MS = 60_000  # how true the time of the last reading is
MAX_LOOKED_AT = 1_000  # messages of a thread; a longer one is not trusted
_FIRST_LOOK = 20  # of them: where one came from outside, it is mostly among these


class Kept(Protocol):
    """A message of the store."""

    @property
    def seq(self) -> int: ...

    @property
    def org_id(self) -> str: ...


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
    """Write when a family of keys read what came from outside; what was read later has said so already."""
    key = context.actor.api_key_id
    reader = given.reader if key is None else families.of(context, key)
    context.tx.insert(queries.TAINT, {"reader": reader, "at": given.at})


def reader_of(actor: Actor) -> str | None:
    """Return by what name an actor's readings are kept; None for Postroom itself."""
    return actor.api_key_id or actor.reach.org_id


def of(
    context: Context, org_id: str, thread_id: str | None, source: str | None, by: Sequence[str] | None = None
) -> Taint | None:
    """Tell how what is written now, in a thread or in none, may come from outside; None where it is trusted.

    `source` is the message (inner id) that it quotes or forwards where it joins no thread of that. `by` is the key that
    writes with those that made it, of the actor when absent; empty: the local owner.
    """
    if _has_read(context, org_id, hand(context.actor) if by is None else by):
        return Taint.READING
    if thread_is_tainted(context, thread_id, org_id) or (source is not None and _is_outside(context, source, org_id)):
        return Taint.THREAD
    return None


def _is_outside(context: Context, source: str, org_id: str) -> bool:
    """Tell whether the thread of a message is tainted; of one that is gone nobody can tell any more."""
    found = context.tx.one(messages.BY_ID, id=source)
    return found is None or thread_is_tainted(context, found.thread_id, org_id)


def _has_read(context: Context, org_id: str, by: Sequence[str]) -> bool:
    """Tell whether a key, any of its family, or one that made it has read what came from outside within the hour."""
    readers = (families.of(context, by[0]), *by) if by else (org_id,)
    newest = max(context.tx.one(queries.TAINTED_AT, **four) or 0 for four in queries.by_fours(readers))
    return newest > context.now - LASTS_MS - EXACT_MS


def thread_is_tainted(context: Context, thread_id: str | None, org_id: str) -> bool:
    """Tell whether a thread has a message from outside its organization, or one that was written of such."""
    if thread_id is None:
        return False
    for most in (_FIRST_LOOK, MAX_LOOKED_AT):
        came = context.tx.all(queries.CAME, thread_id=thread_id, n=most)
        if not all(is_trusted(context, one, org_id) for one in set(came)):
            return True
        if len(came) < most:
            return False
    return True


def is_trusted(context: Context, came: Came, org_id: str) -> bool:
    """Tell whether an inbox of the organization wrote a message, of nothing from outside.

    Nothing that came over SMTP is proved to be so.
    """
    if came.tainted:
        return False
    if came.origin == "sent":
        return True
    if came.origin != "local" or not came.envelope_from:
        return False
    sender = context.tx.one(inboxes.MAILBOX, address_key=address_key(came.envelope_from))
    return sender is not None and sender.org_id == org_id


def came_of(message: Message) -> Came:
    """Return how a message that was read whole came."""
    return Came(message.origin, message.envelope_from, message.from_, message.tainted)


def reads(context: Context, message: Kept) -> None:
    """Say that the body, or a file, of a message is shown to the actor of this call."""
    if not context.seen:
        came = context.tx.one(queries.CAME_ONE, seq=message.seq)
        if came is not None and not is_trusted(context, came, message.org_id):
            context.seen.add("outside")


def shows(context: Context, message: Message) -> None:
    """Say that a message that was read whole is shown to the actor of this call."""
    if not context.seen and not is_trusted(context, came_of(message), message.org_id):
        context.seen.add("outside")


def shows_draft(context: Context, draft: DraftSummary) -> None:
    """Say that the words, or a file, of a draft are shown to the actor of this call."""
    if draft.tainted is Taint.READING:
        context.seen.add("outside")
