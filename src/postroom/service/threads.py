"""Threads: list them, get one with its messages."""

from pydantic import Field

from postroom.model.errors import NotFound
from postroom.model.message import Message
from postroom.model.page import Page
from postroom.model.record import Record
from postroom.model.thread import Thread
from postroom.service import places
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.messages import Moment, Strings
from postroom.service.operation import Context
from postroom.store.queries import messages, threads


class ListThreads(InboxRef):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the page before.")
    labels: Strings = Field(default=(), description="Only threads that have all these labels.")
    before: Moment | None = Field(default=None, description="Only threads whose last message is before this time.")
    after: Moment | None = Field(default=None, description="Only threads whose last message is at or after this time.")
    ascending: bool = Field(default=False, description="Oldest first.")


class GetThread(InboxRef):
    thread_id: str = Field(description="The thread (thd_…).")
    limit: int = Field(default=20, ge=1, le=100, description="At most this many of its newest messages.")


class Conversation(Record):
    """A thread with its newest messages, oldest of them first; `left_out` counts those before them."""

    thread: Thread
    messages: tuple[Message, ...]
    left_out: int


def list_(context: Context, given: ListThreads) -> Page[Thread]:
    """List the threads of an inbox, the one with the newest message first."""
    inbox = find_inbox(context, given.inbox_id)
    wanted = {label.strip().lower() for label in given.labels}
    span = {"since": given.after or 0, "until": places.EVER if given.before is None else given.before}

    def fetch(place: dict[str, int | str], n: int) -> list[Thread]:
        query = threads.page(given.ascending)
        return context.tx.all(query, inbox_id=inbox.inbox_id, **span, **place, n=n)

    return places.walk(
        "threads",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=fetch,
        keep=lambda thread: wanted <= set(thread.labels),
    )


def get(context: Context, given: GetThread) -> Conversation:
    """Get a thread with its messages."""
    inbox = find_inbox(context, given.inbox_id)
    thread = context.tx.one(threads.BY_ID, id=given.thread_id.strip())
    if thread is None or thread.inbox_id != inbox.inbox_id:
        raise NotFound("thread", given.thread_id, fix=f"List the threads of {inbox.address} to see their ids.")
    newest = context.tx.all(messages.OF_THREAD, thread_id=thread.thread_id, n=given.limit)
    full = [m for s in reversed(newest) if (m := context.tx.one(messages.FULL, seq=s.seq)) is not None]
    return Conversation(thread=thread, messages=tuple(full), left_out=max(0, thread.message_count - len(full)))
