"""Mail that leaves over /v1/postroom: as over /v0, and with files by their handles or from messages that are here."""

from typing import Any

from postroom.http.agentmail import read, wire
from postroom.http.postroom import shapes
from postroom.http.route import Call, Route
from postroom.service.links import Links

_ALL = "/inboxes/{inbox_id}/messages"
_ONE = f"{_ALL}/{{message_id}}"
_DRAFTS = "/inboxes/{inbox_id}/drafts"


def sent(result: Any, _call: Call, _links: Links) -> shapes.SentResponse:
    """Return a SentResponse."""
    sent = wire.left(result)
    return {"message_id": sent.message_id, "thread_id": sent.thread_id}


def _draft(result: Any, _call: Call, _links: Links) -> shapes.DraftResponse:
    files: list[shapes.DraftFile] = [{"attachment_id": f.attachment_id, "size": f.size} for f in result.attachments]
    return {"draft_id": result.draft_id, "attachments": files}


ROUTES = (
    Route("POST", f"{_ALL}/send", "messages.send", read.keyed, sent),
    Route("POST", f"{_ONE}/reply", "messages.reply", read.keyed, sent),
    Route("POST", f"{_ONE}/forward", "messages.forward", read.keyed, sent),
    Route("POST", _DRAFTS, "drafts.create", read.body, _draft),
    Route("PATCH", f"{_DRAFTS}/{{draft_id}}", "drafts.update", read.whole_body, _draft),
)
