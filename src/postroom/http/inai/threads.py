"""Threads of an inbox: list, get with all their messages, delete."""

from typing import Any

from postroom.http import taken
from postroom.http.conversation import Whole
from postroom.http.inai import shapes, wire
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.service.links import Links

_ALL = "/inboxes/{inbox_id}/threads"
_ONE = f"{_ALL}/{{thread_id}}"
TEXTS = ("text",)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Page[shapes.ThreadItem]:
    return wire.paged(result, call, wire.thread_item)


def _one(result: Whole, _call: Call, _links: Links) -> shapes.Thread:
    thread = result.thread
    return {
        "inbox_id": wire.NAMES["inbox_id"].name(thread.inbox_id),
        "thread_id": wire.NAMES["thread_id"].name(thread.thread_id),
        "subject": thread.subject,
        "message_count": thread.message_count,
        "preview": thread.preview,
        "messages": result.messages,
    }


ROUTES = (
    Route("GET", _ALL, "threads.list", wire.PAGE, _page),
    Route("GET", _ONE, "threads.get", taken.path, _one),
    Route("DELETE", _ONE, "threads.delete", taken.path, None, 204),
)
