"""API keys: create, list, get, update, delete. No key ever gives more than it has."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from postroom.model.errors import InvalidInput, NotFound, PermissionEscalation
from postroom.model.ids import ALPHABET, new_secret, random_bytes
from postroom.model.page import Page
from postroom.model.tenant import ApiKey, NewApiKey, Reach
from postroom.service import places, standing
from postroom.service.inboxes import find_inbox
from postroom.service.messages import Moment
from postroom.service.operation import OURS, Context, Input
from postroom.service.tenants import PERMISSIONS, add_key
from postroom.store.json import as_json
from postroom.store.queries import keys as queries

# Names of other years, and of what this server does not offer: clients send them, and they allow nothing here.
_IGNORED = frozenset(
    {
        *("thread_read", "thread_delete", "provider_connect", "provider_share_owner"),
        *("agent_armor_release", "app_connect", "app_share_owner", "account_update"),
        *("calendar_read", "calendar_update"),
        *(f"calendar_event_{verb}" for verb in ("read", "create", "update", "delete")),
        *(f"file_{verb}" for verb in ("read", "create", "update", "delete")),
    }
)


def _allowed(value: object) -> object:
    """Take a list of names, or a map from name to whether it is allowed; names that allow nothing here go."""
    if isinstance(value, Mapping):
        if not all(isinstance(allowed, bool) for allowed in value.values()):
            raise ValueError("a permission is true or false")
        value = {name for name in value if value[name] or name not in PERMISSIONS | _IGNORED}
    if not isinstance(value, list | tuple | set | frozenset):
        return value
    return [name for name in value if not isinstance(name, str) or name not in _IGNORED]  # what is no name is refused


Permissions = Annotated[
    frozenset[str] | None,
    BeforeValidator(_allowed, json_schema_input_type=dict[str, bool] | list[str] | None),
    Field(description="Allow these alone; all when absent."),
]


class _OfInbox(Input):
    inbox_id: str | None = Field(default=None, description="Keys of this inbox alone.")


class CreateKey(Input):
    name: str | None = Field(default=None, min_length=1, max_length=256, description="What the key is for.")
    inbox_id: str | None = Field(default=None, description="Confine the key to this inbox.")
    permissions: Permissions = None
    prefix: Literal["pr", "inai"] = Field(
        default="pr", description="What its secret begins with.", json_schema_extra=OURS
    )
    expires_at: Moment | None = Field(default=None, description="When it stops working (RFC 3339); it cannot be moved.")


class ListKeys(places.ByNumber, _OfInbox):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")
    type: Literal["bearer", "public_key"] | None = Field(default=None, description="The kind; all here are bearer.")


class KeyRef(_OfInbox):
    api_key_id: str = Field(description="The key.")


class UpdateKey(KeyRef):
    name: str | None = Field(default=None, min_length=1, max_length=256, description="What the key is for.")
    permissions: Permissions = None


class Use(Input):
    """A key that was used, and when (UTC milliseconds)."""

    api_key_id: str
    at: int


def create(context: Context, given: CreateKey) -> NewApiKey:
    """Make an API key; its secret is in this answer and nowhere else."""
    _check_permissions(context, "api_key_create", given.permissions)
    reach, address = _confined(context, given.inbox_id)
    secret = new_secret("pr" if given.prefix == "pr" else f"{given.prefix}_{_drawn()}")
    key = add_key(context, reach, given.name or "key", secret, given.permissions, _end(context, given.expires_at))
    return NewApiKey(key=key.model_copy(update={"inbox_address": address}), api_key=secret)


def _drawn() -> str:
    """Return the letters by which a key is told from others in a list."""
    return "".join(ALPHABET[byte & 31] for byte in random_bytes(4))


def list_(context: Context, given: ListKeys) -> Page[ApiKey]:
    """List the API keys within reach, newest first, without their secrets."""
    reach, _address = _confined(context, given.inbox_id)
    within, owner = reach.innermost
    query = queries.page(within, given.ascending)
    skip = places.number(given.offset, given.page_token)
    if given.type == "public_key":
        return Page(items=(), total=None if skip is None else 0)
    if skip is not None:
        total = context.tx.one(queries.number(within), owner=owner) or 0
        end = places.from_end("keys", ascending=given.ascending)
        return places.leap(
            skip, total, lambda skip: context.tx.all(query, owner=owner, **end, n=given.limit, skip=skip)
        )
    return places.turn(
        "keys",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=lambda mark, n: context.tx.all(query, owner=owner, **mark, n=n),
        place=lambda key: (key.created_at, key.api_key_id),
    )


def get(context: Context, given: KeyRef) -> ApiKey:
    """Get one API key, without its secret."""
    return _find(context, given)


def update(context: Context, given: UpdateKey) -> ApiKey:
    """Change the name or the permissions of an API key; null permissions allow everything in its scope."""
    key = _find(context, given)
    changed: dict[str, object] = {"updated_at": context.now}
    if given.name is not None:
        changed["name"] = given.name
    if "permissions" in given.model_fields_set:
        _check_permissions(context, "api_key_update", given.permissions)
        changed["permissions"] = given.permissions
    if len(changed) == 1:
        raise InvalidInput("Nothing to change.", fix="Give name or permissions.")
    updated = key.model_copy(update=changed)
    allowed = updated.permissions
    context.tx.run(
        queries.UPDATE,
        key=key.api_key_id,
        name=updated.name,
        permissions=None if allowed is None else as_json(sorted(allowed)),
        updated_at=context.now,
    )
    return updated


def delete(context: Context, given: KeyRef) -> None:
    """Delete an API key; it stops working at once."""
    context.tx.run(queries.DELETE, id=_find(context, given).api_key_id)


def note_use(context: Context, given: Use) -> None:
    """Write when a key was used; one that was used later has said so already."""
    context.tx.run(queries.USE, key=given.api_key_id, moment=given.at)


def _find(context: Context, given: KeyRef) -> ApiKey:
    wanted = None if given.inbox_id is None else find_inbox(context, given.inbox_id).inbox_id
    found = context.tx.one(queries.BY_ID, id=given.api_key_id)
    if found is None or (wanted is not None and found.inbox_id != wanted):
        raise NotFound("API key", given.api_key_id, fix="List the keys to see those there are.")
    return found


def _confined(context: Context, inbox_id: str | None) -> tuple[Reach, str | None]:
    """Return the actor's reach, or of it the part that is one inbox, with the address of the inbox."""
    own = inbox_id or context.actor.reach.inbox_id
    if own is None:
        return context.actor.reach, None
    inbox = find_inbox(context, own)
    return Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id), inbox.address


def _check_permissions(context: Context, needed: str, allowed: frozenset[str] | None) -> None:
    """Refuse names that are unknown, and more than the actor has itself, when it came and now.

    `needed` is the permission to give any: who was let in long ago may act by a key that has gone or lost it since.
    """
    now = standing.check(context, needed)
    if allowed is not None and (unknown := allowed - PERMISSIONS):
        raise InvalidInput.at(
            "permissions", f"unknown: {', '.join(sorted(unknown))}.", fix=f"Known: {', '.join(sorted(PERMISSIONS))}."
        )
    for mine in (context.actor.permissions, now):
        if mine is not None and (allowed is None or not allowed <= mine):
            raise PermissionEscalation(
                "A key cannot give more than it has.", fix=f"Name permissions of these: {', '.join(sorted(mine))}."
            )


def _end(context: Context, wanted: int | None) -> int | None:
    """Return when a new key ends: not after the key that makes it."""
    latest = context.actor.expires_at
    if wanted is None:
        return latest
    if wanted <= context.now:
        raise InvalidInput.at("expires_at", "lies in the past.", fix="Give a time to come, or leave it out.")
    if latest is not None and wanted > latest:
        raise PermissionEscalation("A key cannot outlive the key that makes it.", fix="Give an earlier expires_at.")
    return wanted
