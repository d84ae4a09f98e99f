"""The log over /v1/postroom: all that happened within reach since a position, in order, or as soon as it happens."""

from collections.abc import Mapping
from typing import Any

from postroom.http.agentmail import wire
from postroom.http.postroom import shapes
from postroom.http.route import Call, Route
from postroom.service.links import Links
from postroom.service.log import Feed, Told


def _read(call: Call) -> Mapping[str, Any]:
    given: dict[str, Any] = {name: call.first[name] for name in ("after", "limit", "wait") if call.first.get(name)}
    return given | ({"types": found} if (found := call.strings("types")) else {})


def _page(feed: Feed, _call: Call, _links: Links) -> shapes.ListLoggedEventsResponse:
    events = [_event(told) for told in feed.items]
    return {"count": len(events), "position": feed.position, "has_more": feed.has_more, "events": events}


def _event(told: Told) -> shapes.LoggedEvent:
    event = told.event
    shown: shapes.LoggedEvent = {
        "event_id": event.event_id,
        "type": event.type,
        "position": event.position,
        "organization_id": event.org_id,
        "pod_id": event.pod_id,
        "at": wire.moment(event.at),
        "data": event.data,
    }
    return wire.also(shown, {"inbox_id": told.inbox_address})


ROUTES = (Route("GET", "/events", "events.list", _read, _page),)
