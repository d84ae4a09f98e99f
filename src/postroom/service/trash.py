"""The trash: messages, threads, drafts and inboxes that were deleted. They can be brought back for 30 days, then go.

A message in it has the label `trash`, which hides it as any caller's label does; only one that was deleted goes of
itself. An inbox in it is absent for everybody: no list, no mail, no key, no webhook and no draft of it works.
"""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from postroom.model.draft import DraftSummary
from postroom.model.event import EventType
from postroom.model.inbox import Inbox
from postroom.model.message import MessageSummary
from postroom.model.page import Page
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service import places
from postroom.service.deleting import DeleteSome, erase_message
from postroom.service.draft_wording import DraftRef
from postroom.service.drafts import find_draft, take_out
from postroom.service.drafts import find_trashed as find_trashed_draft
from postroom.service.hidden import is_visible
from postroom.service.inboxes import TRASH_MS, InboxRef, erase, find_inbox, find_trashed, owner_of
from postroom.service.messages import MessageRef, find_message, follow_labels, relabel, set_labels
from postroom.service.operation import BY_PLACE, Answer, Context, Input
from postroom.service.places import LAST
from postroom.service.threads import ThreadRef, find_thread
from postroom.service.upkeep import Batch
from postroom.store.queries import drafts, messages, threads
from postroom.store.queries import inboxes as inbox_queries
from postroom.store.queries import trash as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LABEL = "trash"
_STEP = 100  # messages
_CHARACTERS = 1_000_000  # a quarter of a second where it is HTML
_LATE = "Its inbox was in the trash when it was to be sent."


class ListTrash(Input):
    inbox_id: str | None = Field(
        default=None, description="Its address; all inboxes when absent.", json_schema_extra=BY_PLACE
    )
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")


class Look(InboxRef):
    """Things of an inbox that may be in the trash."""

    message_id: str | None = None
    thread_id: str | None = None
    draft_id: str | None = None


class BroughtBack(Record):
    """An inbox that was asked back: whether it was in the trash, and how many drafts that were due have failed."""

    inbox: Inbox
    was_there: bool
    failed: int


class TrashItem(Record):
    """What is in the trash, an inbox, a message or a draft: since when, and until when (UTC milliseconds)."""

    inbox: Inbox | None = None
    message: MessageSummary | None = None
    draft: DraftSummary | None = None
    at: int
    until: int


class InTrash(Record):
    """What was put into the trash, and until when (UTC milliseconds) it can be brought back.

    `message_count`: how many messages its thread has, which lists leave out as long as one of them is in the trash.
    """

    inbox_id: str  # the address
    message_id: str | None = None  # public id
    thread_id: str | None = None
    draft_id: str | None = None
    message_count: int | None = None
    until: int


def list_(context: Context, given: ListTrash) -> Page[TrashItem]:
    """List what can be brought back from the trash, what was deleted last first."""
    within, owner = owner_of(context, given.inbox_id)
    page = places.turn(
        "trash",
        given.page_token,
        ascending=False,
        limit=given.limit,
        fetch=lambda mark, n: context.tx.all(queries.page(within), owner=owner, **mark, n=n),
        place=lambda row: (row.at, row.id),
    )
    items = tuple(item for row in page.items if (item := _item(context, row)) is not None)
    return Page(items=items, next_page_token=page.next_page_token)


def _item(context: Context, row: queries.Trashed) -> TrashItem | None:
    """Return what a row stands for, None where whoever asks may not see it."""
    times = {"at": row.at, "until": row.at + TRASH_MS}
    if row.id == row.inbox_id:
        inbox = context.tx.one(inbox_queries.IN_TRASH, inbox_id=row.id) if context.actor.may("inbox_read") else None
        return None if inbox is None else TrashItem(inbox=inbox, **times)
    if is_draft(row):
        draft = context.tx.one(drafts.IN_TRASH, id=row.id) if context.actor.may("draft_read") else None
        return None if draft is None else TrashItem(draft=draft, **times)
    message = context.tx.one(messages.BY_ID, id=row.id)
    if message is None or not is_visible(context, message.labels):
        return None
    return TrashItem(message=message, **times)


def is_draft(row: queries.Trashed) -> bool:
    """Tell whether a row of the trash is a draft's."""
    return row.id.startswith("dft_")


def look(context: Context, given: Look) -> bool:
    """Tell whether one of these is in the trash. Raises NotFound for one that there is not."""
    found: list[bool] = []
    if given.draft_id is not None:
        ref = DraftRef(inbox_id=given.inbox_id, draft_id=given.draft_id)
        found.append(find_trashed_draft(context, ref) is not None)
        if not found[-1]:
            find_draft(context, ref)
    if given.message_id is not None:
        message = find_message(context, MessageRef(inbox_id=given.inbox_id, message_id=given.message_id))
        found.append(LABEL in message.labels)
    if given.thread_id is not None:
        thread = find_thread(context, ThreadRef(inbox_id=given.inbox_id, thread_id=given.thread_id))
        found.append(LABEL in thread.labels)
    if not found:
        found.append(find_trashed(context, given.inbox_id) is not None)
        if not found[-1]:
            find_inbox(context, given.inbox_id)
    return any(found)


def trash_message(context: Context, given: MessageRef) -> InTrash:
    """Put a message into the trash: lists and searches leave it out, and after 30 days it goes for good."""
    message = find_message(context, given)
    _put(context, message)
    follow_labels(context, message.thread_id)
    thread = context.tx.one(threads.BY_ID, id=message.thread_id)
    return InTrash(
        inbox_id=message.inbox_address,
        message_id=message.message_id,
        thread_id=message.thread_id,
        message_count=None if thread is None else thread.message_count,
        until=_until(context, message.id),
    )


def restore_message(context: Context, given: MessageRef) -> MessageSummary:
    """Bring a message back from the trash."""
    message = find_message(context, given)
    labels = set(message.labels)
    return set_labels(context, message, labels - {LABEL}) if LABEL in labels else message


async def trash_thread(desk: "Desk", actor: Actor, given: ThreadRef) -> Answer[InTrash]:
    """Put a thread with all its messages into the trash; mail that comes to it later is not deleted with it."""
    answer = await _in_steps(desk, "threads.trash_some", actor, given)
    inbox, count, until = answer.result
    found = InTrash(inbox_id=inbox, thread_id=given.thread_id.strip(), message_count=count, until=until)
    return Answer(found, answer.position)


async def restore_thread(desk: "Desk", actor: Actor, given: ThreadRef) -> Answer[InTrash]:
    """Bring a thread back from the trash with all its messages."""
    answer = await _in_steps(desk, "threads.restore_some", actor, given)
    inbox, count, until = answer.result
    found = InTrash(inbox_id=inbox, thread_id=given.thread_id.strip(), message_count=count, until=until)
    return Answer(found, answer.position)


async def _in_steps(desk: "Desk", operation: str, actor: Actor, given: ThreadRef) -> Answer[Any]:
    names = given.model_dump()
    answer = await desk.ask(operation, actor, DeleteSome(**names))
    while answer.result[0] is not None:
        (at, seq), _facts = answer.result
        answer = await desk.ask(operation, actor, DeleteSome(**names, at=at, seq=seq))
    return Answer(answer.result[1], answer.position)


Step = tuple[tuple[int, int] | None, tuple[str, int, int]]


def trash_some(context: Context, given: DeleteSome) -> Step:
    """Put some messages of a thread into the trash, the newest first; return where to go on, and what the thread is."""
    return _step(context, given, into=True)


def restore_some(context: Context, given: DeleteSome) -> Step:
    """Bring some messages of a thread back, the newest first; return where to go on, and what the thread is."""
    return _step(context, given, into=False)


def _step(context: Context, given: DeleteSome, *, into: bool) -> Step:
    # Once the first step has hidden the thread, a key that may not see the trash would not find it for the others.
    is_first = (given.at, given.seq) == LAST
    thread = find_thread(context, given) if is_first else context.tx.one(threads.BY_ID, id=given.thread_id.strip())
    if thread is None:
        thread = find_thread(context, given)
    few = context.tx.all(messages.OF_THREAD, thread_id=thread.thread_id, at=given.at, seq=given.seq, n=_STEP)
    for message in few:
        if into:
            _put(context, message)
        elif LABEL in message.labels:
            relabel(context, message, set(message.labels) - {LABEL})
    follow_labels(context, thread.thread_id)
    place = (few[-1].timestamp, few[-1].seq) if len(few) == _STEP else None
    return place, (thread.inbox_address, thread.message_count, context.now + TRASH_MS)


def trash_inbox(context: Context, given: InboxRef) -> InTrash:
    """Put an inbox into the trash with all it has: nobody reaches it, no mail comes to it; after 30 days it is gone."""
    inbox = find_inbox(context, given.inbox_id)
    _keep(context, inbox, inbox.inbox_id)
    context.tx.emit(EventType.INBOX_TRASHED, inbox, {"address": inbox.address})
    context.tx.ring("inbox")
    return InTrash(inbox_id=inbox.address, until=context.now + TRASH_MS)


def restore_inbox(context: Context, given: InboxRef) -> Inbox:
    """Bring an inbox back from the trash as it was; drafts that were to be sent meanwhile have failed."""
    return bring_back(context, given).inbox


def bring_back(context: Context, given: InboxRef) -> BroughtBack:
    """Bring an inbox back from the trash, and tell what came of it."""
    inbox = find_trashed(context, given.inbox_id)
    if inbox is None:
        return BroughtBack(inbox=find_inbox(context, given.inbox_id), was_there=False, failed=0)
    context.tx.run(queries.REMOVE, id=inbox.inbox_id)
    overdue = context.tx.all(drafts.OVERDUE, inbox_id=inbox.inbox_id, now=context.now)
    for draft in overdue:
        # Nobody expects mail that was written for a day long past.
        context.tx.run(drafts.FAIL, key=draft.draft_id, at_version=draft.version, send_error=_LATE, now=context.now)
        context.tx.emit(EventType.DRAFT_FAILED, draft, {"draft": draft.draft_id, "reason": _LATE})
    context.tx.emit(EventType.INBOX_RESTORED, inbox, {"address": inbox.address})
    for bell in ("inbox", "draft"):
        context.tx.ring(bell)
    return BroughtBack(inbox=inbox, was_there=True, failed=len(overdue))


def empty(context: Context, given: Batch) -> bool:
    """Delete for good some of what has been in the trash for 30 days; tell whether there may be more."""
    due = context.tx.all(queries.DUE, before=context.now - TRASH_MS, n=given.limit)
    room = _CHARACTERS
    for row in due:
        room -= _end(context, row)
        if room < 0:
            return True
    return len(due) == given.limit


def _end(context: Context, row: queries.Trashed) -> int:
    """Delete what a row of the trash stands for; return how many characters were read for it."""
    if row.id == row.inbox_id:
        inbox = context.tx.one(inbox_queries.IN_TRASH, inbox_id=row.id)
        if inbox is not None:
            erase(context, inbox)
        return 0
    if is_draft(row):
        draft = context.tx.one(drafts.IN_TRASH, id=row.id)
        context.tx.run(queries.REMOVE, id=row.id)
        if draft is not None:
            take_out(context, draft)
        return 0
    message = context.tx.one(messages.BY_ID, id=row.id)
    context.tx.run(queries.REMOVE, id=row.id)
    return 0 if message is None else erase_message(context, message)


def _put(context: Context, message: MessageSummary) -> None:
    if LABEL not in message.labels:
        relabel(context, message, {*message.labels, LABEL})
    _keep(context, message, message.id)


def _keep(context: Context, owner: Inbox | MessageSummary, inner: str) -> None:
    place = {"org_id": owner.org_id, "pod_id": owner.pod_id, "inbox_id": owner.inbox_id}
    context.tx.insert(queries.ADD, {"id": inner, **place, "at": context.now})


def _until(context: Context, inner: str) -> int:
    row = context.tx.one(queries.BY_ID, id=inner)
    return TRASH_MS + (context.now if row is None else row.at)
