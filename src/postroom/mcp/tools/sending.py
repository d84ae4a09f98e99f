"""Tools that send: a message, a reply, a forward."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypedDict, TypeVar, Unpack, get_args, get_type_hints

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field

from postroom.mcp.face import Hands, HasHands
from postroom.mcp.fitting import and_more, fitted
from postroom.mcp.held_words import question
from postroom.mcp.offering import if_offered
from postroom.mcp.shapes import CheckedResult, SentResult
from postroom.mcp.tools.row import Row, Strings, answer, at
from postroom.mcp.words import line, moment
from postroom.model.errors import Refused
from postroom.model.policy import Held
from postroom.service.departure import Sent
from postroom.service.operation import Answer

KEYED = ("idempotency_key",)  # taken by all that sends, and listed where a model reads it once
_HEADERS = "No tool takes them: a program can, by POST /v1/postroom/inboxes/{inbox_id}/messages/send."


class AttachmentArgument(BaseModel):
    """Files: each one of content (base64), url, handle, message_id with attachment_id (inbox_id if of another); also
    filename, content_type, content_disposition, content_id."""

    model_config = ConfigDict(extra="forbid")

    content: str | None = None
    url: str | None = None
    handle: str | None = None
    message_id: str | None = None
    attachment_id: str | None = None
    inbox_id: str | None = None
    filename: str | None = None
    content_type: str | None = None
    content_disposition: str | None = None
    content_id: str | None = None


class Written(TypedDict, total=False):
    """The arguments of whatever is written; they come last in the schemas."""

    text: str | None
    html: str | None
    cc: Strings | None
    bcc: Strings | None
    reply_to: Strings | None
    labels: Strings | None
    attachments: list[AttachmentArgument] | None


class Outgoing(Written, total=False):
    """The arguments of what leaves at once."""

    idempotency_key: str | None


F = TypeVar("F", bound=Callable[..., Any])


def with_written(tool: F) -> F:
    """Name each argument that `**written` stands for in the signature of `tool`, where the SDK reads the schema."""
    signature = inspect.signature(tool)
    *own, written = signature.parameters.values()
    (taken,) = get_args(written.annotation)
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in get_type_hints(taken).items()
    ]
    tool.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    return tool


class Confirmation(BaseModel):
    """What the person at a client answers."""

    send: bool = Field(description="Send this message?")


async def ask_person(approval_id: str, ctx: Context[Any, Any]) -> Elicit[Confirmation]:
    """Return the question whether a held message may leave."""
    server = ctx.mcp_server
    assert isinstance(server, HasHands)
    asked = await server.hands.ask("approvals.question", {"approval_id": approval_id})
    return Elicit(question(asked.result), Confirmation)


class SendingTools:
    """send_message, reply_to_message, forward_message."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @with_written
    async def send_message(
        self, inbox_id: str, to: Strings, subject: str | None = None, **written: Unpack[Outgoing]
    ) -> Annotated[CallToolResult, SentResult]:
        """Send a new message from an inbox. To answer a message use reply_to_message: it keeps the thread."""
        return await self._send("messages.send", "Sent", written, inbox_id=inbox_id, to=to, subject=subject)

    @with_written
    async def reply_to_message(
        self,
        inbox_id: str,
        message_id: str,
        reply_all: bool = False,
        to: Strings | None = None,
        **written: Unpack[Outgoing],
    ) -> Annotated[CallToolResult, SentResult]:
        """Answer a message in its thread. It goes to the sender, with reply_all=true to everybody, or to those that
        to, cc and bcc name instead. Subject, threading and the quoted original are taken care of."""
        given = {"inbox_id": inbox_id, "message_id": message_id, "reply_all": reply_all, "to": to}
        return await self._send("messages.reply", "Replied", written, **given)

    @with_written
    async def forward_message(
        self, inbox_id: str, message_id: str, to: Strings, subject: str | None = None, **written: Unpack[Outgoing]
    ) -> Annotated[CallToolResult, SentResult]:
        """Forward a message with its attachments; your text comes first, then the original."""
        given = {"inbox_id": inbox_id, "message_id": message_id, "to": to, "subject": subject}
        return await self._send("messages.forward", "Forwarded", written, **given)

    async def _send(self, operation: str, verb: str, written: Outgoing, **given: Any) -> CallToolResult:
        if (files := written.get("attachments")) is not None:
            given["attachments"] = [file.model_dump(exclude_none=True) for file in files]
        return await leave(self._hands, verb, operation, {**written, **given})

    async def check_send(
        self,
        inbox_id: str,
        to: Strings | None = None,
        message_id: str | None = None,
        reply_all: bool = False,
        forward: bool = False,
        draft_id: str | None = None,
        cc: Strings | None = None,
        bcc: Strings | None = None,
    ) -> Annotated[CallToolResult, CheckedResult]:
        """Tell whether a message would be sent, held for approval or refused, and by which rule; sends nothing."""
        about = {
            "inbox_id": inbox_id,
            "to": to,
            "cc": cc,
            "bcc": bcc,
            "message_id": message_id,
            "reply_all": reply_all,
            "forward": forward,
            "draft_id": draft_id,
        }
        found = await self._hands.ask("messages.check_send", about)
        checked = found.result
        data = fitted(CheckedResult(**checked.model_dump(), position=found.position))
        people = and_more([line(one) for one in data.recipients], data.more_recipients, "nobody")
        told = f"Would be {checked.outcome}, to {people}."
        if checked.rule is not None:
            told += f" Rule {checked.rule}: {data.reason} {checked.fix or ''}"
        return answer(told + at(found.position), data)

    async def confirm_send(
        self, approval_id: str, said: Annotated[ElicitationResult[Confirmation], Resolve(ask_person)]
    ) -> Annotated[CallToolResult, SentResult]:
        """Ask the person at this client to let a held message leave, where its policy allows that."""
        if not (isinstance(said, AcceptedElicitation) and said.data.send):
            position = (await self._hands.ask("tenants.me", {})).position
            reason, fix = "The person did not let it go.", "Ask what to change; do not ask again unchanged."
            data = SentResult(status="held", reason=reason, fix=fix, approval_id=approval_id, position=position)
            return answer(f"Held, not sent: {reason} {fix}{at(position)}", data)
        return await leave(self._hands, "Sent", "approvals.confirm", {"approval_id": approval_id})


def rows(hands: Hands) -> list[Row]:
    """Return the tools that send."""
    tools = SendingTools(hands)
    shared: dict[str, Any] = {"outside": True, "leaves": True}
    return [
        Row(
            title="Send message",
            operation="messages.send",
            function=tools.send_message,
            says={"idempotency_key": "Your own id: a second try with it sends nothing. All that sends takes one."},
            elsewhere=_elsewhere("create_draft takes it: the draft is sent by itself then."),
            **shared,
        ),
        Row(
            title="Reply to message",
            operation="messages.reply",
            function=tools.reply_to_message,
            unlisted=KEYED,
            elsewhere=_elsewhere("create_draft takes it, with in_reply_to: the draft is sent by itself then."),
            **shared,
        ),
        Row(
            title="Forward message",
            operation="messages.forward",
            function=tools.forward_message,
            unlisted=KEYED,
            elsewhere=_elsewhere("create_draft takes it, with forward_of: the draft is sent by itself then."),
            **shared,
        ),
        Row(
            title="Confirm send",
            operation="approvals.confirm",
            function=tools.confirm_send,
            says={"approval_id": "Of the held message."},
            asks=True,
            **shared,
        ),
        _checking(tools),
    ]


def _checking(tools: SendingTools) -> Row:
    return Row(
        title="Check send",
        operation="messages.check_send",
        function=tools.check_send,
        says={
            "to": "All recipients.",
            "message_id": "What it answers or forwards.",
            "reply_all": "It answers everybody.",
            "forward": "It forwards.",
            "draft_id": "A draft, alone.",
        },
        unlisted=("cc", "bcc"),
    )


def _elsewhere(send_at: str) -> dict[str, str]:
    return {"send_at": send_at, "headers": _HEADERS}


async def leave(hands: Hands, verb: str, operation: str, given: Mapping[str, Any]) -> CallToolResult:
    """Do an operation that sends, and word what became of it: what a policy holds or refuses is a result like any."""
    try:
        found: Answer[Sent | Held] = await hands.ask(operation, given)
    except Refused as error:
        if error.rule is None:
            raise
        position = (await hands.ask("tenants.me", {})).position
        data = SentResult(status="refused", rule=error.rule, reason=error.message, fix=error.fix, position=position)
        return answer(f"Refused, rule {error.rule}. {error}{at(position)}", data)
    result = found.result
    return _told_held(result, found.position) if isinstance(result, Held) else told_sent(verb, result, found.position)


def _told_held(held: Held, position: int) -> CallToolResult:
    until = moment(held.expires_at)
    text = f"Held, not sent to anybody, rule {held.rule.value}. {held.reason} {held.fix} It ends {until}."
    if held.elicitation:
        # Not to a client that puts no questions: it would be told to do what it cannot.
        text += if_offered(" Or ask the person at this client: confirm_send.")
    data = SentResult(
        status="held",
        rule=held.rule.value,
        reason=held.reason,
        fix=held.fix,
        approval_id=held.approval_id,
        draft_id=held.draft_id,
        expires_at=until,
        position=position,
    )
    return answer(text + at(position), data)


def told_sent(verb: str, sent: Sent, position: int) -> CallToolResult:
    """Word what was sent."""
    data = SentResult(
        message_id=sent.message_id,
        thread_id=sent.thread_id,
        status="captured" if len(sent.captured) == len(sent.recipients) else "queued",
        recipients=list(sent.recipients),
        captured=list(sent.captured) or None,
        position=position,
    )
    data = fitted(data)
    people = and_more(data.recipients or [], data.more_recipients)
    text = f"{verb}: {sent.message_id} in thread {sent.thread_id}, to {people}."
    if sent.captured:
        text += (
            f" Captured, not delivered: {and_more(data.captured or [], data.more_captured)}."
            " This server is a sandbox: mail to foreign domains stays on this machine."
        )
    return answer(text + at(position), data)
