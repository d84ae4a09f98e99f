"""Metrics over /v0: events, usage and rates of the organization, a pod or an inbox; older clients know events alone."""

from collections.abc import Callable, Mapping
from typing import Any

from postroom.http.agentmail import wire
from postroom.http.route import Call, Route
from postroom.service.links import Links

_RANGE = ("start", "end", "period", "limit", "descending", "window")


def _reading(types: str) -> Callable[[Call], Mapping[str, Any]]:
    def read(call: Call) -> Mapping[str, Any]:
        given: dict[str, Any] = {name: call.first[name] for name in _RANGE if call.first.get(name, "") != ""}
        return {**given, types: call.strings(types)}

    return read


def _series(result: Mapping[str, Any], amount: str) -> wire.Shown:
    return {
        kind: [{"timestamp": wire.moment(at), amount: value} for at, value in points] for kind, points in result.items()
    }


def _events(result: Any, _call: Call, _links: Links) -> wire.Shown:
    return _series(result, "count")


def _usage(result: Any, _call: Call, _links: Links) -> wire.Shown:
    return _series(result, "value")


def _rates(result: Any, _call: Call, _links: Links) -> wire.Shown:
    return {
        kind: [{"timestamp": wire.moment(p.timestamp), "rate": p.rate, "sent": p.sent} for p in points]
        for kind, points in result.items()
    }


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    at = f"{prefix}/metrics"
    events, usage, rates = _reading("event_types"), _reading("usage_types"), _reading("rate_types")
    return (
        Route("GET", at, "metrics.query_events", events, _events, **scope),
        Route("GET", f"{at}/events", "metrics.query_events", events, _events, **scope),
        Route("GET", f"{at}/usage", "metrics.query_usage", usage, _usage, **scope),
        Route("GET", f"{at}/rates", "metrics.query_rates", rates, _rates, **scope),
    )


ROUTES = (
    *_routes(""),
    *_routes("/pods/{pod_id}", scope="pod"),
    *_routes("/inboxes/{inbox_id}", scope="inbox"),
)
