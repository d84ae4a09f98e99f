"""How many rows a whole list has: from the counters that triggers keep, where it is not filtered. It lists nothing."""

from typing import Literal

from postroom.model.errors import LimitExceeded
from postroom.service.operation import Context
from postroom.service.places import EVER
from postroom.store.queries import counts, labels, metrics


def of_inbox(context: Context, inbox_id: str) -> counts.InboxCounts:
    """Return how many messages and threads an inbox (inner id, within reach) has, and how many its lists leave out."""
    return context.tx.one(counts.OF_INBOX, inbox_id=inbox_id) or counts.InboxCounts()


def of_outgoing(context: Context, inbox_id: str) -> int:
    """Return how many messages lists of an inbox (inner id, within reach) show that it did not receive."""
    return context.tx.one(labels.OUTGOING, inbox_id=inbox_id) or 0


def of_marks(context: Context, inbox_id: str) -> labels.Marks:
    """Return how many messages that an inbox (inner id, within reach) received and shows are read, or archived."""
    return context.tx.one(labels.MARKS, inbox_id=inbox_id) or labels.Marks()


def of_inboxes(context: Context, within: Literal["org_id", "pod_id"], owner: str) -> int:
    """Return how many inboxes an organization or a pod (by its id, within reach) has outside the trash.

    To a key of one inbox there is that one.
    """
    if context.actor.reach.inbox_id is not None:
        return 1
    return context.tx.one(counts.inboxes(within), owner=owner) or 0


def of_domains(context: Context, owner: str) -> int:
    """Return how many domains an organization or a pod (by its id, within reach) has; an inbox has none."""
    return 0 if context.actor.reach.inbox_id is not None else _held(context, owner).domain_count


def check_inboxes(context: Context, org_id: str) -> None:
    """Let an organization have one inbox more; those in the trash count. Raises LimitExceeded."""
    _check(_held(context, org_id).inbox_count, context.house.inbox_limit, "inboxes", "POSTROOM_INBOX_LIMIT")


def check_domains(context: Context, org_id: str) -> None:
    """Let an organization have one domain more. Raises LimitExceeded."""
    _check(_held(context, org_id).domain_count, context.house.domain_limit, "domains", "POSTROOM_DOMAIN_LIMIT")


def _check(there: int, limit: int, what: str, setting: str) -> None:
    if there >= limit:
        raise LimitExceeded(
            f"The organization has {there} {what}, and may have {limit}.",
            fix=f"Delete one for good, or have the operator of this server raise {setting}.",
        )


def _held(context: Context, place: str) -> metrics.Held:
    return context.tx.one(metrics.HELD, place=place, at=EVER) or metrics.Held()
