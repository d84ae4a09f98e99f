"""Queries over the keys by which a request is known when it comes again."""

from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql

from postroom.store.query import Query
from postroom.store.tables import IdempotencyKeyRow, InboxRow, MessageRow

_K = IdempotencyKeyRow.__table__  # type: ignore[attr-defined]
_M = MessageRow.__table__  # type: ignore[attr-defined]
_I = InboxRow.__table__  # type: ignore[attr-defined]
_upsert = postgresql.insert  # SQLite compiles it as well
_THIS = (_K.c.org_id == bindparam("org"), _K.c.key == bindparam("name"))
_CLAIMED = (*_THIS, _K.c.owner == bindparam("claimant"), _K.c.message.is_(None))


class Known(NamedTuple):
    """What a key stands for: the digest of its request, and what that sent; None while it runs."""

    digest: bytes
    message: str | None
    message_id: str | None
    thread_id: str | None


# One row changed: it is ours. None: another's lease or memory has not ended.
TAKE = Query[None](
    "idempotency.take",
    _upsert(_K)
    .values({c.name: bindparam(c.name) for c in _K.c})
    .on_conflict_do_update(
        index_elements=["org_id", "key"],
        set_={c.name: bindparam(c.name) for c in _K.c if c.name not in ("org_id", "key")},
        where=_K.c.until <= bindparam("now"),
    ),
)
# Of a key whose inbox is gone: as TAKE, while nobody else has taken it since.
RETAKE = Query[None](
    "idempotency.retake",
    update(_K)
    .where(*_THIS, _K.c.digest == bindparam("known"))
    .values(
        **{c: bindparam(c) for c in ("digest", "owner", "until")},
        **dict.fromkeys(("message", "message_id", "thread_id")),
    ),
    inner=True,
)
GET = Query[Known](
    "idempotency.get", select(*(_K.c[name] for name in Known._fields)).where(*_THIS), row=Known._make, inner=True
)
# Whoever asks: a key of the organization may bind what its bearer cannot reach. The mail of a deleted inbox goes later.
IS_KEPT = Query[bool](
    "idempotency.is_kept",
    select(_M.c.seq).join(_I, _I.c.inbox_id == _M.c.inbox_id).where(_M.c.id == bindparam("message")),
    row=bool,
    inner=True,
)
FINISH = Query[None](
    "idempotency.finish",
    update(_K).where(*_CLAIMED).values({c: bindparam(c) for c in ("until", "message", "message_id", "thread_id")}),
    inner=True,
)
RELEASE = Query[None]("idempotency.release", delete(_K).where(*_CLAIMED), inner=True)
_OVER = select(_K.c.org_id, _K.c.key).where(_K.c.until <= bindparam("now")).limit(bindparam("n"))
SWEEP = Query[None]("idempotency.sweep", delete(_K).where(tuple_(_K.c.org_id, _K.c.key).in_(_OVER)), inner=True)
