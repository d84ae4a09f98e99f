"""Tools that send: a message, a reply, a forward."""

from typing import Annotated, Any

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


Attachments = list[AttachmentArgument]


class SendingTools:
    """send_message, reply_to_message, forward_message."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def send_message(
        self,
        inbox_id: str,
        to: Strings,
        subject: str | None = None,
        text: str | None = None,
        html: str | None = None,
        cc: Strings | None = None,
        bcc: Strings | None = None,
        reply_to: Strings | None = None,
        labels: Strings | None = None,
        attachments: Attachments | None = None,
    ) -> Annotated[CallToolResult, SentResult]:
        """Send a new message from an inbox. To answer a message use reply_to_message: it keeps the thread."""
        given = {
            **_written(to, cc, bcc, reply_to, text, html, labels, attachments),
            "inbox_id": inbox_id,
            "subject": subject,
        }
        return _sent("Sent", await self._hands.ask("messages.send", given))

    async def reply_to_message(
        self,
        inbox_id: str,
        message_id: str,
        text: str | None = None,
        html: str | None = None,
        reply_all: bool = False,
        to: Strings | None = None,
        cc: Strings | None = None,
        bcc: Strings | None = None,
        reply_to: Strings | None = None,
        labels: Strings | None = None,
        attachments: Attachments | None = None,
    ) -> Annotated[CallToolResult, SentResult]:
        """Answer a message in its thread. It goes to the sender, with reply_all=true to everybody, or to those that
        to, cc and bcc name instead. Subject, threading and the quoted original are taken care of."""
        given = {
            **_written(to, cc, bcc, reply_to, text, html, labels, attachments),
            "inbox_id": inbox_id,
            "message_id": message_id,
            "reply_all": reply_all,
        }
        return _sent("Replied", await self._hands.ask("messages.reply", given))

    async def forward_message(
        self,
        inbox_id: str,
        message_id: str,
        to: Strings,
        text: str | None = None,
        html: str | None = None,
        subject: str | None = None,
        cc: Strings | None = None,
        bcc: Strings | None = None,
        reply_to: Strings | None = None,
        labels: Strings | None = None,
        attachments: Attachments | None = None,
    ) -> Annotated[CallToolResult, SentResult]:
        """Forward a message with its attachments; your text comes first, then the original."""
        given = {
            **_written(to, cc, bcc, reply_to, text, html, labels, attachments),
            "inbox_id": inbox_id,
            "message_id": message_id,
            "subject": subject,
        }
        return _sent("Forwarded", await self._hands.ask("messages.forward", given))


def rows(hands: Hands) -> list[Row]:
    """Return the tools that send."""
    tools = SendingTools(hands)
    shared: dict[str, Any] = {"outside": True, "leaves": True}
    return [
        Row(title="Send message", operation="messages.send", function=tools.send_message, **shared),
        Row(title="Reply to message", operation="messages.reply", function=tools.reply_to_message, **shared),
        Row(title="Forward message", operation="messages.forward", function=tools.forward_message, **shared),
    ]


def _written(
    to: Strings | None,
    cc: Strings | None,
    bcc: Strings | None,
    reply_to: Strings | None,
    text: str | None,
    html: str | None,
    labels: Strings | None,
    attachments: Attachments | None,
) -> dict[str, Any]:
    files = None if attachments is None else [a.model_dump(exclude_none=True) for a in attachments]
    return {
        "to": to,
        "cc": cc,
        "bcc": bcc,
        "reply_to": reply_to,
        "text": text,
        "html": html,
        "labels": labels,
        "attachments": files,
    }


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
