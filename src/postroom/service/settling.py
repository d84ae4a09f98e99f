"""Ends a claim as done, alone or in the transaction of the answer: both are kept, or neither."""

from postroom.model.record import Record
from postroom.service import work
from postroom.service.messages import follow_labels, relabel
from postroom.service.operation import Context
from postroom.store.queries import claims as queries
from postroom.store.queries import messages


class Ack(Record):
    """The claim that ends with what is being written."""

    claim_id: str


class Settled(Record):
    """A conversation whose claim was ended. `waits`: it is in the queue still, or again, because of newer mail."""

    thread_id: str
    waits: bool


def settle(context: Context, given: Ack) -> Settled:
    """Mark what was claimed as read; what came since then waits.

    Raises:
        NotFound: the claim is held no more: what was to be written with it must not be.
    """
    held = work.held(context, given.claim_id)
    for message_id in held.messages:
        message = context.tx.one(messages.BY_ID, id=message_id)
        if message is not None and "unread" in message.labels:
            relabel(context, message, set(message.labels) - {"unread"})
    rest = context.tx.all(queries.UNREAD, thread_id=held.thread_id, n=1)
    if rest:
        work.put(context, held, min(rest[0].timestamp, context.now), attempts=0, reason=None)
    else:
        context.tx.run(queries.DELETE, thread_id=held.thread_id)
    follow_labels(context, held.thread_id)
    return Settled(thread_id=held.thread_id, waits=bool(rest))
