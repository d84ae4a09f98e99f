"""Tools over drafts: mail that is written and not sent yet, by hand or at a moment that was set."""

from typing import Annotated, Any, Unpack

from mcp.types import CallToolResult
from pydantic import Field

from postroom.mcp.draft_shapes import (
    DEFAULT_CHARS,
    DraftDeletedResult,
    DraftPage,
    DraftResult,
    draft_item,
    draft_result,
    told,
    told_item,
)
from postroom.mcp.face import Hands
from postroom.mcp.fitting import fitted, room_for
from postroom.mcp.offering import if_offered
from postroom.mcp.shapes import SentResult
from postroom.mcp.tools.moments import zoned
from postroom.mcp.tools.row import Row, Strings, answer, at, more
from postroom.mcp.tools.sending import KEYED, AttachmentArgument, Written, leave, with_written
from postroom.mcp.words import moment
from postroom.model.draft import Draft
from postroom.service.operation import Answer

MaxChars = Annotated[int, Field(ge=100, le=200_000)]
_SEND_AT = "When to send it by itself (RFC 3339 with the zone)"


class DraftTools:
    """create_draft, list_drafts, get_draft, update_draft, send_draft, delete_draft, and the deletion for good."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @with_written
    async def create_draft(
        self,
        inbox_id: str,
        to: Strings | None = None,
        subject: str | None = None,
        in_reply_to: str | None = None,
        reply_all: bool = False,
        forward_of: str | None = None,
        send_at: str | None = None,
        client_id: str | None = None,
        **written: Unpack[Written],
    ) -> Annotated[CallToolResult, DraftResult]:
        """Write a message without sending it: a new one, an answer (in_reply_to) or a forward (forward_of)."""
        given: dict[str, Any] = {
            "inbox_id": inbox_id,
            "to": to,
            "subject": subject,
            "in_reply_to": in_reply_to,
            "reply_all": reply_all,
            "forward_of": forward_of,
            "send_at": zoned("send_at", send_at),
            "client_id": client_id,
            "attachments": _files(written.get("attachments")),
        }
        return _one("Draft kept.", await self._hands.ask("drafts.create", {**written, **given}))

    async def list_drafts(
        self,
        inbox_id: str | None = None,
        limit: int = 10,
        page_token: str | None = None,
        labels: Strings | None = None,
        before: str | None = None,
        after: str | None = None,
        ascending: bool = False,
    ) -> Annotated[CallToolResult, DraftPage]:
        """List drafts, the last changed first. labels=["scheduled"] shows those that are sent by themselves."""
        given = {
            "inbox_id": inbox_id,
            "limit": limit,
            "page_token": page_token,
            "labels": labels,
            "before": before,
            "after": after,
            "ascending": ascending,
        }
        found = await self._hands.ask("drafts.list", given)
        page = found.result
        items = [draft_item(draft) for draft in page.items]
        data = DraftPage(drafts=items, next_page_token=page.next_page_token, position=found.position)
        data = fitted(data, room_for(limit))
        text = f"{len(items)} drafts.\n" + "\n".join(map(told_item, data.drafts)) if items else "No draft."
        untrusted = any(draft.tainted is not None for draft in page.items)
        return answer(text + more(page.next_page_token) + at(found.position), data, untrusted=untrusted)

    async def get_draft(
        self, draft_id: str, inbox_id: str | None = None, max_chars: MaxChars = DEFAULT_CHARS
    ) -> Annotated[CallToolResult, DraftResult]:
        """Get a draft with its bodies."""
        found = await self._hands.ask("drafts.get", {"draft_id": draft_id, "inbox_id": inbox_id})
        return _one("", found, max_chars)

    async def update_draft(
        self,
        draft_id: str,
        inbox_id: str | None = None,
        to: Strings | None = None,
        cc: Strings | None = None,
        bcc: Strings | None = None,
        reply_to: Strings | None = None,
        subject: str | None = None,
        text: str | None = None,
        html: str | None = None,
        add_attachments: list[dict[str, str]] | None = None,
        remove_attachments: Strings | None = None,
        add_labels: Strings | None = None,
        remove_labels: Strings | None = None,
        send_at: str | None = None,
    ) -> Annotated[CallToolResult, DraftResult]:
        """Change a draft. What you leave out stays; "" or [] clears, and send_at="" keeps it from being sent by
        itself."""
        people = {"to": to, "cc": cc, "bcc": bcc, "reply_to": reply_to}
        given: dict[str, Any] = {
            "draft_id": draft_id,
            "inbox_id": inbox_id,
            **{name: [] if listed == "" else listed for name, listed in people.items()},
            "subject": subject,
            "text": text,
            "html": html,
            "add_attachments": add_attachments,
            "remove_attachments": remove_attachments,
            "add_labels": add_labels,
            "remove_labels": remove_labels,
            "send_at": zoned("send_at", send_at),
        }
        present = {name: value for name, value in given.items() if value is not None}
        # The one field whose null says something: it is not sent by itself.
        cleared = {"send_at": None} if send_at == "" else {}
        face, actor = await self._hands.face(), await self._hands.actor()
        return _one("Draft changed.", await face.desk.ask("drafts.update", actor, {**present, **cleared}))

    async def send_draft(
        self, draft_id: str, inbox_id: str | None = None, idempotency_key: str | None = None
    ) -> Annotated[CallToolResult, SentResult]:
        """Send a draft now; it is a message from then on."""
        given = {"draft_id": draft_id, "inbox_id": inbox_id, "idempotency_key": idempotency_key}
        return await leave(self._hands, "Sent", "drafts.send", given)

    async def delete_draft(
        self, draft_id: str, inbox_id: str | None = None
    ) -> Annotated[CallToolResult, DraftDeletedResult]:
        """Put a draft into the trash: it is not sent; undo_delete works for 30 days."""
        found = await self._hands.ask("drafts.trash", {"draft_id": draft_id, "inbox_id": inbox_id})
        gone = found.result
        data = DraftDeletedResult(
            success=True,
            inbox_id=gone.inbox_id,
            draft_id=gone.draft_id,
            until=moment(gone.until),
            position=found.position,
        )
        end = if_offered(f"Undo until {data.until}: undo_delete.", f"It can be brought back until {data.until}.")
        text = f"Deleted {gone.draft_id} in {gone.inbox_id}. It is not sent. {end}"
        return answer(text + at(found.position), data)

    async def delete_draft_permanently(
        self, draft_id: str, inbox_id: str | None = None
    ) -> Annotated[CallToolResult, DraftDeletedResult]:
        """Delete a draft for good, in the trash or not. This cannot be undone."""
        found = await self._hands.ask("drafts.delete", {"draft_id": draft_id, "inbox_id": inbox_id})
        gone = found.result
        data = DraftDeletedResult(
            success=True, inbox_id=gone.inbox_address, draft_id=gone.draft_id, position=found.position
        )
        return answer(f"Deleted {gone.draft_id} in {gone.inbox_address} for good." + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over drafts."""
    tools = DraftTools(hands)
    made = {
        "in_reply_to": "The message that it answers.",
        "forward_of": "The message that it forwards.",
        "send_at": f"{_SEND_AT}.",
        "client_id": "Your own id: a second create returns the first draft.",
    }
    return [
        Row(
            title="Create draft",
            operation="drafts.create",
            function=tools.create_draft,
            says=made,
        ),
        Row(
            title="List drafts",
            operation="drafts.list",
            function=tools.list_drafts,
            unlisted=("before", "after", "ascending"),
        ),
        *_rows_of_one(tools),
    ]


def _rows_of_one(tools: DraftTools) -> list[Row]:
    own = {"max_chars": "Of its bodies."}
    one = {"inbox_id": "Its inbox."}
    changed = {
        **one,
        "send_at": f'{_SEND_AT}; "": not by itself.',
        "add_attachments": "Files to attach, as create_draft takes them.",
    }
    return [
        Row(title="Get draft", operation="drafts.get", function=tools.get_draft, says={**one, **own}),
        Row(title="Update draft", operation="drafts.update", function=tools.update_draft, says=changed),
        Row(
            title="Send draft",
            operation="drafts.send",
            function=tools.send_draft,
            says=one,
            unlisted=KEYED,
            outside=True,
            leaves=True,
        ),
        Row(title="Delete draft", operation="drafts.trash", function=tools.delete_draft, says=one),
        Row(
            title="Delete draft for good",
            operation="drafts.delete",
            toolset="admin",
            function=tools.delete_draft_permanently,
            leaves=True,
            says=one,
        ),
    ]


def _files(given: list[AttachmentArgument] | None) -> list[dict[str, Any]] | None:
    return None if given is None else [file.model_dump(exclude_none=True) for file in given]


def _one(verb: str, found: Answer[Draft], room: int = DEFAULT_CHARS) -> CallToolResult:
    data = draft_result(found.result, found.position, room)
    text = f"{verb}\n{told(data)}".lstrip() + at(found.position)
    # Its subject and its people may be those of what it answers.
    return answer(text, data, untrusted=found.result.tainted is not None)
