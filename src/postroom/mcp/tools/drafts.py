"""Tools over drafts: mail that is written and not sent yet, by hand or at a moment that was set."""

from datetime import datetime
from typing import Annotated, Any, Unpack

from mcp.types import CallToolResult
from pydantic import Field

from postroom.mcp.draft_shapes import (
    DraftDeletedResult,
    DraftPage,
    DraftResult,
    draft_item,
    draft_result,
    told,
    told_item,
)
from postroom.mcp.face import Hands
from postroom.mcp.shapes import SentResult
from postroom.mcp.tools.row import Row, Strings, answer, at, more
from postroom.mcp.tools.sending import AttachmentArgument, Written, leave, with_written
from postroom.model.draft import Draft
from postroom.model.errors import InvalidInput
from postroom.service.operation import Answer

DEFAULT_CHARS = 18_000  # of both bodies together: what stands around them has room below 20,000
MaxChars = Annotated[int, Field(ge=100, le=200_000)]
_SEND_AT = "When to send it by itself (RFC 3339 with the zone)"


class DraftTools:
    """create_draft, list_drafts, get_draft, update_draft, send_draft, delete_draft."""

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
            "send_at": _zoned(send_at),
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
    ) -> Annotated[CallToolResult, DraftPage]:
        """List drafts, the last changed first. labels=["scheduled"] shows those that are sent by themselves."""
        given = {"inbox_id": inbox_id, "limit": limit, "page_token": page_token, "labels": labels}
        found = await self._hands.ask("drafts.list", given)
        page = found.result
        items = [draft_item(draft) for draft in page.items]
        text = f"{len(items)} drafts.\n" + "\n".join(map(told_item, items)) if items else "No draft."
        data = DraftPage(drafts=items, next_page_token=page.next_page_token, position=found.position)
        return answer(text + more(page.next_page_token) + at(found.position), data)

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
            "send_at": _zoned(send_at),
        }
        present = {name: value for name, value in given.items() if value is not None}
        # The one field whose null says something: it is not sent by itself.
        cleared = {"send_at": None} if send_at == "" else {}
        face, actor = await self._hands.face(), await self._hands.actor()
        return _one("Draft changed.", await face.desk.ask("drafts.update", actor, {**present, **cleared}))

    async def send_draft(self, draft_id: str, inbox_id: str | None = None) -> Annotated[CallToolResult, SentResult]:
        """Send a draft now; it is a message from then on."""
        return await leave(self._hands, "Sent", "drafts.send", {"draft_id": draft_id, "inbox_id": inbox_id})

    async def delete_draft(
        self, draft_id: str, inbox_id: str | None = None
    ) -> Annotated[CallToolResult, DraftDeletedResult]:
        """Delete a draft; one that is scheduled is not sent."""
        found = await self._hands.ask("drafts.delete", {"draft_id": draft_id, "inbox_id": inbox_id})
        data = DraftDeletedResult(success=True, draft_id=found.result.draft_id, position=found.position)
        kept = " It is not sent." if found.result.send_at is not None else ""
        return answer(f"Deleted {data.draft_id}.{kept}" + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over drafts."""
    tools = DraftTools(hands)
    own = {"max_chars": "Of its bodies."}
    one = {"inbox_id": "Its inbox; may be left out."}
    changed = {
        **one,
        "send_at": f'{_SEND_AT}; "": not by itself.',
        "add_attachments": "Files to attach, as create_draft takes them.",
    }
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
        Row(title="List drafts", operation="drafts.list", function=tools.list_drafts),
        Row(title="Get draft", operation="drafts.get", function=tools.get_draft, says={**one, **own}),
        Row(title="Update draft", operation="drafts.update", function=tools.update_draft, says=changed),
        Row(
            title="Send draft",
            operation="drafts.send",
            function=tools.send_draft,
            says=one,
            outside=True,
            leaves=True,
        ),
        Row(title="Delete draft", operation="drafts.delete", function=tools.delete_draft, says=one),
    ]


def _zoned(moment: str | None) -> str | None:
    """Return a moment that says its zone, None for none.

    Raises:
        InvalidInput: it names none: a mail at the wrong hour cannot be taken back, and only who asked for it knows.
    """
    if not moment:
        return None
    try:
        is_open = datetime.fromisoformat(moment).tzinfo is None
    except ValueError:
        return moment  # the engine says what is wrong with it
    if is_open:
        fix = f"Ask which zone is meant, and give it: {moment[:19]}Z for UTC, or an offset such as +01:00 at its end."
        raise InvalidInput.at("send_at", "which time zone is meant? It has none.", fix=fix)
    return moment


def _files(given: list[AttachmentArgument] | None) -> list[dict[str, Any]] | None:
    return None if given is None else [file.model_dump(exclude_none=True) for file in given]


def _one(verb: str, found: Answer[Draft], room: int = DEFAULT_CHARS) -> CallToolResult:
    data = draft_result(found.result, found.position, room)
    return answer(f"{verb}\n{told(data)}".lstrip() + at(found.position), data)
