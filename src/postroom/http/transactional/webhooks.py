"""Webhooks of a mailbox: create, list, update, delete, test. One that is made here is told in this dialect's bodies."""

from typing import Any

from postroom.http import taken
from postroom.http.results import moment
from postroom.http.route import Call, Route
from postroom.http.transactional import shapes, wire
from postroom.model.errors import InvalidInput
from postroom.model.event import Event
from postroom.model.page import Page
from postroom.model.webhook import STANDARD, Webhook
from postroom.service.links import Links

_ALL = "/mailboxes/{inbox_id}/webhooks"
_ONE = "/webhooks/{webhook_id}"
EVENTS = tuple(name for name in STANDARD if name.startswith("message."))
_LIST = taken.Query(number="offset", size="limit", usual=25)


def _events(value: Any) -> Any:
    """Let pass events of this dialect. Raises InvalidInput for any other, and for none."""
    if isinstance(value, list):
        known = f"Known: {', '.join(EVENTS)}."
        if not value:
            raise InvalidInput.at("events", "names no event.", fix=known)
        for name in value:
            if isinstance(name, str) and name not in EVENTS:
                raise InvalidInput.at("events", f"{name[:60]!r} is no event.", fix=known)
    return value


_CREATE = taken.Body(
    fields={"url": "url", "events": "event_types", "secret": "secret"},
    required=("url", "events"),
    fixed={"dialect": "transactional"},
    reads={"events": _events},
)
_UPDATE = taken.Body(fields={"url": "url", "events": "event_types", "enabled": "enabled"}, reads={"events": _events})
_TEST = taken.Body(fields={})


def shown(record: Webhook) -> shapes.Webhook:
    """Return a Webhook."""
    return {
        "id": wire.NAMES["webhook_id"].name(record.webhook_id),
        "mailboxId": None if record.inbox_id is None else wire.NAMES["inbox_id"].name(record.inbox_id),
        "url": record.url,
        "events": list(record.event_types or STANDARD),
        "enabled": record.enabled,
        "createdAt": moment(record.created_at),
    }


def _made(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.NewWebhook]:
    return {"data": {**shown(result), "secret": result.secret}}


def _one(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.Webhook]:
    return {"data": shown(result)}


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Listed[shapes.Webhook]:
    return wire.paged(_LIST, result, call, shown)


def _tried(result: Event, _call: Call, _links: Links) -> shapes.Data[shapes.Trial]:
    return {"data": {"id": result.event_id, "status": "queued"}}


ROUTES = (
    Route("POST", _ALL, "webhooks.create", _CREATE, _made, 201, "inbox"),
    Route("GET", _ALL, "webhooks.list", _LIST, _page, scope="inbox"),
    Route("PATCH", _ONE, "webhooks.update", _UPDATE, _one),
    Route("DELETE", _ONE, "webhooks.delete", taken.path, None, 204),
    Route("POST", f"{_ONE}/test", "webhooks.test", _TEST, _tried, 202),
)
