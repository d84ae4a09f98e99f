"""Queries over organizations, pods and API keys."""

from sqlalchemy import bindparam, delete, func, insert, select

from postroom.model.tenant import ApiKey, Organization, Pod
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import ApiKeyRow, OrganizationRow, PodRow

_O = OrganizationRow.__table__  # type: ignore[attr-defined]
_P = PodRow.__table__  # type: ignore[attr-defined]
_K = ApiKeyRow.__table__  # type: ignore[attr-defined]
_SHOWN = [c for c in _K.c if c.name != "hash"]


def _organization(row: Row) -> Organization:
    return Organization(organization_id=row[0], name=row[1], created_at=row[2])


def _pod(row: Row) -> Pod:
    return Pod(pod_id=row[0], org_id=row[1], name=row[2], created_at=row[3])


def _key(row: Row) -> ApiKey:
    key_id, org_id, pod_id, inbox_id, name, prefix, permissions, created_at, expires_at = row[:9]
    return ApiKey(
        api_key_id=key_id,
        org_id=org_id,
        pod_id=pod_id,
        inbox_id=inbox_id,
        name=name,
        prefix=prefix,
        permissions=None if permissions is None else frozenset(from_json(permissions)),
        created_at=created_at,
        expires_at=expires_at,
    )


ADD_ORGANIZATION = Query[None]("organizations.add", insert(_O).values({c.name: bindparam(c.name) for c in _O.c}))
FIRST_ORGANIZATION = Query[Organization](
    "organizations.first", select(_O).order_by(_O.c.created_at, _O.c.id).limit(1), row=_organization, inner=True
)
ORGANIZATIONS = Query[Organization](
    "organizations.all", select(_O).order_by(_O.c.created_at, _O.c.id), row=_organization, inner=True
)
ADD_POD = Query[None]("pods.add", insert(_P).values({c.name: bindparam(c.name) for c in _P.c}))
DEFAULT_POD = Query[Pod](
    "pods.default",
    select(_P).where(_P.c.org_id == bindparam("org_id")).order_by(_P.c.created_at, _P.c.id).limit(1),
    row=_pod,
    inner=True,
)
ADD_KEY = Query[None]("keys.add", insert(_K).values({c.name: bindparam(c.name) for c in _K.c}))
COUNT_KEYS = Query[int]("keys.count", select(func.count()).select_from(_K), row=lambda row: row[0], inner=True)
KEYS_BY_PREFIX = Query[tuple[ApiKey, bytes]](
    "keys.by_prefix",
    select(*_SHOWN, _K.c.hash).where(_K.c.prefix == bindparam("prefix")),
    row=lambda row: (_key(row), row[9]),
    inner=True,
)
KEYS = Query[ApiKey](
    "keys.list",
    select(*_SHOWN).where(_K.c.org_id == bindparam("org_id")).order_by(_K.c.created_at, _K.c.id),
    row=_key,
    reached=_K,
)
DELETE_KEY = Query[None]("keys.delete", delete(_K).where(_K.c.id == bindparam("id")), reached=_K)
DELETE_KEYS_OF_INBOX = Query[None](
    "keys.delete_of_inbox", delete(_K).where(_K.c.inbox_id == bindparam("inbox_id")), inner=True
)
