"""Organizations, pods and API keys: made, listed, told who they are."""

import hashlib
import hmac
from typing import Any

from pydantic import Field

from postroom.model.errors import InvalidInput, NotFound, Unauthenticated
from postroom.model.ids import new_id, new_secret
from postroom.model.policy import hand
from postroom.model.record import Record
from postroom.model.tenant import Actor, ApiKey, Counted, Organization, Reach
from postroom.service import families, pods
from postroom.service.inboxes import find_inbox
from postroom.service.operation import Context, Input, Nothing
from postroom.service.places import EVER
from postroom.store.json import as_json
from postroom.store.queries import keys, metrics
from postroom.store.queries import tenants as queries

KEY_LENGTHS = (32, 128)
_PREFIX = 11

PERMISSIONS = frozenset(
    {
        *("inbox_read", "inbox_create", "inbox_update", "inbox_delete"),
        *("message_read", "message_reply", "message_send", "message_update", "message_delete"),
        *("label_spam_read", "label_blocked_read", "label_unauthenticated_read", "label_trash_read"),
        *("draft_read", "draft_create", "draft_update", "draft_delete", "draft_send"),
        *("webhook_read", "webhook_create", "webhook_update", "webhook_delete"),
        *("domain_read", "domain_create", "domain_update", "domain_delete"),
        *("list_entry_read", "list_entry_create", "list_entry_delete"),
        *("metrics_read",),
        *("api_key_read", "api_key_create", "api_key_update", "api_key_delete"),
        *("pod_read", "pod_create", "pod_update", "pod_delete"),
        *("policy_read", "policy_update", "approval_decide"),
    }
)


class CreateOrganization(Input):
    name: str = Field(min_length=1, max_length=256, description="What to call it.")


class Start(Input):
    """The owner key for a store that has no keys."""

    owner_key: str


class Credentials(Input):
    """The secret of a key as it was shown."""

    api_key: str


class Identity(Record):
    """Who asks, with the address of the inbox that the key is confined to."""

    actor: Actor
    inbox_address: str | None


class NewOrganization(Record):
    """A tenant at the moment it is made, with its owner key: the only time that it is shown."""

    organization: Organization
    api_key: str


def is_new(context: Context, _given: Nothing) -> bool:
    """Tell whether the store has no key yet."""
    return not context.tx.one(keys.COUNT)


def start(context: Context, given: Start) -> None:
    """Make the first organization, its pod and its owner key, where there is no key yet."""
    if not is_new(context, Nothing()):
        return
    organization = context.tx.one(queries.FIRST_ORGANIZATION) or _add_organization(context, "default")
    add_key(context, Reach(org_id=organization.organization_id), "owner", check_secret(given.owner_key))


def create_organization(context: Context, given: CreateOrganization) -> NewOrganization:
    """Make another organization with its own owner key."""
    organization = _add_organization(context, given.name)
    secret = new_secret("pr")
    add_key(context, Reach(org_id=organization.organization_id), "owner", secret)
    return NewOrganization(organization=organization, api_key=secret)


def list_organizations(context: Context, _given: Nothing) -> list[Organization]:
    """List the organizations, oldest first."""
    return context.tx.all(queries.ORGANIZATIONS)


def me(context: Context, _given: Nothing) -> Identity:
    """Tell who asks and how far that reaches."""
    inbox_id = context.actor.reach.inbox_id
    return Identity(actor=context.actor, inbox_address=find_inbox(context, inbox_id).address if inbox_id else None)


def get_organization(context: Context, _given: Nothing) -> Counted:
    """Get the organization of who asks, with what it has within reach."""
    org_id = context.actor.reach.org_id
    organization = context.tx.one(queries.ORGANIZATION, id=org_id)
    if organization is None:
        raise NotFound("organization", org_id or "")
    within, place = context.actor.reach.innermost
    held = context.tx.one(metrics.HELD, place=place, at=EVER) or metrics.Held()
    inboxes = 1 if within == "inbox_id" else held.inbox_count
    return Counted(
        organization=organization,
        inboxes=inboxes,
        domains=held.domain_count,
        inbox_limit=context.house.inbox_limit,
        domain_limit=context.house.domain_limit,
    )


def owner(context: Context, _given: Nothing) -> Actor:
    """Return the local owner: who acts when no key is named."""
    organization = context.tx.one(queries.FIRST_ORGANIZATION)
    if organization is None:
        raise NotFound("organization", "first")
    return Actor(reach=Reach(org_id=organization.organization_id))


def authenticate(context: Context, given: Credentials) -> Actor:
    """Return who a key is. Raises Unauthenticated."""
    digest = _hash(given.api_key)
    for key, known, family in context.tx.all(keys.BY_PREFIX, prefix=given.api_key[:_PREFIX]):
        fresh = key.expires_at is None or key.expires_at > context.now
        if hmac.compare_digest(known, digest) and fresh:
            reach = Reach(org_id=key.org_id, pod_id=key.pod_id, inbox_id=key.inbox_id)
            return Actor(
                reach=reach,
                api_key_id=key.api_key_id,
                permissions=key.permissions,
                expires_at=key.expires_at,
                made_by=key.made_by,
                family=family,
            )
    raise Unauthenticated(
        "This API key is not known here.", fix="Use the owner key, or make one: postroom keys create."
    )


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
    pods.add_default(context, organization.organization_id)
    return organization


def add_key(
    context: Context,
    reach: Reach,
    name: str,
    secret: str,
    permissions: frozenset[str] | None = None,
    expires_at: int | None = None,
) -> ApiKey:
    """Write a new API key; who calls it has looked whether the actor may give so much."""
    row: dict[str, Any] = {
        "org_id": reach.org_id,
        "pod_id": reach.pod_id,
        "inbox_id": reach.inbox_id,
        "name": name,
        "prefix": secret[:_PREFIX],
        "created_at": context.now,
        "updated_at": context.now,
        "expires_at": expires_at,
        "used_at": None,
    }
    made_by = hand(context.actor)
    key = ApiKey(
        api_key_id=new_id("key", context.now), inbox_address=None, permissions=permissions, made_by=made_by, **row
    )
    allowed = None if permissions is None else as_json(sorted(permissions))
    context.tx.insert(
        keys.ADD,
        {
            **row,
            "id": key.api_key_id,
            "hash": _hash(secret),
            "permissions": allowed,
            "made_by": as_json(made_by) if made_by else None,
        },
    )
    families.note(context, key.api_key_id)
    return key


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
