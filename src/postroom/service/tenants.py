"""Organizations, pods and API keys: made, listed, told who they are."""

import hashlib
import hmac
from typing import Annotated

from pydantic import Field

from postroom.model.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from postroom.model.ids import new_id, new_secret
from postroom.model.record import Record
from postroom.model.tenant import Actor, ApiKey, NewApiKey, Organization, Pod, Reach
from postroom.service.inboxes import find_inbox
from postroom.service.operation import Context, Input, Nothing
from postroom.store.json import as_json
from postroom.store.queries import tenants as queries

KEY_LENGTHS = (32, 128)
_PREFIX = 11

PERMISSIONS = frozenset(
    {
        *("inbox_read", "inbox_create", "inbox_update", "inbox_delete"),
        *("message_read", "message_send", "message_update"),
        *("api_key_read", "api_key_create", "api_key_delete"),
    }
)


class CreateOrganization(Input):
    name: str = Field(min_length=1, max_length=256, description="What to call it.")


class CreateKey(Input):
    name: str = Field(default="key", min_length=1, max_length=256, description="What the key is for.")
    inbox_id: str | None = Field(default=None, description="Confine the key to this inbox.")
    permissions: Annotated[frozenset[str] | None, Field(description="Allow these alone; all when absent.")] = None


class KeyRef(Input):
    api_key_id: str = Field(description="The key.")


class Start(Input):
    """`owner_key` is installed into a store that has no keys; None: one is minted."""

    owner_key: str | None = None


class Credentials(Input):
    """The secret of a key as it was shown."""

    api_key: str


class NewOrganization(Record):
    """A tenant at the moment it is made, with its owner key: the only time that it is shown."""

    organization: Organization
    api_key: str


def start(context: Context, given: Start) -> str | None:
    """Make the first organization, its pod and its owner key; return the key if one was made."""
    if context.tx.one(queries.COUNT_KEYS):
        return None
    organization = context.tx.one(queries.FIRST_ORGANIZATION) or _add_organization(context, "default")
    secret = check_secret(given.owner_key) if given.owner_key else new_secret("pr")
    _add_key(context, Reach(org_id=organization.organization_id), "owner", secret)
    return secret


def create_organization(context: Context, given: CreateOrganization) -> NewOrganization:
    """Make another organization with its own owner key."""
    organization = _add_organization(context, given.name)
    secret = new_secret("pr")
    _add_key(context, Reach(org_id=organization.organization_id), "owner", secret)
    return NewOrganization(organization=organization, api_key=secret)


def list_organizations(context: Context, _given: Nothing) -> list[Organization]:
    """List the organizations, oldest first."""
    return context.tx.all(queries.ORGANIZATIONS)


def owner(context: Context, _given: Nothing) -> Actor:
    """Return the local owner: who acts when no key is named."""
    organization = context.tx.one(queries.FIRST_ORGANIZATION)
    if organization is None:
        raise NotFound("organization", "first")
    return Actor(reach=Reach(org_id=organization.organization_id))


def authenticate(context: Context, given: Credentials) -> Actor:
    """Return who a key is. Raises Unauthenticated."""
    digest = _hash(given.api_key)
    for key, known in context.tx.all(queries.KEYS_BY_PREFIX, prefix=given.api_key[:_PREFIX]):
        fresh = key.expires_at is None or key.expires_at > context.now
        if hmac.compare_digest(known, digest) and fresh:
            reach = Reach(org_id=key.org_id, pod_id=key.pod_id, inbox_id=key.inbox_id)
            return Actor(reach=reach, api_key_id=key.api_key_id, permissions=key.permissions, expires_at=key.expires_at)
    raise Unauthenticated(
        "This API key is not known here.", fix="Use the owner key, or make one: postroom keys create."
    )


def create_key(context: Context, given: CreateKey) -> NewApiKey:
    """Make an API key; its secret is in this answer and nowhere else."""
    allowed = given.permissions
    if allowed is not None and (unknown := allowed - PERMISSIONS):
        raise InvalidInput.at(
            "permissions", f"unknown: {', '.join(sorted(unknown))}.", fix=f"Known: {sorted(PERMISSIONS)}"
        )
    mine = context.actor.permissions
    if mine is not None and (allowed is None or not allowed <= mine):
        raise Conflict("A key cannot give more than it has.", fix="Name permissions that this key has.")
    inbox = find_inbox(context, given.inbox_id) if given.inbox_id else None
    reach = context.actor.reach
    if inbox is not None:
        reach = Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)
    secret = new_secret("pr")
    return NewApiKey(key=_add_key(context, reach, given.name, secret, allowed), api_key=secret)


def list_keys(context: Context, _given: Nothing) -> list[ApiKey]:
    """List the API keys within reach, without their secrets."""
    return context.tx.all(queries.KEYS, org_id=context.actor.reach.org_id)


def delete_key(context: Context, given: KeyRef) -> None:
    """Delete an API key; it stops working at once."""
    if not context.tx.run(queries.DELETE_KEY, id=given.api_key_id):
        raise NotFound("API key", given.api_key_id, fix="List the keys to see those there are.")


def check_secret(secret: str) -> str:
    """Return `secret` if it may be a key: 32 to 128 characters, no space, printable. Raises InvalidInput."""
    low, high = KEY_LENGTHS
    if not low <= len(secret) <= high or not secret.isprintable() or any(c.isspace() for c in secret):
        raise InvalidInput.at("POSTROOM_API_KEY", f"must be {low} to {high} printable characters without spaces.")
    return secret


def _add_organization(context: Context, name: str) -> Organization:
    organization = Organization(organization_id=new_id("org", context.now), name=name, created_at=context.now)
    context.tx.insert(
        queries.ADD_ORGANIZATION,
        {"id": organization.organization_id, "name": name, "created_at": context.now},
    )
    pod = Pod(
        pod_id=new_id("pod", context.now), org_id=organization.organization_id, name="default", created_at=context.now
    )
    context.tx.insert(
        queries.ADD_POD, {"id": pod.pod_id, "org_id": pod.org_id, "name": pod.name, "created_at": pod.created_at}
    )
    return organization


def _add_key(
    context: Context, reach: Reach, name: str, secret: str, permissions: frozenset[str] | None = None
) -> ApiKey:
    row = {
        "id": new_id("key", context.now),
        "org_id": reach.org_id,
        "pod_id": reach.pod_id,
        "inbox_id": reach.inbox_id,
        "name": name,
        "prefix": secret[:_PREFIX],
        "hash": _hash(secret),
        "permissions": None if permissions is None else as_json(sorted(permissions)),
        "created_at": context.now,
        "expires_at": None,
    }
    context.tx.insert(queries.ADD_KEY, row)
    shown = {k: v for k, v in row.items() if k not in ("id", "hash", "permissions")}
    return ApiKey(api_key_id=str(row["id"]), permissions=permissions, **shown)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
