"""Metrics over /v0: events, usage and rates of the organization, a pod or an inbox; older clients know events alone."""

from collections.abc import Callable, Mapping
from typing import Any

from postroom.http.agentmail import older, read, shapes, wire
from postroom.http.route import Call, Route
from postroom.service.links import Links


def _reading(types: str) -> Callable[[Call], Mapping[str, Any]]:
    def reading(call: Call) -> Mapping[str, Any]:
        given: dict[str, Any] = {name: call.first[name] for name in read.RANGE if call.first.get(name, "") != ""}
        return {**given, types: call.strings(types)}

    return reading


def _events(result: Any, _call: Call, _links: Links) -> shapes.QueryMetrics:
    return {
        kind: [{"timestamp": wire.moment(at), "count": count} for at, count in points]
        for kind, points in result.items()
    }


_grouped = older.grouped(_events)


def _earlier(result: Any, call: Call, links: Links) -> shapes.EarlierMetrics:
    found: shapes.EarlierMetrics = _grouped(result, call, links)
    return found


def _usage(result: Any, _call: Call, _links: Links) -> shapes.QueryUsage:
    return {
        kind: [{"timestamp": wire.moment(at), "value": value} for at, value in points]
        for kind, points in result.items()
    }


def _rates(result: Any, _call: Call, _links: Links) -> shapes.QueryRates:
    return {
        kind: [{"timestamp": wire.moment(p.timestamp), "rate": p.rate, "sent": p.sent} for p in points]
        for kind, points in result.items()
    }


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    at = f"{prefix}/metrics"
    events, usage, rates = (_reading(kinds) for kinds in read.KINDS)
    return (
        Route("GET", at, "metrics.query_events", older.ranged(events), _earlier, **scope),
        Route("GET", f"{at}/events", "metrics.query_events", events, _events, **scope),
        Route("GET", f"{at}/usage", "metrics.query_usage", usage, _usage, **scope),
        Route("GET", f"{at}/rates", "metrics.query_rates", rates, _rates, **scope),
    )


ROUTES = (
    *_routes(""),
    *_routes("/pods/{pod_id}", scope="pod"),
    *_routes("/inboxes/{inbox_id}", scope="inbox"),
)
