"""Webhooks over /v0: create, list, get, update, delete, and their headers; in the organization, a pod or an inbox."""

from typing import Any

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.model.webhook import Webhook
from postroom.service.links import Links


def shown(record: Webhook) -> shapes.Webhook:
    """Return a Webhook. `event_types` absent = all standard ones."""
    required: shapes.Webhook = {
        "webhook_id": record.webhook_id,
        "url": record.url,
        "secret": record.secret,
        "enabled": record.enabled,
        "updated_at": wire.moment(record.updated_at),
        "created_at": wire.moment(record.created_at),
    }
    optional = {
        "event_types": list(record.event_types),
        "pod_ids": list(record.pod_ids),
        "inbox_ids": list(record.inboxes.values()),
        "pod_id": record.pod_id,
        "inbox_id": record.inbox_address,
        "client_id": record.client_id,
    }
    return wire.also(required, optional)


def _one(result: Any, _call: Call, _links: Links) -> shapes.Webhook:
    return shown(result)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.ListWebhooksResponse:
    items = [shown(w) for w in result.items]
    page: shapes.ListWebhooksResponse = {"count": len(items), "webhooks": items}
    return wire.paged(page, result, read.limit(call))


def _names(result: Any, _call: Call, _links: Links) -> shapes.WebhookHeaderNamesResponse:
    return {"header_names": list(result)}


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    everyone = f"{prefix}/webhooks"
    one = f"{everyone}/{{webhook_id}}"
    return (
        Route("GET", everyone, "webhooks.list", read.page, _page, **scope),
        Route("POST", everyone, "webhooks.create", read.body, _one, **scope),
        Route("GET", one, "webhooks.get", read.path, _one, **scope),
        Route("PATCH", one, "webhooks.update", read.body, _one, **scope),
        Route("DELETE", one, "webhooks.delete", read.path, None, 204, **scope),
        Route("GET", f"{one}/headers", "webhooks.header_names", read.path, _names, **scope),
        Route("PATCH", f"{one}/headers", "webhooks.update_headers", read.body, None, 204, **scope),
    )


ROUTES = (
    *_routes(""),
    *_routes("/pods/{pod_id}", scope="pod"),
    *_routes("/inboxes/{inbox_id}", scope="inbox"),
)
