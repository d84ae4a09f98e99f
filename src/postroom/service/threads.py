"""Threads of an inbox, a pod or an organization: list, search, get, label."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from pydantic import Field

from postroom.model.errors import InvalidInput, NotFound, Unprocessable
from postroom.model.message import HIDDEN, Message, MessageLine, MessageSummary
from postroom.model.page import Page
from postroom.model.record import Record
from postroom.model.thread import Thread
from postroom.service import highlights as marks
from postroom.service import numbered, places, taint
from postroom.service.contacts import Contact, of_senders
from postroom.service.hidden import WithHidden, is_visible, left_out
from postroom.service.inboxes import find_inbox, owner_of
from postroom.service.labels import folded
from postroom.service.messages import (
    Located,
    Moment,
    Strings,
    changed_by,
    contains,
    find_listed,
    follow_labels,
    relabel,
)
from postroom.service.operation import BY_PLACE, Context, Input
from postroom.store import search as index
from postroom.store.queries import messages, threads
from postroom.store.queries.messages import NewText
from postroom.store.query import Query

T = TypeVar("T")
MAX_LABELLED = 99  # messages of a thread that one call labels
_MAX_BODIES = 8_000_000  # characters of a page of whole messages
_LOOKED_AT = 5  # messages that a search looks at for each thread of a page


class ThreadsOf(Input):
    """Whose threads are meant: of one inbox, or when it is absent of all that the key reaches."""

    inbox_id: str | None = Field(default=None, description="Its address.", json_schema_extra=BY_PLACE)


class ListThreads(WithHidden, places.ByNumber, ThreadsOf):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    labels: Strings = Field(default=(), description="With all these labels.")
    before: Moment | None = Field(default=None, description="Only before this time (RFC 3339).")
    after: Moment | None = Field(default=None, description="Only at or after this time (RFC 3339).")
    ascending: bool = Field(default=False, description="Oldest first.")
    senders: Strings = Field(default=(), description="Whose senders contain all these.")
    recipients: Strings = Field(default=(), description="Whose recipients contain all these.")
    subject: Strings = Field(default=(), description="Whose subject contains all these.")


class SearchThreads(ThreadsOf):
    q: str = Field(min_length=1, max_length=500, description='Words to find; "quoted words" are found as a phrase.')
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    before: Moment | None = Field(default=None, description="Only before this time (RFC 3339).")
    after: Moment | None = Field(default=None, description="Only at or after this time (RFC 3339).")


class ThreadRef(ThreadsOf):
    thread_id: str = Field(description="The thread (thd_…).")


class GetThread(ThreadRef):
    limit: int = Field(default=20, ge=1, le=100, description="At most this many of its newest messages.")
    page_token: str | None = Field(default=None, description="next_page_token of the page before: older messages.")


class ThreadAttachmentRef(ThreadRef):
    attachment_id: str = Field(description="The attachment, as its message lists it.")


class UpdateThread(ThreadRef):
    add_labels: tuple[str, ...] = Field(default=(), description="Labels to add to all its messages.")
    remove_labels: tuple[str, ...] = Field(default=(), description="Labels to take off all its messages.")


class NewTextsOf(Input):
    """Messages by their numbers."""

    seqs: tuple[int, ...]


class OutlineOf(GetThread):
    """A thread, with the texts of its newest messages as far as `portion` bytes of messages reach."""

    portion: int


class Outline(NamedTuple):
    """A thread and its newest messages without their bodies, newest first; `left_out` counts all others.

    `texts` has what is new in the first portion of them, by their numbers; `whole` is the text and the HTML of the
    newest, where it quotes history; `contacts` says what is known of their senders, by From; `next_page_token` gives
    the messages before them.
    """

    thread: Thread
    messages: tuple[MessageLine, ...]
    texts: dict[int, NewText]
    whole: tuple[str | None, str | None] | None
    contacts: dict[str, Contact]
    left_out: int
    next_page_token: str | None


class Conversation(Record):
    """A thread with its newest messages, oldest of them first; `left_out` counts all others.

    `next_page_token` gives those before them, None where there are none.
    """

    thread: Thread
    messages: tuple[Message, ...]
    left_out: int
    next_page_token: str | None


def list_(context: Context, given: ListThreads) -> Page[Thread]:
    """List the threads of an inbox, or of all inboxes, the one with the newest message first."""
    by, owner = owner_of(context, given.inbox_id)
    if places.number(given.offset, given.page_token) is not None:
        return _numbered(context, given, owner if by == "inbox_id" else None)
    query = threads.page(given.ascending, by)
    span = places.span(given.after, given.before)

    def fetch(place: dict[str, int | str], n: int) -> list[Thread]:
        return context.tx.all(query, owner=owner, **span, **place, n=n)

    return places.walk(
        "threads",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=fetch,
        keep=_filter(given, left_out(context, given, folded(given.labels))),
        **span,
    )


def _numbered(context: Context, given: ListThreads, inbox_id: str | None) -> Page[Thread]:
    if inbox_id is None or given.labels or given.senders or given.recipients or given.subject:
        raise InvalidInput.at("offset", "a page by number is of one inbox, without filters.", fix="Use page_token.")
    wanted = numbered.Wanted(
        inbox_id=inbox_id,
        limit=given.limit,
        offset=given.offset or 0,
        ascending=given.ascending,
        hidden=left_out(context, given),
        since=given.after,
        until=given.before,
    )
    return numbered.threads(context, wanted)


def search(context: Context, given: SearchThreads) -> marks.Hits[Thread]:
    """Search threads for words, the one with the newest such message first; what lists leave out is never found."""
    above = int(places.opened("thread_search", given.page_token)[1]) if given.page_token else places.EVER
    look = _Look(context, owner_of(context, given.inbox_id)[1], given, above)
    most = _LOOKED_AT * given.limit
    seqs = look.find(most + 1)
    found: dict[str, tuple[Thread, MessageSummary]] = {}
    last = above
    for last in seqs[:most]:
        look.add(last, found)
        if len(found) == given.limit:
            break
    token = places.seal("thread_search", (0, last)) if seqs and last != seqs[-1] else None
    shown = marks.highlights(context, given.q, [message for _thread, message in found.values()])
    return marks.Hits(items=tuple(t for t, _m in found.values()), next_page_token=token, highlights=shown)


class _Look:
    """A search for threads, from the messages below the row number `above` on."""

    def __init__(self, context: Context, owner: str, given: SearchThreads, above: int) -> None:
        until = places.EVER if given.before is None else given.before
        self._context = context
        self._words = (owner, given.q)
        self._above = above
        self._since, self._until = given.after or 0, until

    def find(self, n: int) -> list[int]:
        """Return the row numbers of the next messages that have the words."""
        return list(
            index.find(self._context.tx, *self._words, below=self._above, since=self._since, until=self._until, n=n)
        )

    def add(self, seq: int, found: dict[str, tuple[Thread, MessageSummary]]) -> None:
        """Add the thread of a message, with it, unless that is hidden, or was shown for a newer message."""
        tx = self._context.tx
        message = tx.one(messages.BY_SEQ, seq=seq)
        if message is None or message.thread_id in found:
            return
        thread = tx.one(threads.BY_ID, id=message.thread_id)
        if thread is None or not frozenset(HIDDEN).isdisjoint(thread.labels):
            return
        if self._above == places.EVER or not index.is_in_newer(
            tx, *self._words, thread_id=thread.thread_id, above=self._above, since=self._since, until=self._until
        ):
            found[thread.thread_id] = (thread, message)


def outline(context: Context, given: OutlineOf) -> Outline:
    """Get a thread with its messages as lists show them."""
    thread = find_thread(context, given)
    listed = _page(context, messages.LINES_OF_THREAD, thread, given, given.limit + 1)
    newest = tuple(listed[: given.limit])
    more = len(newest) < len(listed)
    texts = new_texts(context, NewTextsOf(seqs=tuple(m.seq for m in next(portions(newest, given.portion), []))))
    first = texts.get(newest[0].seq) if newest and given.page_token is None else None
    return Outline(
        thread=thread,
        messages=newest,
        texts=texts,
        whole=context.tx.one(messages.BODIES, seq=first.seq) if first is not None and first.more else None,
        contacts=of_senders(context, newest),
        left_out=max(0, thread.message_count - len(newest)),
        next_page_token=places.seal("thread", (newest[-1].timestamp, newest[-1].seq)) if more else None,
    )


def portions(messages: Iterable[MessageLine], size: int) -> Iterator[list[MessageLine]]:
    """Yield messages in lists of at most `size` bytes, or of one message."""
    portion: list[MessageLine] = []
    room = size
    for message in messages:
        if portion and message.size > room:
            yield portion
            portion, room = [], size
        portion.append(message)
        room -= message.size
    if portion:
        yield portion


def get(context: Context, given: GetThread) -> Conversation:
    """Get a thread with its messages, the newest page of them when no other is named."""
    thread = find_thread(context, given)
    listed = _page(context, messages.OF_THREAD, thread, given, given.limit + 1)
    full: list[Message] = []
    room = _MAX_BODIES
    for summary in listed[: given.limit]:
        if (message := context.tx.one(messages.FULL, seq=summary.seq)) is not None:
            full.append(message)
            taint.shows(context, message)
            room -= len(message.text or "") + len(message.html or "")
        if room < 0:
            break
    more = len(full) < len(listed)
    return Conversation(
        thread=thread,
        messages=tuple(reversed(full)),
        left_out=max(0, thread.message_count - len(full)),
        next_page_token=places.seal("thread", (full[-1].timestamp, full[-1].seq)) if more else None,
    )


def update(context: Context, given: UpdateThread) -> Thread:
    """Add and remove labels of all messages of a thread; one that is added and removed is removed."""
    thread = find_thread(context, given)
    change = changed_by(given.add_labels, given.remove_labels)
    if thread.message_count > MAX_LABELLED:
        raise Unprocessable(
            f"The thread has {thread.message_count} messages, too many for one change.",
            fix=f"Label its messages; threads of at most {MAX_LABELLED} are labelled whole.",
        )
    at, seq = places.LAST
    for message in context.tx.all(messages.OF_THREAD, thread_id=thread.thread_id, at=at, seq=seq, n=MAX_LABELLED):
        after = change(message)
        if after != set(message.labels):
            relabel(context, message, after)
    follow_labels(context, thread.thread_id)
    return context.tx.one(threads.BY_ID, id=thread.thread_id) or thread


def find_attachment(context: Context, given: ThreadAttachmentRef) -> Located:
    """Say what an attachment of a message of a thread is, without its bytes."""
    thread = find_thread(context, given)
    # An attachment is named after its message: att_<message>_<part>.
    inner = f"msg_{given.attachment_id.removeprefix('att_').rpartition('_')[0]}"
    message = context.tx.one(messages.BY_ID, id=inner)
    if message is None or message.thread_id != thread.thread_id:
        raise NotFound("attachment", given.attachment_id, fix="Get the thread: its messages list what they have.")
    taint.reads(context, message)
    return find_listed(message, given.attachment_id)


def new_texts(context: Context, given: NewTextsOf) -> dict[int, NewText]:
    """Get what is new in messages, by their numbers; one that was deleted meanwhile is missing."""
    texts = {text.seq: text for text in context.tx.among(messages.NEW_TEXTS, messages.SEQS, given.seqs)}
    for text in texts.values():
        if text.origin != "sent" or text.tainted:
            taint.reads(context, text)
    return texts


def find_thread(context: Context, given: ThreadRef) -> Thread:
    """Return the thread that an id names. Raises NotFound, for what is hidden from who asks and out of reach too."""
    inbox = None if given.inbox_id is None else find_inbox(context, given.inbox_id)
    thread = context.tx.one(threads.BY_ID, id=given.thread_id.strip())
    mine = thread is not None and (inbox is None or thread.inbox_id == inbox.inbox_id)
    if thread is None or not mine or not is_visible(context, thread.labels):
        where = f" of {inbox.address}" if inbox else ""
        raise NotFound("thread", given.thread_id, fix=f"List the threads{where} to see their ids.")
    return thread


def _page(context: Context, query: Query[T], thread: Thread, given: GetThread, n: int) -> list[T]:
    place = places.window("thread", given.page_token, ascending=False)
    return context.tx.all(query, thread_id=thread.thread_id, **place, n=n)


def _filter(given: ListThreads, hidden: frozenset[str]) -> Callable[[Thread], bool]:
    wanted = frozenset(folded(given.labels))

    def keep(thread: Thread) -> bool:
        return (
            hidden.isdisjoint(thread.labels)
            and wanted.issubset(thread.labels)
            and contains(" ".join(thread.senders), given.senders)
            and contains(" ".join(thread.recipients), given.recipients)
            and contains(thread.subject or "", given.subject)
        )

    return keep
