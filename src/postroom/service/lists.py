"""Allow and block lists: create, list, get, delete entries; and what they say of an address.

Scopes are asked from the inbox over its pod to its organization: the first that has something to say decides. Inside
one scope block wins over allow, and an allow list that is not empty admits its entries alone.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pydantic import Field

from postroom.model.address import plus_base_key
from postroom.model.errors import Conflict, InvalidInput, NotFound, OutOfScope
from postroom.model.inbox import Mailbox
from postroom.model.lists import Direction, ListEntry, ListType, keys_of, read_entry
from postroom.model.page import Page
from postroom.service import places
from postroom.service.inboxes import find_inbox
from postroom.service.operation import Context, Input
from postroom.store.queries import lists as queries

MAX_REASON = 1000


class ListRef(Input):
    direction: Direction = Field(description="send: to whom; receive: from whom; reply: from whom in answer to us.")
    type: ListType = Field(description="allow or block.")


class CreateEntry(ListRef):
    entry: str = Field(min_length=1, max_length=1000, description="An e-mail address or a domain.")
    reason: str | None = Field(default=None, max_length=MAX_REASON, description="Why; shown with the entry.")


class ListEntries(ListRef):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")


class EntryRef(ListRef):
    entry: str = Field(max_length=1000, description="An e-mail address or a domain, in any spelling.")


class Held(NamedTuple):
    """Who is held and by what: an entry of a block list, or (None) the allow list of the scope `place`."""

    address: str
    place: str
    entry: ListEntry | None


def create(context: Context, given: CreateEntry) -> ListEntry:
    """Put an address or a domain on a list of the organization, or of the pod or inbox that the key is confined to."""
    key, kind = read_entry(given.entry)
    known = _find(context, given, key)
    if known is not None:
        return known
    reach = context.actor.reach
    inbox = find_inbox(context, reach.inbox_id) if reach.inbox_id else None
    if reach.org_id is None:
        raise OutOfScope("A list is an organization's.", fix="Use a key of an organization.")
    entry = ListEntry(
        org_id=reach.org_id,
        pod_id=reach.pod_id,
        inbox_id=reach.inbox_id,
        inbox_address=inbox.address if inbox else None,
        direction=given.direction,
        list_type=given.type,
        entry=key,
        entry_type=kind,
        reason=given.reason or None,
        read_only=False,
        created_at=context.now,
    )
    context.tx.insert(queries.ADD, {**entry.model_dump(mode="json"), "place": _place(context)})
    return entry


def list_(context: Context, given: ListEntries) -> Page[ListEntry]:
    """List the entries of one list, by entry."""

    def fetch(mark: Mapping[str, int | str], n: int) -> list[ListEntry]:
        after = "" if mark["at"] == places.FIRST[0] else mark["seq"]
        return context.tx.all(queries.PAGE, **_list(context, given), after=after, n=n)

    return places.turn(
        "lists",
        given.page_token,
        ascending=True,
        limit=given.limit,
        fetch=fetch,
        place=lambda entry: (0, entry.entry),
    )


def get(context: Context, given: EntryRef) -> ListEntry:
    """Get one entry of a list."""
    try:
        found = _find(context, given, read_entry(given.entry).key)
    except InvalidInput:  # what cannot be on a list is not there
        found = None
    if found is None:
        raise NotFound("entry", given.entry, fix="List the entries of this list to see those that are there.")
    return found


def delete(context: Context, given: EntryRef) -> ListEntry:
    """Take an entry off a list; those that Postroom keeps itself stay."""
    found = get(context, given)
    if found.read_only:
        raise Conflict(
            f"{found.entry} was put on this list by Postroom and stays.", fix="Nothing to do: it cannot be removed."
        )
    context.tx.run(queries.DELETE, **_list(context, given), key=found.entry)
    return found


def held(context: Context, mailbox: Mailbox, direction: Direction, addresses: Iterable[str]) -> Held | None:
    """Return the first of `addresses` that the lists of an inbox, its pod and its organization hold; None: all pass."""
    scopes = {"inbox": mailbox.inbox_id, "pod": mailbox.pod_id, "org": mailbox.org_id}
    any_entry, *are_allowing = context.tx.one(queries.ALLOWING, direction=direction.value, **scopes) or (False,)
    if not any_entry:
        return None
    allowing = tuple(zip(scopes.values(), are_allowing, strict=True))
    for address in addresses:
        found = _judge(address, allowing, _fitting(context, direction, address, scopes))
        if found is not None:
            return found
    return None


def suppress(context: Context, mailbox: Mailbox, address: str, reason: str) -> bool:
    """Keep an inbox from writing to an address; tell whether the list had no entry of it yet. Nobody can remove it."""
    key, kind = read_entry(address)
    place = {"place": mailbox.inbox_id, "direction": Direction.SEND.value, "list_type": ListType.BLOCK.value}
    if context.tx.one(queries.ONE, **place, entry=key) is not None:
        return False
    entry = ListEntry(
        org_id=mailbox.org_id,
        pod_id=mailbox.pod_id,
        inbox_id=mailbox.inbox_id,
        inbox_address=mailbox.address,
        direction=Direction.SEND,
        list_type=ListType.BLOCK,
        entry=key,
        entry_type=kind,
        reason=reason[:MAX_REASON],
        read_only=True,
        created_at=context.now,
    )
    context.tx.insert(queries.ADD, {**entry.model_dump(mode="json"), "place": mailbox.inbox_id})
    return True


def _fitting(
    context: Context, direction: Direction, address: str, scopes: Mapping[str, str]
) -> list[tuple[str, ListEntry]]:
    """Return the entries that an address falls under. A tag (`name+tag@host`) gets nobody around the block of a name,
    and is not admitted with it: not every host reads tags.
    """
    key, domain = keys_of(address)
    base = plus_base_key(address) or key
    rows = context.tx.all(queries.FITTING, direction=direction.value, address=key, base=base, domain=domain, **scopes)
    return [row for row in rows if row[1].list_type is ListType.BLOCK or row[1].entry in (key, domain)]


def _judge(address: str, allowing: Iterable[tuple[str, bool]], fitting: Iterable[tuple[str, ListEntry]]) -> Held | None:
    """Ask the scopes in order; `allowing` says of each whether its allow list has any entry."""
    by_type = {(place, entry.list_type): entry for place, entry in fitting}
    for place, has_allow_list in allowing:
        blocked = by_type.get((place, ListType.BLOCK))
        if blocked is not None:
            return Held(address, place, blocked)
        if (place, ListType.ALLOW) in by_type:
            return None
        if has_allow_list:
            return Held(address, place, None)
    return None


def _find(context: Context, given: ListRef, key: str) -> ListEntry | None:
    return context.tx.one(queries.ONE, **_list(context, given), entry=key)


def _list(context: Context, given: ListRef) -> dict[str, str | None]:
    return {"place": _place(context), "direction": given.direction.value, "list_type": given.type.value}


def _place(context: Context) -> str | None:
    """Return the innermost of inbox, pod and organization that the actor is confined to: the lists are that one's."""
    reach = context.actor.reach
    return reach.inbox_id or reach.pod_id or reach.org_id
