"""What reports of bounces and complaints do: labels, events, entries of the block list; and whether they are shown.

Anybody can write such a report. One counts where it names a message that the very inbox it came to has sent, by its
Message-ID, and a recipient outside to whom that message went. Who was sent a copy knows both, and can forge a report on
the other recipients; the harm ends at the block list of that one inbox. What is not proved is a message like any other.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from postroom.model.address import address_key
from postroom.model.delivery import Delivery, DeliveryState
from postroom.model.event import EventType
from postroom.model.inbox import Mailbox
from postroom.model.message import MessageSummary
from postroom.model.report import Report, ReportedRecipient, ReportKind
from postroom.service import hosting, lists, sent_ids
from postroom.service.messages import set_labels
from postroom.service.operation import Context
from postroom.store.queries import deliveries, inboxes, messages

# What has left, as far as is known here. In the sandbox nothing has: a report on it is a rehearsal.
_LEFT = (DeliveryState.DELIVERED, DeliveryState.CAPTURED, DeliveryState.BOUNCED)
# RFC 3463: a 5 that speaks of this message or of this moment, not of the address.
_PASSING = {
    "2.2": "MailboxFull",
    "2.3": "MessageTooLarge",
    "3.4": "MessageTooLarge",
    "7.1": "ContentRejected",
    "7.7": "ContentRejected",
}


class Heeded(NamedTuple):
    """What becomes of a report itself: not shown, or shown in a thread."""

    is_shown: bool
    thread_id: str | None = None


class _Cause(NamedTuple):
    """Why mail came back: recipients of one cause are told of in one event."""

    type: str
    sub_type: str
    reason: str


def heed(context: Context, mailbox: Mailbox, report: Report) -> Heeded | None:
    """Let a report that came to an inbox have its effect; None: it is not about mail of this inbox, a message as any.

    One on mail that is older than the inbox is shown to nobody: it is about who had the address before.
    """
    sent = _sent(context, mailbox, report.message_id)
    if sent is None:
        return _unknown(context, mailbox, report)
    reached = {address_key(d.recipient): d for d in _left(context, sent)}
    pairs = [(one, found) for one in report.recipients if (found := _match(one, reached)) is not None]
    if report.kind is ReportKind.COMPLAINT:
        _complain(context, mailbox, sent, report, [delivery for _one, delivery in pairs])
    else:
        _delay(context, sent, [d for one, d in pairs if one.action == "delayed"])
        _bounce(context, mailbox, sent, [pair for pair in pairs if pair[0].action == "failed"])
    return Heeded(hosting.shows_feedback(context, mailbox.address), sent.thread_id)


def cause_of(status: str, diagnostic: str) -> _Cause:
    """Return the type and sub-type of a bounce by its status (RFC 3463), in the words that mail services have for them.

    `Permanent` alone says that the address takes no mail.
    """
    kind, _, rest = status.partition(".")
    reason = f"{status} {diagnostic}".strip()
    if kind == "5" and rest not in _PASSING and not rest.startswith("6."):
        return _Cause("Permanent", "NoEmail" if rest in ("1.1", "1.10") else "General", reason)
    return _Cause("Transient", _PASSING.get(rest, "ContentRejected" if rest.startswith("6.") else "General"), reason)


def _sent(context: Context, mailbox: Mailbox, message_id: str | None) -> MessageSummary | None:
    """Return the message of an inbox that it has sent under this Message-ID."""
    if message_id is None:
        return None
    known = context.tx.one(messages.REFERENCE, inbox_id=mailbox.inbox_id, reference=message_id)
    if known is None or known.message_seq is None:
        return None
    found = context.tx.one(messages.BY_SEQ, seq=known.message_seq)
    return found if found is not None and "sent" in found.labels else None


def _unknown(context: Context, mailbox: Mailbox, report: Report) -> Heeded | None:
    ours = sent_ids.written_at(context.house, mailbox.address, [report.message_id or ""])
    inbox = context.tx.one(inboxes.BY_ID, inbox_id=mailbox.inbox_id)
    if ours is None:  # whoever sent that, this may be the only word of it: kept as any other mail
        return None
    if inbox is not None and ours < inbox.created_at:
        return Heeded(is_shown=False)
    # Deleted since: nothing is left that the report could change.
    return Heeded(hosting.shows_feedback(context, mailbox.address))


def _left(context: Context, sent: MessageSummary) -> Iterable[Delivery]:
    """Return the deliveries of a message that a stranger may know the end of: how one here ended, we know."""
    for delivery in context.tx.all(deliveries.OF_MESSAGE, message_id=sent.id):
        if delivery.state in _LEFT and not hosting.is_ours(context, delivery.recipient):
            yield delivery


def _match(one: ReportedRecipient, reached: dict[str, Delivery]) -> Delivery | None:
    return next((found for a in one.addresses if (found := reached.get(address_key(a))) is not None), None)


def _delay(context: Context, sent: MessageSummary, late: list[Delivery]) -> None:
    if any(delivery.state is not DeliveryState.BOUNCED for delivery in late):
        _label(context, sent, "delayed")


def _bounce(
    context: Context, mailbox: Mailbox, sent: MessageSummary, failed: list[tuple[ReportedRecipient, Delivery]]
) -> None:
    """Tell of what came back and was not told before, the recipients of one cause at a time."""
    news: dict[_Cause, dict[str, Delivery]] = defaultdict(dict)
    for one, delivery in failed:
        if delivery.state is not DeliveryState.BOUNCED:
            news[cause_of(one.status, one.diagnostic)][delivery.delivery_id] = delivery
    for cause, found in news.items():
        for key, delivery in found.items():
            state = DeliveryState.BOUNCED.value
            context.tx.run(deliveries.SET_STATE, key=key, state=state, last_error=cause.reason, now=context.now)
            if cause.type == "Permanent":
                lists.suppress(context, mailbox, delivery.recipient, f"It bounced: {cause.reason}")
        _tell(context, EventType.MESSAGE_BOUNCED, sent, found.values(), cause._asdict())
    if news:
        _label(context, sent, "bounced")


def _complain(context: Context, mailbox: Mailbox, sent: MessageSummary, report: Report, found: list[Delivery]) -> None:
    """Tell of who complained and was not told of before: a second complaint of the same is no news."""
    is_first = "complained" not in _now(context, sent).labels
    news = {}
    for delivery in found:
        is_new = lists.suppress(context, mailbox, delivery.recipient, f"A complaint: {report.feedback_type}")
        if is_first or is_new:
            news[delivery.delivery_id] = delivery
    if news:
        facts = {"type": report.feedback_type, "sub_type": ""}
        _tell(context, EventType.MESSAGE_COMPLAINED, sent, news.values(), facts)
        _label(context, sent, "complained")


def _tell(
    context: Context, kind: EventType, sent: MessageSummary, found: Iterable[Delivery], more: dict[str, str]
) -> None:
    facts = {"message": sent.id, "message_id": sent.message_id, "thread_id": sent.thread_id}
    context.tx.emit(kind, sent, {**facts, "recipients": [d.recipient for d in found], **more})


def _now(context: Context, sent: MessageSummary) -> MessageSummary:
    return context.tx.one(messages.BY_SEQ, seq=sent.seq) or sent


def _label(context: Context, sent: MessageSummary, label: str) -> None:
    message = _now(context, sent)
    if label not in message.labels:
        set_labels(context, message, {*message.labels, label})
