"""Metrics: how often what happened, what is held, which share bounces; of an inbox, a pod or an organization, as the
reach says. Counts and changes nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from postroom.model.errors import InvalidInput, QueryRangeTooWide
from postroom.model.event import EventType
from postroom.model.tenant import Within
from postroom.service.messages import Moment
from postroom.service.operation import Context, Input
from postroom.store.queries import metrics as queries

DAY_MS = 86_400_000
OLDEST_MS = 90 * DAY_MS
MAX_BUCKETS = 1000
MetricType = Literal[
    "message.received",
    "message.received.spam",
    "message.received.blocked",
    "message.received.unauthenticated",
    "message.sent",
    "message.delivered",
    "message.bounced",
    "message.complained",
    "message.rejected",
    "message.opened",
    "domain.verified",
]
UsageType = Literal["storage_bytes", "message_count", "thread_count", "inbox_count", "domain_count", "pod_count"]
RateType = Literal["bounce", "complaint"]
_EVENTS: tuple[MetricType, ...] = MetricType.__args__  # type: ignore[attr-defined]
_OF_RATE: dict[RateType, EventType] = {"bounce": EventType.MESSAGE_BOUNCED, "complaint": EventType.MESSAGE_COMPLAINED}
_RATES: tuple[RateType, ...] = tuple(_OF_RATE)
_HELD: tuple[UsageType, ...] = ("storage_bytes", "message_count", "thread_count")
_OF: dict[Within, tuple[UsageType, ...]] = {
    "inbox_id": _HELD,
    "pod_id": (*_HELD, "inbox_count", "domain_count"),
    "org_id": (*_HELD, "inbox_count", "domain_count", "pod_count"),
}


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Ranged(Input):
    """What part of the past is asked for."""

    start: Moment | None = Field(default=None, description="From when on (RFC 3339); 24 hours ago when absent.")
    end: Moment | None = Field(default=None, description="Until when (RFC 3339); now when absent.")
    period: int | None = Field(default=None, ge=1, le=86_400, description="Seconds from one point to the next.")
    limit: int | None = Field(default=None, ge=1, le=MAX_BUCKETS, description="At most this many points of a kind.")
    descending: bool = Field(default=False, description="The newest first.")


class QueryEvents(_Ranged):
    """`period` None: every event is a point."""

    event_types: Annotated[tuple[MetricType, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Which events; all when absent."
    )


class QueryUsage(_Ranged):
    """`period` None: an hour, or a day where hours would be too many."""

    usage_types: Annotated[tuple[UsageType, ...], BeforeValidator(_listed)] = Field(
        default=(), description="What is held; all that there is when absent."
    )


class QueryRates(_Ranged):
    """`period` None: an hour."""

    rate_types: Annotated[tuple[RateType, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Which rates; all when absent."
    )
    window: int = Field(default=86_400, ge=1, description="Seconds that each point looks back: a multiple of period.")


class Point(NamedTuple):
    """How much, at a moment (UTC milliseconds) or from it on."""

    timestamp: int
    value: int


class Rate(NamedTuple):
    """The share of the mail sent in the window before `timestamp`, by recipients; None where nothing was sent."""

    timestamp: int
    rate: float | None
    sent: int


class _Range(NamedTuple):
    """Milliseconds; `until` is not in it."""

    since: int
    until: int


def query_events(context: Context, given: QueryEvents) -> dict[str, list[Point]]:
    """Count events over time."""
    span = _range(context, given)
    period = 1 if given.period is None else given.period * 1000
    query = queries.EVENTS_DOWN if given.descending else queries.EVENTS_UP
    counted: dict[str, list[Point]] = {}
    for kind in dict.fromkeys(given.event_types or _EVENTS):
        rows = context.tx.all(
            query,
            org=context.actor.reach.org_id,
            type=kind,
            **span._asdict(),
            origin=span.since,
            span=period,
            n=given.limit or MAX_BUCKETS,
        )
        counted[kind] = [Point(span.since + number * period, count) for number, count in rows]
    return counted


def query_usage(context: Context, given: QueryUsage) -> dict[str, list[Point]]:
    """Tell what was held over time: running totals."""
    span = _range(context, given)
    seconds = 3600 if span.until - span.since <= MAX_BUCKETS * 3_600_000 else 86_400
    grid = _grid(span, (given.period or seconds) * 1000, 0)
    within, owner = context.actor.reach.innermost
    asked = tuple(dict.fromkeys(given.usage_types or _OF[within]))
    if unknown := [kind for kind in asked if kind not in _OF[within]]:
        raise InvalidInput.at("usage_types", f"{unknown[0]} is not counted here.", fix=f"Ask for {_OF[within]}.")
    told: dict[str, list[Point]] = {kind: [] for kind in asked}
    for at in _first(grid, given):
        held = context.tx.one(queries.HELD, place=owner, at=at) or queries.Held()
        for kind in asked:
            told[kind].append(Point(at, getattr(held, kind)))
    return told


def query_rates(context: Context, given: QueryRates) -> dict[str, list[Rate]]:
    """Tell which share of the mail that was sent bounced, or was complained about, over a rolling window."""
    span = _range(context, given)
    seconds = given.period or 3600
    if given.window % seconds:
        raise InvalidInput.at("window", f"is no multiple of the period, {seconds}.", fix="Give a multiple.")
    period, window = seconds * 1000, given.window * 1000
    grid = _grid(span, period, window)
    origin = span.since - window + 1  # a window has its end in it, not its beginning
    sent = _sums(context, EventType.MESSAGE_SENT, origin, grid, period, window)
    told: dict[str, list[Rate]] = {}
    for kind in dict.fromkeys(given.rate_types or _RATES):
        bad = _sums(context, _OF_RATE[kind], origin, grid, period, window)
        points = {at: Rate(at, bad[n] / sent[n] if sent[n] else None, sent[n]) for n, at in enumerate(grid)}
        told[kind] = [points[at] for at in _first(grid, given)]
    return told


def _range(context: Context, given: _Ranged) -> _Range:
    """Return the range that is asked for; what has happened by now is in it.

    Raises:
        InvalidInput: it ends before it begins.
        QueryRangeTooWide: it begins more than 90 days ago.
    """
    until = context.now + 1 if given.end is None else min(given.end, context.now + 1)
    since = min(until, context.now) - DAY_MS if given.start is None else given.start
    if since < context.now - OLDEST_MS:
        raise QueryRangeTooWide("start lies more than 90 days back.", fix="Give a later start.")
    if since >= until:
        raise InvalidInput.at("start", "does not lie before end, or not in the past.", fix="Give an earlier start.")
    return _Range(since, until)


def _grid(span: _Range, period: int, window: int) -> range:
    """Return the moments of the points. Raises QueryRangeTooWide for more than 1000."""
    if span.until - span.since - 1 + window > MAX_BUCKETS * period:
        raise QueryRangeTooWide(
            f"That is more than {MAX_BUCKETS} points.", fix="Give a longer period or a shorter range."
        )
    return range(span.since, span.until, period)


def _first(grid: Sequence[int], given: _Ranged) -> Iterable[int]:
    return (grid[::-1] if given.descending else grid)[: given.limit]


def _sums(context: Context, kind: EventType, origin: int, grid: Sequence[int], period: int, window: int) -> list[int]:
    """Return for each point how many recipients events of a type name in its window."""
    width = window // period
    buckets = [0] * (width + len(grid))
    rows = context.tx.all(
        queries.RECIPIENTS,
        org=context.actor.reach.org_id,
        type=kind.value,
        since=origin,
        until=grid[-1] + 1,
        origin=origin,
        span=period,
        n=len(buckets),
    )
    for number, count in rows:
        buckets[number] = int(count)
    running, sums = sum(buckets[:width]), []
    for n in range(len(grid)):
        sums.append(running)
        running += buckets[n + width] - buckets[n]
    return sums
