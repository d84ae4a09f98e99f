"""Queries over the keys by which a request is known when it comes again."""

from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql

from postroom.store.query import Query
from postroom.store.tables import IdempotencyKeyRow

_K = IdempotencyKeyRow.__table__  # type: ignore[attr-defined]
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
GET = Query[Known](
    "idempotency.get", select(*(_K.c[name] for name in Known._fields)).where(*_THIS), row=Known._make, inner=True
)
FINISH = Query[None](
    "idempotency.finish",
    update(_K).where(*_CLAIMED).values({c: bindparam(c) for c in ("until", "message", "message_id", "thread_id")}),
    inner=True,
)
RELEASE = Query[None]("idempotency.release", delete(_K).where(*_CLAIMED), inner=True)
_OVER = select(_K.c.org_id, _K.c.key).where(_K.c.until <= bindparam("now")).limit(bindparam("n"))
SWEEP = Query[None]("idempotency.sweep", delete(_K).where(tuple_(_K.c.org_id, _K.c.key).in_(_OVER)), inner=True)
