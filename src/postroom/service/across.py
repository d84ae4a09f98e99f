"""Messages by their inner ids alone, in whichever inboxes within reach: find where they are, label them, delete them.

An id that names none within reach stands for the whole: then nothing is done.
"""

import contextlib
from typing import TYPE_CHECKING

from pydantic import Field

from postroom.model.errors import NotFound
from postroom.model.message import MessageSummary
from postroom.model.tenant import Actor
from postroom.service.hidden import check_reads
from postroom.service.messages import MessageRef, Strings, changed_by, find_by_id, follow_labels, relabel
from postroom.service.operation import Answer, Context, Input

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_MOST = 100


class Each(Input):
    message_ids: tuple[str, ...] = Field(
        min_length=1, max_length=_MOST, description=f"The messages (msg_…), at most {_MOST}."
    )


class LabelEach(Each):
    add_labels: Strings = Field(default=(), description="Labels to add.")
    remove_labels: Strings = Field(default=(), description="Labels to take off, such as unread.")


def locate(context: Context, given: Each) -> tuple[MessageSummary, ...]:
    """Find messages, each once however often it was named. Raises NotFound for the first that is out of reach."""
    return tuple(find_by_id(context, one) for one in dict.fromkeys(given.message_ids))


def label_each(context: Context, given: LabelEach) -> tuple[MessageSummary, ...]:
    """Add and remove labels of messages of any inboxes, of all or of none; it shows them, so it takes message_read."""
    check_reads(context)
    change = changed_by(given.add_labels, given.remove_labels)
    changed: list[MessageSummary] = []
    threads: set[str] = set()
    for message in locate(context, given):
        after = change(message)
        if after != set(message.labels):
            message = relabel(context, message, after)
            threads.add(message.thread_id)
        changed.append(message)
    for thread_id in sorted(threads):
        follow_labels(context, thread_id)
    return tuple(changed)


async def delete_each(desk: "Desk", actor: Actor, given: Each) -> Answer[int]:
    """Delete messages of any inboxes for good, none where one of them is not there; return how many."""
    found: tuple[MessageSummary, ...] = await desk.call("messages.locate", actor, Each(message_ids=given.message_ids))
    position = 0
    for message in found:
        ref = MessageRef(inbox_id=message.inbox_id, message_id=message.id)
        with contextlib.suppress(NotFound):  # another was quicker with this one: the rest goes all the same
            position = (await desk.ask("messages.delete", actor, ref)).position
    return Answer(len(found), position)
