"""Mail that arrives: parsed, its large bytes on disk, filed into each inbox that it is for, the event beside it.

`take` is the way in for SMTP, for mail between local inboxes and for imported files alike.
"""

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from postroom.mime import references
from postroom.model.errors import NotFound, disk_error
from postroom.model.event import EventType
from postroom.model.ids import new_id
from postroom.model.inbox import Mailbox
from postroom.model.lists import Direction
from postroom.model.message import Incoming, ParsedMessage
from postroom.model.record import Record
from postroom.model.tenant import SYSTEM, Actor
from postroom.service import feedback, lists, sent_ids
from postroom.service.filing import Sheet, file, known_as
from postroom.service.inboxes import find_destination
from postroom.service.operation import Answer, Context, Input
from postroom.store.queries import inboxes, messages
from postroom.store.queries.messages import Reference

if TYPE_CHECKING:
    from postroom.service.desk import Desk

log = logging.getLogger(__name__)
RAW_IN_ROW = 64 * 1024
_MAX_SENDERS = 20  # of one From field; what names more is judged by these
RECEIVED = ("received", "unread")
BLOCKED = (*RECEIVED, "blocked")


class Arrival(Input):
    """A message on its way in, with what parsing it gave. `blob` names the file of a large one; `tainted`: an inbox
    here wrote it, of what came from outside.
    """

    incoming: Incoming
    parsed: ParsedMessage
    blob: str | None
    tainted: bool = False


class Taken(Record):
    """What became of a message: inner ids by inbox, the inboxes that had it already, and those that it is not filed
    into, since it answers what their address sent before they had it.
    """

    filed: dict[str, str]
    duplicates: tuple[str, ...]
    late: tuple[str, ...] = ()


async def take(desk: "Desk", _actor: Actor, incoming: Incoming) -> Answer[Taken]:
    """Take a message in; when this returns it is on disk for every recipient that is an inbox here.

    Raises:
        NotFound: no recipient is an inbox here (any more).
        StorageFull, Temporary: nothing was kept; the sender may try again.
    """
    parsed = await desk.rooms.parser.parse(incoming)
    blob = await keep_large(desk, incoming)
    return await desk.ask("mail.file", SYSTEM, Arrival(incoming=incoming, parsed=parsed, blob=blob))


async def keep_large(desk: "Desk", incoming: Incoming) -> str | None:
    """Put the bytes of a large message into the blob folder; return the hash, None for a small one."""
    if incoming.spool is None and incoming.size <= RAW_IN_ROW:
        return None
    sha256 = incoming.sha256 or _sha256(incoming)
    try:
        if incoming.spool is not None:
            await asyncio.to_thread(desk.rooms.blobs.adopt, incoming.spool, sha256)
        else:
            await asyncio.to_thread(desk.rooms.blobs.write, incoming.content or b"", sha256)
    except OSError as error:
        raise disk_error(error) from error
    return sha256


def _sha256(incoming: Incoming) -> str:
    return hashlib.sha256(incoming.content or b"").hexdigest()


def file_arrival(context: Context, given: Arrival) -> Taken:
    """File a message into the inboxes that it is for, once each.

    A paused inbox takes its mail and keeps none of it: the sender, here or outside, is told neither of a delivery that
    failed nor that anybody paused. What its owner imports is kept.
    """
    found = (find_destination(context, r, given.parsed.message_id) for r in given.incoming.recipients)
    destinations = {destination[0].inbox_id: destination for destination in found if destination is not None}
    if not destinations:
        raise NotFound("inbox", ", ".join(given.incoming.recipients[:3]))
    filed: dict[str, str] = {}
    duplicates: list[str] = []
    digest = _digest(given)
    late = {id_ for id_, (mailbox, _known) in destinations.items() if _is_for_a_predecessor(context, mailbox, given)}
    if late:
        log.warning("not filed reason=answers_a_predecessor inboxes=%s", ",".join(sorted(late)))
    if late == destinations.keys():
        raise NotFound("inbox", ", ".join(given.incoming.recipients[:3]))
    for mailbox, known in destinations.values():
        if mailbox.inbox_id in late or (mailbox.paused and given.incoming.origin != "import"):
            continue
        report = given.parsed.report if given.incoming.origin == "smtp" else None
        heeded = feedback.heed(context, mailbox, report) if report is not None else None
        if heeded is not None and not heeded.is_shown:
            continue
        thread_id = heeded.thread_id if heeded is not None else None
        message = _file_into(context, mailbox, given, digest, known, thread_id)
        if message is None:
            duplicates.append(mailbox.inbox_id)
        else:
            filed[mailbox.inbox_id] = message
    if duplicates:
        known_by = "bytes" if given.parsed.message_id is None else "message_id"
        log.info("not filed reason=duplicate known_by=%s inboxes=%s", known_by, ",".join(sorted(duplicates)))
    return Taken(filed=filed, duplicates=tuple(duplicates), late=tuple(late))


def _is_for_a_predecessor(context: Context, mailbox: Mailbox, given: Arrival) -> bool:
    """Tell whether a message answers what the address sent before this inbox had it: it reaches nobody.

    What its owner imports is never that. Known by our own Message-IDs alone.
    """
    answered = given.parsed.in_reply_to or given.parsed.references[-1:]
    if not answered or given.incoming.origin == "import":
        return False
    written = sent_ids.written_at(context.house, mailbox.address, answered)
    if written is None or any(known_as(context, mailbox, one) for one in answered):
        return False
    inbox = context.tx.one(inboxes.BY_ID, inbox_id=mailbox.inbox_id)
    return inbox is not None and written < inbox.created_at


def _file_into(
    context: Context, mailbox: Mailbox, given: Arrival, digest: bytes, known: Reference | None, thread_id: str | None
) -> str | None:
    incoming = given.incoming
    is_blocked = mailbox.has_lists and _is_blocked(context, mailbox, given)
    sheet = Sheet(
        message_id=new_id("msg", context.now),
        parsed=given.parsed,
        raw=incoming.content if given.blob is None else None,
        blob=given.blob,
        size=incoming.size,
        labels=BLOCKED if is_blocked else RECEIVED,
        origin=incoming.origin,
        envelope_from=incoming.envelope_from,
        client=incoming.client,
        helo=incoming.helo,
        tainted=given.tainted,
        thread_id=None if is_blocked else thread_id,
        digest=digest,
        event=EventType.MESSAGE_RECEIVED_BLOCKED if is_blocked else EventType.MESSAGE_RECEIVED,
    )
    filed = file(context, mailbox, sheet, known)
    return None if filed is None else filed.message_id


def _is_blocked(context: Context, mailbox: Mailbox, given: Arrival) -> bool:
    """Tell whether the lists of an inbox hold who a message says it is from: any of them, where it names several.

    What its owner imports is asked nothing.
    """
    if given.incoming.origin == "import":
        return False
    senders = [a.address for a in given.parsed.from_] or [given.incoming.envelope_from]
    direction = Direction.REPLY if _answers_us(context, mailbox, given.parsed) else Direction.RECEIVE
    return lists.held(context, mailbox, direction, senders[:_MAX_SENDERS]) is not None


def _answers_us(context: Context, mailbox: Mailbox, parsed: ParsedMessage) -> bool:
    """Tell whether a message says that it answers one that this inbox sent."""
    for reference in references.candidates(parsed.in_reply_to, ()):
        known = known_as(context, mailbox, reference)
        if known is None or known.message_seq is None:
            continue
        answered = context.tx.one(messages.BY_SEQ, seq=known.message_seq)
        if answered is not None and "sent" in answered.labels:
            return True
    return False


def _digest(given: Arrival) -> bytes:
    """Return what makes two arrivals one: Message-ID, the bytes without trace fields, the envelope sender.

    Never the Message-ID alone: whoever knows it could suppress another's mail.
    """
    incoming = given.incoming
    content = given.parsed.digest or incoming.sha256 or _sha256(incoming)
    parts = (given.parsed.message_id or "", content, incoming.envelope_from)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
