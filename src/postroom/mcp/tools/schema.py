"""The schema of a tool's arguments as a model reads it: each description once, and nothing that says nothing."""

from collections.abc import Mapping
from typing import Any

# Of no use to who fills the schema in: a title repeats the name.
_IDLE = ("title",)


_ABSENT = {"type": "null"}
_STRING = {"type": "string"}
_STRINGS = {"items": _STRING, "type": "array"}


def lean(schema: Mapping[str, Any], described: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the schema of a tool with these descriptions of its arguments, and closed to all others.

    Two things that are taken as well are left out: null for what is not given, a bare string for a list of one. An
    object whose fields are all strings is described by the words of its class, which must name them.
    """
    parts: Mapping[str, Any] = schema.get("$defs", {})
    properties: Mapping[str, Any] = schema["properties"]
    kept = {}
    for name, given in properties.items():
        shown = _plain(given, parts)
        named = _words(shown.get("items", {}))
        if description := named or described.get(name):
            shown["description"] = description
        kept["from" if name == "from_" else name] = shown
    rest = {key: value for key, value in schema.items() if key not in (*_IDLE, "properties", "$defs")}
    return {**rest, "properties": kept, "additionalProperties": False}


def _words(items: dict[str, Any]) -> str | None:
    """Leave out the fields of an object that are all strings, and return its words; None for anything else."""
    fields = items.get("properties", {})
    if not fields or any(field != _STRING for field in fields.values()):
        return None
    del items["properties"]
    items["additionalProperties"] = _STRING
    return " ".join(items.pop("description").split())


def _is_natural(key: str, value: Any) -> bool:
    """Tell whether it says that what is not given is nothing: null, no, zero."""
    return key == "default" and value in (None, False, 0)


def _united(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what may be one of several plain types: a number may be an integer, and null says something here.

    Not `type` as a list, which clients with a plainer schema language refuse.
    """
    kinds = [branch["type"] for branch in values.get("anyOf", ()) if branch.keys() == {"type"}]
    if not kinds or len(kinds) != len(values["anyOf"]):
        return values
    return {"anyOf": [{"type": kind} for kind in kinds if kind != "integer" or "number" not in kinds]}


def _plain(given: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a value in one piece, without titles, without null and its being the default."""
    shown = {key: value for key, value in given.items() if key not in _IDLE and not _is_natural(key, value)}
    if "$ref" in shown:
        return {**_plain(parts[shown.pop("$ref").rpartition("/")[2]], parts), **shown}
    if "properties" in shown:
        shown.pop("additionalProperties", None)  # what it has no name for is refused all the same
        shown["properties"] = {name: _plain(inner, parts) for name, inner in shown["properties"].items()}
    if "items" in shown:
        shown["items"] = _plain(shown["items"], parts)
    if isinstance(values := shown.get("additionalProperties"), dict):
        shown["additionalProperties"] = _united(values)
    branches = [_plain(branch, parts) for branch in shown.pop("anyOf", ()) if branch != _ABSENT]
    if branches in ([_STRINGS, _STRING], [_STRING, _STRINGS]):
        branches = [_STRINGS]
    if len(branches) == 1:
        return {**branches[0], **shown}
    return {"anyOf": branches, **shown} if branches else shown
