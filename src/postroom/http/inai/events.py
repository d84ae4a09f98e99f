"""The body that tells a webhook of this dialect of an event: what happened, and the object as its own GET shows it."""

from collections.abc import Mapping
from typing import Any

import orjson

from postroom.http.inai import domains, wire
from postroom.http.results import moment
from postroom.service.log import Happening

MAX_BODY = 1_000_000  # bytes; above it the texts are left out


def render(happening: Happening) -> bytes:
    """Return the body, UTF-8 JSON. Raises LookupError for an event that is neither of a message nor of a domain."""
    data = _data(happening)
    body = _body(happening, data)
    if len(body) <= MAX_BODY or happening.message is None:
        return body
    return _body(happening, {**data, "text": None, "html": None})


def _body(happening: Happening, data: Mapping[str, Any]) -> bytes:
    event = happening.event
    shown = {"id": event.event_id, "type": event.type.value, "created_at": moment(event.at), "data": data}
    return orjson.dumps(shown)


def _data(happening: Happening) -> Mapping[str, Any]:
    if happening.domain is not None:
        return domains.domain(happening.domain)
    if happening.message is None:
        raise LookupError(f"{happening.event.type.value} without its message")
    return wire.message(happening.message)
