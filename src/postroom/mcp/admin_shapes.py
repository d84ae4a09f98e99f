"""Webhooks, lists, figures, keys and pods as tools answer them."""

from postroom.mcp.shapes import Placed, Shape
from postroom.mcp.words import moment
from postroom.model.lists import ListEntry
from postroom.model.tenant import ApiKey, Pod
from postroom.model.webhook import Webhook


class DoneResult(Placed):
    """What a deletion answers: `id` is what is gone."""

    success: bool
    id: str


class WebhookShape(Shape):
    webhook_id: str
    url: str
    event_types: list[str]
    inbox_ids: list[str] | None = None
    pod_ids: list[str] | None = None
    client_id: str | None = None
    enabled: bool
    failing_since: str | None = None
    created_at: str


class WebhookResult(Placed, WebhookShape):
    secret: str | None = None


class WebhookPage(Placed):
    webhooks: list[WebhookShape]
    next_page_token: str | None = None


class EntryShape(Shape):
    entry: str
    entry_type: str
    direction: str
    type: str
    reason: str | None = None
    read_only: bool
    inbox_id: str | None = None
    pod_id: str | None = None
    created_at: str


class EntryResult(Placed, EntryShape):
    pass


class EntryPage(Placed):
    entries: list[EntryShape]
    next_page_token: str | None = None


class PointShape(Shape):
    timestamp: str
    value: int


class RateShape(Shape):
    timestamp: str
    rate: float | None = None
    sent: int


class CountsResult(Placed):
    counts: dict[str, list[PointShape]]
    more_points: int | None = None


class RatesResult(Placed):
    rates: dict[str, list[RateShape]]
    more_points: int | None = None


class KeyShape(Shape):
    api_key_id: str
    name: str
    prefix: str
    inbox_id: str | None = None
    pod_id: str | None = None
    permissions: list[str] | None = None
    more_permissions: int | None = None
    expires_at: str | None = None
    used_at: str | None = None
    created_at: str


class KeyResult(Placed, KeyShape):
    pass


class NewKeyResult(Placed, KeyShape):
    api_key: str


class KeyPage(Placed):
    api_keys: list[KeyShape]
    next_page_token: str | None = None


class PodShape(Shape):
    pod_id: str
    name: str
    client_id: str | None = None
    created_at: str


class PodResult(Placed, PodShape):
    pass


class PodPage(Placed):
    pods: list[PodShape]
    next_page_token: str | None = None


def webhook_shape(webhook: Webhook) -> WebhookShape:
    """Return a webhook without its secret."""
    return WebhookShape(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        event_types=list(webhook.event_types),
        inbox_ids=list(webhook.inboxes.values()) or None,
        pod_ids=list(webhook.pod_ids) or None,
        client_id=webhook.client_id,
        enabled=webhook.enabled,
        failing_since=_moment(webhook.failing_since),
        created_at=moment(webhook.created_at),
    )


def entry_shape(entry: ListEntry) -> EntryShape:
    """Return an entry of a list."""
    return EntryShape(
        entry=entry.entry,
        entry_type=entry.entry_type.value,
        direction=entry.direction.value,
        type=entry.list_type.value,
        reason=entry.reason,
        read_only=entry.read_only,
        inbox_id=entry.inbox_address,
        pod_id=entry.pod_id,
        created_at=moment(entry.created_at),
    )


def key_shape(key: ApiKey) -> KeyShape:
    """Return a key without its secret."""
    return KeyShape(
        api_key_id=key.api_key_id,
        name=key.name,
        prefix=key.prefix,
        inbox_id=key.inbox_address,
        pod_id=key.pod_id,
        permissions=None if key.permissions is None else sorted(key.permissions),
        expires_at=_moment(key.expires_at),
        used_at=_moment(key.used_at),
        created_at=moment(key.created_at),
    )


def pod_shape(pod: Pod) -> PodShape:
    """Return a pod."""
    return PodShape(pod_id=pod.pod_id, name=pod.name, client_id=pod.client_id, created_at=moment(pod.created_at))


def _moment(at: int | None) -> str | None:
    return None if at is None else moment(at)
