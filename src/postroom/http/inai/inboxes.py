"""Inboxes: create, list, get, update, delete. A `client_id` only tracks here: it may stand at several inboxes."""

from typing import Any

from postroom.http import taken
from postroom.http.inai import shapes, wire
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.service.links import Links

_ALL = "/inboxes"
_ONE = f"{_ALL}/{{inbox_id}}"
_CREATE = taken.Body(
    fields={name: name for name in ("username", "domain", "display_name", "client_id")},
    required=("username",),
    fixed={"client_id_tracks": True},
)
_UPDATE = taken.Body(fields={"display_name": "display_name"}, nulls=("display_name",))


def _one(result: Any, _call: Call, _links: Links) -> shapes.Inbox:
    return wire.inbox(result)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Page[shapes.Inbox]:
    return wire.paged(result, call, wire.inbox)


ROUTES = (
    Route("POST", _ALL, "inboxes.create", _CREATE, _one),
    Route("GET", _ALL, "inboxes.list", wire.PAGE, _page),
    Route("GET", _ONE, "inboxes.get", taken.path, _one),
    Route("PATCH", _ONE, "inboxes.update", _UPDATE, _one),
    Route("DELETE", _ONE, "inboxes.delete", taken.path, None, 204),
)
