"""The journal of an inbox over /v0: labels that came and went."""

from typing import Any

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.service.links import Links


def _page(result: Any, call: Call, _links: Links) -> shapes.ListInboxEventsResponse:
    events = [_event(e, result.address) for e in result.items]
    page: shapes.ListInboxEventsResponse = {"count": len(events), "events": events}
    return wire.paged(page, result, read.limit(call))


def _event(record: Any, address: str) -> shapes.InboxEvent:
    at = wire.moment(record.timestamp)
    return {
        "organization_id": record.org_id,
        "pod_id": record.pod_id,
        "inbox_id": address,
        "event_id": record.event_id,
        "event_type": record.type.value,
        "message_id": record.message_id,
        "label": record.label,
        "event_at": at,
        "created_at": at,
    }


ROUTES = (Route("GET", "/inboxes/{inbox_id}/events", "inboxes.events", read.page, _page),)
