"""API keys over /v0, of the organization, of a pod and of an inbox. Keys are bearer's; public keys are not offered."""

from collections.abc import Mapping
from typing import Any

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.errors import InvalidInput
from postroom.model.page import Page
from postroom.model.tenant import ApiKey, NewApiKey
from postroom.service.links import Links


def _create(call: Call) -> Mapping[str, Any]:
    if "public_key" in call.body:
        raise InvalidInput.at("public_key", "not offered by this server.", fix="Create a bearer key: leave it out.")
    return _whole(call)


def _whole(call: Call) -> Mapping[str, Any]:
    """Return the path and the body; a null says something of permissions alone: everything is allowed."""
    kept = {name: value for name, value in call.body.items() if value is not None or name == "permissions"}
    return {**kept, **call.path}


def _list(call: Call) -> Mapping[str, Any]:
    return {**read.page(call), **wire.given({"type": call.first.get("type")})}


def _key(record: ApiKey) -> shapes.ApiKey:
    shown: shapes.ApiKey = {
        "type": "bearer",
        "api_key_id": record.api_key_id,
        "prefix": record.prefix,
        "name": record.name,
        "created_at": wire.moment(record.created_at),
        "updated_at": wire.moment(record.updated_at),
    }
    if record.permissions is not None:  # an empty map allows nothing, an absent one everything
        shown["permissions"] = dict.fromkeys(sorted(record.permissions), True)
    owner = {"pod_id": record.pod_id, "inbox_id": record.inbox_address}
    moments = {"expires_at": wire.moment_if(record.expires_at), "used_at": wire.moment_if(record.used_at)}
    return wire.also(shown, {**owner, **moments})


def _one(result: Any, _call: Call, _links: Links) -> shapes.ApiKey:
    return _key(result)


def _made(result: NewApiKey, _call: Call, _links: Links) -> shapes.CreateApiKeyResponse:
    return {**_key(result.key), "api_key": result.api_key}


def _page(result: Page[ApiKey], call: Call, _links: Links) -> shapes.ListApiKeysResponse:
    items = [_key(key) for key in result.items]
    page: shapes.ListApiKeysResponse = {"count": len(items), "api_keys": items}
    return wire.paged(page, result, read.limit(call))


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    one = f"{prefix}/api-keys/{{api_key_id}}"
    return (
        Route("GET", f"{prefix}/api-keys", "keys.list", _list, _page, **scope),
        Route("POST", f"{prefix}/api-keys", "keys.create", _create, _made, **scope),
        Route("GET", one, "keys.get", read.path, _one, **scope),
        Route("PATCH", one, "keys.update", _whole, _one, **scope),
        Route("DELETE", one, "keys.delete", read.path, None, 202, **scope),
    )


ROUTES = (*_routes(""), *_routes("/pods/{pod_id}", scope="pod"), *_routes("/inboxes/{inbox_id}", scope="inbox"))
