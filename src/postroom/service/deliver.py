"""The outbound queue: rows claimed under a lease, attempted, and recorded by whoever still holds the lease.

A delivery to an inbox of ours is recorded in the very transaction that files the message there: it happens once.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from postroom.model.delivery import Delivery, DeliveryState
from postroom.model.errors import NotFound, Temporary
from postroom.model.event import EventType
from postroom.model.message import Incoming, MessageSummary, ParsedMessage, Raw
from postroom.model.record import Record
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.correspondents import acquaint
from postroom.service.inboxes import find_mailbox
from postroom.service.messages import set_labels
from postroom.service.operation import Answer, Context, Input, Nothing
from postroom.service.receive import Arrival, file_arrival
from postroom.store.queries import deliveries as queries
from postroom.store.queries import inboxes, messages

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LEASE_MS = 60_000
FIRST_RETRY_MS = 30_000
LONGEST_RETRY_MS = 3_600_000
MAX_ATTEMPTS = 60


class Claim(Input):
    """Lease up to `limit` due deliveries for the process `owner`."""

    owner: str
    limit: int = 50


class Owner(Input):
    """A process, by the name that its leases carry."""

    owner: str


class Attempt(Input):
    """Deliveries of one message that `owner` has claimed."""

    owner: str
    deliveries: tuple[Delivery, ...]


class LocalArrival(Input):
    """A message that goes into inboxes of ours, and the deliveries that end with it."""

    owner: str
    deliveries: tuple[Delivery, ...]
    arrival: Arrival


class Failure(Input):
    """Deliveries that did not happen now; they are due again later, or bounce when they were tried enough."""

    owner: str
    deliveries: tuple[Delivery, ...]
    error: str


class MessageBytes(Input):
    """A message by its inner id."""

    message: str


class Source(Record):
    """A message that is to be delivered, where its bytes are, and whether it was written of what came from outside."""

    summary: MessageSummary
    raw: Raw
    tainted: bool


def claim(context: Context, given: Claim) -> list[Delivery]:
    """Lease due deliveries."""
    return context.tx.all(
        queries.CLAIM,
        now=context.now,
        n=given.limit,
        until=context.now + LEASE_MS,
        owner=given.owner,
        sending=DeliveryState.SENDING.value,
    )


def next_due(context: Context, _given: Nothing) -> int | None:
    """Say when the next delivery is due (UTC milliseconds), None when there is none."""
    return context.tx.one(queries.NEXT_DUE, now=context.now)


def owners(context: Context, _given: Nothing) -> list[str]:
    """Name the processes that hold leases."""
    return context.tx.all(queries.OWNERS)


def give_back(context: Context, given: Owner) -> int:
    """Free what a process held that has ended; return how many."""
    context.tx.ring("delivery")
    return context.tx.run(queries.GIVE_BACK, owner=given.owner, state=DeliveryState.QUEUED.value)


def find_source(context: Context, given: MessageBytes) -> Source | None:
    """Find a message and its bytes; None when it has been deleted since."""
    summary = context.tx.one(messages.BY_ID, id=given.message)
    found = context.tx.one(messages.SOURCE, seq=summary.seq) if summary is not None else None
    return Source(summary=summary, raw=found[0], tainted=found[1]) if summary is not None and found else None


async def attempt(desk: "Desk", _actor: Actor, given: Attempt) -> Answer[None]:
    """Carry one message to inboxes of ours: its bytes are parsed again, as if they had come from outside."""
    source = await desk.call("deliveries.find_source", SYSTEM, MessageBytes(message=given.deliveries[0].message_id))
    if source is None:
        gone = Failure(owner=given.owner, deliveries=given.deliveries, error="The message was deleted.")
        return await desk.ask("deliveries.bounce", SYSTEM, gone)
    try:
        incoming = _incoming(desk, source, given.deliveries)
        parsed: ParsedMessage = await desk.rooms.parser.parse(incoming)
        arrival = Arrival(incoming=incoming, parsed=parsed, blob=source.raw.blob, tainted=source.tainted)
        local = LocalArrival(owner=given.owner, deliveries=given.deliveries, arrival=arrival)
        return await desk.ask("deliveries.arrive", SYSTEM, local)
    except (Temporary, OSError) as error:
        later = Failure(owner=given.owner, deliveries=given.deliveries, error=str(error))
        return await desk.ask("deliveries.defer", SYSTEM, later)


def arrive(context: Context, given: LocalArrival) -> None:
    """File a message into the inboxes that it is for and end its deliveries, in one transaction."""
    mine = tuple(d for d in given.deliveries if _end(context, d, given.owner, DeliveryState.DELIVERED))
    here = tuple(d for d in mine if find_mailbox(context, d.recipient) is not None)
    filed = _filed(context, given.arrival, here) if here else ()
    if filed:
        _tell(context, EventType.MESSAGE_DELIVERED, filed)
    unknown = tuple(d for d in mine if d not in filed)
    if unknown:
        _bounce(context, unknown, "550 5.1.1 No such inbox here.")


def _filed(context: Context, arrival: Arrival, deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """File a message; return the deliveries without those that are for who had their address before."""
    recipients = tuple(d.recipient for d in deliveries)
    incoming = arrival.incoming.model_copy(update={"recipients": recipients})
    try:
        taken = file_arrival(context, arrival.model_copy(update={"incoming": incoming}))
    except NotFound:
        return ()
    _acquaint(context, deliveries[0], taken.filed)
    if not taken.late:
        return deliveries
    reached = ((d, find_mailbox(context, d.recipient)) for d in deliveries)
    return tuple(d for d, mailbox in reached if mailbox is None or mailbox.inbox_id not in taken.late)


def _acquaint(context: Context, delivery: Delivery, filed: Iterable[str]) -> None:
    """Make a sender known to the inboxes of its own organization that got its mail."""
    for inbox_id in filed:
        inbox = context.tx.one(inboxes.BY_ID, inbox_id=inbox_id)
        if inbox is not None and inbox.org_id == delivery.org_id:
            acquaint(context, inbox_id, (delivery.envelope_from,))


def defer(context: Context, given: Failure) -> None:
    """Put deliveries off; the wait doubles, up to an hour."""
    spent: list[Delivery] = []
    for delivery in given.deliveries:
        due_at = context.now + min(LONGEST_RETRY_MS, FIRST_RETRY_MS << min(delivery.attempts - 1, 7))
        mine = _record(context, delivery, given.owner, DeliveryState.DEFERRED, due_at, given.error)
        if mine and delivery.attempts >= MAX_ATTEMPTS:
            spent.append(delivery)
    if spent:
        _bounce(context, spent, given.error)


def bounce(context: Context, given: Failure) -> None:
    """End deliveries that can never happen."""
    mine = tuple(d for d in given.deliveries if _end(context, d, given.owner, DeliveryState.BOUNCED, given.error))
    if mine:
        _bounce(context, mine, given.error)


def _incoming(desk: "Desk", source: Source, deliveries: tuple[Delivery, ...]) -> Incoming:
    raw = source.raw
    return Incoming(
        envelope_from=deliveries[0].envelope_from,
        recipients=tuple(d.recipient for d in deliveries),
        content=raw.content,
        spool=desk.rooms.blobs.path(raw.blob) if raw.blob else None,
        size=raw.size,
        sha256=raw.blob or "",
        origin="local",
    )


def _end(context: Context, delivery: Delivery, owner: str, state: DeliveryState, error: str | None = None) -> bool:
    return _record(context, delivery, owner, state, None, error)


def _record(
    context: Context, delivery: Delivery, owner: str, state: DeliveryState, due_at: int | None, error: str | None
) -> bool:
    """Write an outcome if the lease is still `owner`'s; tell whether it was."""
    changed = context.tx.run(
        queries.RECORD,
        key=delivery.delivery_id,
        owner=owner,
        state=state.value,
        due_at=due_at,
        last_error=error,
        now=context.now,
    )
    return changed == 1


def _bounce(context: Context, deliveries: Sequence[Delivery], error: str) -> None:
    for delivery in deliveries:
        context.tx.run(
            queries.SET_STATE,
            key=delivery.delivery_id,
            state=DeliveryState.BOUNCED.value,
            last_error=error,
            now=context.now,
        )
    _tell(context, EventType.MESSAGE_BOUNCED, deliveries, error)
    sent = context.tx.one(messages.BY_ID, id=deliveries[0].message_id)
    if sent is not None and "bounced" not in sent.labels:
        set_labels(context, sent, {*sent.labels, "bounced"})


def _tell(context: Context, kind: EventType, deliveries: Sequence[Delivery], error: str | None = None) -> None:
    """Write the sender's event; it names its recipients, the hidden ones too, and stays in the sender's inbox."""
    sent = context.tx.one(messages.BY_ID, id=deliveries[0].message_id)
    if sent is None:
        return
    facts = {"message": sent.id, "message_id": sent.message_id, "thread_id": sent.thread_id}
    reason = {} if error is None else {"reason": error}
    context.tx.emit(kind, sent, {**facts, "recipients": [d.recipient for d in deliveries], **reason})
