"""Tools over figures: how often what happened, what is held, which share bounces."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from mcp.types import CallToolResult

from postroom.mcp.admin_shapes import CountsResult, PointShape, RateShape, RatesResult
from postroom.mcp.face import Hands
from postroom.mcp.fitting import DATA_CHARS
from postroom.mcp.tools.place import SAYS, ask_within
from postroom.mcp.tools.row import Row, Strings, answer, at
from postroom.mcp.words import moment
from postroom.service.metrics import Point, Rate

_DAY_S = 86_400
_LINES = 300  # of the text
_POINT = 85  # characters of a point in the data
P = TypeVar("P", PointShape, RateShape)


class MetricTools:
    """count_events, get_usage, get_rates."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def count_events(
        self,
        event_types: Strings | None = None,
        start: str | None = None,
        end: str | None = None,
        period: int = 3600,
        inbox_id: str | None = None,
        pod_id: str | None = None,
    ) -> Annotated[CallToolResult, CountsResult]:
        """Count what happened over time: mail received, sent, delivered, bounced."""
        given = {"event_types": event_types, "start": start, "end": end, "period": period}
        found = await ask_within(self._hands, "metrics.query_events", given, inbox_id=inbox_id, pod_id=pod_id)
        return _counts(found.result, found.position, "events")

    async def get_usage(
        self,
        usage_types: Strings | None = None,
        start: str | None = None,
        end: str | None = None,
        period: int = _DAY_S,
        inbox_id: str | None = None,
        pod_id: str | None = None,
    ) -> Annotated[CallToolResult, CountsResult]:
        """Tell what was held over time: messages, threads, bytes, inboxes."""
        given = {"usage_types": usage_types, "start": start, "end": end, "period": period}
        found = await ask_within(self._hands, "metrics.query_usage", given, inbox_id=inbox_id, pod_id=pod_id)
        return _counts(found.result, found.position, "held")

    async def get_rates(
        self,
        rate_types: Strings | None = None,
        start: str | None = None,
        end: str | None = None,
        period: int = 3600,
        window: int = _DAY_S,
        inbox_id: str | None = None,
        pod_id: str | None = None,
    ) -> Annotated[CallToolResult, RatesResult]:
        """Tell which share of the mail sent bounced or was complained about."""
        given = {"rate_types": rate_types, "start": start, "end": end, "period": period, "window": window}
        found = await ask_within(self._hands, "metrics.query_rates", given, inbox_id=inbox_id, pod_id=pod_id)
        told: Mapping[str, Sequence[Rate]] = found.result
        shown = {
            kind: [RateShape(timestamp=moment(p.timestamp), rate=p.rate, sent=p.sent) for p in points]
            for kind, points in told.items()
        }
        lines = [
            f"{kind} {point.timestamp}: {'nothing sent' if point.rate is None else f'{point.rate:.2%} of {point.sent}'}"
            for kind, points in shown.items()
            for point in points
        ]
        newest, left = _newest(shown)
        data = RatesResult(rates=newest, more_points=left or None, position=found.position)
        return answer(_cut(lines) + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over figures."""
    tools = MetricTools(hands)
    shared: dict[str, Any] = {"toolset": "metrics", "says": SAYS}
    return [
        Row(title="Count events", operation="metrics.query_events", function=tools.count_events, **shared),
        Row(title="Get usage", operation="metrics.query_usage", function=tools.get_usage, **shared),
        Row(title="Get rates", operation="metrics.query_rates", function=tools.get_rates, **shared),
    ]


def _counts(told: Mapping[str, Sequence[Point]], position: int, of: str) -> CallToolResult:
    shown = {
        kind: [PointShape(timestamp=moment(point.timestamp), value=point.value) for point in points]
        for kind, points in told.items()
    }
    lines = []
    for kind, points in shown.items():
        if of == "events":
            lines.append(f"{kind}: {sum(point.value for point in points)} in all")
            lines += [f"  {point.timestamp}: {point.value}" for point in points]
        elif points:
            newest = max(points, key=lambda point: point.timestamp)
            lines.append(f"{kind}: {newest.value} at {newest.timestamp}")
    kept, left = _newest(shown)
    return answer(_cut(lines) + at(position), CountsResult(counts=kept, more_points=left or None, position=position))


def _newest(shown: Mapping[str, Sequence[P]]) -> tuple[dict[str, list[P]], int]:
    """Return as many of the newest points of each kind as there is room for, and how many are left out."""
    most = DATA_CHARS // (_POINT * len(shown)) if shown else 0
    kept = {kind: sorted(points, key=lambda point: point.timestamp)[-most:] for kind, points in shown.items()}
    left = sum(len(points) - len(kept[kind]) for kind, points in shown.items())
    return (kept if left else {kind: list(points) for kind, points in shown.items()}), left


def _cut(lines: Sequence[str]) -> str:
    left = len(lines) - _LINES
    text = "\n".join(lines[:_LINES]) or "Nothing was counted."
    return text if left <= 0 else f"{text}\n{left} lines more: give a longer period, or fewer types."
