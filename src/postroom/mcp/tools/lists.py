"""Tools over allow and block lists: who may be written to, and whose mail comes in."""

from typing import Annotated, Any

from mcp.types import CallToolResult

from postroom.mcp.admin_shapes import DoneResult, EntryPage, EntryResult, EntryShape, entry_shape
from postroom.mcp.face import Hands
from postroom.mcp.fitting import fitted, room_for
from postroom.mcp.tools.place import ask_within
from postroom.mcp.tools.row import Row, answer, at, more
from postroom.mcp.words import line


class ListTools:
    """list_entries, add_list_entry, remove_list_entry."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def list_entries(
        self,
        direction: str,
        type: str,
        inbox_id: str | None = None,
        pod_id: str | None = None,
        limit: int = 10,
        page_token: str | None = None,
    ) -> Annotated[CallToolResult, EntryPage]:
        """List the entries of one allow or block list."""
        given = {"direction": direction, "type": type, "limit": limit, "page_token": page_token}
        found = await ask_within(self._hands, "lists.list", given, inbox_id=inbox_id, pod_id=pod_id)
        page = found.result
        items = [entry_shape(entry) for entry in page.items]
        data = EntryPage(entries=items, next_page_token=page.next_page_token, position=found.position)
        data = fitted(data, room_for(limit))
        text = f"{len(items)} entries.\n" + "\n".join(map(_told, data.entries)) if items else "No entry."
        return answer(text + more(page.next_page_token) + at(found.position), data)

    async def add_list_entry(
        self,
        direction: str,
        type: str,
        entry: str,
        reason: str | None = None,
        inbox_id: str | None = None,
        pod_id: str | None = None,
    ) -> Annotated[CallToolResult, EntryResult]:
        """Put an address or a domain on a list. An allow list that has an entry admits its entries alone."""
        given = {"direction": direction, "type": type, "entry": entry, "reason": reason}
        found = await ask_within(self._hands, "lists.create", given, inbox_id=inbox_id, pod_id=pod_id)
        item = entry_shape(found.result)
        data = EntryResult(**item.model_dump(), position=found.position)
        return answer(f"On the list: {_told(item)}" + at(found.position), data)

    async def remove_list_entry(
        self,
        direction: str,
        type: str,
        entry: str,
        inbox_id: str | None = None,
        pod_id: str | None = None,
    ) -> Annotated[CallToolResult, DoneResult]:
        """Take an address or a domain off a list."""
        given = {"direction": direction, "type": type, "entry": entry}
        found = await ask_within(self._hands, "lists.delete", given, inbox_id=inbox_id, pod_id=pod_id)
        data = DoneResult(success=True, id=found.result.entry, position=found.position)
        return answer(f"Off the list: {data.id}." + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over lists."""
    tools = ListTools(hands)
    shared: dict[str, Any] = {
        "toolset": "lists",
        "says": {
            "inbox_id": "The lists of this inbox; those of the organization when left out.",
            "pod_id": "The lists of this pod; exclusive with inbox_id.",
        },
    }
    return [
        Row(title="List entries", operation="lists.list", function=tools.list_entries, **shared),
        Row(title="Add list entry", operation="lists.create", function=tools.add_list_entry, changes=True, **shared),
        Row(title="Remove list entry", operation="lists.delete", function=tools.remove_list_entry, **shared),
    ]


def _told(item: EntryShape) -> str:
    why = f" | {line(item.reason, 1000)}" if item.reason else ""
    kept = " | kept by the server, stays" if item.read_only else ""
    owner = f" | inbox {item.inbox_id}" if item.inbox_id else (f" | pod {item.pod_id}" if item.pod_id else "")
    return f"{item.entry} | {item.direction} {item.type}{owner}{kept}{why}"
