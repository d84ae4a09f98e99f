"""Mail that leaves: send, reply, forward. Each prepares in one read and composes outside any transaction; `leaving`
commits it.
"""

import asyncio
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field

from postroom.mime import compose as mime
from postroom.mime import references
from postroom.mime import reply as words
from postroom.mime.html import to_text
from postroom.model.address import Address, read_address
from postroom.model.errors import InvalidInput, NotFound
from postroom.model.ids import new_id
from postroom.model.inbox import Inbox
from postroom.model.message import Incoming, Message, Outgoing, Raw, Upload
from postroom.model.policy import Held, Ruling
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service import answering, hosting, opens, policy
from postroom.service.departure import Departure, Sent, Wording
from postroom.service.holding import hold
from postroom.service.idempotency import Token, once
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.labels import check_labels, check_number
from postroom.service.messages import MessageRef, Strings, find_message
from postroom.service.operation import OURS, Answer, Context
from postroom.service.receive import keep_large
from postroom.service.sent_ids import inner_id, sent_id
from postroom.service.settling import Ack
from postroom.service.uploads import gather, too_large
from postroom.service.wording import Written
from postroom.store.queries import messages

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_INLINE_WORK = 256 * 1024  # beyond this composing would hold up the event loop
Leaving = Sent | Held  # what becomes of a message that is sent
_INLINE_PAGE = 64 * 1024  # characters of HTML beyond which reading it would


class SendMessage(Written, InboxRef):
    subject: str | None = Field(default=None, description="The subject.")


class ReplyToMessage(Written, MessageRef):
    reply_all: bool = Field(default=False, description="Answer everybody; exclusive with to, cc and bcc.")
    also_cc: Strings = Field(
        default=(), description="Recipients of a copy besides those that it goes to anyway.", json_schema_extra=OURS
    )


class ForwardMessage(Written, MessageRef):
    subject: str | None = Field(default=None, description="The subject; Fwd: and the original's when absent.")
    new_thread: bool = Field(default=False, description="It begins a thread of its own.", json_schema_extra=OURS)
    replaces: bool = Field(
        default=False, description="text or html stands in the place of the original's.", json_schema_extra=OURS
    )


class Prepare(InboxRef):
    message_id: str | None = None


class Prepared(Record):
    """The inbox that sends, and the message that is answered or forwarded, with where its bytes are."""

    inbox: Inbox
    original: Message | None
    raw: Raw | None
    tracks_opens: bool = False  # its domain allows it


async def send(desk: "Desk", actor: Actor, given: SendMessage) -> Answer[Leaving]:
    """Send a message from an inbox."""
    return await once(desk, actor, "messages.send", given, partial(_send, desk, actor, given), Sent)


async def reply(desk: "Desk", actor: Actor, given: ReplyToMessage) -> Answer[Leaving]:
    """Answer a message in its thread, with what it said quoted below."""
    return await once(desk, actor, "messages.reply", given, partial(answer, desk, actor, given), Sent)


async def forward(desk: "Desk", actor: Actor, given: ForwardMessage) -> Answer[Leaving]:
    """Forward a message with its attachments; it stays in the thread of the original."""
    return await once(desk, actor, "messages.forward", given, partial(_forward, desk, actor, given), Sent)


async def _send(desk: "Desk", actor: Actor, given: SendMessage, token: Token | None) -> Answer[Leaving]:
    if not (given.subject or given.text or given.html or given.attachments):
        raise InvalidInput("An empty message.", fix="Give a subject, text, html or attachments.")
    prepared: Prepared = await desk.call("messages.prepare", actor, Prepare(inbox_id=given.inbox_id))
    leaving = await departure(desk, actor, prepared, given, word_message(desk, prepared, given))
    return await _depart(desk, actor, leaving, token)


async def answer(
    desk: "Desk", actor: Actor, given: ReplyToMessage, token: Token | None, ack: Ack | None = None
) -> Answer[Leaving]:
    """Answer a message, once: `token` is the claim of the request's key, `ack` that of the conversation."""
    if given.reply_all and (given.to or given.cc or given.bcc):
        raise InvalidInput.at("reply_all", "exclusive with to, cc and bcc.", fix="Leave out either.")
    if not (given.text or given.html or given.attachments):
        raise InvalidInput("An empty reply.", fix="Give text, html or attachments.")
    prepared = await desk.call("messages.prepare", actor, Prepare(inbox_id=given.inbox_id, message_id=given.message_id))
    addressed = given.model_copy(update=reply_recipients(prepared, given))
    leaving = await departure(desk, actor, prepared, addressed, await word_reply(desk, prepared, addressed))
    return await _depart(desk, actor, leaving if ack is None else leaving.model_copy(update={"ack": ack}), token)


async def _forward(desk: "Desk", actor: Actor, given: ForwardMessage, token: Token | None) -> Answer[Leaving]:
    prepared = await desk.call("messages.prepare", actor, Prepare(inbox_id=given.inbox_id, message_id=given.message_id))
    outgoing = await word_forward(desk, prepared, given)
    leaving = await departure(desk, actor, prepared, given, outgoing, await files_of(desk, prepared))
    return await _depart(desk, actor, leaving, token)


def word_message(desk: "Desk", prepared: Prepared, given: SendMessage) -> Outgoing:
    """Word a message as it was given."""
    return _outgoing(desk, prepared.inbox, given, subject=given.subject or "", text=given.text, html=given.html)


async def word_reply(desk: "Desk", prepared: Prepared, given: ReplyToMessage, subject: str | None = None) -> Outgoing:
    """Word an answer to whom `given` names, with the original quoted; its subject when no other is given."""
    original = _original(prepared)
    said, by, at = await _said(original), original.from_, original.date or original.timestamp
    return _outgoing(
        desk,
        prepared.inbox,
        given,
        subject=subject or reply_subject(original),
        text=None if given.text is None else f"{given.text}\n\n{words.quote_reply(said, by, at)}",
        html=None
        if given.html is None
        else given.html + words.quote_reply_html(said, by, at, original_html=original.html),
        in_reply_to=wire_id(original),
        references=chain_to(original),
    )


async def word_forward(desk: "Desk", prepared: Prepared, given: ForwardMessage) -> Outgoing:
    """Word a forward: what the caller says, then the original."""
    original = _original(prepared)
    chain = () if given.new_thread else chain_to(original)
    if given.replaces and (given.text or given.html):
        subject = given.subject or forward_subject(original)
        return _outgoing(
            desk, prepared.inbox, given, subject=subject, text=given.text, html=given.html, references=chain
        )
    fields = _shown_fields(original)
    said = await _said(original)
    below = words.forward_text(fields, said)
    page = words.forward_html(fields, said, original_html=original.html)
    return _outgoing(
        desk,
        prepared.inbox,
        given,
        subject=given.subject or forward_subject(original),
        text=f"{given.text}\n\n{below}" if given.text else below,
        html=(given.html or "") + page if given.html or (original.html and not given.text) else None,
        references=chain,
    )


def reply_subject(original: Message) -> str:
    """Return the subject of an answer to a message."""
    return words.reply_subject(mime.clean(original.subject or ""))


def forward_subject(original: Message) -> str:
    """Return the subject under which a message is forwarded."""
    return words.forward_subject(mime.clean(original.subject or ""))


def chain_to(original: Message) -> tuple[str, ...]:
    """Return the References of what answers or forwards a message (RFC 5322 3.6.4)."""
    return references.chain(wire_id(original), original.references, _ids(original.in_reply_to))


def prepare(context: Context, given: Prepare) -> Prepared:
    """Read what sending needs: the inbox, and the message that is answered or forwarded."""
    inbox = find_inbox(context, given.inbox_id)
    hosting.check_sender(context, inbox)
    policy.check_sender(inbox)
    tracks = hosting.tracks_opens(context, inbox.address)
    if given.message_id is None:
        return Prepared(inbox=inbox, original=None, raw=None, tracks_opens=tracks)
    summary = find_message(context, MessageRef(inbox_id=given.inbox_id, message_id=given.message_id))
    return Prepared(
        inbox=inbox,
        original=context.tx.one(messages.FULL, seq=summary.seq),
        raw=context.tx.one(messages.RAW, seq=summary.seq),
        tracks_opens=tracks,
    )


def _outgoing(desk: "Desk", inbox: Inbox, given: Written, *, subject: str, **fields: Any) -> Outgoing:
    now = desk.clock()
    return Outgoing(
        message_id=sent_id(desk.house, inbox.address, new_id("msg", now)),
        date=now,
        from_=Address(address=inbox.address, name=inbox.display_name),
        reply_to=_addresses(given.reply_to, "reply_to"),
        to=_addresses(given.to, "to"),
        cc=_addresses(given.cc, "cc"),
        subject=mime.check_value("subject", subject),
        headers=mime.check_headers(given.headers.items()),
        **fields,
    )


async def _depart(desk: "Desk", actor: Actor, leaving: Departure, token: Token | None) -> Answer[Leaving]:
    return await depart(desk, actor, leaving if token is None else leaving.model_copy(update={"token": token}))


async def depart(desk: "Desk", actor: Actor, leaving: Departure) -> Answer[Leaving]:
    """Commit a composed message; what is held is kept as a draft that waits for a person."""
    found: Answer[Sent | Ruling] = await desk.ask("messages.commit", actor, leaving)
    if isinstance(found.result, Ruling):
        held = await hold(desk, actor, leaving, found.result)
        return Answer(held.result, held.position)
    return Answer(found.result, found.position)


async def departure(
    desk: "Desk", actor: Actor, prepared: Prepared, given: Written, outgoing: Outgoing, files: tuple[Upload, ...] = ()
) -> Departure:
    """Return a worded message as bytes, with `files` and those that are given, ready to be committed.

    Raises:
        InvalidInput, TooLarge, Refused: it may not leave so.
    """
    labels = check_labels(given.labels, "labels")
    check_number(labels, "labels")
    bcc = _addresses(given.bcc, "bcc")
    recipients: dict[str, str] = {}
    for one in (*outgoing.to, *outgoing.cc, *bcc):
        recipients.setdefault(one.key, one.address)
    policy.check([Address(address=a) for a in recipients.values()])
    given_files = await gather(desk, given.attachments, actor, prepared.inbox.inbox_id, given.attachment_limit)
    uploads = (*files, *given_files)
    if uploads:
        outgoing = outgoing.model_copy(update={"attachments": uploads})
    tracked = opens.marked(desk, outgoing) if given.track_opens and prepared.tracks_opens else None
    incoming = await _composed(desk, tracked or outgoing, tuple(recipients.values()))
    parsed = await desk.rooms.parser.parse(incoming)
    if tracked is not None:
        # What leaves, and is kept, has the pixel; what the sender is shown of it has none.
        plain = await desk.rooms.parser.parse(await _composed(desk, outgoing, ()))
        parsed = parsed.model_copy(update={"html": plain.html, "extracted_html": plain.extracted_html})
    return Departure(
        inbox=prepared.inbox,
        message_id=inner_id(outgoing.message_id),
        thread_id=_thread_of(prepared, given),
        incoming=incoming,
        parsed=parsed,
        blob=await keep_large(desk, incoming),
        labels=labels,
        bcc=tuple(str(a) for a in bcc),
        recipients=tuple(recipients.values()),
        track_opens=tracked is not None,
        wording=_wording(prepared, given, outgoing, given_files),
    )


def _thread_of(prepared: Prepared, given: Written) -> str | None:
    """Return the thread that a message is to join, None for one that begins its own."""
    begins = prepared.original is None or (isinstance(given, ForwardMessage) and given.new_thread)
    return None if begins or prepared.original is None else prepared.original.thread_id


def _wording(prepared: Prepared, given: Written, outgoing: Outgoing, files: tuple[Upload, ...]) -> Wording:
    """Return what a message would be as a draft."""
    original = prepared.original
    public = None if original is None else original.message_id
    return Wording(
        to=tuple(map(str, outgoing.to)),
        cc=tuple(map(str, outgoing.cc)),
        bcc=given.bcc,
        reply_to=given.reply_to,
        subject=outgoing.subject,
        text=given.text,
        html=given.html,
        in_reply_to=public if isinstance(given, ReplyToMessage) else None,
        forward_of=public if isinstance(given, ForwardMessage) else None,
        original_id=None if original is None else original.id,
        thread_id=_thread_of(prepared, given),
        references=outgoing.references,
        headers=dict(outgoing.headers),
        replaces=isinstance(given, ForwardMessage) and given.replaces,
        files=files,
    )


async def _composed(desk: "Desk", outgoing: Outgoing, recipients: tuple[str, ...]) -> Incoming:
    large = sum(len(u.content) for u in outgoing.attachments) + len(outgoing.text or "") + len(outgoing.html or "")
    if large > _INLINE_WORK:
        content = await asyncio.to_thread(mime.compose, outgoing)
    else:
        content = mime.compose(outgoing)
    if len(content) > desk.house.max_message_bytes:
        raise too_large(desk.house.max_message_bytes)
    return Incoming(
        envelope_from=outgoing.from_.address,
        recipients=recipients,
        content=content,
        spool=None,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _original(prepared: Prepared) -> Message:
    if prepared.original is None:
        raise NotFound("message", "that was answered or forwarded")
    return prepared.original


async def files_of(desk: "Desk", prepared: Prepared) -> tuple[Upload, ...]:
    """Return the files of the message that is forwarded."""
    original, raw = prepared.original, prepared.raw
    if original is None or raw is None or not original.attachments:
        return ()
    source = desk.rooms.blobs.path(raw.blob) if raw.blob else (raw.content or b"")
    contents = await desk.rooms.parser.attachments(source, [a.part for a in original.attachments])
    return tuple(
        Upload(
            filename=a.filename,
            content_type=a.content_type,
            content=content,
            disposition=a.disposition,
            content_id=_usable_content_id(a.content_id),
        )
        for a, content in zip(original.attachments, contents, strict=True)
    )


def _usable_content_id(received: str | None) -> str | None:
    """Return the content id of a received file, None where it is one that we may not write: the file goes without."""
    return received if received and references.is_safe_message_id(f"<{received}>") else None


def _addresses(given: tuple[str, ...], field: str) -> tuple[Address, ...]:
    return tuple(read_address(a, field) for a in given)


def reply_recipients(prepared: Prepared, given: ReplyToMessage) -> dict[str, tuple[str, ...]]:
    """Return to and cc of an answer. Answering one's own message goes on to those that it was for."""
    if given.to or given.cc or given.bcc:
        return {"cc": (*given.cc, *given.also_cc)} if given.also_cc else {}
    original, mine = _original(prepared), prepared.inbox.address
    return answering.recipients(original, mine, everybody=given.reply_all, also=given.also_cc)


async def _said(original: Message) -> str:
    if original.text is not None:
        return original.text
    page = original.html or ""
    return await asyncio.to_thread(to_text, page) if len(page) > _INLINE_PAGE else to_text(page)


def wire_id(original: Message) -> str:
    """Return the Message-ID that the original's sender knows it by; ours where it had none that is safe."""
    for name, value in original.headers:
        if name.lower() == "message-id" and references.is_safe_message_id(value.strip()):
            return value.strip()
    return original.message_id


def _ids(in_reply_to: str | None) -> tuple[str, ...]:
    return (in_reply_to,) if in_reply_to else ()


def _shown_fields(original: Message) -> tuple[tuple[str, str], ...]:
    named = {name.lower(): value for name, value in reversed(original.headers)}
    fields = (
        ("From", original.from_),
        ("Date", named.get("date", "")),
        ("Subject", original.subject or ""),
        ("To", ", ".join(original.to)),
        ("Cc", ", ".join(original.cc)),
    )
    return tuple((name, mime.clean(value)) for name, value in fields if value)
