"""Tools that delete: into the trash, from which 30 days bring everything back; for good only in the toolset admin."""

from typing import Annotated, Any

from mcp.types import CallToolResult

from postroom.mcp.face import Hands
from postroom.mcp.shapes import TrashResult
from postroom.mcp.tools.row import Row, answer, at
from postroom.mcp.words import line, moment
from postroom.model.errors import InvalidInput
from postroom.service.operation import Answer


class TrashTools:
    """delete_message, delete_thread, delete_inbox, undo_delete, and those that delete for good."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def delete_message(self, inbox_id: str, message_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Put a message into the trash, hidden from lists and searches; undo_delete works for 30 days."""
        found = await self._hands.ask("messages.trash", {"inbox_id": inbox_id, "message_id": message_id})
        gone = found.result
        text = f"Deleted {gone.message_id} of {gone.thread_id} in {gone.inbox_id}."
        text += f" Undo until {moment(gone.until)}: undo_delete."
        if gone.message_count is not None and gone.message_count > 1:
            text += " That thread has others: meanwhile list_threads shows it with labels=trash only."
        return _trashed(found, text)

    async def delete_thread(self, inbox_id: str, thread_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Put a conversation with all its messages into the trash; undo_delete works for 30 days."""
        found = await self._hands.ask("threads.trash", {"inbox_id": inbox_id, "thread_id": thread_id})
        gone = found.result
        text = f"Deleted {line(gone.thread_id)} in {gone.inbox_id}: {gone.message_count} messages."
        return _trashed(found, f"{text} Undo until {moment(gone.until)}: undo_delete.")

    async def delete_inbox(self, inbox_id: str) -> Annotated[CallToolResult, TrashResult]:
        """Delete an inbox: it gets and sends no mail and its keys stop; undo_delete works for 30 days."""
        found = await self._hands.ask("inboxes.trash", {"inbox_id": inbox_id})
        gone = found.result
        text = f"Deleted {gone.inbox_id} and all its mail. Undo until {moment(gone.until)}: undo_delete."
        return _trashed(found, text)

    async def undo_delete(
        self, inbox_id: str, message_id: str | None = None, thread_id: str | None = None
    ) -> Annotated[CallToolResult, TrashResult]:
        """Bring back what was deleted: a message, a thread, or with neither the inbox. Lists show it with
        labels=trash."""
        if message_id is not None and thread_id is not None:
            raise InvalidInput.at("thread_id", "exclusive with message_id.", fix="Leave out either.")
        if message_id is not None:
            return await self._message_back({"inbox_id": inbox_id, "message_id": message_id})
        if thread_id is not None:
            return await self._thread_back({"inbox_id": inbox_id, "thread_id": thread_id})
        found = await self._hands.ask("inboxes.restore", {"inbox_id": inbox_id})
        text = f"Restored {found.result.address}. Drafts that were due meanwhile have failed."
        return answer(text + at(found.position), TrashResult(inbox_id=found.result.address, position=found.position))

    async def _message_back(self, ref: dict[str, str]) -> CallToolResult:
        found = await self._hands.ask("messages.restore", ref)
        message = found.result
        labels = list(message.labels)
        data = TrashResult(
            inbox_id=message.inbox_address,
            message_id=message.message_id,
            thread_id=message.thread_id,
            labels=labels,
            position=found.position,
        )
        shown = ", ".join(labels) or "none"
        text = f"Restored {message.message_id} of {message.thread_id} in {data.inbox_id}; labels {shown}."
        return answer(text + at(found.position), data)

    async def _thread_back(self, ref: dict[str, str]) -> CallToolResult:
        found = await self._hands.ask("threads.restore", ref)
        back = found.result
        data = TrashResult(
            inbox_id=back.inbox_id,
            thread_id=back.thread_id,
            message_count=back.message_count,
            position=found.position,
        )
        text = f"Restored {line(back.thread_id)} in {back.inbox_id}: {back.message_count} messages."
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
    undone = message | {"thread_id": "The thread; exclusive with message_id."}
    final: dict[str, Any] = {"toolset": "admin", "leaves": True}
    return [
        Row(title="Delete message", operation="messages.trash", function=tools.delete_message, says=message),
        Row(title="Delete thread", operation="threads.trash", function=tools.delete_thread),
        Row(title="Delete inbox", operation="inboxes.trash", function=tools.delete_inbox),
        Row(
            title="Undo a deletion", operation="messages.restore", function=tools.undo_delete, changes=True, says=undone
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
            title="Delete inbox for good", operation="inboxes.delete", function=tools.delete_inbox_permanently, **final
        ),
    ]


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
