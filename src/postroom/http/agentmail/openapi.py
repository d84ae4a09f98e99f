"""The OpenAPI 3.1 document of this dialect, made of the route rows, of what the operations take, and of the shapes that
the rows show. It is made when it is first asked for: nobody waits for it at the start, and nothing else imports it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_type_hints

import orjson
from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response

from postroom import __version__
from postroom.http.agentmail import errors, read, shapes, threads
from postroom.http.document import PATH, Schema, Untitled, error_response, itself
from postroom.http.route import GREEDY, Route
from postroom.service.catalog import OPERATIONS
from postroom.service.operation import ANYONE, Operation

# What a client calls a route whose end says more than its operation's name.
_VERBS: Mapping[str, Mapping[str, str]] = {
    "labs": {"GET": "get_labs", "POST": "join_labs"},
    "raw": {"GET": "get_raw"},
    "reply-all": {"POST": "reply_all"},
    "{attachment_id}": {"GET": "get_attachment"},
    "headers": {"GET": "get_headers"},
    "zone-file": {"GET": "get_zone_file"},
    "setup-link": {"GET": "get_setup_link"},
    "metrics": {"GET": "query"},
}
_ACTIONS = frozenset({"search", "send", "verify", "reply", "forward", "batch-get", "batch-update", "me", *_VERBS})
_NO_FIELDS = {"reply-all": {"to", "cc", "bcc", "reply_all"}}  # what a route takes no word on
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"threads.get": {"limit": threads.WHOLE}}
_BODY = frozenset({"POST", "PATCH", "PUT"})
# What may go wrong besides what may always: with the state that things are in, and with the thing that is named.
_STATE: Mapping[str, Sequence[int]] = {
    "inboxes.create": (422,),
    "inboxes.delete": (409,),
    "pods.delete": (409,),
    "threads.find_attachment": (409,),
    "threads.update": (422,),
    "messages.get": (409,),
    "messages.find_attachment": (409,),
    "messages.send": (409, 422),
    "messages.reply": (409, 422),
    "messages.forward": (409, 422),
    "drafts.create": (409, 422),
    "drafts.update": (409, 422),
    "drafts.delete": (409,),
    "drafts.find_attachment": (409,),
    "drafts.send": (409, 413, 422),
    "lists.delete": (409,),
    "webhooks.create": (409,),
    "webhooks.list": (409,),
    "webhooks.get": (409,),
    "webhooks.update": (409,),
    "webhooks.header_names": (409,),
    "webhooks.update_headers": (409,),
    "domains.create": (409, 422),
    "domains.verify": (409,),
    "metrics.query_events": (422,),
    "metrics.query_usage": (422,),
    "metrics.query_rates": (422,),
}
_SAID = {
    400: "What was given cannot be used; `errors` says where and why.",
    401: "No API key was given, or one that is not known.",
    403: "The key may not do this, or the message may not leave.",
    404: "It is absent, or out of the key's reach.",
    409: "Right in itself, but not in the state that things are in.",
    413: "Over a limit of size.",
    422: "Well-formed, but what it names cannot be used so.",
    429: "The rate of the key is spent, or too much at once; try again after the seconds in Retry-After.",
    503: "A failure of ours: nothing was done, try again.",
}


@cache
def rendered(prefix: str, routes: tuple[Route, ...]) -> bytes:
    """Return the document as JSON, UTF-8, made once."""
    return orjson.dumps(document(prefix, routes))


def document(prefix: str, routes: Sequence[Route], *, with_ours: bool = False) -> Schema:
    """Return the document of `routes` below `prefix`, as a JSON-like value (OpenAPI 3.1.1).

    `with_ours`: with the fields that only a dialect of our own takes.
    """
    components: Schema = {}
    answers = _answer_schemas(routes, components)
    paths: Schema = {}
    for route in routes:
        described = _operation(route, answers.get(route.show), components, with_ours=with_ours)
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = described
    paths[prefix + PATH] = {"get": itself()}
    for schema in components.values():
        _mark_off(schema.get("properties", {}), keep=with_ours)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Postroom", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/", "description": "The server that gave this document."}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in sorted({group(route) for route in routes})],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "An API key."}},
            "schemas": dict(sorted(components.items())),
            "responses": {errors.NAMES[status]: _error(status) for status in _SAID},
        },
    }


def _mark_off(properties: Schema, *, keep: bool) -> None:
    for name in [name for name, field in properties.items() if field.pop("ours", False) and not keep]:
        del properties[name]


_ABOUT = (
    "Lists are paged: `next_page_token` of an answer is `page_token` of the next request. A parameter that takes a list"
    " may be repeated, or hold a JSON array or names with commas between them. A parameter that no list takes is"
    " ignored; a filter that a list lacks is refused, and so is an unknown field of a body. `inbox_id` is the inbox's"
    " address, `message_id` the Message-ID with its angle brackets; both are percent-encoded in a path."
)


def group(route: Route) -> str:
    """Return the group of a route, as clients have it: `inboxes.messages`."""
    words = [word for word in route.path.strip("/").split("/") if not word.startswith("{")]
    return ".".join(word.replace("-", "_") for word in (words[:-1] if _ends_in_action(route) else words))


def operation_id(route: Route) -> str:
    """Return the name of a route, as clients have it: `inboxes.messages.reply_all`."""
    last = route.path.rsplit("/", 1)[-1]
    verb = _VERBS.get(last, {}).get(route.method) or route.operation.rpartition(".")[2]
    if route.operation == "inboxes.events":
        verb = "list"
    if last == "{attachment_id}":
        return f"{group(route).removesuffix('.attachments')}.{verb}"
    return f"{group(route)}.{verb}"


def _ends_in_action(route: Route) -> bool:
    *before, last = route.path.strip("/").split("/")
    if last in ("metrics", "{attachment_id}") or route.operation == "inboxes.events":
        return False
    return last in _ACTIONS or before[-1:] == ["metrics"]


def _answer_schemas(routes: Sequence[Route], components: Schema) -> dict[Any, Schema]:
    """Return the schema of what each `show` gives, by the function; the shapes go to the components."""
    shown = {route.show: get_type_hints(route.show)["return"] for route in routes if route.show is not None}
    plain = {show: shape for show, shape in shown.items() if not _is_response(shape)}
    more = [shapes.ErrorResponse, shapes.ValidationErrorResponse]
    adapters: list[Any] = [(show, "validation", TypeAdapter(shape)) for show, shape in plain.items()]
    adapters += [(shape, "validation", TypeAdapter(shape)) for shape in more]
    found, defined = TypeAdapter.json_schemas(adapters, ref_template=_REF, schema_generator=Untitled)
    components |= defined.get("$defs", {})
    answers: dict[Any, Schema] = {show: {"application/json": {"schema": found[show, "validation"]}} for show in plain}
    for show, shape in shown.items():
        if _is_response(shape):
            answers[show] = {shape.media_type: {"schema": {"type": "string"}}}
    return answers


_REF = "#/components/schemas/{model}"


def _is_response(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, Response)


def _operation(route: Route, content: Schema | None, components: Schema, *, with_ours: bool) -> Schema:
    operation = OPERATIONS[route.operation]
    taken = _input(operation.input, components)
    _mark_off(taken["properties"], keep=with_ours)
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    described: Schema = {
        "operationId": operation_id(route),
        "summary": operation.summary,
        "tags": [group(route)],
        "parameters": [*(_in_path(name, taken) for name in names), *_in_query(route, taken, names)],
        "responses": {str(route.status): {"description": "Done." if content is None else "The result."}},
    }
    if content is not None:
        described["responses"][str(route.status)]["content"] = content
    if route.method in _BODY and (body := _body(route, taken, names)) is not None:
        described["requestBody"] = body
    if "idempotency_key" in taken["properties"]:
        described["parameters"].append(_key(taken["properties"]["idempotency_key"]))
    if route.path.endswith("/raw"):
        described["responses"]["307"] = {"description": "A client of before 0.3 that wants the bytes is sent to them."}
    if route.path.endswith("/metrics"):
        described["deprecated"] = True
    for status in sorted(_statuses(route, operation, described)):
        described["responses"][str(status)] = {"$ref": f"#/components/responses/{errors.NAMES[status]}"}
    return described


def _input(model: type[BaseModel], components: Schema) -> Schema:
    """Return what an operation takes; the models in it go to the components."""
    schema = model.model_json_schema(by_alias=True, ref_template=_REF, schema_generator=Untitled)
    components |= schema.pop("$defs", {})
    return {**schema, "properties": schema.get("properties", {}), "required": schema.get("required", [])}


def _in_path(name: str, taken: Schema) -> Schema:
    schema = _value(taken["properties"].get(name, {"type": "string"}))
    said = schema.pop("description", _OWNERS.get(name, ""))
    if name in GREEDY:
        said += " It is percent-encoded; a slash may stand as it is."
    if "$ref" not in schema:
        schema.setdefault("minLength", 1)
    return {"name": name, "in": "path", "required": True, "description": said, "schema": schema}


_OWNERS = {"inbox_id": "The inbox: its e-mail address.", "pod_id": "The pod."}


def _in_query(route: Route, taken: Schema, names: Sequence[str]) -> Iterator[Schema]:
    if route.method != "GET" or route.read is read.path:
        return
    for name, given in taken["properties"].items():
        if name not in read.QUERY or name in names:
            continue
        schema = _value(given)
        if name in _DEFAULTS.get(route.operation, {}):
            schema["default"] = _DEFAULTS[route.operation][name]
        said = schema.pop("description", given.get("description", ""))
        if schema.get("type") == "array":
            said += " A list: repeated, a JSON array, or with commas."
        yield {
            "name": name,
            "in": "query",
            "required": name in taken["required"],
            "description": said,
            "schema": schema,
        }


def _value(given: Schema) -> Schema:
    """Return the schema of a value in a path or a query: there is no null, and a text is a list of one."""
    choices = [one for one in given.get("anyOf", ()) if one.get("type") != "null"]
    lists = [one for one in choices if one.get("type") == "array"]
    schema: Schema = (lists or choices or [given])[0]
    kept = {name: value for name, value in given.items() if name not in ("anyOf", "by_place")} if choices else {}
    merged = {**kept, **schema}
    return {n: v for n, v in merged.items() if not (n == "default" and v in (None, [])) and n != "by_place"}


def _body(route: Route, taken: Schema, names: Sequence[str]) -> Schema | None:
    last = route.path.rsplit("/", 1)[-1]
    left_out = {*names, "idempotency_key", *_NO_FIELDS.get(last, ())}
    properties = {name: field for name, field in taken["properties"].items() if name not in left_out}
    if not properties:
        return None
    required = [name for name in taken["required"] if name in properties]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _key(field: Schema) -> Schema:
    schema = _value(field)
    said = schema.pop("description", "")
    return {"name": "Idempotency-Key", "in": "header", "required": False, "description": said, "schema": schema}


def _statuses(route: Route, operation: Operation, described: Schema) -> Iterator[int]:
    yield from (400, 401, 429, 503)
    yield from _STATE.get(operation.name, ())
    if operation.scope != ANYONE or route.path.endswith("/labs"):
        yield 403
    if "{" in route.path or route.method in _BODY:
        yield 404
    if route.method in _BODY:
        yield 413


def _error(status: int) -> Schema:
    shape = "ValidationErrorResponse" if status == 400 else "ErrorResponse"
    content = {"application/json": {"schema": {"$ref": _REF.format(model=shape)}}}
    return error_response(status, _SAID[status], content)
