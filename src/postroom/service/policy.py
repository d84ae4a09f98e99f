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
from postroom.model.policy import Need, Policy, Recipients, Rule, Ruling, Subject, Taint, hand
from postroom.model.record import Record
from postroom.service import correspondents, lists, loops, taint
from postroom.service.inboxes import find_mailbox
from postroom.service.operation import Context
from postroom.store.queries import messages
from postroom.store.queries import policies as queries
from postroom.store.queries.policies import Came

MAX_RECIPIENTS = 50
DAY_MS = 86_400_000
_NAMED = 5  # addresses that a sentence names
_NOW = {
    Taint.READING: "mail from outside was read within the last hour",
    Taint.THREAD: "its thread has mail from outside",
}
_THEN = {
    Taint.READING: "its draft was written after mail from outside was read",
    Taint.THREAD: "its draft was written in a thread that has mail from outside",
}


class Sending(Record):
    """A message as far as policies look at it: who will be on the wire, what it answers, the thread that it joins.

    `answers` are the Message-IDs of In-Reply-To in the bytes that will leave, `named` the addresses that its header
    asks others to write to (mime/naming.py). `policies` are in force for the key that sends and those that made it.
    `thread_id` is of the nearest message that it refers to, `joins` where it will be filed if that is another thread.
    `taint` says why it is not trusted, a part of a sentence; None where it is.
    """

    recipients: tuple[str, ...]
    policies: tuple[Policy, ...]
    thread_id: str | None = None
    joins: str | None = None
    answers: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    taint: str | None = None


def look_at(
    context: Context,
    mailbox: Mailbox,
    recipients: tuple[str, ...],
    *,
    thread_id: str | None,
    answers: tuple[str, ...],
    refers: tuple[str, ...] = (),
    named: tuple[str, ...] = (),
    source: str | None = None,
    joins: str | None = None,
    by: tuple[str, ...] | None = None,
    written: Taint | None = None,
) -> Sending:
    """Return a message as policies look at it. `refers`: its References. `by`: the actor's key when absent.

    `source` is the message (inner id) that it quotes or forwards, `joins` the thread that it will be filed into, which
    need not be that of what it answers. `written` is how its draft is tainted: whoever sends it, it is so still.
    """
    if thread_id is None:
        thread_id = next((known.thread_id for known in _known(context, mailbox, answers, refers)), None)
    else:
        source = None  # it is in the thread
    both: list[str | None] = [one for one in dict.fromkeys((joins, thread_id)) if one is not None]
    now = next(filter(None, (taint.of(context, mailbox.org_id, one, source, by) for one in both or [None])), None)
    return Sending(
        recipients=recipients,
        policies=tuple(in_force(context, mailbox, hand(context.actor) if by is None else by)),
        thread_id=thread_id,
        joins=joins,
        answers=answers,
        named=named,
        taint=_NOW[now] if now else _THEN[written] if written else None,
    )


def judge(context: Context, mailbox: Mailbox, sending: Sending, *, is_approved: bool = False) -> Ruling | None:
    """Return why a message is held, None where it may leave; asked in the transaction that sends it.

    `is_approved`: a person has let it go, and only what no person may let go is looked at.

    Raises:
        Refused: it may not leave; names the rule, and whose it is.
    """
    check_lists(context, mailbox, sending.recipients)
    policies = sending.policies
    look = _Look(context, mailbox, sending)
    for policy in policies:
        _refuse(policy, look)
    if is_approved:
        return None
    holding = [(policy, ruling) for policy in policies if (ruling := _hold(policy, look)) is not None]
    if holding:
        asks = all(policy.elicitation for policy, _ruling in holding)
        return holding[0][1].model_copy(update={"elicitation": asks})
    found = loops.answer(mailbox, look.recipients, look.answered)
    return found or loops.exchange(context, mailbox, look.recipients, sending.joins or look.thread_id)


def note_sent(context: Context, mailbox: Mailbox, sending: Sending) -> None:
    """Count a message that leaves for the policies that apply, and make its recipients known to the inbox."""
    recipients = sending.recipients
    correspondents.wrote(context, mailbox.inbox_id, recipients)
    for policy in sending.policies:
        row = {"place": policy.place, "day": context.now // DAY_MS, "mails": 1, "recipients": len(recipients)}
        context.tx.insert(queries.COUNT, {**row, "more": len(recipients)})


def in_force(context: Context, mailbox: Mailbox, keys: Sequence[str]) -> list[Policy]:
    """Return the policies that apply to what an inbox sends by a key, and by those that made it."""
    places = [mailbox.org_id, mailbox.pod_id, mailbox.inbox_id, *keys]
    return [policy for four in queries.by_fours(places) for policy in context.tx.all(queries.OF_PLACES, **four)]


class _Look:
    """What is looked up of a message, each at most once and only where a policy asks for it."""

    def __init__(self, context: Context, mailbox: Mailbox, sending: Sending) -> None:
        self.context = context
        self.mailbox = mailbox
        self.recipients = sending.recipients
        self.own = address_key(mailbox.address)
        self._named = sending.named
        self.thread_id = sending.thread_id
        self.taint = sending.taint
        self._answers = sending.answers

    @cached_property
    def named(self) -> tuple[str, ...]:
        """Whom its header asks others to write to besides its recipients and the inbox itself."""
        others = {key: one for one in self._named if (key := address_key(one)) != self.own}
        for one in self.recipients if others else ():
            others.pop(address_key(one), None)
        return tuple(others.values())

    @cached_property
    def parties(self) -> tuple[str, ...]:
        """All whom it reaches, or makes others reach."""
        return (*self.recipients, *self.named)

    @cached_property
    def answered(self) -> list[Came]:
        """The messages that it answers."""
        known = _known(self.context, self.mailbox, self._answers, ())
        rows = [one.message_seq for one in known if one.message_seq is not None]
        found = [self.context.tx.one(queries.CAME_ONE, seq=seq) for seq in rows]
        return [came for came in found if came is not None]

    @cached_property
    def new(self) -> tuple[str, ...]:
        """The parties whom the inbox neither wrote to, nor got trusted mail from, nor answers with this."""
        no_news = {self.own, *_senders(one for one in self.answered if one.origin != "sent")}
        return tuple(
            one
            for one in self.parties
            if address_key(one) not in no_news and not correspondents.is_known(self.context, self.mailbox.inbox_id, one)
        )

    @cached_property
    def external(self) -> tuple[str, ...]:
        """The parties that are no inbox of the organization."""
        return tuple(one for one in self.parties if not self._is_inside(one))

    def told(self, addresses: Sequence[str]) -> str:
        """Return the first of some parties as a sentence names them, and which of them the header alone names."""
        shown = [f"{one} (where its header asks to write to)" if one in self.named else one for one in addresses]
        return _named(shown)

    @cached_property
    def wrote_in_thread(self) -> frozenset[str]:
        """The keys of those who wrote in the thread that it joins."""
        if self.thread_id is None:
            return frozenset()
        came = self.context.tx.all(queries.CAME, thread_id=self.thread_id, n=taint.MAX_LOOKED_AT)
        return frozenset(_senders(one for one in came if one.origin != "sent"))

    def counted(self, policy: Policy) -> tuple[int, int]:
        """Return how many messages, to how many recipients, were sent under a policy today."""
        found = self.context.tx.one(queries.COUNTED, place=policy.place, day=self.context.now // DAY_MS)
        return found or (0, 0)

    def _is_inside(self, address: str) -> bool:
        found = find_mailbox(self.context, address)
        return found is not None and found.org_id == self.mailbox.org_id


def _known(
    context: Context, mailbox: Mailbox, answers: tuple[str, ...], refers: tuple[str, ...]
) -> Iterator[messages.Reference]:
    """Yield what the inbox knows of the messages that one answers or refers to, the nearest first."""
    for one in references.candidates(answers, refers):
        known = context.tx.one(messages.REFERENCE, inbox_id=mailbox.inbox_id, reference=one)
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
    outside = [one for one in look.parties if not is_allowed(policy.allowed, one)]
    if outside:
        told = f"does not name {look.told(outside)}"
        raise _refused(policy, Rule.RECIPIENTS, told, "Leave them out, or ask who keeps the policy to name them.")


def _check_reply_only(policy: Policy, look: _Look) -> None:
    if not policy.reply_only:
        return
    others = [one for one in look.parties if address_key(one) not in look.wrote_in_thread]
    if others:
        told = f"lets only answers leave, to those who wrote in their thread; {look.told(others)} did not"
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
        reason = f"The policy of {whose} holds what leaves the organization; {look.told(look.external)} is outside."
        return Ruling(rule=Rule.APPROVAL, reason=reason)
    if policy.approval is Need.NEW_RECIPIENTS and look.new:
        told = f"this inbox never wrote to {look.told(look.new)}"
        reason = f"The policy of {whose} holds what goes to somebody new; {told}."
        return Ruling(rule=Rule.APPROVAL, reason=reason)
    if (policy.taint or policy.approval is not Need.NONE) and look.taint and look.new:
        told = f"this inbox never wrote to {look.told(look.new)}, and {look.taint}"
        return Ruling(rule=Rule.TAINT, reason=f"The policy of {whose} holds it: {told}.")
    return None


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
