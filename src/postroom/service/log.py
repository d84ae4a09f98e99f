"""The log as listeners need it: whom to wake since a position, what has happened since, and all that belongs to it."""

from postroom.model.domain import Domain
from postroom.model.errors import NotFound
from postroom.model.event import Event, EventType
from postroom.model.message import Message
from postroom.model.record import Record
from postroom.model.thread import Thread
from postroom.service import domains
from postroom.service.operation import Context, Input, Nothing
from postroom.store.queries import events, inboxes, messages, threads


class After(Input):
    """A position, and how many events to look at."""

    position: int
    limit: int = 500


class Happening(Record):
    """An event and, as they stand now, the message, the thread or the domain that it tells of."""

    event: Event
    message: Message | None = None
    thread: Thread | None = None
    domain: Domain | None = None


def feed(context: Context, given: After) -> list[tuple[int, str | None, str]]:
    """Return position, inbox (inner id) and organization of the events after a position, in order."""
    return context.tx.all(events.FEED, after=given.position, n=given.limit)


def since(context: Context, given: After) -> list[Event]:
    """Return the events within reach after a position, in order."""
    return context.tx.all(events.SINCE, after=given.position, n=given.limit)


def at(context: Context, given: After) -> Happening | None:
    """Return the event at a position with what it tells of; None where that has been deleted."""
    return happening(context, given.position)


def happening(context: Context, position: int) -> Happening | None:
    """Return the event at `position` with what it tells of; None where that has been deleted."""
    event = context.tx.one(events.BY_POSITION, position=position)
    if event is None:
        return None
    if event.inbox_id is not None and context.tx.one(inboxes.BY_ID, inbox_id=event.inbox_id) is None:
        return None
    told = Happening(event=event)
    if event.type is EventType.DOMAIN_VERIFIED:
        domain = _domain(context, str(event.data["id"]))
        return None if domain is None else told.model_copy(update={"domain": domain})
    if "message" not in event.data:
        return told
    summary = context.tx.one(messages.BY_ID, id=event.data["message"])
    if summary is None:
        return None
    message = context.tx.one(messages.FULL, seq=summary.seq)
    thread = context.tx.one(threads.BY_ID, id=summary.thread_id)
    return told.model_copy(update={"message": message, "thread": thread})


def _domain(context: Context, domain_id: str) -> Domain | None:
    try:
        return domains.get(context, domains.DomainRef(domain_id=domain_id))
    except NotFound:
        return None


def newest(context: Context, _given: Nothing) -> int:
    """Return the position of the newest event."""
    return context.tx.position()
