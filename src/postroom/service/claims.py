"""Mail as work: who claims a conversation is the only one to answer it while the lease lasts.

A claim is named by a token that fences: whoever lost the lease can end nothing. What is given back, or left to expire,
too often is set aside until somebody puts it back.
"""

from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from postroom.model.claim import NEVER, Claim, Work, WorkItem, WorkState
from postroom.model.errors import Conflict, Forbidden, InvalidInput, NotFound
from postroom.model.ids import new_id
from postroom.model.page import Page
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.model.thread import Thread
from postroom.service import places, send, work
from postroom.service.departure import Sent
from postroom.service.idempotency import Token, once
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.messages import MessageRef, Moment, find_message
from postroom.service.operation import Answer, Context, Input
from postroom.service.settling import Ack, Settled, settle
from postroom.service.wording import Written
from postroom.store.json import as_json
from postroom.store.queries import claims as queries
from postroom.store.queries import threads

if TYPE_CHECKING:
    from postroom.service.desk import Desk

MAX_MESSAGES = 100  # of a claim; an acknowledgement leaves the others waiting
MAX_LEASE = 43_200  # seconds
_STALE = 100  # rows that have nothing to do any more, which one transaction passes over
_LATEST_MS = 366 * 86_400_000
_READS = ("message_read", "message_update")


class ClaimNext(InboxRef):
    lease_seconds: int = Field(default=300, ge=1, le=MAX_LEASE, description="Seconds that the conversation is yours.")
    max_tries: int = Field(default=5, ge=1, le=100, description="Set it aside after so many claims in vain.")


class ClaimRef(Input):
    claim_id: str = Field(description="The claim (clm_…), as claim_next gave it.")


class GiveBack(ClaimRef):
    reason: str | None = Field(default=None, max_length=500, description="Why, for whoever looks at what is set aside.")


class Extend(ClaimRef):
    lease_seconds: int = Field(default=300, ge=1, le=MAX_LEASE, description="Seconds from now that it stays yours.")


class Defer(ClaimRef):
    until: Moment = Field(description="When it is due again (RFC 3339); new mail in it is due at once.")
    reason: str | None = Field(default=None, max_length=500, description="Why.")


class ListWork(InboxRef):
    state: WorkState | None = Field(default=None, description="Only waiting, claimed, deferred or set_aside ones.")
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")


class Requeue(InboxRef):
    thread_id: str = Field(description="The conversation that was set aside (thd_…).")


class ReplyAndAck(Written, ClaimRef):
    message_id: str | None = Field(default=None, description="Which message to answer; the newest claimed when absent.")
    reply_all: bool = Field(default=False, description="Answer everybody; exclusive with to, cc and bcc.")


class Extended(Record):
    """A claim that goes on, until `lease_until` (UTC milliseconds)."""

    claim_id: str
    thread_id: str
    lease_until: int


class Next(Record):
    """What a look at the queue found; `next_due` is when there may be something (UTC milliseconds, None: unknown)."""

    inbox_id: str  # inner id
    claim: Claim | None = None
    is_more: bool = False  # there is more to look through
    next_due: int | None = None


class Held(Record):
    """Where the answer of a claim goes: inbox (inner id) and message (inner id)."""

    inbox_id: str
    message_id: str


async def next_(desk: "Desk", actor: Actor, given: ClaimNext) -> Answer[Claim | None]:
    """Claim the conversation whose unread mail waits longest; none when nothing is due."""
    answer: Answer[Next] = await look(desk, actor, given)
    return Answer(answer.result.claim, answer.position)


async def look(desk: "Desk", actor: Actor, given: ClaimNext) -> Answer[Next]:
    """Claim the next conversation, or say when there may be one."""
    while True:
        answer: Answer[Next] = await desk.ask("claims.take", actor, given)
        if not answer.result.is_more:
            return answer


def take(context: Context, given: ClaimNext) -> Next:
    """Claim the first conversation that is due; those that have nothing to do any more are passed over for good."""
    _require(context.actor, *_READS)
    inbox = find_inbox(context, given.inbox_id)
    for _ in range(_STALE):
        taken = _take(context, inbox.inbox_id, given)
        if taken is None:
            due = context.tx.one(queries.NEXT_DUE, inbox_id=inbox.inbox_id, now=context.now)
            return Next(inbox_id=inbox.inbox_id, next_due=due if due != NEVER else None)
        if (claim := _claim(context, taken)) is not None:
            return Next(inbox_id=inbox.inbox_id, claim=claim)
        context.tx.run(queries.DELETE, thread_id=taken.thread_id)
    return Next(inbox_id=inbox.inbox_id, is_more=True)


def ack(context: Context, given: ClaimRef) -> Settled:
    """End a claim as done: its messages are read, and mail that came since then waits."""
    _require(context.actor, *_READS)
    return settle(context, Ack(claim_id=given.claim_id))


def extend(context: Context, given: Extend) -> Extended:
    """Keep a claimed conversation longer: a lease from now on, where the one that runs does not last longer still."""
    _require(context.actor, *_READS)
    held = work.held(context, given.claim_id)
    until = max(held.lease_until, context.now + given.lease_seconds * 1000)
    context.tx.run(queries.EXTEND, key=held.thread_id, until=until)
    return Extended(claim_id=given.claim_id.strip(), thread_id=held.thread_id, lease_until=until)


def nack(context: Context, given: GiveBack) -> Settled:
    """Give a claimed conversation back: it waits again, behind what waits already, or is set aside at its last try."""
    _require(context.actor, *_READS)
    held = work.held(context, given.claim_id)
    at = NEVER if held.due_at == NEVER else context.now
    work.put(context, held, at, attempts=held.attempts, reason=given.reason)
    return Settled(thread_id=held.thread_id, waits=at != NEVER)


def let_go(context: Context, given: ClaimRef) -> None:
    """Give back what nobody was told that he holds: at its old place, and it was no try. What is over stays so."""
    try:
        held = work.held(context, given.claim_id)
    except NotFound:
        return
    unread = context.tx.all(queries.UNREAD, thread_id=held.thread_id, n=1)
    at = min([context.now, *(message.timestamp for message in unread)])
    work.put(context, held, at, attempts=held.attempts - 1, reason=held.reason)


def defer(context: Context, given: Defer) -> Settled:
    """Put a claimed conversation off until a moment; this counts as no try."""
    _require(context.actor, *_READS)
    if not context.now < given.until <= context.now + _LATEST_MS:
        raise InvalidInput.at("until", "is not to come within a year.", fix="Give a time to come.")
    held = work.held(context, given.claim_id)
    work.put(context, held, given.until, attempts=held.attempts - 1, reason=given.reason)
    return Settled(thread_id=held.thread_id, waits=True)


def list_(context: Context, given: ListWork) -> Page[WorkItem]:
    """List the conversations of an inbox that have unanswered mail, by when they are due; set aside ones last."""
    inbox = find_inbox(context, given.inbox_id)
    at, after = places.opened("claims", given.page_token) if given.page_token else (-1, "")
    if given.page_token is None and given.state is WorkState.SET_ASIDE:
        at = NEVER - 1  # where they begin
    found: list[WorkItem] = []
    scanned = 0
    while scanned < places.SCAN:
        rows = context.tx.all(queries.PAGE, inbox_id=inbox.inbox_id, at=at, seq=str(after), n=100)
        for row in rows:
            if len(found) == given.limit:
                return Page(items=tuple(found), next_page_token=places.seal("claims", (int(at), after)))
            at, after = row.due_at, row.thread_id
            if (item := _item(context, row)) is not None and given.state in (None, item.state):
                found.append(item)
        if len(rows) < 100:
            return Page(items=tuple(found))
        scanned += len(rows)
    return Page(items=tuple(found), next_page_token=places.seal("claims", (int(at), after)))


def requeue(context: Context, given: Requeue) -> WorkItem:
    """Put a conversation that was set aside back into the queue, as if it had never been tried."""
    _require(context.actor, "message_read")
    inbox = find_inbox(context, given.inbox_id)
    found = context.tx.one(queries.BY_THREAD, thread_id=given.thread_id.strip())
    if found is None or found.inbox_id != inbox.inbox_id:
        raise NotFound("waiting conversation", given.thread_id, fix="List those that are set aside.")
    if found.state(context.now) is not WorkState.SET_ASIDE:
        raise Conflict("It is not set aside.", fix="Leave it to the workers: it is claimed, or will be.")
    work.put(context, found, context.now, attempts=0, reason=None)
    item = _item(context, context.tx.one(queries.BY_THREAD, thread_id=found.thread_id) or found)
    assert item is not None  # its thread takes the row along
    return item


async def reply(desk: "Desk", actor: Actor, given: ReplyAndAck) -> Answer[send.Leaving]:
    """Answer a claimed conversation and end the claim, both or neither."""
    _require(actor, *_READS)
    return await once(desk, actor, "claims.reply", given, partial(_reply, desk, actor, given), Sent)


async def _reply(desk: "Desk", actor: Actor, given: ReplyAndAck, token: Token | None) -> Answer[send.Leaving]:
    held: Held = await desk.call("claims.held", actor, given)
    fields = {name: getattr(given, name) for name in Written.model_fields}
    place = {"inbox_id": held.inbox_id, "message_id": held.message_id, "reply_all": given.reply_all}
    return await send.answer(desk, actor, send.ReplyToMessage(**fields, **place), token, Ack(claim_id=given.claim_id))


def find_held(context: Context, given: ReplyAndAck) -> Held:
    """Find the message that the answer of a claim is to, in its conversation."""
    held = work.held(context, given.claim_id)
    wanted = given.message_id or (held.messages[-1] if held.messages else None)
    found = wanted and find_message(context, MessageRef(inbox_id=held.inbox_id, message_id=wanted))
    if not found or found.thread_id != held.thread_id:
        raise NotFound("message", str(wanted), fix="Answer a message of the conversation that you have claimed.")
    return Held(inbox_id=held.inbox_id, message_id=found.id)


def _take(context: Context, inbox_id: str, given: ClaimNext) -> Work | None:
    return context.tx.one(
        queries.TAKE,
        inbox_id=inbox_id,
        claim=new_id("clm", context.now),
        until=context.now + given.lease_seconds * 1000,
        tries=given.max_tries,
        now=context.now,
    )


def _claim(context: Context, taken: Work) -> Claim | None:
    thread = _thread(context, taken)
    unread = context.tx.all(queries.UNREAD, thread_id=taken.thread_id, n=MAX_MESSAGES)
    if thread is None or not unread:
        return None
    context.tx.run(queries.KEEP_MESSAGES, key=taken.thread_id, ids=as_json([message.id for message in unread]))
    return Claim(
        claim_id=taken.token or "",
        lease_until=taken.lease_until,
        attempt=taken.attempts,
        is_last=taken.due_at == NEVER,
        thread=thread,
        messages=tuple(unread),
    )


def _thread(context: Context, row: Work) -> Thread | None:
    return context.tx.one(threads.BY_ID, id=row.thread_id)


def _item(context: Context, row: Work) -> WorkItem | None:
    thread = _thread(context, row)
    if thread is None:
        return None
    return WorkItem(
        thread=thread,
        state=row.state(context.now),
        due_at=None if row.due_at == NEVER else row.due_at,
        lease_until=row.lease_until if row.lease_until > context.now else None,
        attempts=row.attempts,
        reason=row.reason,
        changed_at=row.updated_at,
    )


def _require(actor: Actor, *permissions: str) -> None:
    for permission in permissions:
        if not actor.may(permission):
            raise Forbidden(f"This key lacks the permission {permission}.", fix=f"Use a key that has {permission}.")
