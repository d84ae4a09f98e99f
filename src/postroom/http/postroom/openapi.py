"""The OpenAPI 3.1 document of our own dialect: made as that of /v0 is, with what only this one has."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel

from postroom.events.claiming import WaitToClaim
from postroom.events.following import Follow
from postroom.http.agentmail import openapi
from postroom.http.postroom.attachments import UPLOAD
from postroom.http.route import Route
from postroom.service.approvals import ListApprovals
from postroom.service.claims import ListWork
from postroom.service.handles import HandIn
from postroom.service.trash import ListTrash

Schema = dict[str, Any]
# What a route takes in its query; and what it waits for besides what its operation takes.
_IN_QUERY: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "events.list": (Follow, ("after", "limit", "types", "wait")),
    "claims.list": (ListWork, ("state", "limit", "page_token")),
    "approvals.list": (ListApprovals, ("inbox_id", "state", "limit", "page_token", "ascending")),
    "trash.list": (ListTrash, ("inbox_id", "limit", "page_token")),
    UPLOAD: (HandIn, ("inbox_id", "filename", "content_type")),
}
_FILE: Schema = {"schema": {"type": "string", "format": "binary"}}
_FORM: Schema = {"schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}}


@cache
def rendered(prefix: str, routes: tuple[Route, ...]) -> bytes:
    """Return the document as JSON, UTF-8, made once."""
    return orjson.dumps(document(prefix, routes))


def document(prefix: str, routes: Sequence[Route]) -> Schema:
    """Return the document of `routes` below `prefix`, as a JSON-like value (OpenAPI 3.1.1)."""
    made = openapi.document(prefix, routes, with_ours=True)
    for route in routes:
        described = made["paths"][prefix + route.path][route.method.lower()]
        whose = f"_of_{route.path.split('/')[2]}" if route.path.startswith("/policies/") else ""
        described["operationId"] = f"{route.operation}{whose}_over_{route.method.lower()}"
        if route.operation in _IN_QUERY:
            model, names = _IN_QUERY[route.operation]
            in_path = [p for p in described["parameters"] if p["in"] == "path"]
            described["parameters"] = [*in_path, *(_parameter(model, name) for name in names)]
        if route.operation == UPLOAD:
            described["requestBody"] = {"required": True, "content": {"*/*": _FILE, "multipart/form-data": _FORM}}
        if route.operation == "claims.next":
            fields = described["requestBody"]["content"]["application/json"]["schema"]["properties"]
            fields["wait"] = _schema(WaitToClaim, "wait")
    return made


def _parameter(model: type[BaseModel], name: str) -> Schema:
    schema = _schema(model, name)
    said = schema.pop("description", "")
    return {"name": name, "in": "query", "required": False, "description": said, "schema": schema}


def _schema(model: type[BaseModel], name: str) -> Schema:
    whole = model.model_json_schema(by_alias=True)
    return _resolved(whole["properties"][name], whole.get("$defs", {}))


def _resolved(given: Schema, parts: Schema) -> Schema:
    """Return a schema in one piece, without titles and without null, which no query can say."""
    schema = {key: value for key, value in given.items() if key not in ("title", "anyOf", "$ref", "default")}
    if "$ref" in given:
        schema = {**_resolved(parts[given["$ref"].rpartition("/")[2]], parts), **schema}
    if "items" in schema:
        schema["items"] = _resolved(schema["items"], parts)
    for choice in given.get("anyOf", ()):
        if choice.get("type") != "null":
            schema = {**_resolved(choice, parts), **schema}
    return schema
