"""JSON as columns keep it: text, compact, letters of every script as they are. orjson: 12 values a message count."""

from typing import Any

import orjson


def as_json(value: Any) -> str:
    """Return `value` (lists, tuples, maps with string keys, numbers, strings, None) as JSON text.

    Raises:
        UnicodeEncodeError: a string holds half a surrogate pair.
    """
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        if "surrogates" in str(error):
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, str(error)) from error
        raise


def from_json(text: str) -> Any:
    """Return what a column holds."""
    return orjson.loads(text)
