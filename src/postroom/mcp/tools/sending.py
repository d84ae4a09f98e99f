"""Tools that send: a message, a reply, a forward."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypedDict, TypeVar, Unpack, get_type_hints

from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict

from postroom.mcp.face import Hands
from postroom.mcp.shapes import SentResult
from postroom.mcp.tools.row import Row, Strings, answer, at
from postroom.service.operation import Answer
from postroom.service.send import Sent


class AttachmentArgument(BaseModel):
    """A file: exactly one of content (base64) and url."""

    model_config = ConfigDict(extra="forbid")

    content: str | None = None
    url: str | None = None
    filename: str | None = None
    content_type: str | None = None
    content_disposition: str | None = None
    content_id: str | None = None


class Written(TypedDict, total=False):
    """The arguments that all three tools take; they come last in their schemas."""

    text: str | None
    html: str | None
    cc: Strings | None
    bcc: Strings | None
    reply_to: Strings | None
    labels: Strings | None
    attachments: list[AttachmentArgument] | None


F = TypeVar("F", bound=Callable[..., Any])


def _with_written(tool: F) -> F:
    """Name each argument of `Written` in the signature of `tool`, where the SDK reads the schema."""
    signature = inspect.signature(tool)
    *own, _written = signature.parameters.values()
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in get_type_hints(Written).items()
    ]
    tool.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    return tool


class SendingTools:
    """send_message, reply_to_message, forward_message."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @_with_written
    async def send_message(
        self, inbox_id: str, to: Strings, subject: str | None = None, **written: Unpack[Written]
    ) -> Annotated[CallToolResult, SentResult]:
        """Send a new message from an inbox. To answer a message use reply_to_message: it keeps the thread."""
        return await self._send("messages.send", "Sent", written, inbox_id=inbox_id, to=to, subject=subject)

    @_with_written
    async def reply_to_message(
        self,
        inbox_id: str,
        message_id: str,
        reply_all: bool = False,
        to: Strings | None = None,
        **written: Unpack[Written],
    ) -> Annotated[CallToolResult, SentResult]:
        """Answer a message in its thread. It goes to the sender, with reply_all=true to everybody, or to those that
        to, cc and bcc name instead. Subject, threading and the quoted original are taken care of."""
        given = {"inbox_id": inbox_id, "message_id": message_id, "reply_all": reply_all, "to": to}
        return await self._send("messages.reply", "Replied", written, **given)

    @_with_written
    async def forward_message(
        self, inbox_id: str, message_id: str, to: Strings, subject: str | None = None, **written: Unpack[Written]
    ) -> Annotated[CallToolResult, SentResult]:
        """Forward a message with its attachments; your text comes first, then the original."""
        given = {"inbox_id": inbox_id, "message_id": message_id, "to": to, "subject": subject}
        return await self._send("messages.forward", "Forwarded", written, **given)

    async def _send(self, operation: str, verb: str, written: Written, **given: Any) -> CallToolResult:
        if (files := written.get("attachments")) is not None:
            given["attachments"] = [file.model_dump(exclude_none=True) for file in files]
        return _sent(verb, await self._hands.ask(operation, {**written, **given}))


def rows(hands: Hands) -> list[Row]:
    """Return the tools that send."""
    tools = SendingTools(hands)
    shared: dict[str, Any] = {"outside": True, "leaves": True}
    return [
        Row(title="Send message", operation="messages.send", function=tools.send_message, **shared),
        Row(title="Reply to message", operation="messages.reply", function=tools.reply_to_message, **shared),
        Row(title="Forward message", operation="messages.forward", function=tools.forward_message, **shared),
    ]


def _sent(verb: str, found: Answer[Sent]) -> CallToolResult:
    sent = found.result
    text = f"{verb}: {sent.message_id} in thread {sent.thread_id}, to {', '.join(sent.recipients)}."
    if sent.captured:
        text += (
            f" Captured, not delivered: {', '.join(sent.captured)}."
            " This server is a sandbox: mail to foreign domains stays on this machine."
        )
    data = SentResult(
        message_id=sent.message_id,
        thread_id=sent.thread_id,
        status="captured" if len(sent.captured) == len(sent.recipients) else "queued",
        recipients=list(sent.recipients),
        captured=list(sent.captured) or None,
        position=found.position,
    )
    return answer(text + at(found.position), data)
