"""Says beside From who wrote what an agent's lists show: how far it was verified, and who the sender is to the inbox.

Proves nothing, and shows no body.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from postroom.model.address import address_key
from postroom.model.message import Listed, MessageLine, MessageSummary
from postroom.model.page import Page
from postroom.model.thread import Thread
from postroom.service import contacts, messages, threads
from postroom.service.contacts import Contact, Standing, standing
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.operation import Context
from postroom.service.reading import Verdict, verdict
from postroom.store.queries import messages as queries

LOOKED_AT = 50  # newest messages of a thread; whoever wrote in a longer one before them counts as outside
_NOBODY = Contact()
_CAREFUL: tuple[Standing, ...] = ("first_contact", "known", "written_to")  # the least known first


class Introduction(NamedTuple):
    """How far a sender was verified, and who he is to the inbox."""

    verdict: Verdict
    standing: Standing


class ListedMessages(NamedTuple):
    """A page of messages, and who wrote each, by its number."""

    page: Page[MessageLine] | Page[MessageSummary]
    senders: Mapping[int, Introduction]


class ListedThreads(NamedTuple):
    """A page of threads, and for each, by its number, who of those in it is known least."""

    page: Page[Thread]
    senders: Mapping[int, Introduction]


class SendersOf(InboxRef):
    """Messages of an inbox by their inner ids."""

    ids: tuple[str, ...]


def list_messages(context: Context, given: messages.ListMessages) -> ListedMessages:
    """List the messages of an inbox, with who wrote each."""
    page = messages.list_(context, given)
    return ListedMessages(page, of_messages(context, page.items))


def search_messages(context: Context, given: messages.SearchMessages) -> ListedMessages:
    """Search messages, with who wrote each that was found."""
    page = messages.search(context, given)
    return ListedMessages(page, of_messages(context, page.items))


def list_threads(context: Context, given: threads.ListThreads) -> ListedThreads:
    """List threads, with who of those in each is known least."""
    page = threads.list_(context, given)
    return ListedThreads(page, of_threads(context, page.items))


def search_threads(context: Context, given: threads.SearchThreads) -> ListedThreads:
    """Search threads, with who of those in each is known least."""
    page = threads.search(context, given)
    return ListedThreads(page, of_threads(context, page.items))


def find(context: Context, given: SendersOf) -> Mapping[int, Introduction]:
    """Say who wrote some messages of an inbox, by the number of each; others are left out."""
    inbox = find_inbox(context, given.inbox_id)
    found = [context.tx.one(queries.BY_ID, id=inner) for inner in given.ids]
    return of_messages(context, [one for one in found if one is not None and one.inbox_id == inbox.inbox_id])


def of_messages(context: Context, listed: Sequence[Listed]) -> dict[int, Introduction]:
    """Return who wrote each of these messages, by its number."""
    outside = ((message.inbox_id, message.from_) for message in listed if message.origin not in ("sent", "local"))
    known = _contacts(context, outside)
    found: dict[int, Introduction] = {}
    for message in listed:
        contact = known.get((message.inbox_id, message.from_), _NOBODY)
        who = standing(message.origin, contact, message.timestamp)
        found[message.seq] = Introduction(verdict(message.origin, bool(message.tainted)), who)
    return found


def of_threads(context: Context, listed: Sequence[Thread]) -> dict[int, Introduction]:
    """Return who of those in each of these threads is known least, by the thread's number."""
    ways = {thread.seq: _verdicts(context, thread) for thread in listed}
    outside = [thread for thread in listed if "unchecked" in ways[thread.seq]]
    known = _contacts(context, ((thread.inbox_id, sender) for thread in outside for sender in _others(thread)))
    found = {thread.seq: _inside(thread, ways[thread.seq]) for thread in listed}
    for thread in outside:
        people = [known.get((thread.inbox_id, sender), _NOBODY) for sender in _others(thread)] or [_NOBODY]
        standings = {standing("smtp", contact, thread.timestamp) for contact in people}
        found[thread.seq] = Introduction("unchecked", next(one for one in _CAREFUL if one in standings))
    return found


def _inside(thread: Thread, ways: set[Verdict]) -> Introduction:
    if "received" not in thread.labels:
        return Introduction("own", "this_inbox")
    return Introduction("tainted" if "tainted" in ways else "local", "inbox_here")


def _verdicts(context: Context, thread: Thread) -> set[Verdict]:
    """Return how far the messages of a thread are verified; what is beyond LOOKED_AT is not."""
    if "received" not in thread.labels:
        return set()
    newest = context.tx.all(queries.ORIGINS_OF_THREAD, thread_id=thread.thread_id, n=LOOKED_AT)
    unseen: set[Verdict] = {"unchecked"} if thread.message_count > len(newest) else set()
    return unseen | {verdict(origin, tainted) for origin, tainted in newest}


def _others(thread: Thread) -> list[str]:
    """Return those who wrote in a thread besides its inbox."""
    own = address_key(thread.inbox_address)
    return [sender for sender in thread.senders[:LOOKED_AT] if contacts.key_of(sender) != own]


def _contacts(context: Context, parties: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Contact]:
    """Return what is known of people, each given by the inner id of an inbox and a From as lists show it."""
    of_inbox: dict[str, dict[str, None]] = defaultdict(dict)
    for inbox_id, shown in parties:
        of_inbox[inbox_id][shown] = None
    return {
        (inbox_id, shown): contact
        for inbox_id, people in of_inbox.items()
        for shown, contact in contacts.of_people(context, inbox_id, people).items()
    }
