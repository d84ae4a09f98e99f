"""Mailboxes: create, list, get, delete. Deleted, one takes its messages, webhooks, keys and queue with it."""

from typing import Any

from postroom.http import taken
from postroom.http.results import moment
from postroom.http.route import Call, Route
from postroom.http.transactional import shapes, wire
from postroom.model.errors import InvalidInput
from postroom.model.inbox import Inbox
from postroom.model.page import Page
from postroom.service.links import Links

_ALL = "/mailboxes"
_ONE = f"{_ALL}/{{inbox_id}}"


def _name(value: Any) -> Any:
    """Let pass a name that is there. Raises InvalidInput."""
    if value == "":
        raise InvalidInput.at("name", "is empty.", fix="Give what shall stand before the @.")
    return value


_CREATE = taken.Body(fields={"name": "username", "domain": "domain"}, required=("name",), reads={"name": _name})
_LIST = taken.Query(number="offset", size="limit", usual=25)


def _delete(call: Call) -> dict[str, Any]:
    return {**call.path, "with_keys": True}


def mailbox(record: Inbox) -> shapes.Mailbox:
    """Return a Mailbox."""
    name, _at, domain = record.address.rpartition("@")
    return {
        "id": wire.NAMES["inbox_id"].name(record.inbox_id),
        "address": record.address,
        "name": name,
        "domain": domain,
        "createdAt": moment(record.created_at),
    }


def _one(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.Mailbox]:
    return {"data": mailbox(result)}


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Listed[shapes.Mailbox]:
    return wire.paged(_LIST, result, call, mailbox)


ROUTES = (
    Route("POST", _ALL, "inboxes.create", _CREATE, _one, 201),
    Route("GET", _ALL, "inboxes.list", _LIST, _page),
    Route("GET", _ONE, "inboxes.get", taken.path, _one),
    Route("DELETE", _ONE, "inboxes.delete", _delete, None, 204),
)
