"""Decides whether a message may leave: one function, under every path that sends."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from postroom.model.address import Address
from postroom.model.errors import InboxPaused, InvalidInput, Refused, Unprocessable
from postroom.model.inbox import Inbox, InboxStatus, Mailbox
from postroom.model.lists import Direction
from postroom.service import lists
from postroom.service.operation import Context

MAX_RECIPIENTS = 50


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
        )
    entry = held.entry.entry
    told = f"Nothing was sent to anybody: {held.address} is on the send block list of {whose} (the entry {entry})."
    if held.entry.read_only:
        return Refused(told, fix=f"{otherwise}; this entry cannot be removed.")
    one = f"{path}/block/{quote(entry, safe='@')}"
    return Refused(told, fix=f"{otherwise}, or ask who keeps the list to remove the entry: DELETE {one}")
