"""What a live listener asks to be told of, checked against what its key may see."""

from pydantic import Field

from postroom.model.webhook import Subscription
from postroom.service.inboxes import find_inbox
from postroom.service.operation import Context, Input
from postroom.service.pods import PodRef
from postroom.service.pods import get as get_pod
from postroom.service.webhooks import allowed_types

MAX_FILTERS = 100


class Subscribe(Input):
    event_types: tuple[str, ...] = Field(default=(), max_length=50, description="Which events; the standard ones.")
    inbox_ids: tuple[str, ...] = Field(default=(), max_length=MAX_FILTERS, description="Only events of these inboxes.")
    pod_ids: tuple[str, ...] = Field(default=(), max_length=MAX_FILTERS, description="Only events of these pods.")


def subscribe(context: Context, given: Subscribe) -> Subscription:
    """Return what the asker is told of from now on.

    Raises:
        Forbidden: its permissions do not let it see a type of event.
        NotFound: an inbox or a pod is out of its reach.
    """
    return Subscription(
        event_types=allowed_types(context.actor, given.event_types),
        pod_ids=tuple(get_pod(context, PodRef(pod_id=pod_id)).pod_id for pod_id in given.pod_ids),
        inbox_ids=tuple(find_inbox(context, inbox_id).inbox_id for inbox_id in given.inbox_ids),
    )
