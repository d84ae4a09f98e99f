"""Queries over what spares a look at many rows: how much an inbox hides, whose a caller's own id is."""

from functools import cache
from typing import Literal, NamedTuple

from sqlalchemy import bindparam, func, insert, select

from postroom.store.query import Query
from postroom.store.tables import ClientIdRow, HiddenCountRow, TrashRow, UsageRow

_H = HiddenCountRow.__table__  # type: ignore[attr-defined]
_C = ClientIdRow.__table__  # type: ignore[attr-defined]
_U = UsageRow.__table__  # type: ignore[attr-defined]
_T = TrashRow.__table__  # type: ignore[attr-defined]


class InboxCounts(NamedTuple):
    """How many messages and threads an inbox has, and how many of them its lists leave out."""

    messages: int = 0
    threads: int = 0
    hidden_messages: int = 0
    hidden_threads: int = 0


# Of an inbox (inner id) that the actor reaches.
OF_INBOX = Query[InboxCounts](
    "counts.of_inbox",
    select(_U.c.messages, _U.c.threads, func.coalesce(_H.c.messages, 0), func.coalesce(_H.c.threads, 0))
    .select_from(_U.outerjoin(_H, _H.c.inbox_id == _U.c.place))
    .where(_U.c.place == bindparam("inbox_id"))
    .order_by(_U.c.at.desc())
    .limit(1),
    row=InboxCounts._make,
    inner=True,
)


@cache
def inboxes(within: Literal["org_id", "pod_id"]) -> Query[int]:
    """Return how many inboxes an organization or a pod has outside the trash: parameter owner, which is reached."""
    trashed = select(func.count()).select_from(_T).where(_T.c.id == _T.c.inbox_id, _T.c[within] == bindparam("owner"))
    return Query(
        f"counts.inboxes_by_{within}",
        select(_U.c.inboxes - trashed.scalar_subquery())
        .where(_U.c.place == bindparam("owner"))
        .order_by(_U.c.at.desc())
        .limit(1),
        row=lambda row: int(row[0]),
        inner=True,
    )


INBOXES = (inboxes("org_id"), inboxes("pod_id"))
ADD_CLIENT_ID = Query[None]("client_ids.add", insert(_C).values({c.name: bindparam(c.name) for c in _C.c}))
