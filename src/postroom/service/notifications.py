"""What webhooks are told: events are taken and become rows, one for each webhook; rows are leased, tried and recorded.

At least once: whatever ends in between, a row that was not recorded as told is due again.
"""

import logging

from pydantic import Field

from postroom.model.event import Event, EventType
from postroom.model.ids import new_id
from postroom.model.record import Record
from postroom.model.webhook import Notification, NotificationState, Webhook
from postroom.service.log import Happening, happening
from postroom.service.operation import Context, Input, Nothing
from postroom.service.webhooks import headers_of, secret_of
from postroom.store.queries import events
from postroom.store.queries import webhooks as queries

log = logging.getLogger(__name__)
LEASE_MS = 60_000
PATIENCE_MS = 5 * 86_400_000  # of failures, after which a webhook is switched off
KEPT_MS = 30 * 86_400_000  # a notification that has ended
# After the first try, as Svix does: https://docs.svix.com/retries
WAITS_MS = tuple(s * 1_000 for s in (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000))


class Share(Input):
    """How many events to take in one transaction."""

    limit: int = 100


class Lease(Input):
    """Lease up to `limit` due notifications for the process `owner`."""

    owner: str
    limit: int = 4


class Holder(Input):
    """A process, by the name that its leases carry."""

    owner: str


class Trial(Input):
    """A notification that `owner` has leased."""

    owner: str
    notification: Notification


class Outcome(Trial):
    """What came of a try: `status` of the answer, None where none came; `error` None = told."""

    status: int | None = None
    error: str | None = None
    body: bytes | None = None  # kept for the next try


class Prepared(Record):
    """All that a try needs. `happening` None: there is nothing left to tell, `reason` says why."""

    webhook: Webhook | None
    secret: str = Field(default="", repr=False)
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    happening: Happening | None = None
    reason: str = ""


def is_needed(context: Context, _given: Nothing) -> bool:
    """Tell whether there is any webhook, or any event that waits for one."""
    return context.tx.one(queries.FIRST) is not None or context.tx.one(queries.IS_WAITING) is not None


def is_waiting(context: Context, _given: Nothing) -> bool:
    """Tell whether events wait to be taken."""
    return context.tx.one(queries.IS_WAITING) is not None


def take(context: Context, given: Share) -> bool:
    """Take waiting events and write a row for each webhook that wants one; tell whether more may wait."""
    taken = sorted(context.tx.all(queries.TAKE, n=given.limit))
    webhooks: dict[str, list[Webhook]] = {}
    for position in taken:
        event = context.tx.one(events.BY_POSITION, position=position)
        if event is None:
            continue
        if event.org_id not in webhooks:
            webhooks[event.org_id] = context.tx.all(queries.OF_ORGANIZATION, org_id=event.org_id)
        for webhook in webhooks[event.org_id]:
            if webhook.wants(event):
                add(context, event, webhook)
    return len(taken) == given.limit


def claim(context: Context, given: Lease) -> list[Notification]:
    """Lease due notifications, the longest due first, a few of each webhook."""
    until = context.now + LEASE_MS
    return context.tx.all(queries.CLAIM, now=context.now, n=given.limit, until=until, owner=given.owner)


def owners(context: Context, _given: Nothing) -> list[str]:
    """Name the processes that hold leases of notifications."""
    return context.tx.all(queries.OWNERS)


def give_back(context: Context, given: Holder) -> int:
    """Free what a process held that has ended; return how many."""
    context.tx.ring("notification")
    return context.tx.run(queries.GIVE_BACK, owner=given.owner)


def next_due(context: Context, _given: Nothing) -> int | None:
    """Say when the next notification is due (UTC milliseconds), None when there is none."""
    return context.tx.one(queries.NEXT_DUE, now=context.now)


def prepare(context: Context, given: Trial) -> Prepared:
    """Read what a try needs; nothing to tell where the webhook is off or the message has been deleted since."""
    webhook = context.tx.one(queries.BY_ID, id=given.notification.webhook_id)
    if webhook is None or not webhook.enabled:
        return Prepared(webhook=None, reason="The webhook is switched off.")
    found = happening(context, given.notification.position)
    if found is None:
        return Prepared(webhook=webhook, reason="What happened is no longer here.")
    if found.event.type is EventType.WEBHOOK_TESTED:
        found = found.model_copy(update={"webhook": webhook})
    return Prepared(
        webhook=webhook, secret=secret_of(context, webhook), headers=headers_of(context, webhook), happening=found
    )


def record(context: Context, given: Outcome) -> None:
    """Record a try: told, due again later, or given up after the last one."""
    tried = given.notification.attempts
    wait = WAITS_MS[tried - 1] if given.error is not None and tried <= len(WAITS_MS) else None
    state = NotificationState.DELIVERED if given.error is None else NotificationState.FAILED
    _judge(context, given)
    _record(
        context,
        given,
        state if wait is None else NotificationState.PENDING,
        due_at=None if wait is None else context.now + wait,
        status=given.status,
        last_error=given.error,
        body=None if wait is None else given.body,
    )


def drop(context: Context, given: Outcome) -> None:
    """End a notification that has nothing left to tell."""
    _record(context, given, NotificationState.GONE, due_at=None, status=given.status, last_error=given.error, body=None)


def sweep(context: Context, given: Share) -> bool:
    """Forget notifications that ended long ago; tell whether there may be more."""
    below = new_id("not", max(0, context.now - KEPT_MS))
    return context.tx.run(queries.SWEEP, below=below, n=given.limit) == given.limit


def _judge(context: Context, given: Outcome) -> None:
    """Switch off a webhook whose tries have failed for days on end, without one between that did not."""
    key = given.notification.webhook_id
    if given.error is None:
        context.tx.run(queries.RECOVER, key=key)
        return
    context.tx.run(queries.FAIL, key=key, now=context.now)
    if context.tx.run(queries.DISABLE, key=key, before=context.now - PATIENCE_MS, now=context.now):
        log.warning("webhook switched off after days of failures webhook=%s", key)


def _record(context: Context, given: Trial, state: NotificationState, **columns: object) -> None:
    key = given.notification.notification_id
    context.tx.run(queries.RECORD, key=key, owner=given.owner, state=state.value, updated_at=context.now, **columns)
    context.tx.ring("notification")


def add(context: Context, event: Event, webhook: Webhook) -> None:
    """Let a webhook be told of an event, which is of its organization."""
    row = {
        "id": new_id("not", context.now),
        "org_id": event.org_id,
        "pod_id": event.pod_id,
        "inbox_id": event.inbox_id,
        "webhook_id": webhook.webhook_id,
        "event_seq": event.position,
        "state": NotificationState.PENDING.value,
        "due_at": context.now,
        "lease_until": 0,
        "lease_owner": None,
        "attempts": 0,
        "status": None,
        "last_error": None,
        "body": None,
        "created_at": context.now,
        "updated_at": context.now,
    }
    context.tx.insert(queries.ADD_DELIVERY, row)
    context.tx.ring("notification")
