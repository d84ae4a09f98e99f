"""Approvals: list, get, approve, reject what was held, and end what nobody decided. Judges no message by itself.

An answer is bound to the bytes and to the recipients, works once, and is one transaction with the message that leaves.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from postroom.model.draft import Draft, DraftSummary, SendStatus
from postroom.model.errors import Conflict, Forbidden, NotFound, OutOfScope
from postroom.model.event import EventType
from postroom.model.inbox import Inbox, Mailbox
from postroom.model.message import Incoming, Raw
from postroom.model.page import Page
from postroom.model.policy import Approval, ApprovalState, Held, Need, Rule, Taint, hand
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service import drafts, families, holding, leaving, places, policy, standing
from postroom.service.departure import Departure, Sent
from postroom.service.draft_wording import DraftRef
from postroom.service.holding import Hold
from postroom.service.inboxes import find_inbox, owner_of
from postroom.service.operation import Answer, Context, Input
from postroom.store.json import from_json
from postroom.store.queries import approvals as queries
from postroom.store.queries import drafts as draft_queries
from postroom.store.queries import policies as policy_queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_CONFIRMED = "confirmed by the person at the sender's client"


class ApprovalRef(Input):
    approval_id: str = Field(description="The approval (apr_…).")


class DecideApproval(ApprovalRef):
    comment: str | None = Field(default=None, max_length=1000, description="Why; kept with the approval.")


class ListApprovals(Input):
    inbox_id: str | None = Field(default=None, description="Only of this inbox.")
    state: ApprovalState = Field(default=ApprovalState.PENDING, description="Only those in this state.")
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")


class Question(Record):
    """A held message as it was composed, and the inbox that sends it."""

    approval: Approval
    inbox: Inbox
    raw: Raw
    shown: str | None


class Decision(Input):
    """Yes to a held message, composed as it was."""

    approval_id: str
    comment: str | None
    departure: Departure


class Sweep(Input):
    """How many to end in one transaction."""

    limit: int = 100


def hold(context: Context, given: Hold) -> Held:
    """Keep a held message as a draft, with the question whether it may leave."""
    draft = _as_tainted(context, given)
    draft = drafts.add(context, drafts.NewDraft(draft=draft, files=given.files))
    return holding.ask(context, given.departure, given.ruling, draft)


def _as_tainted(context: Context, given: Hold) -> Draft:
    """Return the draft of a held message, tainted where that is: what was composed elsewhere may quote what it answers,
    and no draft of it knows the thread.
    """
    departure = given.departure
    if departure.wording is not None:
        return given.draft
    sending = leaving.look_at(context, leaving.mailbox_of(context, departure), departure)
    return given.draft if sending.taint is None else given.draft.model_copy(update={"tainted": Taint.READING})


def list_(context: Context, given: ListApprovals) -> Page[Approval]:
    """List approvals, newest first; those that wait when no other state is named."""
    within, owner = owner_of(context, given.inbox_id)
    query = queries.page(within, given.ascending)
    return places.turn(
        "approvals",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=lambda mark, n: context.tx.all(query, owner=owner, state=given.state.value, **mark, n=n),
        place=lambda approval: (approval.created_at, approval.approval_id),
    )


async def approve(desk: "Desk", actor: Actor, given: DecideApproval) -> Answer[Sent]:
    """Let a held message leave, exactly as it was composed; a key never decides what it sent itself."""
    question: Question = await desk.call("approvals.prepare", actor, ApprovalRef(approval_id=given.approval_id))
    departure = await _departure(desk, question)
    decision = Decision(approval_id=given.approval_id, comment=given.comment, departure=departure)
    return await desk.ask("approvals.commit", actor, decision)


async def confirm(desk: "Desk", actor: Actor, given: ApprovalRef) -> Answer[Sent]:
    """Let a held message leave whose sender has asked the person at its own client, where every policy allows that."""
    question: Question = await desk.call("approvals.ask", actor, given)
    departure = await _departure(desk, question)
    decision = Decision(approval_id=given.approval_id, comment=_CONFIRMED, departure=departure)
    return await desk.ask("approvals.commit_confirmed", actor, decision)


def prepare(context: Context, given: ApprovalRef) -> Question:
    """Read what approving needs."""
    return _question(context, _open(context, given.approval_id))


def prepare_asking(context: Context, given: ApprovalRef) -> Question:
    """Read what asking the person at the sender's own client needs. Raises Forbidden where no policy allows it."""
    return _question(context, _open(context, given.approval_id, _check_asker))


def _question(context: Context, approval: Approval) -> Question:
    composed = context.tx.one(queries.COMPOSED, id=approval.approval_id)
    if composed is None:
        raise holding.decided(approval)
    return Question(
        approval=approval,
        inbox=find_inbox(context, approval.inbox_id),
        raw=Raw(content=composed.content, blob=composed.blob, size=composed.size),
        shown=composed.shown,
    )


def commit(context: Context, given: Decision) -> Sent:
    """Write the message that a person has let go, in the place of its draft."""
    return _let_go(context, given, _open(context, given.approval_id))


def commit_confirmed(context: Context, given: Decision) -> Sent:
    """Write the message that the person at its sender's client has let go."""
    return _let_go(context, given, _open(context, given.approval_id, _check_asker))


def _let_go(context: Context, given: Decision, approval: Approval) -> Sent:
    departure = given.departure
    sha256 = holding.content_sha256(departure)
    if holding.digest_of(departure.inbox.address, departure.recipients, sha256) != approval.digest:
        raise Conflict("This is not the message that was held.", fix="Send it anew, and have that approved.")
    holding.end(context, approval, ApprovalState.APPROVED, given.comment)
    draft = _draft(context, approval)
    if not drafts.take_out(context, draft):
        raise holding.decided(approval)
    mailbox = leaving.mailbox_of(context, departure)
    made_of: dict[str, Any] = {"source": draft.original_id, "written": draft.tainted}
    sending = leaving.look_at(context, mailbox, departure, by=approval.asked_by, **made_of)
    policy.judge(context, mailbox, sending, is_approved=True)
    sent = leaving.write(context, mailbox, departure, sending)
    facts = {"approval": approval.approval_id, "message": sent.id, "message_id": sent.message_id}
    context.tx.emit(EventType.APPROVAL_APPROVED, approval, {**facts, "by": context.actor.api_key_id})
    return sent


def reject(context: Context, given: DecideApproval) -> Approval:
    """Refuse a held message: it stays as a draft that failed, and says why."""
    approval = _open(context, given.approval_id)
    said = f" ({given.comment})" if given.comment else ""
    _end(context, approval, ApprovalState.REJECTED, f"It was not approved{said}.", given.comment)
    context.tx.emit(
        EventType.APPROVAL_REJECTED,
        approval,
        {"approval": approval.approval_id, "draft": approval.draft_id, "by": context.actor.api_key_id},
    )
    return find(context, approval.approval_id)


def expire(context: Context, given: Sweep) -> bool:
    """End what nobody decided in time; tell whether there may be more."""
    over = context.tx.all(queries.EXPIRED, now=context.now, n=given.limit)
    for approval in over:
        _end(context, approval, ApprovalState.EXPIRED, "Nobody approved it within 7 days.")
        facts = {"approval": approval.approval_id, "draft": approval.draft_id}
        context.tx.emit(EventType.APPROVAL_EXPIRED, approval, facts)
    context.tx.run(policy_queries.FORGET_COUNTS, before=context.now // 86_400_000 - 2)
    context.tx.run(policy_queries.FORGET_TAINTS, before=context.now - 86_400_000)
    return len(over) == given.limit


def find(context: Context, approval_id: str) -> Approval:
    """Return an approval. Raises NotFound, out of reach too."""
    found = context.tx.one(queries.BY_ID, id=approval_id.strip())
    if found is None:
        raise NotFound("approval", approval_id, fix="List the approvals to see those that wait.")
    return found


def _open(context: Context, approval_id: str, check: Callable[[Context, Approval], None] | None = None) -> Approval:
    """Return an approval that the actor may decide now. Raises NotFound, Forbidden, Conflict."""
    approval = find(context, approval_id)
    (check or _check_decider)(context, approval)
    if not approval.pending:
        raise holding.decided(approval)
    if approval.expires_at <= context.now:
        raise Conflict("Its 7 days are over: it counts as refused.", fix="Send the message anew.")
    return approval


def _check_decider(context: Context, approval: Approval) -> None:
    """Let pass who may decide: a key of wider scope, made by none that asked, and not of the family of one that did."""
    actor = context.actor
    standing.check(context, "approval_decide")
    if actor.reach.inbox_id is not None:
        raise OutOfScope("A key of one inbox decides nothing.", fix="Use a key of the organization or of the pod.")
    own = families.own_policies(context, hand(actor))
    if _is_its_own(context, approval.asked_by, is_bound=bool(own)):
        raise Forbidden("A key cannot approve what it sent, by itself or by a key that it made.", fix="Ask a person.")
    if any(one.approval is not Need.NONE for one in own):
        raise Forbidden("A key whose own mail is held for approval decides nothing.", fix="Ask a person.")


def _is_its_own(context: Context, asked_by: tuple[str, ...], *, is_bound: bool) -> bool:
    """Tell whether the actor is the key that asked, or one key with it: made by it, or one of its family.

    `is_bound`: a policy of its own binds the actor. Then it is no owner's key any more, and one with all that it made
    while it was.
    """
    mine = context.actor.api_key_id
    if mine is None or not asked_by:
        return False
    made_it = is_bound and mine in asked_by
    return made_it or asked_by[0] in hand(context.actor) or families.is_one(context, mine, asked_by[0])


def _check_asker(context: Context, approval: Approval) -> None:
    """Let pass the key that sent, where every policy that could hold its mail lets its person be asked.

    The request waited for that person: the key may be gone by the answer.
    """
    standing.check(context, "message_send")
    if hand(context.actor)[:1] != approval.asked_by[:1]:
        raise Forbidden("Another key sent this message.", fix="Ask a person who may approve it.")
    inbox = find_inbox(context, approval.inbox_id)
    mailbox = Mailbox(inbox_id=inbox.inbox_id, org_id=inbox.org_id, pod_id=inbox.pod_id, address=inbox.address)
    policies = policy.in_force(context, mailbox, approval.asked_by)
    holding_ones = [one for one in policies if one.taint or one.approval is not Need.NONE]
    may_ask = bool(holding_ones) and all(one.elicitation for one in holding_ones)
    if approval.rule in (Rule.LOOP, Rule.AUTOMATIC, Rule.KEY_GONE) or not may_ask:
        raise Forbidden("No policy lets the person at this client decide.", fix="Ask a person who may approve it.")


def _draft(context: Context, approval: Approval) -> DraftSummary:
    """Return the draft of an approval as it was when it was held. Raises Conflict."""
    draft = drafts.find_draft(context, DraftRef(draft_id=approval.draft_id))
    if draft.version != approval.draft_version or draft.send_status is not SendStatus.PENDING_APPROVAL:
        raise holding.decided(approval)
    return draft


def _end(context: Context, approval: Approval, state: ApprovalState, reason: str, comment: str | None = None) -> None:
    holding.end(context, approval, state, comment)
    context.tx.run(
        draft_queries.FAIL,
        key=approval.draft_id,
        at_version=approval.draft_version,
        send_error=reason,
        now=context.now,
    )


async def _departure(desk: "Desk", question: Question) -> Departure:
    approval, raw = question.approval, question.raw
    content = raw.content
    if raw.blob is not None:
        content = await asyncio.to_thread(desk.rooms.blobs.read, raw.blob)
    incoming = Incoming(
        envelope_from=approval.inbox_address,
        recipients=approval.recipients,
        content=content,
        spool=None,
        size=raw.size,
        sha256=raw.blob or "",
    )
    parsed = await desk.rooms.parser.parse(incoming)
    if question.shown is not None:
        parsed = parsed.model_copy(update=from_json(question.shown))
    return Departure(
        inbox=question.inbox,
        message_id=approval.message,
        thread_id=approval.thread_id,
        incoming=incoming,
        parsed=parsed,
        blob=raw.blob,
        labels=approval.labels,
        bcc=approval.bcc,
        recipients=approval.recipients,
        track_opens=question.shown is not None,
    )
