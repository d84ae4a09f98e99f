"""What a JSON body says, of those that say one thing: an object without a name twice, without NUL, not too deep.

It reads bytes that are bounded already; it must not guess what a doubtful body means.
"""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from postroom.model.errors import InvalidInput

_READ_TWICE = 256 * 1024  # bytes; the second reading of a larger body would hold up all other requests
_NUL = b"\\u0000"  # the one way in which JSON can spell it


class _Twice(ValueError):
    """A name stands twice in an object."""


def object_of(text: bytes) -> dict[str, Any]:
    """Return the JSON object that `text` is (RFC 8259). A name that stands twice in an object (section 4) is refused
    in a body up to 256 KiB; in a larger one the last counts.

    Raises:
        InvalidInput: it is not JSON, no object, has a name twice, or a NUL character in a text.
    """
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput("The body is not JSON.", fix=f"Send a JSON object ({error}).") from error
    if not isinstance(body, dict):
        raise InvalidInput("The body is not a JSON object.", fix="Send an object: {…}.")
    if len(text) <= _READ_TWICE:
        _refuse_twins(text)
    if _NUL in text and (name := next(_with_nul(body), None)) is not None:
        raise InvalidInput.at(name, "has a NUL character.", fix="Leave it out; no mail can carry it.")
    return body


def _refuse_twins(text: bytes) -> None:
    try:
        json.loads(text, object_pairs_hook=_unique)
    except _Twice as error:
        raise InvalidInput.at(str(error), "stands twice.", fix="Give each name once.") from error
    except RecursionError as error:
        raise InvalidInput("The body is nested too deep.", fix="Send what the document describes.") from error


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _value in pairs:
        if name in seen:
            raise _Twice(name[:100])
        seen.add(name)


def _with_nul(body: dict[str, Any]) -> Iterator[str]:
    """Yield the fields that have NUL anywhere in them; no recursion, since JSON goes a thousand deep."""
    for name, field in body.items():
        waiting = [name, field]
        while waiting:
            value = waiting.pop()
            if isinstance(value, str) and "\0" in value:
                yield name[:100]
                break
            if isinstance(value, dict):
                waiting += [*value, *value.values()]
            elif isinstance(value, list):
                waiting += value
