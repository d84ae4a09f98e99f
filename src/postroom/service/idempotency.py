"""Requests that have one effect however often they come: a key is claimed, the work is done, and what was sent is bound
to the key in the transaction that writes it. Sends nothing itself.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import Field

from postroom.model.delivery import DeliveryState
from postroom.model.errors import Conflict, Refused, Temporary
from postroom.model.ids import new_id
from postroom.model.policy import Held
from postroom.model.record import Record
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.inboxes import CLIENT_ID, find_inbox
from postroom.service.operation import Answer, Context, Input
from postroom.store.queries import approvals, deliveries, messages
from postroom.store.queries import idempotency as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

MEMORY_MS = 86_400_000
LEASE_MS = 60_000
_INLINE_WORK = 256 * 1024  # characters of files beyond which hashing would hold up the event loop
_HELD = "apr_"  # begins what stands in the place of a message that was held
T = TypeVar("T")


class Keyed(Input):
    """What may be tried again without being done again."""

    idempotency_key: str | None = Field(
        default=None,
        pattern=CLIENT_ID,
        description="Your own id of this request: a second try with it within 24 hours sends nothing again.",
    )


class Claim(Input):
    """A key that is to be claimed; `request` is the digest of what was asked, without the inbox."""

    inbox_id: str | None
    key: str
    request: str
    owner: str


class Token(Record):
    """A claim that its bearer holds."""

    org_id: str
    key: str
    owner: str


class Sweep(Input):
    """How many keys to forget in one transaction."""

    limit: int = 500


class Original(NamedTuple):
    """What the first request with a key has sent."""

    id: str
    message_id: str
    thread_id: str
    recipients: tuple[str, ...]
    captured: tuple[str, ...]


async def once(
    desk: "Desk",
    actor: Actor,
    endpoint: str,
    given: Keyed,
    work: Callable[[Token | None], Awaitable[Answer[T | Held]]],
    again: Callable[..., T],
) -> Answer[T | Held]:
    """Do `work`, or return what the first request with the same key did, as `again` makes it of an Original's fields.

    Raises:
        Conflict: the key is another request's, or the first one still runs.
    """
    if given.idempotency_key is None:
        return await work(None)
    token = Token(org_id=actor.reach.org_id or "", key=given.idempotency_key, owner=new_id("clm", desk.clock()))
    inbox_id, request = await _digest(endpoint, given)
    wanted = Claim(inbox_id=inbox_id, key=token.key, request=request, owner=token.owner)
    first: Answer[Original | Held | None] = await desk.ask("idempotency.claim", actor, wanted)
    if isinstance(first.result, Held):
        return Answer(first.result, first.position)
    if first.result is not None:
        return Answer(again(**first.result._asdict()), first.position)
    try:
        return await work(token)
    except BaseException:  # a cancelled one too: the next try shall not wait for the lease to end
        with contextlib.suppress(Temporary):
            await desk.call("idempotency.release", SYSTEM, token)
        raise


def claim(context: Context, given: Claim) -> Original | Held | None:
    """Take a key for a request; return what was sent where an equal one is done. Raises Conflict."""
    reach = context.actor.reach
    org_id = reach.org_id or ""
    inbox = None if given.inbox_id is None else find_inbox(context, given.inbox_id)
    place = inbox.inbox_id if inbox else f"{reach.pod_id}/{reach.inbox_id}"
    digest = hashlib.sha256(f"{place}\0{given.request}".encode()).digest()
    row = {"org_id": org_id, "key": given.key, "digest": digest, "owner": given.owner}
    unsent = {"message": None, "message_id": None, "thread_id": None}
    if context.tx.run(queries.TAKE, **row, **unsent, until=context.now + LEASE_MS, now=context.now) == 1:
        return None
    known = context.tx.one(queries.GET, org=org_id, name=given.key)
    if known is not None and known.digest != digest and _is_forgotten(context, known):
        this = {"org": org_id, "name": given.key, "known": known.digest}
        context.tx.run(queries.RETAKE, **this, digest=digest, owner=given.owner, until=context.now + LEASE_MS)
        return None
    if known is None or known.digest != digest:
        raise Conflict("This Idempotency-Key is another request's.", fix="Use a new key for another message.")
    if known.message is None or known.message_id is None or known.thread_id is None:
        raise Conflict("The first request with this Idempotency-Key still runs.", fix="Try again in a moment.")
    return _original(context, known.message, known.message_id, known.thread_id)


def _is_forgotten(context: Context, known: queries.Known) -> bool:
    """Tell whether what a key sent is gone with its inbox, or was deleted: its memory binds no other request then."""
    if known.message is None or known.message.startswith(_HELD):
        return False
    return context.tx.one(queries.IS_KEPT, message=known.message) is None


def finish(context: Context, token: Token, message: str, message_id: str, thread_id: str) -> None:
    """Bind what was sent to its key, in the transaction that writes it.

    Raises:
        Conflict: the lease ended, and another try has taken the key since.
    """
    bound = context.tx.run(
        queries.FINISH,
        org=token.org_id,
        name=token.key,
        claimant=token.owner,
        until=context.now + MEMORY_MS,
        message=message,
        message_id=message_id,
        thread_id=thread_id,
    )
    if bound != 1:
        raise Conflict("Another try with this Idempotency-Key took over.", fix="Try again in a moment.")


def release(context: Context, given: Token) -> None:
    """Give back a key whose request has sent nothing."""
    context.tx.run(queries.RELEASE, org=given.org_id, name=given.key, claimant=given.owner)


def sweep(context: Context, given: Sweep) -> bool:
    """Forget keys whose time is over; tell whether there may be more."""
    return context.tx.run(queries.SWEEP, now=context.now, n=given.limit) == given.limit


def _original(context: Context, message: str, message_id: str, thread_id: str) -> Original | Held:
    if message.startswith(_HELD):
        return _held(context, message)
    rows = context.tx.all(deliveries.OF_MESSAGE, message_id=message)
    return Original(
        id=message,
        message_id=message_id,
        thread_id=thread_id,
        recipients=tuple(d.recipient for d in rows),
        captured=tuple(d.recipient for d in rows if d.state is DeliveryState.CAPTURED),
    )


def _held(context: Context, approval_id: str) -> Original | Held:
    """Return what became of a message that was held. Raises Refused where it was not let go."""
    approval = context.tx.one(approvals.BY_ID, id=approval_id)
    if approval is not None and approval.pending:
        return Held(
            approval_id=approval_id,
            draft_id=approval.draft_id,
            rule=approval.rule,
            reason=approval.reason,
            expires_at=approval.expires_at,
        )
    sent = None if approval is None else context.tx.one(messages.BY_ID, id=approval.message)
    if sent is None:
        raise Refused(f"The message was held as {approval_id} and did not leave.", fix="Send it with a new key.")
    found = _original(context, sent.id, sent.message_id, sent.thread_id)
    return found


async def _digest(endpoint: str, given: Keyed) -> tuple[str | None, str]:
    """Return the inbox that a request names, and the digest of the rest: of a file by url the url, not its bytes."""
    fields = given.model_dump(mode="json", exclude={"idempotency_key"})
    inbox_id = fields.pop("inbox_id", None)
    large = sum(len(file.get("content") or "") for file in fields.get("attachments", ()))
    if large > _INLINE_WORK:
        return inbox_id, await asyncio.to_thread(_hashed, endpoint, fields)
    return inbox_id, _hashed(endpoint, fields)


def _hashed(endpoint: str, fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([endpoint, fields], sort_keys=True).encode()).hexdigest()
