"""Messages of an inbox: send, list, get, label, reply, reply-all, forward, and signed addresses of attachments."""

from collections.abc import Mapping
from typing import Any

from postroom.http import taken
from postroom.http.inai import shapes, wire
from postroom.http.results import left, moment
from postroom.http.route import Call, Route
from postroom.model.errors import Conflict, InvalidInput
from postroom.model.message import MessageSummary
from postroom.model.page import Page
from postroom.service.labels import own_labels
from postroom.service.links import Download, Links

_ALL = "/inboxes/{inbox_id}/messages"
_ONE = f"{_ALL}/{{message_id}}"
_FILES: Mapping[str, Mapping[str, str]] = {
    "attachments": {name: name for name in ("filename", "content_type", "content", "url")}
}


def _own(value: Any) -> Any:
    """Let pass labels that this dialect shows. Raises InvalidInput for one that Postroom keeps."""
    for label in value if isinstance(value, list) else [value]:
        if isinstance(label, str) and not own_labels((label.strip().lower(),)):
            raise InvalidInput.at("labels", f"{label[:50]!r} is kept beside your own labels.", fix="Leave it out.")
    return value


_READS = {"labels": _own}
_WRITTEN = ("to", "cc", "bcc", "reply_to", "subject", "text", "html", "labels", "attachments", "headers")
_SEND = taken.Body(fields={name: name for name in _WRITTEN}, required=("to",), items=_FILES, reads=_READS)
_ANSWERED = {**{name: name for name in ("text", "html", "labels", "attachments")}, "cc": "also_cc"}
_REPLY = taken.Body(fields=_ANSWERED, items=_FILES, reads=_READS)
_REPLY_ALL = taken.Body(fields=_ANSWERED, items=_FILES, reads=_READS, fixed={"reply_all": True})
_FORWARD = taken.Body(
    fields={name: name for name in ("to", "cc", "text", "html", "labels")},
    required=("to",),
    reads=_READS,
    fixed={"new_thread": True, "replaces": True},
)
_LABELS = taken.Body(fields={"labels": "own_labels"}, required=("labels",), fixed={"shown": True})


def _sent(result: Any, _call: Call, _links: Links) -> shapes.Sent:
    sent = left(result)
    return {
        "message_id": wire.NAMES["message_id"].name(sent.id),
        "thread_id": wire.NAMES["thread_id"].name(sent.thread_id),
    }


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Page[shapes.MessageItem]:
    return wire.paged(result, call, wire.message_line)


def _one(result: Any, _call: Call, _links: Links) -> shapes.Message:
    return wire.message(result.message)


def _labelled(result: MessageSummary, call: Call, _links: Links) -> shapes.MessageItem:
    shown = wire.message_item(result)
    order = {str(label).strip().lower(): place for place, label in enumerate(call.body["labels"])}
    shown["labels"].sort(key=lambda label: order.get(label, 0))  # as they were given
    return shown


def _attachment(result: Any, _call: Call, links: Links) -> shapes.Attachment:
    message, file = result.message, result.attachment
    wanted = Download(
        org_id=message.org_id, inbox_id=message.inbox_id, message_id=message.id, attachment_id=file.attachment_id
    )
    made = links.make(wanted)
    if made is None:
        raise Conflict("No address can be made while nothing listens.", fix="Start: postroom serve.")
    return {**wire.file(file), "download_url": made[0], "expires_at": moment(made[1])}


ROUTES = (
    Route("POST", f"{_ALL}/send", "messages.send", _SEND, _sent),
    Route("GET", _ALL, "messages.list", wire.PAGE, _page),
    Route("GET", _ONE, "messages.get", taken.path, _one),
    Route("PATCH", _ONE, "messages.update", _LABELS, _labelled),
    Route("POST", f"{_ONE}/reply", "messages.reply", _REPLY, _sent),
    Route("POST", f"{_ONE}/reply-all", "messages.reply", _REPLY_ALL, _sent),
    Route("POST", f"{_ONE}/forward", "messages.forward", _FORWARD, _sent),
    Route("GET", f"{_ONE}/attachments/{{attachment_id}}", "messages.find_attachment", taken.path, _attachment),
)
