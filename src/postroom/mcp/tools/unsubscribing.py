"""The tool that leaves a mailing list."""

from typing import Annotated

from mcp.types import CallToolResult

from postroom.mcp.face import Hands
from postroom.mcp.shapes import UnsubscribeResult
from postroom.mcp.tools.row import Row, answer, at
from postroom.mcp.words import line
from postroom.service.unsubscribing import Unsubscribed

_UNCHECKED = "The DKIM signature of the mail was not checked: its sender may not be who it says."


class UnsubscribeTools:
    """unsubscribe."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def unsubscribe(self, inbox_id: str, message_id: str) -> Annotated[CallToolResult, UnsubscribeResult]:
        """Leave the mailing list of a message by its one-click request (RFC 8058), or hear what else it offers."""
        found = await self._hands.ask("messages.unsubscribe", {"inbox_id": inbox_id, "message_id": message_id})
        done: Unsubscribed = found.result
        data = UnsubscribeResult(
            message_id=done.message_id,
            status=done.outcome,
            address=None if done.way is None else line(done.way.address, 500),
            position=found.position,
        )
        return answer(f"{done.message_id}: {_told(done)}" + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tool that leaves a list."""
    tools = UnsubscribeTools(hands)
    return [
        Row(
            title="Unsubscribe", operation="messages.unsubscribe", function=tools.unsubscribe, outside=True, leaves=True
        )
    ]


def _told(done: Unsubscribed) -> str:
    if done.outcome == "already_done":
        return "already done, as its label unsubscribed says. Nothing was asked again."
    address = line(done.way.address, 500) if done.way else ""
    if done.outcome == "done":
        return f"unsubscribed, {address} answered {done.status}. {_UNCHECKED}"
    if done.outcome == "by_mail":
        return f"not unsubscribed, the list takes no one-click request. It offers mail: send_message to {address}."
    return f"not unsubscribed, the list takes no one-click request. A person can open {address}. {_UNCHECKED}"
