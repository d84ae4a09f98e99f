"""Mail that is moved here from another server: filed as it was there, at the moment that it came, told to nobody and
sent to nobody. It asks no server: who moves mail has its bytes already.
"""

import dataclasses
import hashlib
from typing import TYPE_CHECKING

from pydantic import Field

from postroom.mime import references
from postroom.model.address import address_key, check_username, read_address, split
from postroom.model.errors import AddressTaken, InvalidInput, OutOfScope
from postroom.model.ids import new_id
from postroom.model.inbox import Inbox, Mailbox
from postroom.model.message import Incoming, ParsedMessage
from postroom.model.tenant import SYSTEM, Actor
from postroom.service import hosting
from postroom.service.filing import MAX_PEOPLE, Sheet, digest_reference, file, known_as
from postroom.service.inboxes import find_inbox
from postroom.service.labels import MAX_LABEL, MAX_LABELS, SYSTEM_LABELS, folded
from postroom.service.operation import Answer, Context, Input
from postroom.service.receive import keep_large
from postroom.store.queries import inboxes, messages, pods, threads

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_DRAFTS_ALONE = ("draft", "scheduled")


class Wanted(Input):
    """An address that an inbox is to have here."""

    address: str


class Listed(Input):
    """Ids of messages as another server lists them for its inbox `source`; `inbox_id` is ours, the inner id."""

    inbox_id: str
    source: str
    message_ids: tuple[str, ...]


class Moved(Input):
    """A message of another server's inbox `source`, with its bytes; `inbox_id` is ours, the inner id."""

    inbox_id: str
    source: str
    message_id: str
    thread_id: str
    timestamp: int = Field(ge=0)  # UTC milliseconds
    labels: tuple[str, ...]
    sender: str  # as it is shown there
    bcc: tuple[str, ...]
    incoming: Incoming


class Parsed(Input):
    """A moved message with what parsing it gave. `blob` names the file of a large one."""

    moved: Moved
    parsed: ParsedMessage
    blob: str | None


def place(context: Context, given: Wanted) -> Inbox | None:
    """Return the inbox that has an address, None where one can be made with it.

    Raises:
        AddressTaken: it belongs to somebody else.
        Unprocessable: its domain is not served here.
        InvalidInput: no inbox can have it.
    """
    key = address_key(given.address)
    found = context.tx.one(inboxes.BY_ADDRESS, address_key=key)
    if found is not None:
        return found
    if context.tx.one(inboxes.MAILBOX, address_key=key) is not None:
        raise AddressTaken(f"The address {given.address} is somebody else's here.", fix="Import it as its owner.")
    local, domain = split(given.address)
    hosting.domain_for_inbox(context, domain, context.actor.reach.org_id or "", _pod_id(context))
    check_username(local)
    return None


def missing(context: Context, given: Listed) -> tuple[str, ...]:
    """Return those of the listed messages that have not been moved here yet, in order."""
    inbox = find_inbox(context, given.inbox_id)
    return tuple(
        message_id
        for message_id in given.message_ids
        if not _is_here(context, inbox.inbox_id, _digest(given.source, message_id), (message_id,))
    )


async def take(desk: "Desk", _actor: Actor, given: Moved) -> Answer[str | None]:
    """File a moved message; return its inner id, None where it is here already. It is on disk then.

    Raises:
        NotFound: the inbox is gone.
        StorageFull, Temporary: nothing was kept.
    """
    parsed = await desk.rooms.parser.parse(given.incoming)
    blob = await keep_large(desk, given.incoming)
    return await desk.ask("imports.file", SYSTEM, Parsed(moved=given, parsed=parsed, blob=blob))


def file_moved(context: Context, given: Parsed) -> str | None:
    """File a message at the moment that it has; no event is written, and nothing is queued."""
    moved, parsed = given.moved, given.parsed
    inbox = find_inbox(context, moved.inbox_id)
    digest = _digest(moved.source, moved.message_id)
    if _is_here(context, inbox.inbox_id, digest, (moved.message_id, parsed.message_id)):
        return None
    mailbox = Mailbox(inbox.inbox_id, inbox.org_id, inbox.pod_id, inbox.address)
    labels = _labels(moved, parsed)
    is_ours = "received" not in labels
    sheet = Sheet(
        message_id=new_id("msg", context.now),
        parsed=parsed,
        raw=moved.incoming.content if given.blob is None else None,
        blob=given.blob,
        size=moved.incoming.size,
        labels=labels,
        bcc=moved.bcc[:MAX_PEOPLE] if is_ours else (),
        origin="import",
        envelope_from=None if is_ours else _envelope_from(moved, parsed),
        thread_id=_thread_id(context, mailbox, given, labels),
        digest=digest,
        public_id=moved.message_id,
        is_placed=True,
    )
    known = known_as(context, mailbox, parsed.message_id) if parsed.message_id else None
    # All that filing says of time, windows too, is said of the moment that the message has.
    filed = file(dataclasses.replace(context, now=min(moved.timestamp, context.now)), mailbox, sheet, known)
    if filed is None:
        return None
    _remember_thread(context, mailbox, moved, filed.thread_id)
    return filed.message_id


def _pod_id(context: Context) -> str:
    reach = context.actor.reach
    if reach.inbox_id is not None:
        raise OutOfScope("A key of one inbox makes no other.", fix="Use a key of the organization or of the pod.")
    pod = context.tx.one(pods.DEFAULT, org_id=reach.org_id) if reach.pod_id is None else None
    return reach.pod_id or (pod.pod_id if pod else "")


def _digest(source: str, message_id: str) -> bytes:
    """Return what tells a moved message from all that ever arrives: where it was, and its id there."""
    return hashlib.sha256("\0".join(("moved", address_key(source), message_id)).encode()).digest()


def _is_here(context: Context, inbox_id: str, digest: bytes, ids: tuple[str | None, ...]) -> bool:
    for reference in (digest_reference(digest), *filter(None, ids)):
        known = context.tx.one(messages.REFERENCE, inbox_id=inbox_id, reference=reference)
        if known is not None and known.digest == digest:
            return True
    return False


def _labels(moved: Moved, parsed: ParsedMessage) -> tuple[str, ...]:
    """Return the labels as they are kept; one of the two that say which way a message went is always among them."""
    kept = [
        label
        for label in dict.fromkeys(folded(moved.labels))
        if 0 < len(label) <= MAX_LABEL and label.isprintable() and label not in _DRAFTS_ALONE
    ]
    if not {"received", "sent"}.intersection(kept):
        sender = parsed.from_[0].key if parsed.from_ else None
        kept.append("sent" if sender == address_key(moved.source) else "received")
    own = [label for label in kept if label not in SYSTEM_LABELS][:MAX_LABELS]
    return (*(label for label in kept if label in SYSTEM_LABELS), *own)


def _envelope_from(moved: Moved, parsed: ParsedMessage) -> str:
    """Return whom the other server shows as the sender of a message whose bytes name none: who knows has seen it."""
    try:
        return "" if parsed.from_ else read_address(moved.sender).address
    except InvalidInput:
        return ""


def _thread_reference(moved: Moved) -> str:
    """Return what stands for a thread of the other server, in the place of a Message-ID that is referred to."""
    return f"thread:{_digest(moved.source, moved.thread_id).hex()}"


def _thread_id(context: Context, mailbox: Mailbox, given: Parsed, labels: tuple[str, ...]) -> str | None:
    """Return the thread that a message belongs to: the one of its fellows there, or the one here that it answers.

    A thread here that has become of another one there is not taken, whatever a header says.
    """
    fellows = known_as(context, mailbox, _thread_reference(given.moved))
    if fellows is not None:
        return fellows.thread_id
    parsed = given.parsed
    ids = (given.moved.message_id, parsed.message_id, *references.candidates(parsed.in_reply_to, parsed.references))
    for reference in filter(None, ids):
        known = known_as(context, mailbox, reference)
        thread = None if known is None else context.tx.one(threads.BY_ID, id=known.thread_id)
        if thread is None or ("blocked" in thread.labels) is not ("blocked" in labels):
            continue
        if context.tx.one(messages.MOVED_THREAD, thread_id=thread.thread_id) is None:
            return thread.thread_id
    return None


def _remember_thread(context: Context, mailbox: Mailbox, moved: Moved, thread_id: str) -> None:
    row = {"inbox_id": mailbox.inbox_id, "reference": _thread_reference(moved), "thread_id": thread_id}
    context.tx.insert(messages.ADD_REFERENCE, {**row, "message_seq": None, "digest": None, "at": moved.timestamp})
