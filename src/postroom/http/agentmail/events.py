"""The body that tells of an event (contract 2.9): of a webhook and of a WebSocket frame alike. Every required field is
there, for the clients tell the classes of events apart by trying which of them fits.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from postroom.http.agentmail import domains, wire
from postroom.model.message import Message
from postroom.service.log import Happening

MAX_BODY = 1_000_000  # bytes; above it the texts are left out
_STATUS = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")  # RFC 3463 2
_BODIES = ("text", "html", "extracted_text", "extracted_html")


def render(happening: Happening) -> bytes:
    """Return the body, UTF-8 JSON. Raises LookupError for an event that this dialect does not know."""
    body = orjson.dumps(_shown(happening))
    message = happening.message
    if len(body) <= MAX_BODY or message is None:
        return body
    without = message.model_copy(update=dict.fromkeys(_BODIES))
    return orjson.dumps(_shown(happening.model_copy(update={"message": without})))


def _shown(happening: Happening) -> wire.Shown:
    event = happening.event
    name, show = _KINDS[event.type.value]
    shown: dict[str, Any] = {
        "type": "event",
        "event_type": event.type.value,
        "event_id": event.event_id,
        name: show(happening),
    }
    if name == "message":
        shown["thread"] = wire.thread_item(happening.thread) if happening.thread is not None else None
    return shown


def _message(happening: Happening) -> wire.Shown:
    return wire.message(_of(happening))


def _of(happening: Happening) -> Message:
    if happening.message is None:
        raise LookupError(f"{happening.event.type.value} without its message")
    return happening.message


def _place(happening: Happening) -> wire.Shown:
    message = _of(happening)
    return {
        "inbox_id": message.inbox_address,
        "thread_id": message.thread_id,
        "message_id": message.message_id,
        "timestamp": wire.moment(happening.event.at),
    }


def _recipients(happening: Happening) -> list[str]:
    return [str(address) for address in happening.event.data.get("recipients", ())]


def _sent(happening: Happening) -> wire.Shown:
    return {**_place(happening), "recipients": _recipients(happening)}


def _bounce(happening: Happening) -> wire.Shown:
    data = happening.event.data
    reason = str(data.get("reason", ""))
    status = found[0] if (found := _STATUS.search(reason[:1_000])) else reason
    return {
        **_place(happening),
        "type": str(data.get("type", "Permanent")),
        "sub_type": str(data.get("sub_type", "General")),
        "recipients": [{"address": address, "status": status} for address in _recipients(happening)],
    }


def _complaint(happening: Happening) -> wire.Shown:
    data = happening.event.data
    return {**_sent(happening), "type": str(data.get("type", "abuse")), "sub_type": str(data.get("sub_type", ""))}


def _reject(happening: Happening) -> wire.Shown:
    return {**_place(happening), "reason": str(happening.event.data.get("reason", ""))}


def _domain(happening: Happening) -> wire.Shown:
    if happening.domain is None:
        raise LookupError("domain.verified without its domain")
    return domains.domain(happening.domain)


_KINDS: dict[str, tuple[str, Callable[[Happening], wire.Shown]]] = {
    "message.received": ("message", _message),
    "message.received.spam": ("message", _message),
    "message.received.blocked": ("message", _message),
    "message.received.unauthenticated": ("message", _message),
    "message.sent": ("send", _sent),
    "message.delivered": ("delivery", _sent),
    "message.bounced": ("bounce", _bounce),
    "message.complained": ("complaint", _complaint),
    "message.rejected": ("reject", _reject),
    "message.opened": ("open", _place),
    "domain.verified": ("domain", _domain),
}
