"""Tools for workers that share an inbox: claim a conversation, answer it, give it back."""

from collections.abc import Mapping
from typing import Annotated, Any, Unpack

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from postroom.events.claiming import WaitToClaim, claimed
from postroom.mcp.face import Hands
from postroom.mcp.fitting import fits, fitted, held, room_for
from postroom.mcp.shapes import MessageItem, Placed, SentResult, Shape, ThreadItem, message_fields, thread_item
from postroom.mcp.tools.messages import told_item
from postroom.mcp.tools.moments import zoned
from postroom.mcp.tools.row import Row, answer, at, more, result
from postroom.mcp.tools.sending import Outgoing, leave, with_written
from postroom.mcp.words import line, moment
from postroom.model.claim import Claim, WorkItem
from postroom.model.message import MessageSummary
from postroom.service.claims import MAX_LEASE
from postroom.service.introducing import Introduction
from postroom.service.settling import Settled

_THREAD, _MESSAGES = 4_000, 14_000  # characters of what a claim shows of its thread, and of the messages
_SHOWN = 20  # messages of a claim that are listed; get_thread has all


class ClaimResult(Placed):
    found: bool
    claim_id: str | None = None
    lease_until: str | None = None
    attempt: int | None = None
    thread: ThreadItem | None = None
    messages: list[MessageItem] | None = None


class ExtendedResult(Placed):
    claim_id: str
    thread_id: str
    lease_until: str


class SettledResult(Placed):
    thread_id: str
    waits: bool


class SetAsideItem(Shape):
    thread: ThreadItem
    attempts: int
    reason: str | None = None
    changed_at: str


class SetAsidePage(Placed):
    threads: list[SetAsideItem]
    next_page_token: str | None = None


class WorkTools:
    """claim_next, extend_claim, ack, nack, defer, reply_and_ack, list_set_aside, requeue."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def claim_next(
        self,
        inbox_id: str,
        context: Context[Any, Any],
        lease_seconds: Annotated[int, Field(ge=1, le=MAX_LEASE)] = 300,
        wait: Annotated[float, Field(ge=0, le=600)] = 0,
    ) -> Annotated[CallToolResult, ClaimResult]:
        """Claim the conversation whose unread mail waits longest: until the lease ends nobody else gets it. Read it
        with get_thread, then end the claim with reply_and_ack, ack, nack or defer."""
        face, actor = await self._hands.face(), await self._hands.actor()
        given = {"inbox_id": inbox_id, "lease_seconds": lease_seconds, "wait": wait}
        async with claimed(face.desk, face.hub, actor, given, context.report_progress) as found:
            claim = found.result
            if claim is None:
                data = ClaimResult(found=False, position=found.position)
                return answer("Nothing waits to be answered." + at(found.position), data)
            listed = {"inbox_id": claim.thread.inbox_id, "ids": [message.id for message in _listed(claim)]}
            senders = (await self._hands.ask("messages.senders", listed)).result
            return _claimed(claim, senders, found.position)

    async def extend_claim(
        self, claim_id: str, lease_seconds: Annotated[int, Field(ge=1, le=MAX_LEASE)] = 300
    ) -> Annotated[CallToolResult, ExtendedResult]:
        """Keep a claimed conversation longer, before its lease ends."""
        found = await self._hands.ask("claims.extend", {"claim_id": claim_id, "lease_seconds": lease_seconds})
        until, claim = moment(found.result.lease_until), found.result
        data = ExtendedResult(
            claim_id=claim.claim_id, thread_id=claim.thread_id, lease_until=until, position=found.position
        )
        return answer(f"{claim.thread_id} stays yours until {until}." + at(found.position), data)

    async def ack(self, claim_id: str) -> Annotated[CallToolResult, SettledResult]:
        """End a claim as done: what you were given is read. Mail that came meanwhile waits for the next claim."""
        found = await self._hands.ask("claims.ack", {"claim_id": claim_id})
        return _settled("Done", found.result, found.position)

    async def nack(self, claim_id: str, reason: str | None = None) -> Annotated[CallToolResult, SettledResult]:
        """Give a claimed conversation back for others to try; after five tries it is set aside."""
        found = await self._hands.ask("claims.nack", {"claim_id": claim_id, "reason": reason})
        return _settled("Given back", found.result, found.position)

    async def defer(
        self, claim_id: str, until: str, reason: str | None = None
    ) -> Annotated[CallToolResult, SettledResult]:
        """Put a claimed conversation off until a time (RFC 3339); new mail in it brings it back at once."""
        given = {"claim_id": claim_id, "until": zoned("until", until), "reason": reason}
        found = await self._hands.ask("claims.defer", given)
        return _settled(f"Put off until {until}", found.result, found.position)

    @with_written
    async def reply_and_ack(
        self, claim_id: str, message_id: str | None = None, reply_all: bool = False, **written: Unpack[Outgoing]
    ) -> Annotated[CallToolResult, SentResult]:
        """Answer a claimed conversation and end the claim, both or neither: refused when the lease is over."""
        given = {"claim_id": claim_id, "message_id": message_id, "reply_all": reply_all}
        files = [file.model_dump(exclude_none=True) for file in written.get("attachments") or ()]
        asked = {**written, **given, "attachments": files or None}
        return await leave(self._hands, "Replied", "claims.reply", asked)

    async def list_set_aside(
        self, inbox_id: str, limit: int = 10, page_token: str | None = None
    ) -> Annotated[CallToolResult, SetAsidePage]:
        """List the conversations that were claimed in vain too often and that nobody gets any more."""
        given = {"inbox_id": inbox_id, "limit": limit, "page_token": page_token, "state": "set_aside"}
        found = await self._hands.ask("claims.list", given)
        page = found.result
        items = [_item(item) for item in page.items]
        data = SetAsidePage(threads=items, next_page_token=page.next_page_token, position=found.position)
        data = fitted(data, room_for(limit))
        text = "\n".join(map(_told, data.threads)) or "Nothing is set aside."
        return answer(text + more(page.next_page_token) + at(found.position), data)

    async def requeue(self, inbox_id: str, thread_id: str) -> Annotated[CallToolResult, SettledResult]:
        """Put a conversation that was set aside back for workers to claim."""
        found = await self._hands.ask("claims.requeue", {"inbox_id": inbox_id, "thread_id": thread_id})
        return _settled("Put back", Settled(thread_id=found.result.thread.thread_id, waits=True), found.position)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over claims."""
    tools = WorkTools(hands)
    work: dict[str, Any] = {"toolset": "work"}
    return [
        Row(
            title="Claim the next conversation",
            operation="claims.next",
            function=tools.claim_next,
            outside=True,
            described=WaitToClaim,
            waits=True,
            **work,
        ),
        Row(title="Extend a claim", operation="claims.extend", function=tools.extend_claim, changes=True, **work),
        Row(title="Acknowledge", operation="claims.ack", function=tools.ack, **work),
        Row(title="Give back", operation="claims.nack", function=tools.nack, **work),
        Row(title="Defer", operation="claims.defer", function=tools.defer, **work),
        Row(
            title="Reply and acknowledge",
            operation="claims.reply",
            function=tools.reply_and_ack,
            outside=True,
            leaves=True,
            **work,
        ),
        Row(
            title="List what is set aside", operation="claims.list", function=tools.list_set_aside, outside=True, **work
        ),
        Row(title="Put back", operation="claims.requeue", function=tools.requeue, **work),
    ]


def _listed(claim: Claim) -> tuple[MessageSummary, ...]:
    return claim.messages[-_SHOWN:]


def _claimed(claim: Claim, senders: Mapping[int, Introduction], position: int) -> CallToolResult:
    thread = fitted(thread_item(claim.thread), _THREAD)
    listed = [message_fields(message, by=senders.get(message.seq)) for message in _listed(claim)]
    shown: list[dict[str, Any]] = held({"messages": listed}, _MESSAGES)["messages"]
    while not fits({"messages": shown}, _MESSAGES):
        del shown[0]
    until, left = moment(claim.lease_until), len(claim.messages) - len(shown)
    last = " This is its last try." if claim.is_last else ""
    head = (
        f"claim_id: {claim.claim_id}\nYours until {until}, try {claim.attempt}.{last}\n"
        f"thread {thread.thread_id}: {thread.subject or '(no subject)'}, {thread.message_count} messages,"
        f" last {thread.last_message_id}; unread:"
    )
    more_of_them = [f"{left} older unread messages: get_thread shows them."] if left else []
    data: dict[str, Any] = {
        "found": True,
        "claim_id": claim.claim_id,
        "lease_until": until,
        "attempt": claim.attempt,
        "thread": thread.model_dump(mode="json", exclude_none=True),
        "messages": shown,
        "position": position,
    }
    return result("\n".join([head, *more_of_them, *map(told_item, shown)]) + at(position), data, untrusted=True)


def _settled(verb: str, settled: Settled, position: int) -> CallToolResult:
    rest = "It waits in the queue." if settled.waits else "It does not wait in the queue."
    data = SettledResult(thread_id=settled.thread_id, waits=settled.waits, position=position)
    return answer(f"{verb}: {settled.thread_id}. {rest}" + at(position), data)


def _item(item: WorkItem) -> SetAsideItem:
    return SetAsideItem(
        thread=thread_item(item.thread),
        attempts=item.attempts,
        reason=line(item.reason) or None,
        changed_at=moment(item.changed_at),
    )


def _told(item: SetAsideItem) -> str:
    thread = item.thread
    return (
        f"{thread.thread_id} | {item.changed_at} | {thread.subject or '(no subject)'} | {item.attempts} tries"
        f" | last {thread.last_message_id} | {item.reason or ''}"
    )
