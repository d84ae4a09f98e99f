"""Queries over clients, grants and tokens of OAuth: found by what nobody can guess, so none is reached."""

from typing import Any

from sqlalchemy import and_, bindparam, delete, exists, func, insert, or_, select, update

from postroom.model.oauth import Client, Grant, Token
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import ApiKeyRow, OAuthClientRow, OAuthGrantRow, OAuthTokenRow

_C = OAuthClientRow.__table__  # type: ignore[attr-defined]
_G = OAuthGrantRow.__table__  # type: ignore[attr-defined]
_T = OAuthTokenRow.__table__  # type: ignore[attr-defined]
_K = ApiKeyRow.__table__  # type: ignore[attr-defined]
_GRANT = (
    *(_G.c.id, _G.c.api_key_id, _G.c.client_id, _G.c.redirect_uri, _G.c.resource),
    *(_G.c.scope, _G.c.challenge, _G.c.code_until, _G.c.used_at),
)


def _grant(row: Row) -> Grant:
    return Grant(**dict(zip(Grant.model_fields, row, strict=False)))


def _token(row: Row) -> Token:
    return Token(kind=row[-3], expires_at=row[-2], replaced_at=row[-1], grant=_grant(row))


ADD_CLIENT = Query[None]("oauth.add_client", insert(_C).values({c.name: bindparam(c.name) for c in _C.c}))
CLIENT = Query[Client](
    "oauth.client",
    select(_C.c.id, _C.c.name, _C.c.redirect_uris).where(_C.c.id == bindparam("id")),
    row=lambda row: Client(client_id=row[0], name=row[1], redirect_uris=tuple(from_json(row[2]))),
    inner=True,
)
_COUNTS: list[Any] = [func.count(), func.count().filter(_C.c.created_at > bindparam("since"))]
# All there are, and those since a moment.
COUNT_CLIENTS = Query[tuple[int, int]](
    "oauth.count_clients",
    select(*_COUNTS).select_from(_C),
    row=lambda row: (int(row[0]), int(row[1])),
    inner=True,
)
USE_CLIENT = Query[None](
    "oauth.use_client", update(_C).where(_C.c.id == bindparam("key")).values(used_at=bindparam("used_at")), inner=True
)
_OLDEST = select(_C.c.id).where(_C.c.used_at.is_(None)).order_by(_C.c.created_at).limit(1)
EVICT_CLIENT = Query[None]("oauth.evict_client", delete(_C).where(_C.c.id == _OLDEST.scalar_subquery()), inner=True)
SWEEP_CLIENTS = Query[None](
    "oauth.sweep_clients",
    delete(_C).where(
        func.coalesce(_C.c.used_at, _C.c.created_at) <= bindparam("before"),
        ~exists().where(_G.c.client_id == _C.c.id),
    ),
    inner=True,
)

ADD_GRANT = Query[None]("oauth.add_grant", insert(_G).values({c.name: bindparam(c.name) for c in _G.c}))
BY_CODE = Query[Grant]("oauth.by_code", select(*_GRANT).where(_G.c.code == bindparam("code")), row=_grant, inner=True)
IS_ANSWERED = Query[bool](
    "oauth.is_answered", select(_G.c.id).where(_G.c.request == bindparam("request")), row=bool, inner=True
)
REDEEM = Query[None](
    "oauth.redeem",
    update(_G).where(_G.c.id == bindparam("key"), _G.c.used_at.is_(None)).values(used_at=bindparam("used_at")),
    inner=True,
)
DELETE_GRANT = Query[None]("oauth.delete_grant", delete(_G).where(_G.c.id == bindparam("id")), inner=True)
# Its code ran out unused, all its tokens did, or somebody deleted its key.
ENDED = Query[Grant](
    "oauth.ended",
    select(*_GRANT)
    .where(
        or_(
            and_(_G.c.used_at.is_(None), _G.c.code_until <= bindparam("now")),
            and_(_G.c.used_at.is_not(None), ~exists().where(_T.c.grant_id == _G.c.id)),
            ~exists().where(_K.c.id == _G.c.api_key_id),
        )
    )
    .limit(bindparam("n")),
    row=_grant,
    inner=True,
)

ADD_TOKEN = Query[None]("oauth.add_token", insert(_T).values({c.name: bindparam(c.name) for c in _T.c}))
TOKEN = Query[Token](
    "oauth.token",
    select(*_GRANT, _T.c.kind, _T.c.expires_at, _T.c.replaced_at)
    .join_from(_T, _G, _G.c.id == _T.c.grant_id)
    .where(_T.c.hash == bindparam("hash")),
    row=_token,
    inner=True,
)
REPLACE = Query[None](
    "oauth.replace",
    update(_T)
    .where(_T.c.hash == bindparam("known"), _T.c.replaced_at.is_(None))
    .values(replaced_at=bindparam("replaced_at")),
    inner=True,
)
DELETE_TOKENS = Query[None]("oauth.delete_tokens", delete(_T).where(_T.c.grant_id == bindparam("id")), inner=True)
_OVER = select(_T.c.hash).where(_T.c.expires_at <= bindparam("now")).limit(bindparam("n"))
SWEEP_TOKENS = Query[None]("oauth.sweep_tokens", delete(_T).where(_T.c.hash.in_(_OVER)), inner=True)
