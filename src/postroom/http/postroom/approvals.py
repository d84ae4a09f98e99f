"""Approvals over /v1/postroom: what was held, and a person's yes or no; and what would become of a message."""

from collections.abc import Mapping
from typing import Any

from postroom.http.agentmail import read, wire
from postroom.http.postroom import shapes
from postroom.http.route import Call, Route
from postroom.model.inventory import Inventory, WirePart
from postroom.model.page import Page
from postroom.model.policy import Approval, ApprovalInFull
from postroom.service.check_send import Checked
from postroom.service.links import Links

_ONE = "/approvals/{approval_id}"
_ASKED = ("inbox_id", "state", "limit", "page_token", "ascending")


def _listing(call: Call) -> Mapping[str, Any]:
    return {name: call.first[name] for name in _ASKED if call.first.get(name)}


def _shown(approval: Approval) -> shapes.Approval:
    shown: shapes.Approval = {
        "approval_id": approval.approval_id,
        "inbox_id": approval.inbox_address,
        "draft_id": approval.draft_id,
        "state": approval.state.value,
        "rule": approval.rule.value,
        "reason": approval.reason,
        "recipients": list(approval.recipients),
        "digest": approval.digest,
        "created_at": wire.moment(approval.created_at),
        "expires_at": wire.moment(approval.expires_at),
    }
    optional = {
        "thread_id": approval.thread_id,
        "subject": approval.subject,
        "asked_by": approval.asked_by[0] if approval.asked_by else None,
        "decided_by": approval.decided_by,
        "decided_at": wire.moment_if(approval.decided_at),
        "comment": approval.comment,
    }
    return wire.also(shown, optional)


def _one(result: Approval, _call: Call, _links: Links) -> shapes.Approval:
    return _shown(result)


def _in_full(result: ApprovalInFull, _call: Call, _links: Links) -> shapes.ApprovalInFull:
    wired = result.on_the_wire
    shown: shapes.ApprovalInFull = {**_shown(result)}  # type: ignore[typeddict-item]  # `message` is added below
    return wire.also(shown, {"message": None if wired is None else _message(wired)})


def _message(wired: Inventory) -> shapes.WireMessage:
    shown: shapes.WireMessage = {
        "size": wired.size,
        "headers": [{"name": name, "value": value} for name, value in wired.header],
        "parts": [_part(part) for part in wired.parts],
        "outside_truncated": wired.outside_is_cut,
    }
    return wire.also(shown, {"outside": wired.outside, "problem": wired.problem})


def _part(part: WirePart) -> shapes.WirePart:
    shown: shapes.WirePart = {"content_type": part.content_type, "size": part.size, "truncated": part.is_cut}
    names = {"filename": part.filename, "disposition": part.disposition, "head": part.head, "text": part.text}
    return wire.also(shown, names)


def _page(result: Page[Approval], call: Call, _links: Links) -> shapes.ListApprovalsResponse:
    items = [_shown(approval) for approval in result.items]
    page: shapes.ListApprovalsResponse = {"count": len(items), "approvals": items}
    return wire.paged(page, result, read.limit(call))


def _sent(result: Any, _call: Call, _links: Links) -> shapes.SentResponse:
    return {"message_id": result.message_id, "thread_id": result.thread_id}


def _checked(result: Checked, _call: Call, _links: Links) -> shapes.CheckedResponse:
    shown: shapes.CheckedResponse = {"outcome": result.outcome, "recipients": list(result.recipients)}
    return wire.also(shown, {"rule": result.rule, "reason": result.reason, "fix": result.fix})


ROUTES = (
    Route("GET", "/approvals", "approvals.list", _listing, _page),
    Route("GET", _ONE, "approvals.get", read.path, _in_full),
    Route("POST", f"{_ONE}/approve", "approvals.approve", read.body, _sent),
    Route("POST", f"{_ONE}/reject", "approvals.reject", read.body, _one),
    Route("POST", "/inboxes/{inbox_id}/check-send", "messages.check_send", read.body, _checked),
)
