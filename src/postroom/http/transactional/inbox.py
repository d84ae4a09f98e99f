"""The inbox of a mailbox: list, get, search, mark, archive, label, delete."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postroom.http import taken
from postroom.http.route import Call, Route
from postroom.http.transactional import shapes, wire
from postroom.model.errors import InvalidInput
from postroom.model.message import Message
from postroom.model.page import Page
from postroom.service.labels import ARCHIVED, KEPT_LABELS
from postroom.service.links import Links

_ALL = "/mailboxes/{inbox_id}/inbox"
_ONE = "/inbox/{message_id}"


def _label(text: str) -> str:
    """Return a label that a list may be filtered by. Raises InvalidInput for one that this dialect does not have."""
    name = text.strip().lower()
    if name in KEPT_LABELS and name not in wire.FACTS:
        raise InvalidInput.at("label", f"{name!r} is no label here.", fix="Use inbox, sent, or a label of your own.")
    return name


@dataclass(frozen=True, kw_only=True, eq=False)
class _Inbox(taken.Query):
    """Reads the query of the list: what was received, or all that has a label that callers give."""

    def __call__(self, call: Call) -> Mapping[str, Any]:
        given = dict(super().__call__(call))
        label, unread = given.pop("label", None), given.pop("unread", None)
        labels = ["received"] if label in (None, wire.INBOX) else [label]
        without = [ARCHIVED] if label == wire.INBOX else []
        if unread is not None:
            labels, without = (["unread", *labels], without) if unread else (labels, [*without, "unread"])
        return {**given, "labels": labels, "without_labels": without}


_LIST = _Inbox(
    number="offset",
    size="limit",
    usual=25,
    fields={
        **{name: name for name in ("unread", "label", "from", "after", "before")},
        "sort": "ascending",
    },
    reads={"unread": wire.flag("unread"), "label": _label, "sort": wire.ascending("received_at")},
)
_SEARCH = taken.Query(number="offset", size="limit", usual=10, fields={"query": "q"})
_GET = taken.Parameters(fields={"markRead": "mark_read"}, reads={"markRead": wire.flag("markRead")})
_SCHEMAS = {"messageIds": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 100}}


def _ids(**fixed: Any) -> taken.Body:
    return taken.Body(
        fields={"messageIds": "message_ids"},
        required=("messageIds",),
        fixed=fixed,
        reads={"messageIds": wire.ids},
        schemas=_SCHEMAS,
    )


_LABELS = taken.Body(
    fields={"labels": "add_labels"},
    required=("labels",),
    fixed={"shown": True},
    reads={"labels": wire.own_given("labels")},
)


def _unlabel(call: Call) -> Mapping[str, Any]:
    label = call.path["label"]
    wire.own_given("labelName")(label)
    return {"message_id": call.path["message_id"], "remove_labels": [label]}


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Listed[shapes.MessageItem]:
    return wire.paged(_LIST, result, call, wire.message_item)


def _found(result: Page[Any], call: Call, _links: Links) -> shapes.Listed[shapes.MessageItem]:
    return wire.paged(_SEARCH, result, call, wire.message_item)


def _one(result: Any, _call: Call, links: Links) -> shapes.Data[shapes.Message]:
    found: Message = result.message
    return {"data": wire.message(found, links)}


def _item(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.MessageItem]:
    return {"data": wire.message_item(result)}


def _items(result: Any, _call: Call, _links: Links) -> shapes.Data[list[shapes.MessageItem]]:
    return {"data": [wire.message_item(one) for one in result]}


ROUTES = (
    Route("GET", _ALL, "messages.list", _LIST, _page),
    Route("GET", f"{_ALL}/search", "messages.search", _SEARCH, _found),
    Route("GET", _ONE, "messages.get", _GET, _one),
    Route("POST", "/inbox/mark-read", "messages.label_each", _ids(remove_labels=("unread",)), _items),
    Route("POST", "/inbox/mark-unread", "messages.label_each", _ids(add_labels=("unread",)), _items),
    Route("POST", "/inbox/archive", "messages.label_each", _ids(add_labels=(ARCHIVED,)), _items),
    Route("POST", "/inbox/unarchive", "messages.label_each", _ids(remove_labels=(ARCHIVED,)), _items),
    Route("DELETE", "/inbox", "messages.delete_each", _ids(), None, 204, body=True),
    Route("POST", f"{_ONE}/labels", "messages.update", _LABELS, _item),
    Route("DELETE", f"{_ONE}/labels/{{label}}", "messages.update", _unlabel, None, 204),
)
