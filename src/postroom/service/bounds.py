"""Tells whoever asks which policies bind what they send, and what those leave of today's budgets. Decides nothing."""

from postroom.model.inbox import Mailbox
from postroom.model.policy import Need, Policy, Subject, hand
from postroom.model.record import Record
from postroom.service import policy
from postroom.service.operation import Context, Nothing
from postroom.store.queries import policies as queries

MAX_BELOW = 20  # policies of inboxes and pods below a reach that are told
_WIDEST_FIRST = tuple(Subject)


class Bound(Record):
    """A policy, what is left today of its budgets (None: it has none), and whether it is of something below the reach
    of whoever asks: then it binds only what is sent from there.
    """

    policy: Policy
    mails_left: int | None
    recipients_left: int | None
    is_below: bool


class Bounds(Record):
    """All policies that bind an actor. `may_ask`: one lets the person at its client decide, and no other forbids."""

    bounds: tuple[Bound, ...]
    more_below: bool
    may_ask: bool


def bounds(context: Context, _given: Nothing) -> Bounds:
    """Tell which policies bind what whoever asks sends, and what they leave today."""
    always = _always(context)
    within, owner = context.actor.reach.innermost
    kinds = {"inbox": Subject.INBOX.value, "pod": Subject.POD.value}
    below = [] if within == "inbox_id" else context.tx.all(queries.below(within), owner=owner, **kinds, n=MAX_BELOW + 2)
    # The policy of the reach itself is one of the inboxes' or the pods' too.
    below = [one for one in below if one.place != owner]
    shown = [(one, False) for one in always] + [(one, True) for one in below[:MAX_BELOW]]
    return Bounds(
        bounds=tuple(_bound(context, one, is_below) for one, is_below in shown),
        more_below=len(below) > MAX_BELOW,
        may_ask=_may_ask(always, below),
    )


def _always(context: Context) -> list[Policy]:
    """Return the policies that bind all that the actor sends, from whichever inbox."""
    reach = context.actor.reach
    place = Mailbox(inbox_id=reach.inbox_id or "", org_id=reach.org_id or "", pod_id=reach.pod_id or "", address="")
    found = policy.in_force(context, place, hand(context.actor))
    return sorted(found, key=lambda one: _WIDEST_FIRST.index(one.subject))


def _may_ask(always: list[Policy], below: list[Policy]) -> bool:
    holding = [one for one in always if one.taint or one.approval is not Need.NONE]
    return all(one.elicitation for one in holding) and any(one.elicitation for one in (*always, *below))


def _bound(context: Context, one: Policy, is_below: bool) -> Bound:
    day = context.now // policy.DAY_MS
    mails, recipients = context.tx.one(queries.COUNTED, place=one.place, day=day) or (0, 0)
    return Bound(
        policy=one,
        mails_left=_left(one.max_mails_per_day, mails),
        recipients_left=_left(one.max_recipients_per_day, recipients),
        is_below=is_below,
    )


def _left(most: int | None, used: int) -> int | None:
    return None if most is None else max(0, most - used)
