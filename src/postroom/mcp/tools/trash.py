"""Tools that delete: into the trash, from which 30 days bring everything back; for good only in the toolset admin."""

from collections.abc import Iterable
from typing import Annotated, Any

from mcp.types import CallToolResult

from postroom.mcp.face import Hands
from postroom.mcp.fitting import and_more, fitted, room_for
from postroom.mcp.offering import if_offered
from postroom.mcp.shapes import TrashItemShape, TrashPage, TrashResult
from postroom.mcp.tools.row import Row, answer, at, more
from postroom.mcp.words import line, moment
from postroom.model.draft import DraftSummary, SendStatus
from postroom.model.errors import InvalidInput
from postroom.service.operation import Answer
from postroom.service.trash import BroughtBack, TrashItem

_NOT_THERE = "is not in the trash: nothing was to be brought back."


class TrashTools:
    """delete_message, delete_thread, delete_inbox, list_trash, undo_delete, and those that delete for good."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def delete_message(self, inbox_id: str, message_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Put a message into the trash, hidden from lists and searches; undo_delete works for 30 days."""
        found = await self._hands.ask("messages.trash", {"inbox_id": inbox_id, "message_id": message_id})
        gone = found.result
        text = f"Deleted {gone.message_id} of {gone.thread_id} in {gone.inbox_id}."
        text += _until(gone.until)
        if gone.message_count is not None and gone.message_count > 1:
            shown = if_offered("list_threads shows it with labels=trash only", "it is hidden")
            text += f" That thread has others: meanwhile {shown}."
        return _trashed(found, text)

    async def delete_thread(self, inbox_id: str, thread_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Put a conversation with all its messages into the trash; undo_delete works for 30 days."""
        found = await self._hands.ask("threads.trash", {"inbox_id": inbox_id, "thread_id": thread_id})
        gone = found.result
        text = f"Deleted {line(gone.thread_id)} in {gone.inbox_id}: {gone.message_count} messages."
        return _trashed(found, text + _until(gone.until))

    async def delete_inbox(self, inbox_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Delete an inbox: it gets and sends no mail and its keys stop; undo_delete works for 30 days."""
        actor = await self._hands.actor()
        found = await self._hands.ask("inboxes.trash", {"inbox_id": inbox_id})
        gone = found.result
        text = f"Deleted {gone.inbox_id} and all its mail."
        if actor.reach.inbox_id is None:
            return _trashed(found, text + _until(gone.until))
        text += (
            " Your key has stopped with it: you can do nothing more here, nor undo it. Until"
            f" {moment(gone.until)} whoever owns this server can: postroom inboxes restore {gone.inbox_id}."
        )
        return _trashed(found, text)

    async def list_trash(
        self, inbox_id: str | None = None, limit: int = 10, page_token: str | None = None
    ) -> Annotated[CallToolResult, TrashPage]:
        """List deleted messages, drafts and inboxes, and until when undo_delete brings them back."""
        given = {"inbox_id": inbox_id, "limit": limit, "page_token": page_token}
        found = await self._hands.ask("trash.list", given)
        page = found.result
        items = [_item(item) for item in page.items]
        data = TrashPage(trash=items, next_page_token=page.next_page_token, position=found.position)
        data = fitted(data, room_for(limit))
        text = "\n".join(map(_told, data.trash)) or "The trash has nothing."
        return answer(text + more(page.next_page_token) + at(found.position), data, untrusted=_is_outside(page.items))

    async def undo_delete(
        self,
        inbox_id: str,
        message_id: str | None = None,
        thread_id: str | None = None,
        draft_id: str | None = None,
    ) -> Annotated[CallToolResult, TrashResult]:
        """Bring back what was deleted: a message, a thread or a draft, or with none of them the inbox."""
        if len([one for one in (message_id, thread_id, draft_id) if one is not None]) > 1:
            raise InvalidInput("message_id, thread_id and draft_id are exclusive.", fix="Name one of them.")
        if draft_id is not None:
            return await self._draft_back({"inbox_id": inbox_id, "draft_id": draft_id})
        if message_id is not None:
            return await self._message_back({"inbox_id": inbox_id, "message_id": message_id})
        if thread_id is not None:
            return await self._thread_back({"inbox_id": inbox_id, "thread_id": thread_id})
        return await self._inbox_back(inbox_id)

    async def _inbox_back(self, inbox_id: str) -> CallToolResult:
        found = await self._hands.ask("inboxes.bring_back", {"inbox_id": inbox_id})
        back: BroughtBack = found.result
        address = back.inbox.address
        text = f"Restored {address}." if back.was_there else f"{address} {_NOT_THERE}"
        if back.failed:
            shown = if_offered(": list_drafts shows them")
            text += f" {back.failed} drafts that were to be sent meanwhile were not{shown}."
        return answer(text + at(found.position), TrashResult(inbox_id=address, position=found.position))

    async def _back(self, operation: str, ref: dict[str, str]) -> tuple[Answer[Any], bool]:
        """Bring something back; return it, and whether it was in the trash."""
        was_there: bool = (await self._hands.ask("trash.look", ref)).result
        return await self._hands.ask(operation, ref), was_there

    async def _message_back(self, ref: dict[str, str]) -> CallToolResult:
        found, was_there = await self._back("messages.restore", ref)
        message = found.result
        data = TrashResult(
            inbox_id=message.inbox_address,
            message_id=message.message_id,
            thread_id=message.thread_id,
            labels=list(message.labels),
            position=found.position,
        )
        data = fitted(data)
        shown = and_more(data.labels or [], data.more_labels, "none")
        text = f"Restored {message.message_id} of {message.thread_id} in {data.inbox_id}; labels {shown}."
        if not was_there:
            text = f"{message.message_id} of {message.thread_id} in {data.inbox_id} {_NOT_THERE}"
        return answer(text + at(found.position), data)

    async def _thread_back(self, ref: dict[str, str]) -> CallToolResult:
        found, was_there = await self._back("threads.restore", ref)
        back = found.result
        data = TrashResult(
            inbox_id=back.inbox_id,
            thread_id=back.thread_id,
            message_count=back.message_count,
            position=found.position,
        )
        text = f"Restored {line(back.thread_id)} in {back.inbox_id}: {back.message_count} messages."
        if not was_there:
            text = f"{line(back.thread_id)} in {back.inbox_id} {_NOT_THERE}"
        return answer(text + at(found.position), data)

    async def _draft_back(self, ref: dict[str, str]) -> CallToolResult:
        found, was_there = await self._back("drafts.restore", ref)
        draft: DraftSummary = found.result
        data = TrashResult(inbox_id=draft.inbox_address, draft_id=draft.draft_id, position=found.position)
        text = f"Restored {draft.draft_id} in {draft.inbox_address}."
        if not was_there:
            text = f"{draft.draft_id} in {draft.inbox_address} {_NOT_THERE}"
        if draft.send_status is not None and draft.send_at is not None:
            late = f" It was to be sent {moment(draft.send_at)}, and was not."
            text += f" It is sent {moment(draft.send_at)}." if draft.send_status is SendStatus.SCHEDULED else late
        return answer(text + at(found.position), data)

    async def delete_message_permanently(
        self, inbox_id: str, message_id: str
    ) -> Annotated[CallToolResult, TrashResult]:
        """Delete a message for good, in the trash or not. This cannot be undone."""
        found = await self._hands.ask("messages.delete", {"inbox_id": inbox_id, "message_id": message_id})
        gone = found.result
        data = TrashResult(inbox_id=gone.inbox_address, message_id=gone.message_id, position=found.position)
        return answer(f"Deleted {gone.message_id} in {gone.inbox_address} for good." + at(found.position), data)

    async def delete_thread_permanently(self, inbox_id: str, thread_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Delete a conversation with all its messages for good. This cannot be undone."""
        found = await self._hands.ask("threads.delete", {"inbox_id": inbox_id, "thread_id": thread_id})
        data = TrashResult(inbox_id=line(inbox_id), thread_id=line(thread_id), position=found.position)
        return answer(f"Deleted {line(thread_id)} in {line(inbox_id)} for good." + at(found.position), data)

    async def delete_inbox_permanently(self, inbox_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Delete an inbox with all its mail for good, in the trash or not; its address is free then. This cannot be
        undone."""
        found = await self._hands.ask("inboxes.delete", {"inbox_id": inbox_id})
        data = TrashResult(inbox_id=found.result.address, position=found.position)
        return answer(f"Deleted {found.result.address} and all its mail for good." + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools that delete and bring back."""
    tools = TrashTools(hands)
    message = {"message_id": "The message: its Message-ID or ref."}
    undone = {"message_id": "The message.", "thread_id": "The thread.", "draft_id": "The draft."}
    others = ("threads.restore", "drafts.restore", "inboxes.restore")
    final: dict[str, Any] = {"toolset": "admin", "leaves": True}
    return [
        Row(title="Delete message", operation="messages.trash", function=tools.delete_message, says=message),
        Row(title="Delete thread", operation="threads.trash", function=tools.delete_thread),
        Row(title="Delete inbox", operation="inboxes.trash", function=tools.delete_inbox, names_inbox=True),
        Row(title="List the trash", operation="trash.list", function=tools.list_trash, outside=True),
        Row(
            title="Undo a deletion",
            operation="messages.restore",
            others=others,
            function=tools.undo_delete,
            changes=True,
            says=undone,
        ),
        Row(
            title="Delete message for good",
            operation="messages.delete",
            function=tools.delete_message_permanently,
            **final,
        ),
        Row(
            title="Delete thread for good",
            operation="threads.delete",
            function=tools.delete_thread_permanently,
            **final,
        ),
        Row(
            title="Delete inbox for good",
            operation="inboxes.delete",
            function=tools.delete_inbox_permanently,
            beyond_inbox=True,  # a key of an inbox is one of those that keep it
            **final,
        ),
    ]


def _until(until: int) -> str:
    end = moment(until)
    return " " + if_offered(f"Undo until {end}: undo_delete.", f"It can be brought back until {end}.")


def _trashed(found: Answer[Any], text: str) -> CallToolResult:
    gone = found.result
    data = TrashResult(
        inbox_id=gone.inbox_id,
        message_id=gone.message_id,
        thread_id=gone.thread_id,
        message_count=gone.message_count,
        until=moment(gone.until),
        position=found.position,
    )
    return answer(text + at(found.position), data)


def _item(item: TrashItem) -> TrashItemShape:
    times = {"deleted_at": moment(item.at), "until": moment(item.until)}
    if (draft := item.draft) is not None:
        return TrashItemShape(
            kind="draft",
            inbox_id=draft.inbox_address,
            draft_id=draft.draft_id,
            subject=None if draft.subject is None else line(draft.subject),
            **times,
        )
    if (message := item.message) is None:
        return TrashItemShape(kind="inbox", inbox_id="" if item.inbox is None else item.inbox.address, **times)
    return TrashItemShape(
        kind="message",
        inbox_id=message.inbox_address,
        message_id=message.message_id,
        thread_id=message.thread_id,
        from_=line(message.from_),
        subject=None if message.subject is None else line(message.subject),
        **times,
    )


def _told(item: TrashItemShape) -> str:
    by = if_offered("undo_delete with", "it can be brought back, by")
    until = f"until {item.until}: {by} inbox_id={item.inbox_id}"
    if item.draft_id is not None:
        return f"{item.draft_id} | deleted {item.deleted_at} | {item.subject or '(no subject)'}\n  {until} and draft_id"
    if item.message_id is None:
        return f"inbox {item.inbox_id} with all its mail | deleted {item.deleted_at} | {until}"
    return (
        f"{item.message_id} | deleted {item.deleted_at} | from {item.from_} | {item.subject or '(no subject)'}\n"
        f"  {until} and message_id, or thread_id={item.thread_id} for all of the thread"
    )


def _is_outside(items: Iterable[TrashItem]) -> bool:
    return any(
        (item.message is not None and "received" in item.message.labels)
        # Its subject may be that of what it answers.
        or (item.draft is not None and item.draft.tainted is not None)
        for item in items
    )
