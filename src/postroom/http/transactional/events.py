"""The body that tells a webhook of this dialect of an event: what happened, and the object as its own GET shows it."""

from collections.abc import Mapping
from typing import Any

import orjson

from postroom.http.results import moment
from postroom.http.transactional import webhooks, wire
from postroom.service.log import Happening

MAX_BODY = 1_000_000  # bytes; above it the texts are left out


def render(happening: Happening) -> bytes:
    """Return the body, UTF-8 JSON. Raises LookupError for an event that is neither of a message nor a trial."""
    data = _data(happening)
    body = _body(happening, data)
    if len(body) <= MAX_BODY:
        return body
    return _body(happening, {**data, "textBody": None, "htmlBody": None})


def _body(happening: Happening, data: Mapping[str, Any]) -> bytes:
    event = happening.event
    return orjson.dumps({"id": event.event_id, "type": event.type.value, "createdAt": moment(event.at), "data": data})


def _data(happening: Happening) -> Mapping[str, Any]:
    if happening.webhook is not None:
        return webhooks.shown(happening.webhook)
    if happening.message is None:
        raise LookupError(f"{happening.event.type.value} without its message")
    return wire.message(happening.message, None)
