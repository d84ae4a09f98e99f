"""Inboxes: create, list, get, update, delete."""

from math import isfinite
from typing import Any, NamedTuple

from pydantic import Field

from postroom.model.address import address_key, check_username, plus_base_key
from postroom.model.errors import AddressTaken, CannotDelete, Forbidden, InvalidInput, NotFound, OutOfScope
from postroom.model.event import EventType
from postroom.model.ids import ALPHABET, new_id, random_bytes
from postroom.model.inbox import Inbox, InboxStatus, Mailbox, MetadataValue, words_of
from postroom.model.page import Page
from postroom.model.tenant import Pod, Within
from postroom.model.webhook import NotificationState
from postroom.service import hosting, places, totals
from postroom.service.operation import OURS, Context, Input
from postroom.store.json import as_json
from postroom.store.queries import (
    approvals,
    counts,
    drafts,
    keys,
    labels,
    lists,
    metrics,
    pods,
    policies,
    trash,
    uploads,
    webhooks,
)
from postroom.store.queries import inboxes as queries
from postroom.store.queries.messages import Reference

MAX_METADATA = 256
TRASH_MS = 30 * 86_400_000  # how long what was put into the trash can be brought back
CLIENT_ID = r"^[A-Za-z0-9\-._~]{1,256}$"
Metadata = dict[str, MetadataValue | None]


class CreateInbox(Input):
    username: str | None = Field(default=None, description="The part before the @; drawn at random when absent.")
    domain: str | None = Field(default=None, description="The domain of the address; the server's own when absent.")
    display_name: str | None = Field(default=None, max_length=256, description="The name that recipients see.")
    client_id: str | None = Field(
        default=None,
        pattern=CLIENT_ID,
        description="Your own id: a second create with it returns the first inbox.",
    )
    client_id_tracks: bool = Field(
        default=False, description="client_id only tracks: a create makes another inbox.", json_schema_extra=OURS
    )
    status: InboxStatus = Field(default=InboxStatus.ACTIVE, description="paused: it neither sends nor takes mail.")
    metadata: Metadata | None = Field(default=None, description="Up to 256 keys with string, number or bool values.")


class ByClientId(Input):
    """An inbox by the id that its maker gave it."""

    client_id: str


class InboxRef(Input):
    inbox_id: str = Field(description="Its address.")


class DeleteInbox(InboxRef):
    with_keys: bool = Field(default=False, description="Its API keys too.", json_schema_extra=OURS)


class ListInboxes(places.ByNumber):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")


class UpdateInbox(InboxRef):
    display_name: str | None = Field(default=None, max_length=256, description="The name that recipients see.")
    status: InboxStatus | None = Field(default=None, description="paused: it neither sends nor takes mail.")
    metadata: Metadata | None = Field(default=None, description="Merged into what is there; null removes a key.")


class RouteTo(Input):
    """An address as it stands in RCPT TO."""

    address: str


class Routed(NamedTuple):
    """The inbox that an address reaches, None where there is none, and whether its domain is ours."""

    mailbox: Mailbox | None
    is_ours: bool


def create(context: Context, given: CreateInbox) -> Inbox:
    """Create an inbox: a new address that the agent owns."""
    pod = _pod(context)
    is_unique = given.client_id is not None and not given.client_id_tracks
    if is_unique:
        there = context.tx.one(queries.BY_CLIENT_ID, pod_id=pod.pod_id, client_id=given.client_id)
        if there is not None:
            return there
        away = context.tx.one(trash.TAKEN_CLIENT_ID, pod_id=pod.pod_id, client_id=given.client_id)
        _check_not_away(context, away, f"The inbox with client_id {given.client_id}")
    inbox = _new_inbox(context, given, pod)
    row = {**inbox.model_dump(), "metadata": as_json(inbox.metadata), "address_key": address_key(inbox.address)}
    context.tx.insert(queries.ADD, {**row, "status": inbox.status.value})
    if is_unique:
        named = {"kind": "inbox", "place": inbox.pod_id, "client_id": inbox.client_id, "id": inbox.inbox_id}
        context.tx.insert(counts.ADD_CLIENT_ID, named)
    _write_words(context, inbox)
    context.tx.emit(EventType.INBOX_CREATED, inbox, {"address": inbox.address})
    return inbox


def known(context: Context, given: ByClientId) -> Inbox | None:
    """Return the inbox that a create with this client_id would return, None where it would make one."""
    return context.tx.one(queries.BY_CLIENT_ID, pod_id=_pod(context).pod_id, client_id=given.client_id)


def list_(context: Context, given: ListInboxes) -> Page[Inbox]:
    """List the inboxes, newest first."""
    within, owner = within_reach(context)
    query = queries.page(within, given.ascending)
    if (skip := places.number(given.offset, given.page_token)) is not None:
        total = totals.of_inboxes(context, within, owner or "")
        end = places.from_end("inboxes", ascending=given.ascending)
        return places.leap(
            skip, total, lambda skip: context.tx.all(query, owner=owner, **end, n=given.limit, skip=skip)
        )
    return places.turn(
        "inboxes",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=lambda mark, n: context.tx.all(query, owner=owner, **mark, n=n),
        place=lambda inbox: (inbox.created_at, inbox.inbox_id),
    )


def get(context: Context, given: InboxRef) -> Inbox:
    """Get one inbox."""
    return find_inbox(context, given.inbox_id)


def update(context: Context, given: UpdateInbox) -> Inbox:
    """Change the display name or the status, or merge metadata; what is absent stays."""
    inbox = find_inbox(context, given.inbox_id)
    changed = _changes(inbox, given)
    updated = inbox.model_copy(update={**changed, "updated_at": context.now})
    context.tx.run(
        queries.UPDATE,
        key=inbox.inbox_id,
        display_name=updated.display_name,
        status=updated.status.value,
        metadata=as_json(updated.metadata),
        updated_at=context.now,
    )
    if "display_name" in changed:
        context.tx.run(queries.DELETE_WORDS, inbox_id=inbox.inbox_id)
        _write_words(context, updated)
    return updated


def delete(context: Context, given: DeleteInbox) -> Inbox:
    """Delete an inbox with all its mail, for good; its address becomes free at once. Its API keys must be gone, or go.

    Of one that is in the trash, the keys go along: nobody sees them any more.
    """
    trashed = find_trashed(context, given.inbox_id)
    inbox = trashed or find_inbox(context, given.inbox_id)
    if trashed is None and context.tx.one(keys.OF_INBOX, inbox_id=inbox.inbox_id) is not None:
        if not given.with_keys:
            raise CannotDelete(f"The inbox {inbox.address} has API keys.", fix="Delete the keys of this inbox first.")
        if not context.actor.may("api_key_delete"):
            raise Forbidden("The inbox has API keys, and this key may not delete them.", fix="Use a key that may.")
    return erase(context, inbox)


def erase(context: Context, inbox: Inbox) -> Inbox:
    """Delete an inbox with all that it has, its keys too; its mail leaves the disk afterwards."""
    context.tx.run(trash.DELETE_KEYS, inbox_id=inbox.inbox_id)
    context.tx.run(trash.REMOVE, id=inbox.inbox_id)
    context.tx.run(queries.DELETE_WORDS, inbox_id=inbox.inbox_id)
    context.tx.run(metrics.END_INBOX, key=inbox.inbox_id, now=context.now)
    context.tx.run(queries.DELETE, inbox_id=inbox.inbox_id)
    context.tx.run(labels.DELETE_OF_INBOX, inbox_id=inbox.inbox_id)
    context.tx.run(lists.DELETE_OF_PLACE, place=inbox.inbox_id)
    context.tx.run(trash.REMOVE_DRAFTS, inbox_id=inbox.inbox_id)
    context.tx.run(drafts.DELETE_OF_INBOX, inbox_id=inbox.inbox_id)
    context.tx.run(approvals.DELETE_OF_INBOX, inbox_id=inbox.inbox_id)
    context.tx.run(policies.DELETE, key=inbox.inbox_id)
    context.tx.run(uploads.DELETE_OF_INBOX, inbox_id=inbox.inbox_id)
    owner = {"org_id": inbox.org_id, "pod_id": inbox.pod_id, "inbox_id": inbox.inbox_id}
    context.tx.insert(queries.ADD_PURGE, {**owner, "at": context.now})
    _silence(context, inbox)
    context.tx.emit(EventType.INBOX_DELETED, inbox, {"address": inbox.address})
    context.tx.ring("purge")
    context.tx.ring("inbox")
    return inbox


def _silence(context: Context, inbox: Inbox) -> None:
    """Delete the webhooks of an inbox, and end what others were still to be told of it."""
    context.tx.run(webhooks.DELETE_DELIVERIES_OF_INBOX, inbox_id=inbox.inbox_id)
    context.tx.run(webhooks.DELETE_OF_INBOX, inbox_id=inbox.inbox_id)
    context.tx.run(webhooks.END_OF_INBOX, key=inbox.inbox_id, gone=NotificationState.GONE.value)


def route(context: Context, given: RouteTo) -> Routed:
    """Return where mail for an address goes; an exact address wins over one with a +tag."""
    found = find_mailbox(context, given.address)
    return Routed(mailbox=found, is_ours=found is not None or hosting.is_ours(context, given.address))


def owner_of(context: Context, inbox_id: str | None) -> tuple[Within, str]:
    """Return the column that says whose things are meant, and the inner id of that inbox, pod or organization.

    No inbox: all that the actor reaches. Raises NotFound for one out of reach.
    """
    if inbox_id is not None:
        return "inbox_id", find_inbox(context, inbox_id).inbox_id
    column, owner = context.actor.reach.innermost
    if owner is None:
        raise InvalidInput.at("inbox_id", "is required.")
    return column, owner


def find_inbox(context: Context, inbox_id: str) -> Inbox:
    """Return the inbox that an address or an inner id names. Raises NotFound, out of reach too."""
    if "@" in inbox_id:
        found = context.tx.one(queries.BY_ADDRESS, address_key=address_key(inbox_id.strip()))
    else:
        found = context.tx.one(queries.BY_ID, inbox_id=inbox_id)
    if found is None:
        raise NotFound("inbox", inbox_id, fix="List the inboxes to see those that this key may use.")
    return found


def find_trashed(context: Context, inbox_id: str) -> Inbox | None:
    """Return the inbox in the trash that an address or an inner id names, None where there is none within reach."""
    if "@" in inbox_id:
        row = context.tx.one(trash.TAKEN, address_key=address_key(inbox_id.strip()))
        if row is None:
            return None
        inbox_id = row.id
    return context.tx.one(queries.IN_TRASH, inbox_id=inbox_id)


def find_mailbox(context: Context, address: str) -> Mailbox | None:
    """Return the inbox that mail for `address` reaches, or None."""
    found = context.tx.one(queries.MAILBOX, address_key=address_key(address))
    if found is None and (base := _untagged(context, address)):
        found = context.tx.one(queries.MAILBOX, address_key=base)
    return found if found is not None and hosting.receives(context, found) else None


def find_destination(context: Context, address: str, message_id: str | None) -> tuple[Mailbox, Reference | None] | None:
    """Return the inbox that mail for `address` reaches and what `message_id` is in it so far, or None."""
    found = context.tx.one(queries.DESTINATION, address_key=address_key(address), reference=message_id)
    if found is None and (base := _untagged(context, address)):
        found = context.tx.one(queries.DESTINATION, address_key=base, reference=message_id)
    return found if found is not None and hosting.receives(context, found[0]) else None


def _untagged(context: Context, address: str) -> str | None:
    """Return the key of the address without its tag, None without one; or where an inbox in the trash has the tag."""
    base = plus_base_key(address)
    if base is None or context.tx.one(trash.TAKEN, address_key=address_key(address)) is not None:
        return None
    return base


def within_reach(context: Context) -> tuple[queries.Within, str | None]:
    """Return what the actor's lists of inboxes are kept by, the pod or the organization, and which it is."""
    reach = context.actor.reach
    return ("org_id", reach.org_id) if reach.pod_id is None else ("pod_id", reach.pod_id)


def _pod(context: Context) -> Pod:
    """Return the pod that a new inbox goes into: the one that the actor is confined to, or the default."""
    reach = context.actor.reach
    if reach.inbox_id is not None:
        raise OutOfScope("A key of one inbox makes no other.", fix="Use a key of the organization or of the pod.")
    if reach.pod_id is None:
        pod = context.tx.one(pods.DEFAULT, org_id=reach.org_id)
    else:
        pod = context.tx.one(pods.BY_ID, id=reach.pod_id)
    if pod is None:
        raise NotFound("pod", reach.pod_id or "default")
    return pod


def _write_words(context: Context, inbox: Inbox) -> None:
    owner = {"inbox_id": inbox.inbox_id, "org_id": inbox.org_id, "pod_id": inbox.pod_id}
    for word in words_of(inbox.address, inbox.display_name):
        context.tx.insert(queries.ADD_WORD, {**owner, "word": word})


def _changes(inbox: Inbox, given: UpdateInbox) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if "display_name" in given.model_fields_set:
        changed["display_name"] = _display_name(given.display_name)
    if given.status is not None:
        changed["status"] = given.status
    if "metadata" in given.model_fields_set:
        if given.metadata == {}:
            raise InvalidInput.at("metadata", "has no key.", fix="Give keys to merge, or null to remove all.")
        changed["metadata"] = {} if given.metadata is None else _merged(inbox.metadata, given.metadata)
    if not changed:
        raise InvalidInput("Nothing to change.", fix="Name what is to be changed, such as display_name.")
    return changed


def _is_a_tag(context: Context, address: str, pod: Pod) -> bool:
    """Tell whether mail for an address reaches an inbox of another organization by its tag: it stays theirs."""
    base = plus_base_key(address)
    reached = None if base is None else context.tx.one(queries.MAILBOX, address_key=base)
    return reached is not None and reached.org_id != pod.org_id


def _new_inbox(context: Context, given: CreateInbox, pod: Pod) -> Inbox:
    totals.check_inboxes(context, pod.org_id)
    domain = hosting.domain_for_inbox(context, given.domain or context.house.domain, pod.org_id, pod.pod_id)
    username = check_username(given.username) if given.username else _drawn_name()
    address = f"{username}@{domain}"
    away = context.tx.one(trash.TAKEN, address_key=address_key(address))
    _check_not_away(context, away, f"The address {address}")
    taken = context.tx.one(queries.MAILBOX, address_key=address_key(address))
    if taken is not None or _is_a_tag(context, address, pod):
        raise AddressTaken(f"The address {address} is taken.", fix="Choose another username, or leave it out.")
    return Inbox(
        inbox_id=new_id("inb", context.now),
        org_id=pod.org_id,
        pod_id=pod.pod_id,
        address=address,
        display_name=_display_name(given.display_name),
        client_id=given.client_id,
        status=given.status,
        metadata=_merged({}, given.metadata or {}),
        created_at=context.now,
        updated_at=context.now,
    )


def _check_not_away(context: Context, row: trash.Trashed | None, what: str) -> None:
    """Refuse what belongs to an inbox in the trash; who may not reach that learns no more than that it is taken."""
    if row is None:
        return
    if context.tx.one(queries.IN_TRASH, inbox_id=row.id) is None:
        raise AddressTaken(f"{what} is taken.", fix="Choose another username, or leave it out.")
    fix = "Restore it (undo_delete, or: postroom inboxes restore ADDRESS), or choose another."
    raise AddressTaken(f"{what} is in the trash, where it stays for 30 days.", fix=fix)


def _drawn_name() -> str:
    return "agent-" + "".join(ALPHABET[b & 31] for b in random_bytes(10))


def _display_name(name: str | None) -> str | None:
    if name is not None and not name.isprintable():
        raise InvalidInput.at(
            "display_name", "has characters that cannot be shown.", fix="Leave out control characters."
        )
    return name or None


def _merged(before: dict[str, MetadataValue], changes: Metadata) -> dict[str, MetadataValue]:
    merged = {k: v for k, v in {**before, **changes}.items() if v is not None}
    too_long = any(len(k) > MAX_METADATA or (isinstance(v, str) and len(v) > MAX_METADATA) for k, v in merged.items())
    if any(isinstance(v, int) and abs(v) >= 2**63 for v in merged.values()):
        raise InvalidInput.at("metadata", "a number is over 63 bits.", fix="Give it as a string.")
    if any(isinstance(v, float) and not isfinite(v) for v in merged.values()):
        raise InvalidInput.at("metadata", "a number is not finite.", fix="JSON has no such number.")
    if len(merged) > MAX_METADATA or too_long:
        raise InvalidInput.at("metadata", "at most 256 keys; keys and strings of at most 256 characters.")
    return merged
