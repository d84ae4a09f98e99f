"""The OpenAPI 3.1 document of a dialect whose routes say what they take (`taken.py`) and what they show (its shapes).

It is made when it is first asked for: nobody waits for it at the start, and nothing else imports it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from postroom import __version__
from postroom.http.errors import TRIED_AGAIN
from postroom.http.route import Route
from postroom.http.taken import Body, Parameters, Query
from postroom.service.catalog import OPERATIONS
from postroom.service.operation import ANYONE

PATH = "/openapi.json"
Schema = dict[str, Any]
_REF = "#/components/schemas/{model}"
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_SAID = {
    400: "What was given cannot be used; the error says where and why.",
    401: "No API key was given, or one that is not known.",
    403: "The key may not do this, a limit is reached, or the message may not leave.",
    404: "It is absent, or out of the key's reach.",
    409: "Right in itself, but not in the state that things are in.",
    413: "Over a limit of size.",
    422: "Well-formed, but what it names cannot be used so.",
    429: "Too many at once; try again after the seconds in Retry-After.",
    503: "A failure of ours: nothing was done, try again.",
}


@dataclass(frozen=True, kw_only=True)
class Dress:
    """What a dialect adds: its title and what it says of itself, and the shape of its errors."""

    title: str
    about: str
    error: Any


class Untitled(GenerateJsonSchema):
    """Without the titles that repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document(prefix: str, routes: Sequence[Route], dress: Dress) -> Schema:
    """Return the document of `routes` below `prefix`, as a JSON-like value (OpenAPI 3.1.1)."""
    components: Schema = {}
    answers = _answers(routes, dress.error, components)
    paths: Schema = {}
    for route in routes:
        described = _operation(route, routes, answers.get(route.show), components)
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = described
    paths[prefix + PATH] = {"get": itself()}
    error = {"application/json": {"schema": {"$ref": _REF.format(model=dress.error.__name__)}}}
    return {
        "openapi": "3.1.1",
        "info": {"title": dress.title, "version": __version__, "description": dress.about},
        "servers": [{"url": "/", "description": "The server that gave this document."}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in sorted({_group(route) for route in routes})],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "An API key."}},
            "schemas": dict(sorted(components.items())),
            "responses": {f"Error{status}": error_response(status, _SAID[status], error) for status in _SAID},
        },
    }


def _answers(routes: Sequence[Route], error: Any, components: Schema) -> dict[Any, Schema]:
    """Return the schema of what each `show` gives, by the function; the shapes go to the components."""
    shown = {route.show: get_type_hints(route.show)["return"] for route in routes if route.show is not None}
    adapters: list[Any] = [(show, "validation", TypeAdapter(shape)) for show, shape in shown.items()]
    adapters.append((error, "validation", TypeAdapter(error)))
    found, defined = TypeAdapter.json_schemas(adapters, ref_template=_REF, schema_generator=Untitled)
    components |= defined.get("$defs", {})
    return {show: found[show, "validation"] for show in shown}


def _group(route: Route) -> str:
    return route.operation.partition(".")[0]


def _name(route: Route, routes: Sequence[Route]) -> str:
    """Return the name of a route: that of its operation; of several of one operation, the last word of its path."""
    group, _dot, verb = route.operation.partition(".")
    last = route.path.rsplit("/", 1)[-1]
    is_alone = [one.operation for one in routes].count(route.operation) == 1
    return route.operation if is_alone or last in (verb, "") or "{" in last else f"{group}.{last.replace('-', '_')}"


def _operation(route: Route, routes: Sequence[Route], schema: Schema | None, components: Schema) -> Schema:
    operation = OPERATIONS[route.operation]
    done: Schema = {"description": "Done." if schema is None else "The result."}
    if schema is not None:
        done["content"] = {"application/json": {"schema": schema}}
    described: Schema = {
        "operationId": _name(route, routes),
        "summary": operation.summary,
        "tags": [_group(route)],
        "parameters": [*_in_path(route), *_in_query(route)],
        "responses": {str(route.status): done},
    }
    if isinstance(route.read, Body):
        described["requestBody"] = _body(route, route.read, components)
    for status in _statuses(route):
        described["responses"][str(status)] = {"$ref": f"#/components/responses/Error{status}"}
    return described


def _in_path(route: Route) -> Iterator[Schema]:
    for part in route.path.split("/"):
        if part.startswith("{"):
            yield {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _in_query(route: Route) -> Iterator[Schema]:
    read = route.read
    if isinstance(read, Parameters):
        yield from ({"name": name, "in": "query", "schema": {"type": "string"}} for name in read.fields)
    if not isinstance(read, Query):
        return
    least = int(read.by_page)
    number = {"type": "integer", "minimum": least, "maximum": 10**12, "default": least}
    size = {"type": "integer", "minimum": 1, "maximum": read.most, "default": read.usual}
    said = "The page, from 1 on." if read.by_page else "How many to leave out."
    yield {"name": read.number, "in": "query", "description": said, "schema": number}
    yield {"name": read.size, "in": "query", "description": "At most this many.", "schema": size}
    properties = _taken(route, {})
    for name, inner in read.fields.items():
        schema = {"type": "string"} if name in read.reads else _plain(properties[inner])
        yield {"name": name, "in": "query", "schema": schema}


def _taken(route: Route, components: Schema) -> Schema:
    """Return the properties that an operation takes; the models in them go to the components."""
    model = OPERATIONS[route.operation].input
    schema = model.model_json_schema(by_alias=True, ref_template=_REF, schema_generator=Untitled)
    components |= {name: _unmarked(part) for name, part in schema.pop("$defs", {}).items()}
    return {name: _unmarked(one) for name, one in schema.get("properties", {}).items()}


def _unmarked(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name not in ("ours", "by_place")}


def _plain(schema: Schema) -> Schema:
    """Return a schema without null, which no query can say."""
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kept, **choices[0]} if choices else kept


def _body(route: Route, read: Body, components: Schema) -> Schema:
    defined: Schema = {}
    properties = _taken(route, defined)
    schema = _object(read, properties, defined)
    components |= {name: part for name, part in defined.items() if _names(schema, name)}
    return {"required": bool(read.required), "content": {"application/json": {"schema": schema}}}


def _object(read: Body, properties: Schema, defined: Mapping[str, Schema]) -> Schema:
    """Return the schema of a body, or of an object in it; `properties` are those that the operation takes."""
    shown: Schema = {name: read.schemas.get(name) or properties[inner] for name, inner in read.fields.items()}
    for name, names in read.items.items():
        shown[name] = _items(defined, shown[name], names)
    for name, part in read.each.items():
        inner = {field: _unmarked(one) for field, one in _listed(defined, shown[name])["properties"].items()}
        shown[name] = {**shown[name], "items": _object(part, inner, defined)}
    for name in read.required:
        shown[name] = _plain(shown[name])
    schema: Schema = {"type": "object", "properties": shown, "additionalProperties": False}
    if read.required:
        schema["required"] = list(read.required)
    return schema


def _listed(defined: Mapping[str, Schema], listed: Schema) -> Schema:
    """Return the schema of the objects of a list."""
    found: Schema = defined[listed["items"]["$ref"].rpartition("/")[2]]
    return found


def _items(defined: Mapping[str, Schema], listed: Schema, names: Mapping[str, str]) -> Schema:
    """Return the schema of a list of objects that have these names alone."""
    model = _listed(defined, listed)
    properties = {name: _unmarked(model["properties"][inner]) for name, inner in names.items()}
    return {**listed, "items": {"type": "object", "properties": properties, "additionalProperties": False}}


def _names(value: Any, model: str) -> bool:
    """Tell whether a schema refers to a model."""
    if isinstance(value, dict):
        return value.get("$ref") == _REF.format(model=model) or any(_names(one, model) for one in value.values())
    return isinstance(value, list) and any(_names(one, model) for one in value)


def _statuses(route: Route) -> Iterator[int]:
    writes = route.method in _WRITES
    yield from (400, 401)
    if OPERATIONS[route.operation].scope != ANYONE:
        yield 403
    if "{" in route.path or writes:
        yield 404
    if writes or route.path.endswith("}"):
        yield 409
    if route.method in ("POST", "PATCH"):
        yield from (413, 422)
    yield from (429, 503)


def error_response(status: int, said: str, content: Schema) -> Schema:
    """Return the answer with an error: what it says, its content, and when to try again where that is told."""
    described: Schema = {"description": said, "content": content}
    if status in TRIED_AGAIN:
        described["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return described


def itself() -> Schema:
    """Return the operation that gives the document."""
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi.get",
        "summary": "Get this document; no key is needed.",
        "tags": ["openapi"],
        "security": [],
        "responses": {"200": {"description": "The result.", "content": content}},
    }
