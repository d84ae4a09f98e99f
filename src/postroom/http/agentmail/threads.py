"""Threads over /v0, of an inbox, a pod or the organization: list, search, get with messages, label, delete."""

from collections.abc import Mapping
from typing import Any, cast

from postroom.http.agentmail import messages, read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.service.links import Links

WHOLE = 100  # messages of a thread where a client names no limit: nearly all threads are shorter


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.ListThreadsResponse:
    items = [wire.thread_item(t) for t in result.items]
    page: shapes.ListThreadsResponse = {"count": len(items), "threads": items}
    return wire.paged(page, result, read.limit(call))


def _found(result: Any, call: Call, _links: Links) -> shapes.SearchThreadsResponse:
    items = wire.marked(result, wire.thread_item)
    page: shapes.SearchThreadsResponse = {"count": len(items), "threads": items}
    return wire.paged(page, result, read.limit(call))


def _get(call: Call) -> Mapping[str, Any]:
    return {"limit": WHOLE, **read.page(call)}


def _one(result: Any, call: Call, _links: Links) -> shapes.Thread:
    shown = [wire.message(m) for m in result.messages]
    thread = cast(shapes.Thread, {**wire.thread_item(result.thread), "count": len(shown), "messages": shown})
    if files := [wire.attachment(a) for m in result.messages for a in m.attachments]:
        thread["attachments"] = files
    return wire.paged(thread, result, read.limit(call))


def _labels(result: Any, _call: Call, _links: Links) -> shapes.UpdateThreadResponse:
    return {"thread_id": result.thread_id, "labels": list(result.labels)}


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    every, one = f"{prefix}/threads", f"{prefix}/threads/{{thread_id}}"
    file = f"{one}/attachments/{{attachment_id}}"
    return (
        Route("GET", every, "threads.list", read.page, _page, **scope),
        Route("GET", f"{every}/search", "threads.search", read.page, _found, **scope),
        Route("GET", one, "threads.get", _get, _one, **scope),
        Route("GET", file, "threads.find_attachment", read.path, messages.attachment, **scope),
        Route("PATCH", one, "threads.update", read.body, _labels, **scope),
        Route("DELETE", one, "threads.delete", read.path, None, 204, **scope),
    )


ROUTES = (*_routes(""), *_routes("/pods/{pod_id}", scope="pod"), *_routes("/inboxes/{inbox_id}"))
