"""What a person is shown who decides whether a message may leave: the approval, and all that is in the bytes that it is
bound to. Decides nothing.
"""

from typing import TYPE_CHECKING

from postroom.model.inventory import Inventory
from postroom.model.message import Raw
from postroom.model.policy import Approval, ApprovalInFull, Rule
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service.approvals import ApprovalRef, Question, find
from postroom.service.operation import Answer, Context
from postroom.service.taint import thread_is_tainted
from postroom.store.queries import approvals as queries
from postroom.store.queries import drafts

if TYPE_CHECKING:
    from postroom.service.desk import Desk


class Looked(Record):
    """An approval, and where the bytes are that it is about; None once it is decided."""

    approval: Approval
    raw: Raw | None


async def get(desk: "Desk", actor: Actor, given: ApprovalRef) -> Answer[ApprovalInFull]:
    """Get one approval: why it was held, what became of it and, while it waits, every field, part and text on the wire.

    Raises:
        NotFound: there is none, or it is out of reach, or its inbox is in the trash.
    """
    answer: Answer[Looked] = await desk.ask("approvals.look", actor, given)
    looked = answer.result
    on_the_wire = None if looked.raw is None else await _inventory(desk, looked.raw)
    return Answer(_in_full(looked.approval, on_the_wire), answer.position)


async def question(desk: "Desk", actor: Actor, given: ApprovalRef) -> Answer[ApprovalInFull]:
    """Get what the person at the sender's own client is asked. Raises Forbidden where no policy allows asking there."""
    answer: Answer[Question] = await desk.ask("approvals.ask", actor, given)
    asked = answer.result
    return Answer(_in_full(asked.approval, await _inventory(desk, asked.raw)), answer.position)


def look(context: Context, given: ApprovalRef) -> Looked:
    """Find an approval and the bytes that it is about."""
    approval = find(context, given.approval_id)
    composed = context.tx.one(queries.COMPOSED, id=approval.approval_id)
    if composed is None:
        return Looked(approval=approval, raw=None)
    draft = context.tx.one(drafts.BY_ID, id=approval.draft_id)
    is_written_so = approval.rule is Rule.TAINT or (draft is not None and draft.tainted is not None)
    if is_written_so or thread_is_tainted(context, approval.thread_id, approval.org_id):
        context.seen.add("outside")  # the quotes of an answer, and what a forward forwards
    return Looked(approval=approval, raw=Raw(content=composed.content, blob=composed.blob, size=composed.size))


async def _inventory(desk: "Desk", raw: Raw) -> Inventory:
    source = desk.rooms.blobs.path(raw.blob) if raw.blob else (raw.content or b"")
    return await desk.rooms.parser.inventory(source)


def _in_full(approval: Approval, on_the_wire: Inventory | None) -> ApprovalInFull:
    return ApprovalInFull(**dict(approval), on_the_wire=on_the_wire)
