"""The arguments of a call as clients send them: camelCase is taken as well, and null is what was left out."""

import re
from collections.abc import Collection, Mapping
from typing import Any

_HUMP = re.compile(r"(?<=[a-z0-9])[A-Z]")
_NESTED = (
    "attachments",
    "add_attachments",
)  # lists of objects whose fields are names of ours; keys of metadata are the caller's own


def in_snake_case(arguments: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the arguments under their names here. A name that is known stands as it is, and wins over its twin."""
    named = {name if name in known else _snake(name): value for name, value in arguments.items()}
    named |= {name: value for name, value in arguments.items() if name in known}
    return {name: _items(value) if name in _NESTED else value for name, value in named.items()}


def present(arguments: Mapping[str, Any], nulls: Collection[str]) -> dict[str, Any]:
    """Return the arguments that say something: clients with strict schemas send null for all that they leave out.

    `nulls` are those whose null means something itself.
    """
    return {name: value for name, value in arguments.items() if value is not None or name in nulls}


def _items(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [
        {_snake(k): v for k, v in item.items() if v is not None} if isinstance(item, dict) else item for item in value
    ]


def _snake(name: str) -> str:
    return _HUMP.sub(lambda hump: f"_{hump[0].lower()}", name)
