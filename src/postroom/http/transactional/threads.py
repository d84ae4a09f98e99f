"""Threads of a mailbox: list, and get with all messages."""

from typing import Any

from postroom.http import taken
from postroom.http.conversation import Whole
from postroom.http.route import Call, Route
from postroom.http.transactional import shapes, wire
from postroom.model.page import Page
from postroom.service.links import Links

_LIST = taken.Query(
    number="offset",
    size="limit",
    usual=20,
    fields={"sort": "ascending"},
    reads={"sort": wire.ascending("last_message_at")},
)
TEXTS = ("textBody", "htmlBody")


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Listed[shapes.ThreadItem]:
    return wire.paged(_LIST, result, call, wire.thread_item)


def _one(result: Whole, _call: Call, _links: Links) -> shapes.Data[shapes.Thread]:
    return {"data": {**wire.thread_item(result.thread), "messages": result.messages}}


ROUTES = (
    Route("GET", "/mailboxes/{inbox_id}/threads", "threads.list", _LIST, _page),
    Route("GET", "/threads/{thread_id}", "threads.get", taken.path, _one),
)
