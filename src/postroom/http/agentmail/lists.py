"""Allow and block lists over /v0: create, list, get, delete entries; of the organization, a pod or an inbox."""

from typing import Any

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.lists import ListEntry
from postroom.model.page import Page
from postroom.service.links import Links


def _entry(record: ListEntry) -> shapes.ListEntry:
    shown: shapes.ListEntry = {
        "entry": record.entry,
        "organization_id": record.org_id,
        "direction": record.direction,
        "list_type": record.list_type,
        "entry_type": record.entry_type,
        "created_at": wire.moment(record.created_at),
    }
    owner = {"pod_id": record.pod_id, "inbox_id": record.inbox_address}
    return wire.also(shown, {**owner, "reason": record.reason, "read_only": record.read_only or None})


def _one(result: Any, _call: Call, _links: Links) -> shapes.ListEntry:
    return _entry(result)


def _page(result: Page[ListEntry], call: Call, _links: Links) -> shapes.ListListEntriesResponse:
    items = [_entry(e) for e in result.items]
    page: shapes.ListListEntriesResponse = {"count": len(items), "entries": items}
    return wire.paged(page, result, read.limit(call))


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    every = f"{prefix}/lists/{{direction}}/{{type}}"
    one = f"{every}/{{entry}}"
    return (
        Route("GET", every, "lists.list", read.page, _page, **scope),
        Route("POST", every, "lists.create", read.body, _one, **scope),
        Route("GET", one, "lists.get", read.path, _one, **scope),
        Route("DELETE", one, "lists.delete", read.path, None, 204, **scope),
    )


ROUTES = (
    *_routes(""),
    *_routes("/pods/{pod_id}", scope="pod"),
    *_routes("/inboxes/{inbox_id}", scope="inbox"),
)
