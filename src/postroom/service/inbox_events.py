"""The journal of an inbox: which label was put on which message, or taken off, and when. Changes nothing."""

from pydantic import Field

from postroom.model.event import LabelChange
from postroom.model.page import Page
from postroom.model.record import Record
from postroom.service import places
from postroom.service.hidden import is_visible
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.operation import Context
from postroom.store.queries import events


class ListEvents(InboxRef):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")


class Journal(Record):
    """A part of the journal of the inbox with this address."""

    address: str
    items: tuple[LabelChange, ...]
    next_page_token: str | None


def list_(context: Context, given: ListEvents) -> Journal:
    """List what was done to the labels of an inbox, newest first."""
    inbox = find_inbox(context, given.inbox_id)
    query = events.page_of_labels(given.ascending)

    def fetch(place: dict[str, int | str], n: int) -> list[LabelChange]:
        return context.tx.all(query, inbox_id=inbox.inbox_id, seq=place["seq"], n=n)

    page: Page[LabelChange] = places.walk(
        "inbox_events",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=fetch,
        keep=lambda change: is_visible(context, (change.label,)),
    )
    return Journal(address=inbox.address, items=page.items, next_page_token=page.next_page_token)
