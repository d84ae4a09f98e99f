"""Policies over /v1/postroom: of the organization, of a pod, of an inbox and of a key."""

from collections.abc import Mapping
from typing import Any

from postroom.http.agentmail import read, wire
from postroom.http.postroom import shapes
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.model.policy import Policy, Subject
from postroom.service.links import Links

_PLACES = ("/policies/organization", "/policies/pods/{pod_id}", "/policies/inboxes/{inbox_id}")
_ALL = (*_PLACES, "/policies/keys/{api_key_id}")


def _listing(call: Call) -> Mapping[str, Any]:
    return {name: call.first[name] for name in ("limit", "page_token", "ascending") if call.first.get(name)}


def _shown(policy: Policy) -> shapes.Policy:
    shown: shapes.Policy = {
        "subject": policy.subject.value,
        "recipients": policy.recipients.value,
        "allowed": list(policy.allowed),
        "approval": policy.approval.value,
        "reply_only": policy.reply_only,
        "taint": policy.taint,
        "elicitation": policy.elicitation,
        "created_at": wire.moment(policy.created_at),
        "updated_at": wire.moment(policy.updated_at),
    }
    optional = {
        "pod_id": policy.place if policy.subject is Subject.POD else None,
        "inbox_id": policy.name if policy.subject is Subject.INBOX else None,
        "api_key_id": policy.place if policy.subject is Subject.KEY else None,
        "max_recipients_per_day": policy.max_recipients_per_day,
        "max_mails_per_day": policy.max_mails_per_day,
    }
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}  # type: ignore[typeddict-item]


def _one(result: Policy, _call: Call, _links: Links) -> shapes.Policy:
    return _shown(result)


def _page(result: Page[Policy], call: Call, _links: Links) -> shapes.ListPoliciesResponse:
    items = [_shown(policy) for policy in result.items]
    page: shapes.ListPoliciesResponse = {"count": len(items), "policies": items}
    return wire.paged(page, result, read.limit(call))


ROUTES = (
    Route("GET", "/policies", "policies.list", _listing, _page),
    *(Route("GET", path, "policies.get", read.path, _one) for path in _ALL),
    *(Route("PUT", path, "policies.set", read.body, _one) for path in _ALL),
    *(Route("DELETE", path, "policies.delete", read.path, None, 204) for path in _ALL),
)
