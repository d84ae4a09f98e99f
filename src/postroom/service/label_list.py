"""The labels of an inbox: those that were made, with their colours, and those that messages have. What stands on a
message is changed by `messages`; here only a label that is deleted is taken off.
"""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from postroom.model.errors import InvalidInput, NotFound
from postroom.model.inbox import Inbox
from postroom.model.label import Label
from postroom.model.page import Page
from postroom.model.tenant import Actor
from postroom.service import places, totals
from postroom.service.hidden import unseen
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.labels import KEPT_LABELS, check_labels, own_labels
from postroom.service.messages import follow_labels, relabel
from postroom.service.operation import Answer, Context
from postroom.store.queries import labels as queries
from postroom.store.queries import numbered

if TYPE_CHECKING:
    from postroom.service.desk import Desk

MAX_MADE = 1_000  # in one inbox
_STEP = 100  # messages


class ListLabels(InboxRef):
    limit: int = Field(default=100, ge=1, le=100, description="At most this many.")
    offset: int = Field(default=0, ge=0, le=2**53, description="Leave out so many.")


class LabelRef(InboxRef):
    label: str = Field(min_length=1, description="The label.")


class CreateLabel(LabelRef):
    color: str | None = Field(default=None, pattern=r"^#[0-9A-Fa-f]{6}$", description="#RRGGBB.")


def list_(context: Context, given: ListLabels) -> Page[Label]:
    """List your own labels of an inbox, those that were made and those that messages have, by name."""
    inbox = find_inbox(context, given.inbox_id)
    used = _seen(context, inbox.inbox_id, own_labels(context.tx.all(queries.IN_USE, inbox_id=inbox.inbox_id)))
    known = {name: Label(name=name) for name in used}
    known |= {one.name: one for one in context.tx.all(queries.MADE, inbox_id=inbox.inbox_id)}
    names = sorted(known)
    return Page(tuple(known[name] for name in names[given.offset : given.offset + given.limit]), total=len(names))


def _seen(context: Context, inbox_id: str, labels: list[str]) -> list[str]:
    """Return those of the labels that a message has which who asks may see: a label tells of its messages."""
    absent = unseen(context)
    if not absent or not totals.of_inbox(context, inbox_id).hidden_messages:
        return labels
    lacking = {f"lacking_{number}": label for number, label in enumerate(absent)}
    query = numbered.message_page(numbered.Filter(labels=1, lacking=len(absent)), ascending=True)
    given = {"inbox_id": inbox_id, **lacking, **places.span(None, None), "skip": 0, "n": 1}
    return [label for label in labels if context.tx.all(query, label_0=label, **given)]


def create(context: Context, given: CreateLabel) -> Label:
    """Make a label in an inbox; one that is there gets the colour that is given."""
    inbox = find_inbox(context, given.inbox_id)
    name = _checked(given.label)
    known = context.tx.one(queries.GET, inbox_id=inbox.inbox_id, name=name)
    if known is None and len(context.tx.all(queries.MADE, inbox_id=inbox.inbox_id)) >= MAX_MADE:
        raise InvalidInput.at("label", f"the inbox has {MAX_MADE} labels.", fix="Delete some.")
    made = Label(name=name, color=given.color, created_at=context.now if known is None else known.created_at)
    context.tx.insert(queries.SET, {**_place(inbox), **made.model_dump()})
    return made


async def delete(desk: "Desk", actor: Actor, given: LabelRef) -> Answer[None]:
    """Delete a label of an inbox, and take it off its messages."""
    while (answer := await desk.ask("labels.delete_some", actor, given)).result:
        pass
    return Answer(None, answer.position)


def delete_some(context: Context, given: LabelRef) -> bool:
    """Take a label off some messages, and delete it with the last; tell whether there are more.

    Raises:
        NotFound: nobody made it and no message has it.
    """
    inbox = find_inbox(context, given.inbox_id)
    name = _checked(given.label)
    few = context.tx.all(queries.BEARING, inbox_id=inbox.inbox_id, name=name, n=_STEP)
    for message in few:
        relabel(context, message, set(message.labels) - {name})
    for thread_id in sorted({message.thread_id for message in few}):
        follow_labels(context, thread_id)
    if len(few) == _STEP:
        return True
    gone = context.tx.run(queries.DELETE, inbox_id=inbox.inbox_id, name=name)
    if not few and not gone:
        raise NotFound("label", name, fix="List the labels to see those there are.")
    return False


def _checked(label: str) -> str:
    (name,) = check_labels((label,), "label")
    if name in KEPT_LABELS:
        raise InvalidInput.at("label", f"{name!r} is kept by Postroom.", fix="Use a label of your own.")
    return name


def _place(inbox: Inbox) -> dict[str, Any]:
    return {"inbox_id": inbox.inbox_id, "org_id": inbox.org_id, "pod_id": inbox.pod_id}
