"""Queries over the queue of conversations that wait for an answer."""

from typing import Any

from sqlalchemy import and_, bindparam, case, delete, not_, select, tuple_, update
from sqlalchemy.dialects import postgresql

from postroom.model.claim import NEVER, Work
from postroom.model.message import HIDDEN
from postroom.store.json import from_json
from postroom.store.queries import messages
from postroom.store.queries.trash import not_in_trash
from postroom.store.query import Query, Row
from postroom.store.tables import ClaimRow, MessageRow

_C = ClaimRow.__table__  # type: ignore[attr-defined]
_M = MessageRow.__table__  # type: ignore[attr-defined]
_NAMES = tuple(Work.model_fields)
_SHOWN = [_C.c[name] for name in _NAMES]


def _work(row: Row) -> Work:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["messages"] = tuple(from_json(values["messages"]))
    return Work.trusted(values)


# Mail that comes to a thread which waits, or which somebody holds, changes nothing; one that was put off is due again.
_NEW = postgresql.insert(_C).values(
    {
        **{name: bindparam(name) for name in ("thread_id", "org_id", "pod_id", "inbox_id", "due_at")},
        **{"lease_until": 0, "attempts": 0, "messages": "[]", "updated_at": bindparam("due_at")},
    }
)
NOTE = Query[None](
    "claims.note",
    _NEW.on_conflict_do_update(
        index_elements=[_C.c.thread_id],
        set_={"due_at": _NEW.excluded.due_at},
        where=and_(_C.c.lease_until <= _NEW.excluded.due_at, _C.c.due_at > _NEW.excluded.due_at, _C.c.due_at < NEVER),
    ),
    inner=True,
)
_NEXT = (
    select(_C.c.thread_id)
    .where(_C.c.inbox_id == bindparam("inbox_id"), _C.c.due_at <= bindparam("now"))
    .order_by(_C.c.inbox_id, _C.c.due_at, _C.c.thread_id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
TAKE = Query[Work](
    "claims.take",
    update(_C)
    .where(_C.c.thread_id == _NEXT.scalar_subquery())
    .values(
        token=bindparam("claim"),
        lease_until=bindparam("until"),
        due_at=case((_C.c.attempts + 1 >= bindparam("tries"), NEVER), else_=bindparam("until")),
        attempts=_C.c.attempts + 1,
        updated_at=bindparam("now"),
    )
    .returning(*_SHOWN),
    row=_work,
    reached=_C,
    steered=True,
)
KEEP_MESSAGES = Query[None](
    "claims.keep_messages",
    update(_C).where(_C.c.thread_id == bindparam("key")).values(messages=bindparam("ids")),
    reached=_C,
)
HELD = Query[Work](
    "claims.held",
    select(*_SHOWN).where(
        _C.c.token == bindparam("claim"), _C.c.lease_until > bindparam("now"), not_in_trash(_C.c.inbox_id)
    ),
    row=_work,
    reached=_C,
    steered=True,
)
# At its last try it stays due for nobody.
EXTEND = Query[None](
    "claims.extend",
    update(_C)
    .where(_C.c.thread_id == bindparam("key"))
    .values(lease_until=bindparam("until"), due_at=case((_C.c.due_at == NEVER, NEVER), else_=bindparam("until"))),
    reached=_C,
)
BY_THREAD = Query[Work](
    "claims.by_thread", select(*_SHOWN).where(_C.c.thread_id == bindparam("thread_id")), row=_work, reached=_C
)
PUT = Query[None](
    "claims.put",
    update(_C)
    .where(_C.c.thread_id == bindparam("key"))
    .values(
        token=None,
        lease_until=0,
        due_at=bindparam("at"),
        attempts=bindparam("count"),
        reason=bindparam("why"),
        messages="[]",
        updated_at=bindparam("now"),
    ),
    reached=_C,
)
DELETE = Query[None]("claims.delete", delete(_C).where(_C.c.thread_id == bindparam("thread_id")), reached=_C)
# Somebody has read it without a claim; who holds one ends it himself.
FORGET = Query[None](
    "claims.forget",
    delete(_C).where(_C.c.thread_id == bindparam("thread_id"), _C.c.lease_until <= bindparam("now")),
    inner=True,
)
NEXT_DUE = Query[int](
    "claims.next_due",
    select(_C.c.due_at)
    .where(_C.c.inbox_id == bindparam("inbox_id"), _C.c.due_at > bindparam("now"))
    .order_by(_C.c.inbox_id, _C.c.due_at)
    .limit(1),
    row=lambda row: int(row[0]),
    reached=_C,
    steered=True,
)
PAGE = Query[Work](
    "claims.page",
    select(*_SHOWN)
    .where(
        _C.c.inbox_id == bindparam("inbox_id"),
        tuple_(_C.c.due_at, _C.c.thread_id) > tuple_(bindparam("at"), bindparam("seq")),
    )
    .order_by(_C.c.inbox_id, _C.c.due_at, _C.c.thread_id)
    .limit(bindparam("n")),
    row=_work,
    reached=_C,
    steered=True,
)
_TO_DO = and_(
    _M.c.labels.like('%"received"%'),
    _M.c.labels.like('%"unread"%'),
    *(not_(_M.c.labels.like(f'%"{label}"%')) for label in HIDDEN),
)
UNREAD = Query[Any](
    "claims.unread",
    select(*messages.BY_ID.statement.selected_columns)  # type: ignore[union-attr]
    .where(_M.c.thread_id == bindparam("thread_id"), _TO_DO)
    .order_by(_M.c.timestamp, _M.c.seq)
    .limit(bindparam("n")),
    row=messages.BY_ID.row,
    reached=_M,
    steered=True,
)
