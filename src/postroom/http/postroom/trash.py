"""The trash over /v1/postroom: what is in it and until when, and the way back for each."""

from collections.abc import Mapping
from typing import Any, Literal

from postroom.http.agentmail import read, wire
from postroom.http.agentmail.drafts import draft_item
from postroom.http.postroom import shapes
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.service.links import Links
from postroom.service.trash import TrashItem

_INBOX = "/trash/inboxes/{inbox_id}"


def _listing(call: Call) -> Mapping[str, Any]:
    return {name: call.first[name] for name in ("inbox_id", "limit", "page_token") if call.first.get(name)}


def _page(result: Page[TrashItem], call: Call, _links: Links) -> shapes.ListTrashResponse:
    items = [_item(item) for item in result.items]
    page: shapes.ListTrashResponse = {"count": len(items), "trash": items}
    return wire.paged(page, result, read.limit(call))


def _item(item: TrashItem) -> shapes.TrashItem:
    message, draft, inbox = item.message, item.draft, item.inbox
    kind: Literal["inbox", "message", "draft"] = "message" if message else "draft" if draft else "inbox"
    within = message or draft
    shown: shapes.TrashItem = {
        "kind": kind,
        "inbox_id": within.inbox_address if within is not None else inbox.address if inbox is not None else "",
        "deleted_at": wire.moment(item.at),
        "until": wire.moment(item.until),
    }
    more = {
        "message": None if message is None else wire.message_item(message),
        "draft": None if draft is None else draft_item(draft),
    }
    return wire.also(shown, more)


def _back(_result: Any, _call: Call, _links: Links) -> shapes.RestoredResponse:
    return {"restored": True}


ROUTES = (
    Route("GET", "/trash", "trash.list", _listing, _page),
    Route("POST", f"{_INBOX}/restore", "inboxes.restore", read.path, _back),
    Route("POST", f"{_INBOX}/threads/{{thread_id}}/restore", "threads.restore", read.path, _back),
    Route("POST", f"{_INBOX}/drafts/{{draft_id}}/restore", "drafts.restore", read.path, _back),
    Route("POST", f"{_INBOX}/messages/{{message_id}}/restore", "messages.restore", read.path, _back),
)
