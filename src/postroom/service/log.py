"""The log as listeners need it: whom to wake since a position, what has happened since, and all that belongs to it."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from postroom.model.domain import Domain
from postroom.model.errors import NotFound
from postroom.model.event import Event, EventType
from postroom.model.message import Message
from postroom.model.record import Record
from postroom.model.thread import Thread
from postroom.model.webhook import Webhook, permissions_for
from postroom.service import domains
from postroom.service.hidden import is_visible
from postroom.service.messages import listed
from postroom.service.operation import Context, Input, Nothing
from postroom.service.taint import came_of, is_trusted
from postroom.store.queries import events, inboxes, messages, threads

_SCAN = 5_000  # positions that one look passes over at most, whoever's they are
_NEEDS = {
    "inbox.": ("inbox_read",),
    "draft.": ("draft_read",),
    "claim.": ("message_read",),
    "approval.": ("message_read",),
    "webhook.": ("webhook_read",),
}


class After(Input):
    """A position, and how many events to look at."""

    position: int
    limit: int = 500


class ListEvents(Input):
    after: int = Field(default=0, ge=0, le=2**62, description="A position: only events after it. 0: from the first on.")
    limit: int = Field(default=100, ge=1, le=500, description="At most this many.")
    types: Annotated[tuple[EventType, ...], BeforeValidator(listed)] = Field(
        default=(), description="Only events of these types."
    )


class Told(Record):
    """An event as it is listed: with the address of its inbox, None where that is gone or never was."""

    event: Event
    inbox_address: str | None


class Feed(Record):
    """Events in order. Whoever goes on after `position` misses none and hears of none twice; `has_more`: at once."""

    items: tuple[Told, ...]
    position: int
    has_more: bool


class Happening(Record):
    """An event and, as they stand now, the message, the thread or the domain that it tells of."""

    event: Event
    message: Message | None = None
    thread: Thread | None = None
    domain: Domain | None = None
    webhook: Webhook | None = None  # that is tried
    is_outside: bool = False  # the message is one that nobody of the organization wrote


def feed(context: Context, given: After) -> list[tuple[int, str | None, str]]:
    """Return position, inbox (inner id) and organization of the events after a position, in order."""
    return context.tx.all(events.FEED, after=given.position, n=given.limit)


def since(context: Context, given: After) -> list[Event]:
    """Return the events within reach after a position, in order."""
    return context.tx.all(events.SINCE, after=given.position, n=given.limit)


def list_(context: Context, given: ListEvents) -> Feed:
    """List what has happened within reach since a position, in the order in which it did."""
    newest = context.tx.position()
    until = min(newest, given.after + _SCAN)
    found: list[Told] = []
    addresses: dict[str, str | None] = {}
    place = given.after
    while rows := context.tx.all(events.BETWEEN, after=place, until=until, n=given.limit + 1):
        for event in rows:
            if (given.types and event.type not in given.types) or not _may_see(context, event):
                continue
            if len(found) == given.limit:
                return Feed(items=tuple(found), position=found[-1].event.position, has_more=True)
            found.append(Told(event=event, inbox_address=_address(context, event.inbox_id, addresses)))
        place = rows[-1].position
    return Feed(items=tuple(found), position=max(until, given.after), has_more=until < newest)


def _may_see(context: Context, event: Event) -> bool:
    """Tell whether the permissions of who asks show an event of this type, and of this label."""
    label = event.data.get("label")
    if label is not None and not (context.actor.may("message_read") and is_visible(context, (str(label),))):
        return False
    return all(context.actor.may(permission) for permission in (*permissions_for(event.type.value), *_more(event)))


def _more(event: Event) -> tuple[str, ...]:
    return next((needs for head, needs in _NEEDS.items() if event.type.value.startswith(head)), ())


def _address(context: Context, inbox_id: str | None, known: dict[str, str | None]) -> str | None:
    if inbox_id is None:
        return None
    if inbox_id not in known:
        inbox = context.tx.one(inboxes.BY_ID, inbox_id=inbox_id)
        known[inbox_id] = None if inbox is None else inbox.address
    return known[inbox_id]


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
    outside = message is not None and not is_trusted(context, came_of(message), message.org_id)
    return told.model_copy(update={"message": message, "thread": thread, "is_outside": outside})


def _domain(context: Context, domain_id: str) -> Domain | None:
    try:
        return domains.get(context, domains.DomainRef(domain_id=domain_id))
    except NotFound:
        return None


def newest(context: Context, _given: Nothing) -> int:
    """Return the position of the newest event."""
    return context.tx.position()
