"""Tries a webhook: it is told that it is tried, as it is told of all that happens. Posts nothing itself."""

from typing import NamedTuple

from pydantic import Field

from postroom.model.errors import Conflict, NotFound
from postroom.model.event import Event, EventType
from postroom.model.webhook import Dialect
from postroom.service import notifications
from postroom.service.operation import OURS, Context
from postroom.service.webhooks import WebhookRef
from postroom.store.queries import events
from postroom.store.queries import webhooks as queries


class TryWebhook(WebhookRef):
    dialect: Dialect = Field(
        default="transactional",
        description="Whose bodies it must be sent: one has words for this.",
        json_schema_extra=OURS,
    )


class _Place(NamedTuple):
    """Where the event of a webhook belongs; in no pod where it is the organization's."""

    org_id: str
    pod_id: str
    inbox_id: str | None


def try_out(context: Context, given: TryWebhook) -> Event:
    """Tell a webhook that it is tried: an event of its own, signed and tried again as all others; return the event.

    Raises:
        NotFound: it is out of reach.
        Conflict: it is switched off, or it is sent the bodies of a dialect that has no words for a trial.
    """
    webhook = context.tx.one(queries.BY_ID, id=given.webhook_id.strip())
    if webhook is None:
        raise NotFound("webhook", given.webhook_id, fix="List the webhooks to see those there are.")
    if webhook.dialect != given.dialect:
        raise Conflict("It was made in another API, which has no such event.", fix="Wait for one that it has.")
    if not webhook.enabled:
        raise Conflict("The webhook is switched off.", fix="Set enabled to true.")
    place = _Place(webhook.org_id, webhook.pod_id or "", webhook.inbox_id)
    position = context.tx.emit(EventType.WEBHOOK_TESTED, place, {"webhook": webhook.webhook_id})
    event = context.tx.one(events.BY_POSITION, position=position)
    assert event is not None  # written above
    notifications.add(context, event, webhook)
    return event
