"""Queries over the log."""

from sqlalchemy import bindparam, func, insert, select

from postroom.model.event import Event, EventType
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import EventRow

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
FEED = Query[tuple[int, str | None]](
    "events.feed",
    select(_E.c.seq, _E.c.inbox_id).where(_E.c.seq > bindparam("after")).order_by(_E.c.seq).limit(bindparam("n")),
    row=lambda row: (row[0], row[1]),
    inner=True,
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
