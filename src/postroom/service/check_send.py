"""Tells what would become of a message before it is written: judged as one that is sent, without any effect."""

from typing import Literal

from pydantic import Field

from postroom.model.address import read_address
from postroom.model.errors import InvalidInput, Refused
from postroom.model.inbox import Mailbox
from postroom.model.record import Record
from postroom.service import policy, send
from postroom.service.inboxes import InboxRef
from postroom.service.messages import Strings
from postroom.service.operation import Context


class CheckSend(InboxRef):
    to: Strings = Field(default=(), description="Recipients.")
    cc: Strings = Field(default=(), description="Recipients of a copy.")
    bcc: Strings = Field(default=(), description="Hidden recipients.")
    message_id: str | None = Field(default=None, description="The message that it would answer, or forward.")
    reply_all: bool = Field(default=False, description="Answer everybody; exclusive with to, cc and bcc.")
    forward: bool = Field(default=False, description="It would be forwarded, not answered.")


class Checked(Record):
    """`outcome` of a message to `recipients` that was sent now; `rule`, `reason` and `fix` where it would not leave."""

    outcome: Literal["sent", "held", "refused"]
    recipients: tuple[str, ...]
    rule: str | None = None
    reason: str | None = None
    fix: str | None = None


def check_send(context: Context, given: CheckSend) -> Checked:
    """Tell whether a message would be sent, held for approval or refused; nothing is sent or kept."""
    wanted = send.Prepare(inbox_id=given.inbox_id, message_id=given.message_id)
    recipients: tuple[str, ...] = ()
    try:
        prepared = send.prepare(context, wanted)
        recipients = _recipients(prepared, given)
        ruling = policy.judge(context, _mailbox(prepared), _sending(context, prepared, given, recipients))
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
    people = {name: getattr(given, name) for name in ("to", "cc", "bcc")}
    if given.reply_all and (given.forward or given.message_id is None or any(people.values())):
        raise InvalidInput.at("reply_all", "goes with message_id alone.", fix="Leave out to, cc, bcc and forward.")
    if prepared.original is not None and not given.forward:
        answer = send.ReplyToMessage(
            inbox_id=given.inbox_id, message_id=prepared.original.id, reply_all=given.reply_all, **people
        )
        people |= send.reply_recipients(prepared, answer)
    read = {(a := read_address(one, name)).key: a for name, listed in people.items() for one in listed}
    policy.check(list(read.values()))
    return tuple(a.address for a in read.values())


def _sending(
    context: Context, prepared: send.Prepared, given: CheckSend, recipients: tuple[str, ...]
) -> policy.Sending:
    original = prepared.original
    answers = () if original is None or given.forward else (send.wire_id(original),)
    thread_id = None if original is None else original.thread_id
    return policy.look_at(context, _mailbox(prepared), recipients, thread_id=thread_id, answers=answers)
