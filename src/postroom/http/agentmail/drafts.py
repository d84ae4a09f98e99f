"""Drafts over /v0: create, list, get, change, delete, send, and signed addresses of their files.

They are listed and read in an inbox, in a pod and in the organization; written in an inbox alone.
"""

from collections.abc import Mapping
from typing import Any

from postroom.http.agentmail import messages, read, wire
from postroom.http.route import Call, Route
from postroom.model.draft import Draft, DraftSummary
from postroom.model.page import Page
from postroom.service.links import Download, Links

_PREFIX = "/inboxes/{inbox_id}"
_ONE = f"{_PREFIX}/drafts/{{draft_id}}"


def _item(record: DraftSummary) -> wire.Shown:
    """Return a DraftItem. `thread_id` is for clients of other years, `send_error` says why it failed."""
    shown = wire.given(
        {
            "to": list(record.to),
            "cc": list(record.cc),
            "bcc": list(record.bcc),
            "subject": record.subject,
            "preview": record.preview,
            "attachments": [wire.attachment(a) for a in record.attachments],
            "in_reply_to": record.in_reply_to,
            "forward_of": record.forward_of,
            "thread_id": record.thread_id,
            "send_status": record.send_status,
            "send_at": None if record.send_at is None else wire.moment(record.send_at),
            "send_error": record.send_error,
        }
    )
    return {
        "inbox_id": record.inbox_address,
        "draft_id": record.draft_id,
        "labels": list(record.labels),
        **shown,
        "updated_at": wire.moment(record.updated_at),
    }


def _draft(record: Draft) -> wire.Shown:
    more = {"client_id": record.client_id, "reply_to": list(record.reply_to), "text": record.text, "html": record.html}
    return {
        **_item(record),
        **wire.given({**more, "references": list(record.references)}),
        "created_at": wire.moment(record.created_at),
    }


def _one(result: Any, _call: Call, _links: Links) -> wire.Shown:
    return _draft(result)


def _page(result: Page[Any], call: Call, _links: Links) -> wire.Shown:
    return wire.listed("drafts", result, [_item(d) for d in result.items], read.limit(call))


def _sent(result: Any, _call: Call, _links: Links) -> wire.Shown:
    return {"message_id": result.message_id, "thread_id": result.thread_id}


def _attachment(result: Any, _call: Call, links: Links) -> wire.Shown:
    draft, file = result.draft, result.attachment
    wanted = Download(
        org_id=draft.org_id, inbox_id=draft.inbox_id, draft_id=draft.draft_id, attachment_id=file.attachment_id
    )
    return {**wire.attachment(file), **messages.signed(wanted, links)}


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
