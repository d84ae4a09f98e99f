"""Commits mail that leaves: the message, a delivery row a recipient and the events together, where no policy holds it.

What is told as sent is on disk.
"""

from typing import Any

from postroom.mime import naming
from postroom.model.delivery import DeliveryState
from postroom.model.event import EventType
from postroom.model.ids import new_id
from postroom.model.inbox import Mailbox
from postroom.model.policy import Ruling
from postroom.service import hosting, opens, policy, standing
from postroom.service.departure import Departure, Sent
from postroom.service.filing import Filed, Sheet, file, known_as, thread_unasked
from postroom.service.idempotency import finish
from postroom.service.inboxes import find_inbox
from postroom.service.operation import Context
from postroom.service.settling import settle
from postroom.store.queries import deliveries


def commit(context: Context, given: Departure) -> Sent | Ruling:
    """Write a composed message, or say why it is held: then nothing was written."""
    standing.check(context, "message_send")
    mailbox = mailbox_of(context, given)
    sending = look_at(context, mailbox, given)
    ruling = policy.judge(context, mailbox, sending)
    return write(context, mailbox, given, sending) if ruling is None else ruling


def mailbox_of(context: Context, given: Departure) -> Mailbox:
    """Return the inbox that sends, if it may send now. Raises NotFound, Refused."""
    inbox = find_inbox(context, given.inbox.inbox_id)
    hosting.check_sender(context, inbox)
    policy.check_sender(inbox)
    return Mailbox(inbox_id=inbox.inbox_id, org_id=inbox.org_id, pod_id=inbox.pod_id, address=inbox.address)


def look_at(
    context: Context, mailbox: Mailbox, given: Departure, *, was_draft: bool = False, **more: Any
) -> policy.Sending:
    """Return a composed message as policies look at it: what its bytes and its envelope say, and what it is made of.

    `was_draft`: its Message-ID could be known since the draft was made, and mail from outside may have named it.
    """
    source = None if given.wording is None else given.wording.original_id
    parsed = given.parsed
    said: dict[str, Any] = {"answers": parsed.in_reply_to, "refers": parsed.references, "named": naming.named(parsed)}
    if given.thread_id is None:
        is_ours = given.wording is not None and not was_draft
        said["joins"] = thread_unasked(context, mailbox, parsed, is_ours=is_ours)
    more = {"source": source, **said, **more}
    return policy.look_at(context, mailbox, given.recipients, thread_id=given.thread_id, **more)


def write(context: Context, mailbox: Mailbox, given: Departure, sending: policy.Sending) -> Sent:
    """Write a message that may leave: itself, a delivery a recipient, what happened."""
    if given.ack is not None:
        settle(context, given.ack)
    sheet = Sheet(
        message_id=given.message_id,
        parsed=given.parsed,
        raw=given.incoming.content if given.blob is None else None,
        blob=given.blob,
        size=given.incoming.size,
        labels=tuple(dict.fromkeys(("sent", *given.labels))),
        bcc=given.bcc,
        thread_id=given.thread_id,
        tainted=sending.taint is not None,
    )
    filed = file(context, mailbox, sheet, known_as(context, mailbox, given.parsed.message_id or ""))
    assert filed is not None  # only what arrives can be a duplicate
    if given.track_opens:
        opens.track(context, filed.message_id)
    if given.token is not None:
        finish(context, given.token, filed.message_id, filed.public_id, filed.thread_id)
    policy.note_sent(context, mailbox, sending)
    captured = tuple(r for r in given.recipients if not hosting.is_ours(context, r))
    for recipient in given.recipients:
        _add_delivery(context, mailbox, filed, recipient, captured=recipient in captured)
    _emit(context, EventType.MESSAGE_SENT, mailbox, filed, given.recipients)
    if captured:
        _emit(context, EventType.MESSAGE_CAPTURED, mailbox, filed, captured)
    return Sent(
        id=filed.message_id,
        message_id=filed.public_id,
        thread_id=filed.thread_id,
        recipients=given.recipients,
        captured=captured,
        from_=mailbox.address,
        **_told(context, given),
    )


def _told(context: Context, given: Departure) -> dict[str, Any]:
    """Return what is told of a message that left; an answer's words are its original's: they take the right to read."""
    is_derived = given.wording is not None and given.wording.original_id is not None
    if is_derived and not context.actor.may("message_read"):
        return {}
    return {"to": tuple(one.address for one in given.parsed.to), "subject": given.parsed.subject}


def _add_delivery(context: Context, mailbox: Mailbox, filed: Filed, recipient: str, *, captured: bool) -> None:
    row: dict[str, Any] = {
        "id": new_id("dlv", context.now),
        "org_id": mailbox.org_id,
        "pod_id": mailbox.pod_id,
        "inbox_id": mailbox.inbox_id,
        "message_id": filed.message_id,
        "recipient": recipient,
        "envelope_from": mailbox.address,
        # The sandbox keeps foreign mail on this machine: such a delivery has ended as it begins.
        "state": (DeliveryState.CAPTURED if captured else DeliveryState.QUEUED).value,
        "due_at": None if captured else context.now,
        "lease_until": 0,
        "lease_owner": None,
        "attempts": 0,
        "last_error": None,
        "created_at": context.now,
        "updated_at": context.now,
    }
    context.tx.insert(deliveries.ADD, row)
    context.tx.ring("delivery")


def _emit(context: Context, kind: EventType, mailbox: Mailbox, filed: Filed, recipients: tuple[str, ...]) -> None:
    facts = {"message": filed.message_id, "message_id": filed.public_id, "thread_id": filed.thread_id}
    context.tx.emit(kind, mailbox, {**facts, "recipients": recipients})
