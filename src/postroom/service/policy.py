"""Decides whether a message may leave: one function (`judge`), under every path that sends.

What it refuses is refused for good; what it holds a person may let go (`approvals`). All policies that apply hold
together, so each can only tighten; where there is none, anybody may be written to. Writes nothing but counts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from urllib.parse import quote

from postroom.mime import references
from postroom.model.address import Address, address_key, read_address
from postroom.model.errors import InboxPaused, InvalidInput, Refused, Unprocessable
from postroom.model.inbox import Inbox, InboxStatus, Mailbox
from postroom.model.lists import Direction, keys_of
from postroom.model.policy import Need, Policy, Recipients, Rule, Ruling, Subject, hand
from postroom.model.record import Record
from postroom.service import correspondents, lists, taint
from postroom.service.inboxes import find_mailbox
from postroom.service.operation import Context
from postroom.store.queries import messages
from postroom.store.queries import policies as queries
from postroom.store.queries.policies import Came

MAX_RECIPIENTS = 50
DAY_MS = 86_400_000
LOOP_MS = 3_600_000
LOOP_MESSAGES = 10  # that each side sent within LOOP_MS: from there on it may be two programs that answer each other
_LOOP_LOOK = 60
_NAMED = 5  # addresses that a sentence names


class Sending(Record):
    """A message as far as policies look at it: who will be on the wire, what it answers, the thread that it joins.

    `answers` and `refers` are the Message-IDs of In-Reply-To and References in the bytes that will leave.
    """

    recipients: tuple[str, ...]
    thread_id: str | None = None
    answers: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()


def judge(
    context: Context,
    mailbox: Mailbox,
    sending: Sending,
    *,
    by: tuple[str, ...] | None = None,
    is_approved: bool = False,
) -> Ruling | None:
    """Return why a message is held, None where it may leave; asked in the transaction that sends it.

    `by` is the key that sends with those that made it, of the actor when absent. `is_approved`: a person has let it go,
    and only what no person may let go is looked at.

    Raises:
        Refused: it may not leave; names the rule, and whose it is.
    """
    check_lists(context, mailbox, sending.recipients)
    keys = hand(context.actor) if by is None else by
    policies = in_force(context, mailbox, keys)
    look = _Look(context, mailbox, sending, keys)
    for policy in policies:
        _refuse(policy, look)
    if is_approved:
        return None
    holding = [(policy, ruling) for policy in policies if (ruling := _hold(policy, look)) is not None]
    if holding:
        asks = all(policy.elicitation for policy, _ruling in holding)
        return holding[0][1].model_copy(update={"elicitation": asks})
    return _loop(look)


def note_sent(context: Context, mailbox: Mailbox, recipients: Sequence[str], by: tuple[str, ...] | None = None) -> None:
    """Count a message that leaves for the policies that apply, and make its recipients known to the inbox."""
    correspondents.acquaint(context, mailbox.inbox_id, recipients)
    for policy in in_force(context, mailbox, hand(context.actor) if by is None else by):
        row = {"place": policy.place, "day": context.now // DAY_MS, "mails": 1, "recipients": len(recipients)}
        context.tx.insert(queries.COUNT, {**row, "more": len(recipients)})


def in_force(context: Context, mailbox: Mailbox, keys: Sequence[str]) -> list[Policy]:
    """Return the policies that apply to what an inbox sends by a key, and by those that made it."""
    places = [mailbox.org_id, mailbox.pod_id, mailbox.inbox_id, *keys]
    step = len(queries.PLACES)
    found: list[Policy] = []
    for first in range(0, len(places), step):
        few = [*places[first : first + step], *[""] * step][:step]
        found += context.tx.all(queries.OF_PLACES, **dict(zip(queries.PLACES, few, strict=True)))
    return found


class _Look:
    """What is looked up of a message, each at most once and only where a policy asks for it."""

    def __init__(self, context: Context, mailbox: Mailbox, sending: Sending, keys: tuple[str, ...]) -> None:
        self.context = context
        self.mailbox = mailbox
        self.recipients = sending.recipients
        self._sending = sending
        self._keys = keys

    @cached_property
    def thread_id(self) -> str | None:
        """The thread that the message will join, as far as its ids say."""
        if self._sending.thread_id is not None:
            return self._sending.thread_id
        return next((known.thread_id for known in self._known(refers=True)), None)

    @cached_property
    def answered(self) -> list[Came]:
        """The messages that it answers, those that the inbox wrote itself left out."""
        rows = [known.message_seq for known in self._known(refers=False) if known.message_seq is not None]
        found = [self.context.tx.one(queries.CAME_ONE, seq=seq) for seq in rows]
        return [came for came in found if came is not None and came.origin != "sent"]

    @cached_property
    def new(self) -> tuple[str, ...]:
        """The recipients whom the inbox neither wrote to, nor got trusted mail from, nor answers with this."""
        no_news = {address_key(self.mailbox.address), *_senders(self.answered)}
        return tuple(
            one
            for one in self.recipients
            if address_key(one) not in no_news and not correspondents.is_known(self.context, self.mailbox.inbox_id, one)
        )

    @cached_property
    def external(self) -> tuple[str, ...]:
        """The recipients that are no inbox of the organization."""
        return tuple(one for one in self.recipients if not self._is_inside(one))

    @cached_property
    def wrote_in_thread(self) -> frozenset[str]:
        """The keys of those who wrote in the thread that it joins."""
        if self.thread_id is None:
            return frozenset()
        came = self.context.tx.all(queries.CAME, thread_id=self.thread_id, n=taint.MAX_LOOKED_AT)
        return frozenset(_senders(one for one in came if one.origin != "sent"))

    @cached_property
    def taint(self) -> str | None:
        """Why the message is not trusted, a part of a sentence; None where it is."""
        if taint.thread_is_tainted(self.context, self.thread_id, self.mailbox.org_id):
            return "its thread has mail from outside"
        readers = self._keys or (taint.reader_of(self.context.actor),)
        if any(taint.has_read(self.context, reader) for reader in readers):
            return "mail from outside was read within the last hour"
        return None

    def counted(self, policy: Policy) -> tuple[int, int]:
        """Return how many messages, to how many recipients, were sent under a policy today."""
        found = self.context.tx.one(queries.COUNTED, place=policy.place, day=self.context.now // DAY_MS)
        return found or (0, 0)

    def _is_inside(self, address: str) -> bool:
        found = find_mailbox(self.context, address)
        return found is not None and found.org_id == self.mailbox.org_id

    def _known(self, *, refers: bool) -> Iterator[messages.Reference]:
        more = self._sending.refers if refers else ()
        for one in references.candidates(self._sending.answers, more):
            known = self.context.tx.one(messages.REFERENCE, inbox_id=self.mailbox.inbox_id, reference=one)
            if known is not None:
                yield known


def _senders(came: Iterable[Came]) -> set[str]:
    """Return the keys of who messages say they are from."""
    found = set()
    for one in came:
        try:
            found.add(read_address(one.from_).key)
        except InvalidInput:
            continue
    return found


def _refuse(policy: Policy, look: _Look) -> None:
    """Let pass what a policy allows anybody to send. Raises Refused."""
    for check in _CHECKS:
        check(policy, look)


def _check_recipients(policy: Policy, look: _Look) -> None:
    if policy.recipients is Recipients.OPEN:
        return
    if policy.recipients is Recipients.DENY:
        raise _refused(policy, Rule.RECIPIENTS, "lets nothing leave", "Nothing can be sent here.")
    outside = [one for one in look.recipients if not is_allowed(policy.allowed, one)]
    if outside:
        told = f"does not name {_named(outside)}"
        raise _refused(policy, Rule.RECIPIENTS, told, "Leave them out, or ask who keeps the policy to name them.")


def _check_reply_only(policy: Policy, look: _Look) -> None:
    if not policy.reply_only:
        return
    others = [one for one in look.recipients if address_key(one) not in look.wrote_in_thread]
    if others:
        told = f"lets only answers leave, to those who wrote in their thread; {_named(others)} did not"
        raise _refused(policy, Rule.REPLY_ONLY, told, "Reply to a message of that person instead.")


def _check_budget(policy: Policy, look: _Look) -> None:
    if policy.max_mails_per_day is None and policy.max_recipients_per_day is None:
        return
    mails, recipients = look.counted(policy)
    again = _tomorrow(look.context.now)
    if policy.max_mails_per_day is not None and mails + 1 > policy.max_mails_per_day:
        told = f"lets {policy.max_mails_per_day} messages leave a day, and {mails} have left today"
        raise _refused(policy, Rule.MAX_MAILS, told, again)
    wanted = recipients + len(look.recipients)
    if policy.max_recipients_per_day is not None and wanted > policy.max_recipients_per_day:
        told = f"lets messages leave to {policy.max_recipients_per_day} recipients a day; {recipients} were written to"
        raise _refused(policy, Rule.MAX_RECIPIENTS, told, again)


_CHECKS: tuple[Callable[[Policy, _Look], None], ...] = (_check_recipients, _check_reply_only, _check_budget)


def is_allowed(allowed: Iterable[str], address: str) -> bool:
    """Tell whether an allowlist names an address: itself, its domain, or `*.` of a domain above its own."""
    key, domain = keys_of(address)
    return any(e in (key, domain) or (e.startswith("*.") and domain.endswith(e[1:])) for e in allowed)


def _hold(policy: Policy, look: _Look) -> Ruling | None:
    """Return why a policy holds a message for a person."""
    whose = whose_policy(policy)
    if policy.approval is Need.ALL:
        return Ruling(rule=Rule.APPROVAL, reason=f"The policy of {whose} holds every message.")
    if policy.approval is Need.EXTERNAL and look.external:
        reason = f"The policy of {whose} holds what leaves the organization; {_named(look.external)} is outside."
        return Ruling(rule=Rule.APPROVAL, reason=reason)
    if policy.approval is Need.NEW_RECIPIENTS and look.new:
        reason = f"The policy of {whose} holds what goes to somebody new; this inbox never wrote to {_named(look.new)}."
        return Ruling(rule=Rule.APPROVAL, reason=reason)
    if (policy.taint or policy.approval is not Need.NONE) and look.taint and look.new:
        told = f"this inbox never wrote to {_named(look.new)}, and {look.taint}"
        return Ruling(rule=Rule.TAINT, reason=f"The policy of {whose} holds it: {told}.")
    return None


def _loop(look: _Look) -> Ruling | None:
    """Hold what may be a loop of two programs (RFC 3834 2): ten messages each way in a thread within an hour."""
    if look.thread_id is None:
        return None
    since = look.context.now - LOOP_MS
    both = look.context.tx.one(queries.EXCHANGED, thread_id=look.thread_id, since=since, n=_LOOP_LOOK)
    if both is None or min(both) < LOOP_MESSAGES:
        return None
    reason = f"{both.sent} messages left and {both.received} came in this thread within an hour: it looks like a loop."
    return Ruling(rule=Rule.LOOP, reason=reason)


def whose_policy(policy: Policy) -> str:
    """Say whose a policy is."""
    if policy.subject is Subject.ORGANIZATION:
        return "the organization"
    return f"the {policy.subject.value} {policy.name or policy.place}"


def _refused(policy: Policy, rule: Rule, told: str, fix: str) -> Refused:
    message = f"Nothing was sent to anybody: the policy of {whose_policy(policy)} {told} (rule {rule.value})."
    return Refused(message, fix=fix, rule=rule.value)


def _named(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    return ", ".join(addresses[:_NAMED]) + more


def _tomorrow(now: int) -> str:
    day = datetime.fromtimestamp(now // DAY_MS * DAY_MS / 1000, UTC) + timedelta(days=1)
    return f"Try again after {day:%Y-%m-%d} 00:00 UTC."


def check_sender(inbox: Inbox) -> None:
    """Let pass an inbox that may send. Raises InboxPaused."""
    if inbox.status is InboxStatus.PAUSED:
        raise InboxPaused(f"The inbox {inbox.address} is paused.", fix="Set its status to active first.")


def check(recipients: Sequence[Address]) -> None:
    """Let pass a message to the set of recipients that will be on the wire, or raise.

    Raises:
        Unprocessable: there is nobody to send to.
        InvalidInput: there are too many.
    """
    if not recipients:
        raise Unprocessable("There is nobody to send to.", fix="Give at least one address in to, cc or bcc.")
    if len(recipients) > MAX_RECIPIENTS:
        raise InvalidInput.at(
            "to",
            f"{len(recipients)} recipients; at most {MAX_RECIPIENTS} in to, cc and bcc together.",
            fix="Split the message into several.",
        )


def check_lists(context: Context, mailbox: Mailbox, recipients: Iterable[str]) -> None:
    """Let pass a message to whom the lists let this inbox write, an answer too; asked in the transaction that sends.

    Raises:
        Refused: somebody is held: then nobody gets it.
    """
    held = lists.held(context, mailbox, Direction.SEND, recipients)
    if held is not None:
        raise _refusal(mailbox, held)


def _refusal(mailbox: Mailbox, held: lists.Held) -> Refused:
    paths = {
        mailbox.inbox_id: f"/inboxes/{quote(mailbox.address, safe='@')}",
        mailbox.pod_id: f"/pods/{mailbox.pod_id}",
    }
    names = {mailbox.inbox_id: f"the inbox {mailbox.address}", mailbox.pod_id: f"the pod {mailbox.pod_id}"}
    path, whose = f"/v0{paths.get(held.place, '')}/lists/send", names.get(held.place, "the organization")
    otherwise = f"Leave out {held.address}"
    if held.entry is None:
        return Refused(
            f"Nothing was sent to anybody: {held.address} is not on the send allow list of {whose}.",
            fix=f"{otherwise}, or ask who keeps the list to add it: POST {path}/allow with that entry.",
            rule=Rule.LISTS.value,
        )
    entry = held.entry.entry
    told = f"Nothing was sent to anybody: {held.address} is on the send block list of {whose} (the entry {entry})."
    if held.entry.read_only:
        return Refused(told, fix=f"{otherwise}; this entry cannot be removed.", rule=Rule.LISTS.value)
    one = f"{path}/block/{quote(entry, safe='@')}"
    fix = f"{otherwise}, or ask who keeps the list to remove the entry: DELETE {one}"
    return Refused(told, fix=fix, rule=Rule.LISTS.value)
