"""The tool that leaves a mailing list."""

from typing import Annotated
from urllib.parse import unquote

from mcp.types import CallToolResult

from postroom.mcp.face import Hands
from postroom.mcp.offering import if_offered
from postroom.mcp.shapes import UnsubscribeResult
from postroom.mcp.tools.row import Row, answer, at
from postroom.mcp.words import line
from postroom.model.address import read_address
from postroom.model.errors import InvalidInput
from postroom.service.unsubscribing import Unsubscribed

_UNCHECKED = "The DKIM signature of the mail was not checked: its sender may not be who it says."


_FIELDS = (("subject", "subject"), ("text", "body"))  # as tools name them, and as RFC 6068 does


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
        text = f"{done.message_id}: {_told(done)}" + at(found.position)
        return answer(text, data, untrusted=done.outcome == "by_mail")


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
    way = done.way.address if done.way else ""
    address = line(way, 500)
    if done.outcome == "done":
        return f"unsubscribed, {address} answered {done.status}. {_UNCHECKED}"
    if done.outcome == "by_mail":
        return f"not unsubscribed, the list takes no one-click request. {_by_mail(way)}"
    return f"not unsubscribed, the list takes no one-click request. A person can open {address}. {_UNCHECKED}"


def _by_mail(address: str) -> str:
    """Return how the mail is sent that a mailto: address asks for (RFC 6068): tools take its parts and not itself."""
    path, _mark, query = address.partition(":")[2].partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")[:20]]
    fields = {unquote(name).lower(): unquote(value) for name, _sign, value in pairs}
    named = [*(unquote(one) for one in path.split(",")), *fields.get("to", "").split(",")]
    try:
        to = [line(read_address(one).address) for one in named if one.strip()]
    except InvalidInput:
        to = []
    if not to:
        return f"It offers mail, to what is no address: {line(address, 500)}. Label its mail, or block its sender."
    said = "".join(f", {name} {line(fields[field], 200)!r}" for name, field in _FIELDS if fields.get(field))
    who = if_offered("It offers mail: send_message to", "It offers mail, which a person can send to")
    return f"{who} {', '.join(to)}{said}."
