"""Labels of a mailbox with their colours: list, create, delete. What a message bears is `inbox`'s."""

from typing import Any

from postroom.http import taken
from postroom.http.results import moment_if
from postroom.http.route import Call, Route
from postroom.http.transactional import shapes, wire
from postroom.model.label import Label
from postroom.model.page import Page
from postroom.service.links import Links

_ALL = "/mailboxes/{inbox_id}/labels"
_LIST = taken.Query(number="offset", size="limit", usual=100)
_CREATE = taken.Body(
    fields={"name": "label", "color": "color"}, required=("name",), reads={"name": wire.own_given("name")}
)


def _shown(record: Label) -> shapes.Label:
    return {"name": record.name, "color": record.color, "createdAt": moment_if(record.created_at)}


def _one(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.Label]:
    return {"data": _shown(result)}


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Listed[shapes.Label]:
    return wire.paged(_LIST, result, call, _shown)


ROUTES = (
    Route("GET", _ALL, "labels.list", _LIST, _page),
    Route("POST", _ALL, "labels.create", _CREATE, _one, 201),
    Route("DELETE", f"{_ALL}/{{label}}", "labels.delete", taken.path, None, 204),
)
