"""The OpenAPI document of this dialect: what `http/document.py` makes of its routes, and what it says of itself."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson

from postroom.http import document as made
from postroom.http.inai import shapes
from postroom.http.route import Route

_DRESS = made.Dress(
    title="Postroom, the inai API",
    about="Lists have pages by number: `page` from 1 on, `page_size` up to 100; `total` counts the whole list. A field"
    " or a parameter that is not named here is refused. Ids are opaque and stay the same.",
    error=shapes.ErrorResponse,
)


@cache
def rendered(prefix: str, routes: tuple[Route, ...]) -> bytes:
    """Return the document as JSON, UTF-8, made once."""
    return orjson.dumps(document(prefix, routes))


def document(prefix: str, routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document of `routes` below `prefix`, as a JSON-like value (OpenAPI 3.1.1)."""
    return made.document(prefix, routes, _DRESS)
