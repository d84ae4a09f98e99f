"""Tells what would become of a message before it is sent: judged as one that is, without any effect.

Nothing is composed: of a draft alone it is known whom its header fields name besides its recipients, and which thread
it would join by its subject.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from postroom.mime import naming
from postroom.model.address import read_address
from postroom.model.draft import Draft
from postroom.model.errors import Forbidden, InvalidInput, Refused
from postroom.model.inbox import Mailbox
from postroom.model.message import ParsedMessage
from postroom.model.policy import Held
from postroom.model.record import Record
from postroom.service import draft_sending, policy, send
from postroom.service.filing import thread_unasked
from postroom.service.inboxes import InboxRef
from postroom.service.messages import Strings
from postroom.service.operation import Context
from postroom.service.sent_ids import sent_id

_PEOPLE = ("to", "cc", "bcc")


class CheckSend(InboxRef):
    to: Strings = Field(default=(), description="Recipients.")
    cc: Strings = Field(default=(), description="Recipients of a copy.")
    bcc: Strings = Field(default=(), description="Hidden recipients.")
    message_id: str | None = Field(default=None, description="The message that it would answer, or forward.")
    reply_all: bool = Field(default=False, description="Answer everybody; exclusive with to, cc and bcc.")
    forward: bool = Field(default=False, description="It would be forwarded, not answered.")
    draft_id: str | None = Field(default=None, description="A draft as it stands; exclusive with all of the others.")


class Checked(Record):
    """`outcome` of a message to `recipients` that was sent now; `rule`, `reason` and `fix` where it would not leave."""

    outcome: Literal["sent", "held", "refused"]
    recipients: tuple[str, ...]
    rule: str | None = None
    reason: str | None = None
    fix: str | None = None


def check_send(context: Context, given: CheckSend) -> Checked:
    """Tell whether a message would be sent, held for approval or refused; nothing is sent or kept."""
    recipients: tuple[str, ...] = ()
    try:
        ready = None if given.draft_id is None else _ready(context, given)
        mailbox, sending = _written(context, given) if ready is None else _drafted(context, ready)
        recipients = sending.recipients
        if ready is not None and ready.held is not None:
            return _waits(recipients, ready.held)
        ruling = policy.judge(context, mailbox, sending)
    except Refused as error:
        return Checked(
            outcome="refused", recipients=recipients, rule=error.rule or error.code, reason=error.message, fix=error.fix
        )
    if ruling is None:
        return Checked(outcome="sent", recipients=recipients)
    fix = "Send it: it is kept as a draft, and a person is asked. Or leave out whom the reason names."
    return Checked(outcome="held", recipients=recipients, rule=ruling.rule.value, reason=ruling.reason, fix=fix)


def _mailbox(prepared: send.Prepared) -> Mailbox:
    inbox = prepared.inbox
    return Mailbox(inbox_id=inbox.inbox_id, org_id=inbox.org_id, pod_id=inbox.pod_id, address=inbox.address)


def _recipients(prepared: send.Prepared, given: CheckSend) -> tuple[str, ...]:
    people = {name: getattr(given, name) for name in _PEOPLE}
    if given.reply_all and (given.forward or given.message_id is None or any(people.values())):
        raise InvalidInput.at("reply_all", "goes with message_id alone.", fix="Leave out to, cc, bcc and forward.")
    if prepared.original is not None and not given.forward:
        answer = send.ReplyToMessage(
            inbox_id=given.inbox_id, message_id=prepared.original.id, reply_all=given.reply_all, **people
        )
        people |= send.reply_recipients(prepared, answer)
    return _addresses(people)


def _addresses(people: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    read = {(a := read_address(one, name)).key: a for name, listed in people.items() for one in listed}
    policy.check(list(read.values()))
    return tuple(a.address for a in read.values())


def _written(context: Context, given: CheckSend) -> tuple[Mailbox, policy.Sending]:
    """Return what would be written now, as policies look at it."""
    prepared = send.prepare(context, send.Prepare(inbox_id=given.inbox_id, message_id=given.message_id))
    recipients, original = _recipients(prepared, given), prepared.original
    answers = () if original is None or given.forward else (send.wire_id(original),)
    thread_id = None if original is None else original.thread_id
    mailbox = _mailbox(prepared)
    return mailbox, policy.look_at(context, mailbox, recipients, thread_id=thread_id, answers=answers)


def _ready(context: Context, given: CheckSend) -> draft_sending.Ready:
    """Return a draft with what sending it needs. Raises Forbidden where the key may not send drafts."""
    if given.model_dump(exclude={"inbox_id", "draft_id"}, exclude_defaults=True):
        raise InvalidInput.at("draft_id", "goes with inbox_id alone.", fix="Leave out all else: the draft says it.")
    if not context.actor.may("draft_send"):
        raise Forbidden("This key lacks the permission draft_send.", fix="Use a key that has draft_send.")
    ready = draft_sending.prepare(
        context, draft_sending.Prepare(inbox_id=given.inbox_id, draft_id=given.draft_id or "")
    )
    draft_sending.check_words(ready.draft)
    return ready


def _waits(recipients: tuple[str, ...], held: Held) -> Checked:
    """Return what becomes of a draft that waits for a person: sending it asks nobody anew, whatever holds now."""
    return Checked(outcome="held", recipients=recipients, rule=held.rule.value, reason=held.reason, fix=held.fix)


def _drafted(context: Context, ready: draft_sending.Ready) -> tuple[Mailbox, policy.Sending]:
    """Return a draft as policies look at it."""
    draft, original, mailbox = ready.draft, ready.prepared.original, _mailbox(ready.prepared)
    recipients = _addresses({name: getattr(draft, name) for name in _PEOPLE})
    parsed = _as_parsed(context, draft)
    said: dict[str, Any] = {
        "answers": () if original is None or draft.in_reply_to is None else (send.wire_id(original),),
        "named": naming.named(parsed),
        "joins": None if draft.thread_id else thread_unasked(context, mailbox, parsed, is_ours=False),
        "source": draft.original_id,
        "written": draft.tainted,
    }
    return mailbox, policy.look_at(context, mailbox, recipients, thread_id=draft.thread_id, **said)


def _as_parsed(context: Context, draft: Draft) -> ParsedMessage:
    """Return what the header of a draft says of people, and what decides on the thread of one that begins its own."""
    people = {"To": draft.to, "Cc": draft.cc, "Reply-To": draft.reply_to}
    return ParsedMessage(
        message_id=sent_id(context.house, draft.inbox_address, draft_sending.message_of(draft.draft_id)),
        subject=draft.subject,
        to=tuple(read_address(one, "to") for one in draft.to),
        cc=tuple(read_address(one, "cc") for one in draft.cc),
        headers=(*((name, ", ".join(given)) for name, given in people.items() if given), *draft.headers.items()),
    )
