"""Threads over /v0, of an inbox, a pod or the organization: list, search, get with messages, label, delete."""

from collections.abc import Mapping
from typing import Any

from postroom.http.agentmail import messages, read, wire
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.service.links import Links

_WHOLE = 100  # messages of a thread where a client names no limit: nearly all threads are shorter


def _page(result: Page[Any], call: Call, _links: Links) -> wire.Shown:
    return wire.listed("threads", result, [wire.thread_item(t) for t in result.items], read.limit(call))


def _found(result: Any, call: Call, _links: Links) -> wire.Shown:
    return wire.found("threads", result, wire.thread_item, read.limit(call))


def _get(call: Call) -> Mapping[str, Any]:
    return {"limit": _WHOLE, **read.page(call)}


def _one(result: Any, call: Call, _links: Links) -> wire.Shown:
    page = Page(items=result.messages, next_page_token=result.next_page_token)
    shown = [wire.message(m) for m in result.messages]
    files = [wire.attachment(a) for m in result.messages for a in m.attachments]
    return {
        **wire.thread_item(result.thread),
        **wire.given({"attachments": files}),
        **wire.listed("messages", page, shown, read.limit(call)),
    }


def _labels(result: Any, _call: Call, _links: Links) -> wire.Shown:
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
