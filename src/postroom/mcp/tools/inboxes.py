"""Tools over inboxes."""

from typing import Annotated, Any

from mcp.types import CallToolResult
from pydantic import Field

from postroom.mcp.face import Hands
from postroom.mcp.fitting import RESULT_CHARS, fitted, room_for
from postroom.mcp.offering import if_offered
from postroom.mcp.shapes import InboxPage, InboxResult, inbox_shape
from postroom.mcp.tools.row import Row, answer, at, more
from postroom.mcp.words import line
from postroom.model.inbox import Inbox, MetadataValue
from postroom.service.operation import Answer

Metadata = dict[str, MetadataValue | None]
# What was left out, as null removes all that there is.
_STAYS: Any = Field(default_factory=dict)
MaxChars = Annotated[int, Field(ge=100, le=200_000)]


class InboxTools:
    """create_inbox, list_inboxes, get_inbox, update_inbox."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def create_inbox(
        self,
        username: str | None = None,
        domain: str | None = None,
        display_name: str | None = None,
        client_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> Annotated[CallToolResult, InboxResult]:
        """Create an inbox: a real e-mail address that you own. Its inbox_id is the address."""
        given = {
            "username": username,
            "domain": domain,
            "display_name": display_name,
            "client_id": client_id,
            "metadata": metadata,
        }
        known = {} if client_id is None else {"client_id": client_id}
        there = known and (await self._hands.ask("inboxes.known", known)).result is not None
        verb = "Made before with this client_id, and nothing was changed:" if there else "Created"
        return _one(verb, await self._hands.ask("inboxes.create", given))

    async def list_inboxes(
        self, limit: int = 10, page_token: str | None = None
    ) -> Annotated[CallToolResult, InboxPage]:
        """List the inboxes that you may use, newest first."""
        found = await self._hands.ask("inboxes.list", {"limit": limit, "page_token": page_token})
        page = found.result
        shown = [inbox_shape(inbox) for inbox in page.items]
        lines = [f"{i.inbox_id}" + (f" ({line(i.display_name)})" if i.display_name else "") for i in shown]
        none = f"No inbox. {if_offered('Make one with create_inbox.')}".strip()
        text = f"{len(shown)} inboxes.\n" + "\n".join(lines) if shown else none
        data = InboxPage(inboxes=shown, next_page_token=page.next_page_token, position=found.position)
        data = fitted(data, room_for(limit))
        return answer(text + more(page.next_page_token) + at(found.position), data)

    async def get_inbox(
        self, inbox_id: str, max_chars: MaxChars = RESULT_CHARS
    ) -> Annotated[CallToolResult, InboxResult]:
        """Get one inbox."""
        return _one("Inbox", await self._hands.ask("inboxes.get", {"inbox_id": inbox_id}), max_chars)

    async def update_inbox(
        self,
        inbox_id: str,
        display_name: str | None = None,
        metadata: Metadata | None = _STAYS,
    ) -> Annotated[CallToolResult, InboxResult]:
        """Change the display name of an inbox ("" removes it), or merge metadata."""
        given: dict[str, Any] = {"inbox_id": inbox_id}
        given |= {} if display_name is None else {"display_name": display_name}
        given |= {} if metadata == {} else {"metadata": metadata}
        face, actor = await self._hands.face(), await self._hands.actor()
        return _one("Updated", await face.desk.ask("inboxes.update", actor, given))


def rows(hands: Hands) -> list[Row]:
    """Return the tools over inboxes."""
    tools = InboxTools(hands)
    return [
        Row(title="Create inbox", operation="inboxes.create", function=tools.create_inbox),
        Row(title="List inboxes", operation="inboxes.list", function=tools.list_inboxes),
        Row(title="Get inbox", operation="inboxes.get", function=tools.get_inbox, unlisted=("max_chars",)),
        Row(
            title="Update inbox",
            operation="inboxes.update",
            function=tools.update_inbox,
            says={"metadata": "Merged into what is there; null removes a key, or all."},
            nulls=("metadata",),
        ),
    ]


def _one(verb: str, found: Answer[Inbox], room: int = RESULT_CHARS) -> CallToolResult:
    shown = inbox_shape(found.result)
    name = f" ({line(shown.display_name)})" if shown.display_name else ""
    data = fitted(InboxResult(**shown.model_dump(), position=found.position), room)
    return answer(f"{verb} {shown.inbox_id}{name}." + at(found.position), data)
