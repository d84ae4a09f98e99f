"""Drafts over /v0: create, list, get, change, delete, send, and signed addresses of their files.

They are listed and read in an inbox, in a pod and in the organization; written in an inbox alone.
"""

from collections.abc import Mapping
from typing import Any, cast

from postroom.http.agentmail import messages, read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.draft import Draft, DraftSummary, SendStatus
from postroom.model.page import Page
from postroom.service.links import Download, Links

_PREFIX = "/inboxes/{inbox_id}"
_ONE = f"{_PREFIX}/drafts/{{draft_id}}"


def draft_item(record: DraftSummary) -> shapes.DraftItem:
    """Return a DraftItem. `thread_id` is for clients of other years, `send_error` says why it failed."""
    shown: shapes.DraftItem = {
        "inbox_id": record.inbox_address,
        "draft_id": record.draft_id,
        "labels": list(record.labels),
        "updated_at": wire.moment(record.updated_at),
    }
    optional = {
        "to": list(record.to),
        "cc": list(record.cc),
        "bcc": list(record.bcc),
        "subject": record.subject,
        "preview": record.preview,
        "attachments": [wire.attachment(a) for a in record.attachments],
        "in_reply_to": record.in_reply_to,
        "forward_of": record.forward_of,
        "thread_id": record.thread_id,
        "send_status": None if record.send_status is SendStatus.PENDING_APPROVAL else record.send_status,
        "send_at": wire.moment_if(record.send_at),
        "send_error": record.send_error,
    }
    return wire.also(shown, optional)


def _draft(record: Draft) -> shapes.Draft:
    shown = cast(shapes.Draft, {**draft_item(record), "created_at": wire.moment(record.created_at)})
    more = {"client_id": record.client_id, "reply_to": list(record.reply_to), "text": record.text, "html": record.html}
    return wire.also(shown, {**more, "references": list(record.references)})


def _one(result: Any, _call: Call, _links: Links) -> shapes.Draft:
    return _draft(result)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.ListDraftsResponse:
    items = [draft_item(d) for d in result.items]
    page: shapes.ListDraftsResponse = {"count": len(items), "drafts": items}
    return wire.paged(page, result, read.limit(call))


def _sent(result: Any, _call: Call, _links: Links) -> shapes.SendMessageResponse:
    sent = wire.left(result)
    return {"message_id": sent.message_id, "thread_id": sent.thread_id}


def _attachment(result: Any, _call: Call, links: Links) -> shapes.AttachmentResponse:
    draft, file = result.draft, result.attachment
    wanted = Download(
        org_id=draft.org_id, inbox_id=draft.inbox_id, draft_id=draft.draft_id, attachment_id=file.attachment_id
    )
    return messages.with_address(file, wanted, links)


def _changes(call: Call) -> Mapping[str, Any]:
    """Return the path and the body with the nulls that clear; what is added or removed is a list or absent."""
    adding = ("add_", "remove_")
    return {n: v for n, v in read.whole_body(call).items() if v is not None or not n.startswith(adding)}


def _reading(prefix: str, **scope: Any) -> tuple[Route, ...]:
    one = f"{prefix}/drafts/{{draft_id}}"
    return (
        Route("GET", f"{prefix}/drafts", "drafts.list", read.page, _page, **scope),
        Route("GET", one, "drafts.get", read.path, _one, **scope),
        Route("GET", f"{one}/attachments/{{attachment_id}}", "drafts.find_attachment", read.path, _attachment, **scope),
    )


ROUTES = (
    *_reading(""),
    *_reading("/pods/{pod_id}", scope="pod"),
    *_reading(_PREFIX),
    Route("POST", f"{_PREFIX}/drafts", "drafts.create", read.body, _one),
    Route("PATCH", _ONE, "drafts.update", _changes, _one),
    Route("DELETE", _ONE, "drafts.delete", read.path, None, 204),
    Route("POST", f"{_ONE}/send", "drafts.send", read.keyed, _sent),
)
