"""Queries over the log."""

from functools import cache

from sqlalchemy import bindparam, func, insert, select

from postroom.model.event import Event, EventType, LabelChange
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import EventRow
from postroom.store.tables.mail import OF_LABELS

_E = EventRow.__table__  # type: ignore[attr-defined]


def _event(row: Row) -> Event:
    seq, kind, org_id, pod_id, inbox_id, at, data = row
    return Event(
        position=seq,
        type=EventType(kind),
        org_id=org_id,
        pod_id=pod_id,
        inbox_id=inbox_id,
        at=at,
        data=from_json(data),
    )


APPEND = Query[None](
    "events.append",
    insert(_E).values({c.name: bindparam(c.name) for c in _E.c if c.name != "seq"}),
)
NEWEST = Query[int]("events.newest", select(func.max(_E.c.seq)), row=lambda row: row[0] or 0, inner=True)
# What live listeners are woken by: enough to know whom, nothing to show.
FEED = Query[tuple[int, str | None, str]](
    "events.feed",
    select(_E.c.seq, _E.c.inbox_id, _E.c.org_id)
    .where(_E.c.seq > bindparam("after"))
    .order_by(_E.c.seq)
    .limit(bindparam("n")),
    row=lambda row: (row[0], row[1], row[2]),
    inner=True,
)
BY_POSITION = Query[Event](
    "events.by_position", select(_E).where(_E.c.seq == bindparam("position")), row=_event, inner=True
)
# Walks the newest end of the log: what is of others there is passed over.
SINCE = Query[Event](
    "events.since",
    select(_E).where(_E.c.seq > bindparam("after")).order_by(_E.c.seq).limit(bindparam("n")),
    row=_event,
    reached=_E,
)
# A stretch of the log: what is of others in it is passed over.
BETWEEN = Query[Event](
    "events.between",
    select(_E)
    .where(_E.c.seq > bindparam("after"), _E.c.seq <= bindparam("until"))
    .order_by(_E.c.seq)
    .limit(bindparam("n")),
    row=_event,
    reached=_E,
    steered=True,
)
OF_INBOX = Query[Event](
    "events.of_inbox",
    select(_E)
    .where(_E.c.inbox_id == bindparam("inbox_id"), _E.c.type == bindparam("type"), _E.c.seq > bindparam("after"))
    .order_by(_E.c.seq)
    .limit(bindparam("n")),
    row=_event,
    reached=_E,
)


def _label_change(row: Row) -> LabelChange:
    seq, kind, org_id, pod_id, at, data = row
    facts = from_json(data)
    return LabelChange(
        seq=seq,
        type=EventType(kind),
        org_id=org_id,
        pod_id=pod_id,
        timestamp=at,
        message_id=facts["message_id"],
        label=facts["label"],
    )


@cache
def page_of_labels(ascending: bool) -> Query[LabelChange]:
    """Return the journal of an inbox's labels by position: parameters inbox_id, seq (the place), n."""
    place = _E.c.seq > bindparam("seq") if ascending else _E.c.seq < bindparam("seq")
    return Query(
        f"events.page_of_labels_{'up' if ascending else 'down'}",
        # In the very words of the index that has these events alone.
        select(_E.c.seq, _E.c.type, _E.c.org_id, _E.c.pod_id, _E.c.at, _E.c.data)
        .where(_E.c.inbox_id == bindparam("inbox_id"), OF_LABELS, place)
        .order_by(_E.c.seq if ascending else _E.c.seq.desc())
        .limit(bindparam("n")),
        row=_label_change,
        reached=_E,
        steered=True,
    )


PAGES_OF_LABELS = (page_of_labels(True), page_of_labels(False))
