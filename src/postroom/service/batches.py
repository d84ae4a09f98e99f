"""Many messages of an inbox at once: get them, label them. Ids that name none are passed over."""

from pydantic import Field

from postroom.model.message import MessageSummary
from postroom.model.record import Record
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.messages import Strings, changed_by, follow_labels, look_up, relabel
from postroom.service.operation import Context


class GetMessages(InboxRef):
    message_ids: tuple[str, ...] = Field(min_length=1, max_length=500, description="The messages, at most 500.")


class UpdateMessages(InboxRef):
    message_ids: tuple[str, ...] = Field(min_length=1, max_length=50, description="The messages, at most 50.")
    add_labels: Strings = Field(default=(), description="Labels to add; they are kept in lower case.")
    remove_labels: Strings = Field(default=(), description="Labels to take off, such as unread.")


class Batch(Record):
    """The messages that there are, in the order in which they were asked for; `asked` is how many ids were given."""

    asked: int
    messages: tuple[MessageSummary, ...]


def get(context: Context, given: GetMessages) -> Batch:
    """Get messages by their ids, without their bodies."""
    return Batch(asked=len(given.message_ids), messages=_found(context, given.inbox_id, given.message_ids))


def update(context: Context, given: UpdateMessages) -> Batch:
    """Add and remove labels of many messages, of all or of none."""
    change = changed_by(given.add_labels, given.remove_labels)
    changed: list[MessageSummary] = []
    threads: set[str] = set()
    for message in _found(context, given.inbox_id, given.message_ids):
        after = change(message)
        if after != set(message.labels):
            message = relabel(context, message, after)
            threads.add(message.thread_id)
        changed.append(message)
    for thread_id in sorted(threads):
        follow_labels(context, thread_id)
    return Batch(asked=len(given.message_ids), messages=tuple(changed))


def _found(context: Context, inbox_id: str, ids: tuple[str, ...]) -> tuple[MessageSummary, ...]:
    inbox = find_inbox(context, inbox_id)
    found = (look_up(context, inbox.inbox_id, one) for one in ids)
    return tuple({message.seq: message for message in found if message is not None}.values())
