"""Mail as work over /v1/postroom: claim, extend, acknowledge, give back, put off, answer, look at what is set aside."""

from collections.abc import Mapping
from typing import Any

from postroom.http.agentmail import read, wire
from postroom.http.postroom import shapes
from postroom.http.postroom.sending import sent
from postroom.http.route import Call, Route
from postroom.model.claim import WorkItem
from postroom.service.links import Links

_ALL = "/inboxes/{inbox_id}/claims"
_ONE = "/claims/{claim_id}"


def _claimed(answer: Any, _call: Call, _links: Links) -> shapes.ClaimResponse:
    claim = answer.result
    if claim is None:
        return {}
    return {
        "claim": {
            "claim_id": claim.claim_id,
            "lease_until": wire.moment(claim.lease_until),
            "attempt": claim.attempt,
            "is_last": claim.is_last,
            "thread": wire.thread_item(claim.thread),
            "messages": [wire.message_item(message) for message in claim.messages],
        }
    }


def _settled(result: Any, _call: Call, _links: Links) -> shapes.SettledResponse:
    return {"thread_id": result.thread_id, "waits": result.waits}


def _extended(result: Any, _call: Call, _links: Links) -> shapes.ExtendedResponse:
    until = wire.moment(result.lease_until)
    return {"claim_id": result.claim_id, "thread_id": result.thread_id, "lease_until": until}


def _listing(call: Call) -> Mapping[str, Any]:
    given = {name: call.first[name] for name in ("state", "limit", "page_token") if call.first.get(name)}
    return {**call.path, **given}


def _page(result: Any, call: Call, _links: Links) -> shapes.ListWorkResponse:
    items = [_item(item) for item in result.items]
    page: shapes.ListWorkResponse = {"count": len(items), "claims": items}
    return wire.paged(page, result, read.limit(call))


def _item(item: WorkItem) -> shapes.WorkItem:
    shown: shapes.WorkItem = {
        "thread_id": item.thread.thread_id,
        "state": item.state.value,
        "attempts": item.attempts,
        "changed_at": wire.moment(item.changed_at),
        "thread": wire.thread_item(item.thread),
    }
    times = {"due_at": wire.moment_if(item.due_at), "lease_until": wire.moment_if(item.lease_until)}
    return wire.also(shown, {**times, "reason": item.reason})


def _back(result: Any, _call: Call, _links: Links) -> shapes.WorkItem:
    return _item(result)


ROUTES = (
    Route("POST", _ALL, "claims.next", read.body, _claimed),
    Route("GET", _ALL, "claims.list", _listing, _page),
    Route("POST", f"{_ALL}/{{thread_id}}/requeue", "claims.requeue", read.body, _back),
    Route("POST", f"{_ONE}/ack", "claims.ack", read.body, _settled),
    Route("POST", f"{_ONE}/extend", "claims.extend", read.body, _extended),
    Route("POST", f"{_ONE}/nack", "claims.nack", read.body, _settled),
    Route("POST", f"{_ONE}/defer", "claims.defer", read.body, _settled),
    Route("POST", f"{_ONE}/reply", "claims.reply", read.keyed, sent),
)
