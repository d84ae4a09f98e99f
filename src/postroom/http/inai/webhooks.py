"""Webhooks: create, list, get, update, delete. One that is made here is told in this dialect's bodies."""

from typing import Any

from postroom.http import taken
from postroom.http.inai import shapes, wire
from postroom.http.results import moment
from postroom.http.route import Call, Route
from postroom.model.errors import InvalidInput
from postroom.model.page import Page
from postroom.model.webhook import STANDARD, Webhook
from postroom.service.links import Links

_ALL = "/webhooks"
_ONE = f"{_ALL}/{{webhook_id}}"
EVENT_TYPES = tuple(name for name in STANDARD if name != "message.opened")


def _types(value: Any) -> Any:
    """Let pass event types of this dialect. Raises InvalidInput for any other, and for none."""
    if isinstance(value, list):
        if not value:
            raise InvalidInput.at("event_types", "names no event.", fix=f"Known: {', '.join(EVENT_TYPES)}.")
        for name in value:
            if isinstance(name, str) and name not in EVENT_TYPES:
                raise InvalidInput.at(
                    "event_types", f"{name[:60]!r} is no event.", fix=f"Known: {', '.join(EVENT_TYPES)}."
                )
    return value


def _inboxes(value: Any) -> Any:
    """Return inner ids for names of inboxes. Raises NotFound."""
    if not isinstance(value, list):
        return value
    return [wire.NAMES["inbox_id"].inner(one) if isinstance(one, str) else one for one in value]


_READS = {"event_types": _types, "inbox_ids": _inboxes}
_CREATE = taken.Body(
    fields={name: name for name in ("url", "event_types", "inbox_ids", "client_id")},
    required=("url", "event_types"),
    fixed={"dialect": "inai", "client_id_tracks": True},
    reads=_READS,
)
_UPDATE = taken.Body(fields={name: name for name in ("url", "event_types", "inbox_ids", "enabled")}, reads=_READS)


def shown(record: Webhook) -> shapes.Webhook:
    """Return a Webhook. One that was made in an inbox is told of that one."""
    inboxes = [record.inbox_id] if record.inbox_id is not None else list(record.inboxes)
    return {
        "webhook_id": wire.NAMES["webhook_id"].name(record.webhook_id),
        "url": record.url,
        "event_types": list(record.event_types or STANDARD),
        "inbox_ids": [wire.NAMES["inbox_id"].name(inbox) for inbox in inboxes],
        "enabled": record.enabled,
        "client_id": record.client_id,
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
    }


def _made(result: Any, _call: Call, _links: Links) -> shapes.NewWebhook:
    return {**shown(result), "secret": result.secret}


def _one(result: Any, _call: Call, _links: Links) -> shapes.Webhook:
    return shown(result)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Page[shapes.Webhook]:
    return wire.paged(result, call, shown)


ROUTES = (
    Route("POST", _ALL, "webhooks.create", _CREATE, _made),
    Route("GET", _ALL, "webhooks.list", wire.PAGE, _page),
    Route("GET", _ONE, "webhooks.get", taken.path, _one),
    Route("PATCH", _ONE, "webhooks.update", _UPDATE, _one),
    Route("DELETE", _ONE, "webhooks.delete", taken.path, None, 204),
)
