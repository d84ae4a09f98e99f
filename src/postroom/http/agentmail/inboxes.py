"""Inboxes over /v0: create, list, search, get, update, delete, in the organization or in a pod."""

from typing import Any

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.service.links import Links


def _one(result: Any, _call: Call, _links: Links) -> shapes.Inbox:
    return wire.inbox(result)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.ListInboxesResponse:
    items = [wire.inbox(i) for i in result.items]
    page: shapes.ListInboxesResponse = {"count": len(items), "inboxes": items}
    return wire.paged(page, result, read.limit(call))


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    one = f"{prefix}/inboxes/{{inbox_id}}"
    return (
        Route("GET", f"{prefix}/inboxes", "inboxes.list", read.page, _page, **scope),
        Route("POST", f"{prefix}/inboxes", "inboxes.create", read.body, _one, **scope),
        Route("GET", f"{prefix}/inboxes/search", "inboxes.search", read.page, _page, **scope),
        Route("GET", one, "inboxes.get", read.path, _one, **scope),
        Route("PATCH", one, "inboxes.update", read.whole_body, _one, **scope),
        Route("DELETE", one, "inboxes.delete", read.path, None, 202, **scope),
    )


ROUTES = (*_routes(""), *_routes("/pods/{pod_id}", scope="pod"))
