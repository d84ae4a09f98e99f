"""Messages on their way out: send one or a batch, reply, reply-all, forward, cancel one that is scheduled."""

from collections.abc import Mapping
from typing import Any

from postroom.http import taken
from postroom.http.results import left
from postroom.http.route import Call, Route
from postroom.http.transactional import shapes, wire
from postroom.model.draft import DraftSummary
from postroom.model.errors import InvalidInput
from postroom.model.tenant import Actor
from postroom.service.departure import Sent
from postroom.service.desk import Desk
from postroom.service.draft_sending import message_of
from postroom.service.links import Links

MAX_FILES = 25 * 2**20  # bytes of the attachments of one message
_ONE = "/messages/{message_id}"
_FILES: Mapping[str, Mapping[str, str]] = {
    "attachments": {"filename": "filename", "content": "content", "contentType": "content_type"}
}
_LIMIT = {"attachment_limit": MAX_FILES}
_SAID = {**{name: name for name in ("html", "text", "attachments")}, "tags": "labels"}
_MESSAGE = {**{name: name for name in ("to", "cc", "bcc", "subject", "headers")}, **_SAID}
_TAGS = {"tags": wire.own_given("tags")}
_SCHEDULE = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "description": "When to send it."}


def _address(value: Any) -> Any:
    """Let pass what may be the address of a mailbox. Raises InvalidInput."""
    if isinstance(value, str) and "@" not in value:
        raise InvalidInput.at("from", f"{value[:100]!r} is no address.", fix="Give the address of a mailbox.")
    return value


_SEND = taken.Body(
    fields={"from": "inbox_id", **_MESSAGE, "scheduledAt": "send_at"},
    required=("from", "to"),
    items=_FILES,
    fixed=_LIMIT,
    reads={**_TAGS, "from": _address},
    schemas={"scheduledAt": _SCHEDULE},
)
_BATCH = taken.Body(
    fields={"from": "inbox_id", "messages": "messages"},
    required=("from", "messages"),
    each={"messages": taken.Body(fields=_MESSAGE, required=("to",), items=_FILES, fixed=_LIMIT, reads=_TAGS)},
    reads={"from": _address},
)
_REPLY = taken.Body(fields=_SAID, items=_FILES, fixed=_LIMIT, reads=_TAGS)
_REPLY_ALL = taken.Body(fields=_SAID, items=_FILES, fixed={**_LIMIT, "reply_all": True}, reads=_TAGS)
_FORWARD = taken.Body(
    fields={**{name: name for name in ("to", "cc", "bcc")}, **_SAID},
    required=("to",),
    items=_FILES,
    fixed=_LIMIT,
    reads=_TAGS,
)
_CANCEL = taken.Body(fields={})


async def send(desk: Desk, actor: Actor, given: Mapping[str, Any]) -> Any:
    """Send a message, or keep it as a draft that leaves at its moment."""
    if given.get("send_at") is None:
        return await desk.call("messages.send", actor, given)
    return await desk.call("drafts.create", actor, {**given, "is_whole": True})


def _queued(sent: Sent) -> shapes.Sent:
    return {
        "id": wire.NAMES["message_id"].name(sent.id),
        "status": "queued",
        "from": sent.from_ or "",
        "to": list(sent.to),
        "subject": sent.subject,
    }


def _waiting(draft: DraftSummary) -> shapes.Sent:
    return {
        "id": wire.NAMES["message_id"].name(message_of(draft.draft_id)),
        "status": "scheduled",
        "from": draft.inbox_address,
        "to": list(draft.to),
        "subject": draft.subject,
    }


def _sent(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.Sent]:
    return {"data": _waiting(result) if isinstance(result, DraftSummary) else _queued(left(result))}


def _batch(result: Any, _call: Call, _links: Links) -> shapes.Data[list[shapes.Sent]]:
    return {"data": [_queued(sent) for sent in result]}


def _cancelled(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.Sent]:
    return {"data": {**_waiting(result), "status": "cancelled"}}


ROUTES = (
    Route("POST", "/messages/send", "messages.send", _SEND, _sent, 202),
    Route("POST", "/messages/send-batch", "messages.send_batch", _BATCH, _batch, 202),
    Route("POST", f"{_ONE}/reply", "messages.reply", _REPLY, _sent, 202),
    Route("POST", f"{_ONE}/reply-all", "messages.reply", _REPLY_ALL, _sent, 202),
    Route("POST", f"{_ONE}/forward", "messages.forward", _FORWARD, _sent, 202),
    Route("POST", f"{_ONE}/cancel", "drafts.cancel", _CANCEL, _cancelled),
)
