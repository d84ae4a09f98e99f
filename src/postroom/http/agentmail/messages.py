"""Messages over /v0: list, search, get, send, reply, forward, label, and signed addresses of their bytes."""

from collections.abc import Mapping
from typing import Any, cast

from postroom.http.agentmail import older, read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.errors import Conflict
from postroom.model.message import Attachment
from postroom.model.page import Page
from postroom.service.attachment_text import has_text
from postroom.service.links import Download, Links

_ALL = "/inboxes/{inbox_id}/messages"
_ONE = f"{_ALL}/{{message_id}}"


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.ListMessagesResponse:
    items = [wire.message_line(m) for m in result.items]
    page: shapes.ListMessagesResponse = {"count": len(items), "messages": items}
    return wire.paged(page, result, read.limit(call))


def _found(result: Any, call: Call, _links: Links) -> shapes.SearchMessagesResponse:
    items = wire.marked(result, wire.message_item)
    page: shapes.SearchMessagesResponse = {"count": len(items), "messages": items}
    return wire.paged(page, result, read.limit(call))


def search(call: Call) -> Mapping[str, Any]:
    """Return what a search asks for, with the places of the words."""
    return {**read.page(call), "highlight": True}


def _batch(result: Any, _call: Call, _links: Links) -> shapes.BatchGetMessagesResponse:
    items = [wire.message_item(m) for m in result.messages]
    return {"limit": result.asked, "count": len(items), "messages": items}


def _updates(result: Any, _call: Call, _links: Links) -> shapes.BatchUpdateMessagesResponse:
    updates: list[shapes.UpdateMessageResponse] = [
        {"message_id": m.message_id, "labels": list(m.labels)} for m in result.messages
    ]
    return {"limit": result.asked, "count": len(updates), "updates": updates}


def _one(result: Any, _call: Call, _links: Links) -> shapes.Message:
    return wire.message(result.message)


def _sent(result: Any, _call: Call, _links: Links) -> shapes.SendMessageResponse:
    sent = wire.left(result)
    return {"message_id": sent.message_id, "thread_id": sent.thread_id}


def _labels(result: Any, _call: Call, _links: Links) -> shapes.UpdateMessageResponse:
    return {"message_id": result.message_id, "labels": list(result.labels)}


def _reply_all(call: Call) -> Mapping[str, Any]:
    return {**read.keyed(call), "reply_all": True}


def _raw(result: Any, _call: Call, links: Links) -> shapes.RawMessageResponse:
    message = result.message
    wanted = Download(org_id=message.org_id, inbox_id=message.inbox_id, message_id=message.id)
    return {"message_id": message.message_id, "size": message.size, **signed(wanted, links)}


def attachment(result: Any, _call: Call, links: Links) -> shapes.AttachmentResponse:
    """Return an AttachmentResponse: what it is, its signed address, and that of its text where it has one."""
    message, file = result.message, result.attachment
    wanted = Download(
        org_id=message.org_id, inbox_id=message.inbox_id, message_id=message.id, attachment_id=file.attachment_id
    )
    shown = with_address(file, wanted, links)
    if has_text(file):
        shown["text_url"] = signed(wanted.model_copy(update={"as_text": True}), links)["download_url"]
    return shown


def with_address(file: Attachment, wanted: Download, links: Links) -> shapes.AttachmentResponse:
    """Return an attachment with the signed address of what is `wanted` of it."""
    return cast(shapes.AttachmentResponse, {**wire.attachment(file), **signed(wanted, links)})


def signed(download: Download, links: Links) -> shapes.Signed:
    """Return the signed address of what `download` names, and when it ends."""
    made = links.make(download)
    if made is None:
        raise Conflict("No address can be made while nothing listens.", fix="Start: postroom serve.")
    return {"download_url": made[0], "expires_at": wire.moment(made[1])}


ROUTES = (
    Route("GET", _ALL, "messages.list", read.page, _page),
    Route("GET", f"{_ALL}/search", "messages.search", search, _found),
    Route("POST", f"{_ALL}/send", "messages.send", read.keyed, _sent),
    Route("POST", f"{_ALL}/batch-get", "messages.batch_get", read.body, _batch),
    Route("POST", f"{_ALL}/batch-update", "messages.batch_update", read.body, _updates),
    Route("DELETE", _ONE, "messages.delete", read.path, None, 204),
    Route("GET", _ONE, "messages.get", read.path, _one),
    Route("GET", f"{_ONE}/raw", "messages.get", read.path, older.streamed(_raw)),
    Route("GET", f"{_ONE}/attachments/{{attachment_id}}", "messages.find_attachment", read.path, attachment),
    Route("PATCH", _ONE, "messages.update", read.body, _labels),
    Route("POST", f"{_ONE}/reply", "messages.reply", read.keyed, _sent),
    Route("POST", f"{_ONE}/reply-all", "messages.reply", _reply_all, _sent),
    Route("POST", f"{_ONE}/forward", "messages.forward", read.keyed, _sent),
)
