"""Queries over webhooks, the events that wait for them, and what is on its way to them."""

from functools import cache

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update

from postroom.model.tenant import Within
from postroom.model.webhook import Notification, NotificationState, Webhook
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import ClientIdRow, EventWaitingRow, WebhookDeliveryRow, WebhookRow

_C = ClientIdRow.__table__  # type: ignore[attr-defined]
_W = WebhookRow.__table__  # type: ignore[attr-defined]
_Q = EventWaitingRow.__table__  # type: ignore[attr-defined]
_D = WebhookDeliveryRow.__table__  # type: ignore[attr-defined]
_SHOWN = [c for c in _W.c if c.name != "place"]
_NAMES = ("webhook_id", *(c.name for c in _SHOWN[1:]))
_JSON = ("event_types", "pod_ids", "inboxes")
_CHANGING = ("url", *_JSON, "headers", "enabled", "updated_at", "failing_since")
AT_ONCE = 8  # tries to one webhook that may be under way: a slow one must not hold up the others


def _webhook(row: Row) -> Webhook:
    values = dict(zip(_NAMES, row, strict=True))
    return Webhook(**{**values, **{name: from_json(values[name]) for name in _JSON}})


def _notification(row: Row) -> Notification:
    return Notification(notification_id=row[0], webhook_id=row[1], position=row[2], attempts=row[3], body=row[4])


ADD = Query[None]("webhooks.add", insert(_W).values({c.name: bindparam(c.name) for c in _W.c}))
BY_ID = Query[Webhook]("webhooks.by_id", select(*_SHOWN).where(_W.c.id == bindparam("id")), row=_webhook, reached=_W)
BY_CLIENT_ID = Query[Webhook](
    "webhooks.by_client_id",
    select(*_SHOWN)
    .select_from(_C.join(_W, _W.c.id == _C.c.id))
    .where(_C.c.kind == "webhook", _C.c.place == bindparam("place"), _C.c.client_id == bindparam("client_id")),
    row=_webhook,
    reached=_W,
)


@cache
def page(within: Within, ascending: bool) -> Query[Webhook]:
    """Return the webhooks of an organization, a pod or an inbox: parameters owner, at, seq (the place), n, and skip."""
    place, mark = tuple_(_W.c.created_at, _W.c.id), tuple_(bindparam("at"), bindparam("seq"))
    order = (_W.c.created_at, _W.c.id) if ascending else (_W.c.created_at.desc(), _W.c.id.desc())
    return Query(
        f"webhooks.page_{'up' if ascending else 'down'}_by_{within}",
        select(*_SHOWN)
        .where(_W.c[within] == bindparam("owner"), place > mark if ascending else place < mark)
        .order_by(*order)
        .limit(bindparam("n"))
        .offset(bindparam("skip", 0)),
        row=_webhook,
        reached=_W,
        steered=True,
    )


_ALL: tuple[Within, ...] = ("org_id", "pod_id", "inbox_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))
COUNT = Query[int](
    "webhooks.count",
    select(func.count()).select_from(_W).where(_W.c.org_id == bindparam("org_id")),
    row=lambda row: row[0],
    inner=True,
)


@cache
def number(within: Within) -> Query[int]:
    """Return how many webhooks an organization, a pod or an inbox has: parameter owner."""
    return Query(
        f"webhooks.number_by_{within}",
        select(func.count()).select_from(_W).where(_W.c[within] == bindparam("owner")),
        row=lambda row: int(row[0]),
        reached=_W,
        steered=True,
    )


NUMBERS = tuple(map(number, _ALL))
UPDATE = Query[None](
    "webhooks.update",
    update(_W).where(_W.c.id == bindparam("key")).values({c: bindparam(c) for c in _CHANGING}),
    reached=_W,
)
# How the tries of a webhook went, by its inner key.
RECOVER = Query[None](
    "webhooks.recover",
    update(_W).where(_W.c.id == bindparam("key"), _W.c.failing_since.is_not(None)).values(failing_since=None),
    inner=True,
)
FAIL = Query[None](
    "webhooks.fail",
    update(_W).where(_W.c.id == bindparam("key"), _W.c.failing_since.is_(None)).values(failing_since=bindparam("now")),
    inner=True,
)
DISABLE = Query[None](
    "webhooks.disable",
    update(_W)
    .where(_W.c.id == bindparam("key"), _W.c.failing_since <= bindparam("before"))
    .values(enabled=False, failing_since=None, updated_at=bindparam("now")),
    inner=True,
)
DELETE = Query[None]("webhooks.delete", delete(_W).where(_W.c.id == bindparam("key")), reached=_W)
DELETE_DELIVERIES = Query[None](
    "notifications.delete_of_webhook", delete(_D).where(_D.c.webhook_id == bindparam("key")), inner=True
)
_OF_INBOX = select(_W.c.id).where(_W.c.inbox_id == bindparam("inbox_id"))
DELETE_DELIVERIES_OF_INBOX = Query[None](
    "notifications.delete_of_inbox", delete(_D).where(_D.c.webhook_id.in_(_OF_INBOX)), inner=True
)
DELETE_OF_INBOX = Query[None]("webhooks.delete_of_inbox", delete(_W).where(_W.c.id.in_(_OF_INBOX)), inner=True)
# What is under way may have left; what waits has nothing left to tell, and its body goes with the mail.
END_OF_INBOX = Query[None](
    "notifications.end_of_inbox",
    update(_D)
    .where(_D.c.due_at >= 0, _D.c.inbox_id == bindparam("key"))
    .values(state=bindparam("gone"), due_at=None, body=None, lease_until=0, lease_owner=None),
    inner=True,
)
OF_ORGANIZATION = Query[Webhook](
    "webhooks.of_organization", select(*_SHOWN).where(_W.c.org_id == bindparam("org_id")), row=_webhook, inner=True
)
FIRST = Query[str]("webhooks.first", select(_W.c.id).limit(1), row=lambda row: str(row[0]), inner=True)

_WAITING = select(_Q.c.event_seq).order_by(_Q.c.event_seq).limit(bindparam("n")).with_for_update(skip_locked=True)
IS_WAITING = Query[int](
    "notifications.is_waiting", select(_Q.c.event_seq).limit(1), row=lambda row: int(row[0]), inner=True
)
TAKE = Query[int](
    "notifications.take",
    delete(_Q).where(_Q.c.event_seq.in_(_WAITING.scalar_subquery())).returning(_Q.c.event_seq),
    row=lambda row: int(row[0]),
    inner=True,
)
ADD_DELIVERY = Query[None]("notifications.add", insert(_D).values({c.name: bindparam(c.name) for c in _D.c}))
_BUSY = _D.alias("busy")
_UNDER_WAY = (
    select(func.count())
    .select_from(_BUSY)
    .where(_BUSY.c.webhook_id == _D.c.webhook_id, _BUSY.c.lease_until > bindparam("now"))
    .scalar_subquery()
)
_DUE = (
    select(_D.c.id)
    .where(_D.c.due_at <= bindparam("now"), _D.c.lease_until <= bindparam("now"), _UNDER_WAY < AT_ONCE)
    .order_by(_D.c.due_at)
    .limit(bindparam("n"))
    .with_for_update(skip_locked=True)
)
CLAIM = Query[Notification](
    "notifications.claim",
    update(_D)
    .where(_D.c.id.in_(_DUE.scalar_subquery()))
    .values(
        lease_until=bindparam("until"),
        lease_owner=bindparam("owner"),
        attempts=_D.c.attempts + 1,
        updated_at=bindparam("now"),
    )
    .returning(_D.c.id, _D.c.webhook_id, _D.c.event_seq, _D.c.attempts, _D.c.body),
    row=_notification,
    inner=True,
)
RECORD = Query[None](
    "notifications.record",
    update(_D)
    .where(_D.c.id == bindparam("key"), _D.c.lease_owner == bindparam("owner"))
    .values(
        lease_until=0,
        lease_owner=None,
        **{c: bindparam(c) for c in ("state", "due_at", "status", "last_error", "body", "updated_at")},
    ),
    inner=True,
)
GIVE_BACK = Query[None](
    "notifications.give_back",
    update(_D).where(_D.c.lease_owner == bindparam("owner")).values(lease_until=0, lease_owner=None),
    inner=True,
)
# Ids begin with the time that they were made at: what was made long ago stands first, and has ended long ago too.
_OLD = (
    select(_D.c.id)
    .where(_D.c.id < bindparam("below"), _D.c.state != NotificationState.PENDING.value)
    .order_by(_D.c.id)
    .limit(bindparam("n"))
)
SWEEP = Query[None]("notifications.sweep", delete(_D).where(_D.c.id.in_(_OLD.scalar_subquery())), inner=True)
OWNERS = Query[str](
    "notifications.owners",
    select(_D.c.lease_owner).where(_D.c.lease_owner.is_not(None)).distinct(),
    row=lambda row: str(row[0]),
    inner=True,
)
NEXT_DUE = Query[int | None](
    "notifications.next_due",
    select(func.min(_D.c.due_at)).where(_D.c.due_at.is_not(None), _D.c.lease_until <= bindparam("now")),
    row=lambda row: row[0],
    inner=True,
)
