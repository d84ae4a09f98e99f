"""Finds what may be a loop: an answer to a program or to oneself, two that answer each other too often (RFC 3834 2).

Holds without any policy; what a person approves leaves. Judges no recipient.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from postroom.model.address import address_key
from postroom.model.inbox import Mailbox
from postroom.model.policy import Rule, Ruling
from postroom.service import contacts, correspondents
from postroom.service.operation import Context
from postroom.store.queries import policies as queries
from postroom.store.queries.policies import Came, From

LASTS_MS = 3_600_000
MESSAGES = queries.LATEST  # that each side sent within LASTS_MS
_ARRIVALS = 1_000  # newest of an inbox within LASTS_MS that are looked at: two programs are quick
_OF_THREAD = 60
_NAMED = 5  # addresses that a sentence names


def answer(mailbox: Mailbox, recipients: Iterable[str], answered: Sequence[Came]) -> Ruling | None:
    """Hold what answers a program, and what answers the inbox itself and goes to it again; None where it does neither.

    `answered` are the messages that it says it answers.
    """
    if any(one.automatic for one in answered if one.origin != "sent"):
        reason = "It answers a message that a program wrote (Auto-Submitted, Precedence, or no return path)."
        return Ruling(rule=Rule.AUTOMATIC, reason=reason)
    own = address_key(mailbox.address)
    is_own = any(one.origin == "sent" or contacts.key_of(one.from_) == own for one in answered)
    if is_own and any(address_key(one) == own for one in recipients):
        return Ruling(rule=Rule.LOOP, reason="It answers what this inbox wrote itself, and goes to this inbox again.")
    return None


def exchange(context: Context, mailbox: Mailbox, recipients: Iterable[str], thread_id: str | None) -> Ruling | None:
    """Hold where ten messages left and ten came within an hour, with one of the recipients or in the thread."""
    since = context.now - LASTS_MS
    found = _with_one(context, mailbox, recipients, since)
    return found or (None if thread_id is None else _in_thread(context, thread_id, since))


def _with_one(context: Context, mailbox: Mailbox, recipients: Iterable[str], since: int) -> Ruling | None:
    inbox_id = mailbox.inbox_id
    many = [one for one in recipients if correspondents.wrote_ten_since(context, inbox_id, one, since)]
    if not many:
        return None
    came = context.tx.all(queries.WROTE_HERE, inbox_id=inbox_id, since=since, n=_ARRIVALS)
    counted = Counter(key for one in came for key in _keys_of(one))
    both = [one for one in many if counted[address_key(one)] >= MESSAGES]
    if not both:
        return None
    whom = ", ".join(both[:_NAMED])
    reason = f"{MESSAGES} messages or more left to {whom} and as many came back within an hour: it looks like a loop."
    return Ruling(rule=Rule.LOOP, reason=reason)


def _keys_of(came: From) -> set[str]:
    """Return the keys of all whom a message may be from."""
    shown = (came.from_, came.envelope_from or "", *came.reply_to)
    return {key for one in shown if (key := contacts.key_of(one)) is not None}


def _in_thread(context: Context, thread_id: str, since: int) -> Ruling | None:
    both = context.tx.one(queries.EXCHANGED, thread_id=thread_id, since=since, n=_OF_THREAD)
    if both is None or min(both) < MESSAGES:
        return None
    reason = f"{both.sent} messages left and {both.received} came in this thread within an hour: it looks like a loop."
    return Ruling(rule=Rule.LOOP, reason=reason)
