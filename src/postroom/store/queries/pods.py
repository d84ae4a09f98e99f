"""Queries over pods."""

from functools import cache

from sqlalchemy import bindparam, delete, exists, insert, or_, select, tuple_

from postroom.model.tenant import Pod
from postroom.store.query import Query, Row
from postroom.store.tables import ApiKeyRow, DomainRow, InboxRow, PodRow, WebhookRow

_P = PodRow.__table__  # type: ignore[attr-defined]
# What keeps a pod from being deleted: the tables whose rows are resources of a pod. What lies in an inbox goes with it.
_BY_POD = tuple(row.__table__ for row in (InboxRow, ApiKeyRow, DomainRow, WebhookRow))  # type: ignore[union-attr]


def _pod(row: Row) -> Pod:
    return Pod(pod_id=row[0], org_id=row[1], name=row[2], client_id=row[3], created_at=row[4])


ADD = Query[None]("pods.add", insert(_P).values({c.name: bindparam(c.name) for c in _P.c}))
DEFAULT = Query[Pod](
    "pods.default",
    select(_P).where(_P.c.default_of == bindparam("org_id")),
    row=_pod,
    inner=True,
)
BY_ID = Query[Pod]("pods.by_id", select(_P).where(_P.c.id == bindparam("id")), row=_pod, reached=_P)
BY_CLIENT_ID = Query[Pod](
    "pods.by_client_id",
    select(_P).where(_P.c.org_id == bindparam("org_id"), _P.c.client_id == bindparam("client_id")),
    row=_pod,
    reached=_P,
)
HOLDS = Query[str](
    "pods.holds",
    select(_P.c.id).where(
        _P.c.id == bindparam("id"),
        or_(*(exists().where(t.c.pod_id == _P.c.id) for t in _BY_POD)),
    ),
    row=lambda row: str(row[0]),
    reached=_P,
)
DELETE = Query[None]("pods.delete", delete(_P).where(_P.c.id == bindparam("id")), reached=_P)


@cache
def page(ascending: bool) -> Query[Pod]:
    """Return the list of an organization's pods by time: parameters org_id, at, seq (the place), n."""
    place, mark = tuple_(_P.c.created_at, _P.c.id), tuple_(bindparam("at"), bindparam("seq"))
    order = (_P.c.created_at, _P.c.id) if ascending else (_P.c.created_at.desc(), _P.c.id.desc())
    return Query(
        f"pods.page_{'up' if ascending else 'down'}",
        select(_P)
        .where(_P.c.org_id == bindparam("org_id"), place > mark if ascending else place < mark)
        .order_by(*order)
        .limit(bindparam("n")),
        row=_pod,
        reached=_P,
    )


PAGES = (page(True), page(False))
