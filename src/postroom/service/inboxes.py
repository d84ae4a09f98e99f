"""Inboxes: create, list, get, update, delete."""

from math import isfinite
from typing import Any

from pydantic import Field

from postroom.model.address import address_key, check_username, domain_key, plus_base_key
from postroom.model.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from postroom.model.event import EventType
from postroom.model.ids import ALPHABET, new_id, random_bytes
from postroom.model.inbox import Inbox, Mailbox, MetadataValue
from postroom.model.page import Page
from postroom.service import places
from postroom.service.operation import Context, Input
from postroom.store.json import as_json
from postroom.store.queries import inboxes as queries
from postroom.store.queries import tenants
from postroom.store.queries.messages import Reference

MAX_METADATA = 256
Metadata = dict[str, MetadataValue | None]


class CreateInbox(Input):
    username: str | None = Field(default=None, description="The part before the @; drawn at random when absent.")
    domain: str | None = Field(default=None, description="The domain of the address; the server's own when absent.")
    display_name: str | None = Field(default=None, max_length=256, description="The name that recipients see.")
    client_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9\-._~]{1,256}$",
        description="Your own id: a second create with it returns the first inbox.",
    )
    metadata: Metadata | None = Field(default=None, description="Up to 256 keys with string, number or bool values.")


class InboxRef(Input):
    inbox_id: str = Field(description="The inbox: its e-mail address.")


class ListInboxes(Input):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the page before.")


class UpdateInbox(InboxRef):
    display_name: str | None = Field(default=None, max_length=256, description="The name that recipients see.")
    metadata: Metadata | None = Field(default=None, description="Merged into what is there; null removes a key.")


class RouteTo(Input):
    """An address as it stands in RCPT TO."""

    address: str


def create(context: Context, given: CreateInbox) -> Inbox:
    """Create an inbox: a new address that the agent owns."""
    org_id = _organization(context)
    if given.client_id is not None:
        known = context.tx.one(queries.BY_CLIENT_ID, org_id=org_id, client_id=given.client_id)
        if known is not None:
            return known
    inbox = _new_inbox(context, given, org_id)
    row = {**inbox.model_dump(), "metadata": as_json(inbox.metadata), "address_key": address_key(inbox.address)}
    context.tx.insert(queries.ADD, row)
    context.tx.emit(
        EventType.INBOX_CREATED,
        {"address": inbox.address},
        org_id=inbox.org_id,
        pod_id=inbox.pod_id,
        inbox_id=inbox.inbox_id,
    )
    return inbox


def list_(context: Context, given: ListInboxes) -> Page[Inbox]:
    """List the inboxes, newest first."""
    mark = places.window("inboxes", given.page_token, ascending=False)
    below = mark["seq"] if isinstance(mark["seq"], str) else "~"
    found = context.tx.all(
        queries.PAGE, org_id=context.actor.reach.org_id, at=mark["at"], below=below, n=given.limit + 1
    )
    items = found[: given.limit]
    more = len(found) > given.limit
    token = places.seal("inboxes", (items[-1].created_at, items[-1].inbox_id)) if more else None
    return Page(items=tuple(items), next_page_token=token)


def get(context: Context, given: InboxRef) -> Inbox:
    """Get one inbox."""
    return find_inbox(context, given.inbox_id)


def update(context: Context, given: UpdateInbox) -> Inbox:
    """Change the display name or merge metadata; what is absent stays."""
    inbox = find_inbox(context, given.inbox_id)
    if not given.model_fields_set & {"display_name", "metadata"}:
        raise InvalidInput("Nothing to change.", fix="Give display_name or metadata.")
    changed: dict[str, Any] = {"updated_at": context.now}
    if "display_name" in given.model_fields_set:
        changed["display_name"] = _display_name(given.display_name)
    if "metadata" in given.model_fields_set:
        changed["metadata"] = {} if given.metadata is None else _merged(inbox.metadata, given.metadata)
    updated = inbox.model_copy(update=changed)
    context.tx.run(
        queries.UPDATE,
        key=inbox.inbox_id,
        display_name=updated.display_name,
        metadata=as_json(updated.metadata),
        updated_at=context.now,
    )
    return updated


def delete(context: Context, given: InboxRef) -> Inbox:
    """Delete an inbox with all its mail, for good; its address becomes free at once."""
    inbox = find_inbox(context, given.inbox_id)
    context.tx.run(queries.DELETE, inbox_id=inbox.inbox_id)
    context.tx.run(tenants.DELETE_KEYS_OF_INBOX, inbox_id=inbox.inbox_id)
    context.tx.insert(queries.ADD_PURGE, {**_owner(inbox), "at": context.now})
    context.tx.emit(EventType.INBOX_DELETED, {"address": inbox.address}, **_owner(inbox))
    context.tx.ring("purge")
    context.tx.ring("inbox")
    return inbox


def route(context: Context, given: RouteTo) -> Mailbox | None:
    """Return where mail for an address goes; an exact address wins over one with a +tag."""
    return find_mailbox(context, given.address)


def find_inbox(context: Context, inbox_id: str) -> Inbox:
    """Return the inbox that an address or an inner id names. Raises NotFound, out of reach too."""
    if "@" in inbox_id:
        found = context.tx.one(queries.BY_ADDRESS, address_key=address_key(inbox_id.strip()))
    else:
        found = context.tx.one(queries.BY_ID, inbox_id=inbox_id)
    if found is None:
        raise NotFound("inbox", inbox_id, fix="List the inboxes to see those that this key may use.")
    return found


def find_mailbox(context: Context, address: str) -> Mailbox | None:
    """Return the inbox that mail for `address` reaches, or None."""
    found = context.tx.one(queries.MAILBOX, address_key=address_key(address))
    if found is None and (base := plus_base_key(address)):
        found = context.tx.one(queries.MAILBOX, address_key=base)
    return found


def find_destination(context: Context, address: str, message_id: str | None) -> tuple[Mailbox, Reference | None] | None:
    """Return the inbox that mail for `address` reaches and what `message_id` is in it so far, or None."""
    found = context.tx.one(queries.DESTINATION, address_key=address_key(address), reference=message_id)
    if found is None and (base := plus_base_key(address)):
        found = context.tx.one(queries.DESTINATION, address_key=base, reference=message_id)
    return found


def _organization(context: Context) -> str:
    reach = context.actor.reach
    if reach.org_id is None or reach.inbox_id is not None:
        raise Conflict("A key of one inbox makes no other.", fix="Use a key of the organization.")
    return reach.org_id


def _new_inbox(context: Context, given: CreateInbox, org_id: str) -> Inbox:
    domain = given.domain or context.house.domain
    if domain_key(domain) != domain_key(context.house.domain):
        raise InvalidInput.at(
            "domain", f"{domain!r} is not a domain of this server.", fix=f"Use {context.house.domain}."
        )
    username = check_username(given.username) if given.username else _drawn_name()
    address = f"{username}@{context.house.domain}"
    if context.tx.one(queries.MAILBOX, address_key=address_key(address)) is not None:
        raise AlreadyExists(f"The address {address} is taken.", fix="Choose another username, or leave it out.")
    pod = context.tx.one(tenants.DEFAULT_POD, org_id=org_id)
    if pod is None:
        raise NotFound("pod", org_id)
    return Inbox(
        inbox_id=new_id("inb", context.now),
        org_id=org_id,
        pod_id=context.actor.reach.pod_id or pod.pod_id,
        address=address,
        display_name=_display_name(given.display_name),
        client_id=given.client_id,
        metadata=_merged({}, given.metadata or {}),
        created_at=context.now,
        updated_at=context.now,
    )


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


def _owner(inbox: Inbox) -> dict[str, str]:
    return {"org_id": inbox.org_id, "pod_id": inbox.pod_id, "inbox_id": inbox.inbox_id}
