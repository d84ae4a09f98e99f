"""Which conversations wait for an answer: kept beside what files and labels messages, in their transactions; and how a
claim ends. It claims nothing and sends nothing.
"""

from collections.abc import Iterable

from postroom.model.claim import Work
from postroom.model.errors import NotFound
from postroom.model.event import EventType
from postroom.model.message import HIDDEN
from postroom.service.operation import Context
from postroom.store.queries import claims as queries
from postroom.store.transaction import Owned

_HIDDEN = frozenset(HIDDEN)
_BOTH = frozenset({"received", "unread"})


def is_to_do(labels: Iterable[str]) -> bool:
    """Tell whether a message with these labels waits to be dealt with."""
    given = frozenset(labels)
    return given >= _BOTH and _HIDDEN.isdisjoint(given)


def note(context: Context, owner: Owned, thread_id: str, labels: Iterable[str]) -> None:
    """Let a thread wait for a worker if a message with these labels, which came or changed, is to be dealt with."""
    if is_to_do(labels):
        place = {"org_id": owner.org_id, "pod_id": owner.pod_id, "inbox_id": owner.inbox_id}
        context.tx.insert(queries.NOTE, {**place, "thread_id": thread_id, "due_at": context.now})


def forget_read(context: Context, thread_id: str, labels: Iterable[str]) -> None:
    """Take a thread with these labels out of the queue if nothing in it is unread any more and nobody holds it."""
    if "unread" not in labels:
        context.tx.run(queries.FORGET, thread_id=thread_id, now=context.now)


def held(context: Context, claim_id: str) -> Work:
    """Return what a claim holds. Raises NotFound: it never was, was ended, or its lease is over; out of reach too."""
    found = context.tx.one(queries.HELD, claim=claim_id.strip(), now=context.now)
    if found is None:
        fix = "Its lease has ended, or it was acknowledged or given back: do not answer; claim the next one."
        raise NotFound("claim", claim_id, fix=fix)
    return found


def put(context: Context, work: Work, at: int, *, attempts: int, reason: str | None) -> None:
    """Give a thread back to the queue, to be claimed from `at` (UTC milliseconds) on, and tell who waits."""
    context.tx.run(queries.PUT, key=work.thread_id, at=at, count=attempts, why=reason, now=context.now)
    context.tx.emit(EventType.CLAIM_RELEASED, work, {"thread_id": work.thread_id})
