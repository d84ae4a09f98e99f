"""API keys: create, list, delete. A key that is made here may do what its maker may, and opens every dialect."""

from collections.abc import Mapping
from typing import Any

from postroom.http import taken
from postroom.http.inai import shapes, wire
from postroom.http.results import moment, moment_if
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.model.tenant import ApiKey, NewApiKey
from postroom.service.links import Links

_ALL = "/api-keys"


def _of_maker(call: Call) -> Mapping[str, Any]:
    allowed = call.actor.permissions
    return {} if allowed is None else {"permissions": sorted(allowed)}


_CREATE = taken.Body(fields={"name": "name"}, required=("name",), fixed={"prefix": "inai"}, more=_of_maker)


def _key(record: ApiKey) -> shapes.ApiKey:
    return {
        "key_id": wire.NAMES["api_key_id"].name(record.api_key_id),
        "name": record.name,
        "prefix": record.prefix,
        "used_at": moment_if(record.used_at),
        "created_at": moment(record.created_at),
    }


def _made(result: NewApiKey, _call: Call, _links: Links) -> shapes.NewApiKey:
    return {**_key(result.key), "key": result.api_key}


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Page[shapes.ApiKey]:
    return wire.paged(result, call, _key)


ROUTES = (
    Route("POST", _ALL, "keys.create", _CREATE, _made),
    Route("GET", _ALL, "keys.list", wire.PAGE, _page),
    Route("DELETE", f"{_ALL}/{{api_key_id}}", "keys.delete", taken.path, None, 204),
)
