"""Many messages of an inbox at once: get them, label them. Ids that name none are passed over."""

from collections.abc import Iterable

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
    add_labels: Strings = Field(default=(), description="Labels to add.")
    remove_labels: Strings = Field(default=(), description="Labels to take off, such as unread.")


class Batch(Record):
    """The messages that there are, in the order in which they were asked for; `asked` is how many ids were given,
    `missing` are those of them that name none.
    """

    asked: int
    messages: tuple[MessageSummary, ...]
    missing: tuple[str, ...]


def get(context: Context, given: GetMessages) -> Batch:
    """Get messages by their ids, without their bodies."""
    found = _found(context, given.inbox_id, given.message_ids)
    return _batch(given.message_ids, found, _different(found))


def update(context: Context, given: UpdateMessages) -> Batch:
    """Add and remove labels of all messages that the ids name, at once; `missing` tells those that name none."""
    change = changed_by(given.add_labels, given.remove_labels)
    changed: list[MessageSummary] = []
    threads: set[str] = set()
    found = _found(context, given.inbox_id, given.message_ids)
    for message in _different(found):
        after = change(message)
        if after != set(message.labels):
            message = relabel(context, message, after)
            threads.add(message.thread_id)
        changed.append(message)
    for thread_id in sorted(threads):
        follow_labels(context, thread_id)
    return _batch(given.message_ids, found, changed)


def _found(context: Context, inbox_id: str, ids: tuple[str, ...]) -> list[MessageSummary | None]:
    inbox = find_inbox(context, inbox_id)
    return [look_up(context, inbox.inbox_id, one) for one in ids]


def _different(found: Iterable[MessageSummary | None]) -> list[MessageSummary]:
    """Return each message once, however often and by whatever id it was named."""
    return list({message.seq: message for message in found if message is not None}.values())


def _batch(ids: tuple[str, ...], found: Iterable[MessageSummary | None], shown: Iterable[MessageSummary]) -> Batch:
    missing = tuple(one for one, message in zip(ids, found, strict=True) if message is None)
    return Batch(asked=len(ids), messages=tuple(shown), missing=missing)
