"""Sends what a mail client has composed: its bytes checked and completed, then by the same policy, commit and events as
a message that is worded here. It knows no SMTP.
"""

import asyncio
from typing import TYPE_CHECKING

from postroom.mime import submitted
from postroom.model.address import Address, address_key
from postroom.model.ids import new_id
from postroom.model.message import Incoming, ParsedMessage
from postroom.model.tenant import Actor
from postroom.service import policy
from postroom.service.departure import Departure
from postroom.service.inboxes import InboxRef
from postroom.service.operation import Answer
from postroom.service.receive import keep_large
from postroom.service.send import Leaving, Prepare, Prepared, depart
from postroom.service.sent_ids import sent_id
from postroom.service.uploads import too_large

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_INLINE_WORK = 256 * 1024  # bytes beyond which copying would hold up the event loop


class Submission(InboxRef):
    """A composed message and its envelope. `utf8`: its header may be UTF-8 (RFC 6531)."""

    incoming: Incoming
    utf8: bool = False


async def submit(desk: "Desk", actor: Actor, given: Submission) -> Answer[Leaving]:
    """Send a message that was composed elsewhere; its spool file is deleted.

    Raises:
        InvalidInput, TooLarge, Refused: it may not leave so.
    """
    try:
        prepared: Prepared = await desk.call("messages.prepare", actor, Prepare(inbox_id=given.inbox_id))
        recipients: dict[str, str] = {}
        for address in given.incoming.recipients:
            recipients.setdefault(address_key(address), address)
        policy.check([Address(address=a) for a in recipients.values()])
        departure = await _departure(desk, prepared, given, recipients)
    finally:
        if given.incoming.spool is not None:
            given.incoming.spool.unlink(missing_ok=True)
    return await depart(desk, actor, departure)


async def _departure(desk: "Desk", prepared: Prepared, given: Submission, recipients: dict[str, str]) -> Departure:
    message = new_id("msg", desk.clock())
    content = await _completed(desk, prepared, given, message)
    incoming = Incoming(
        envelope_from=prepared.inbox.address,
        recipients=tuple(recipients.values()),
        content=content,
        spool=None,
        size=len(content),
        sha256="",
    )
    parsed = await desk.rooms.parser.parse(incoming)
    return Departure(
        inbox=prepared.inbox,
        message_id=message,
        thread_id=None,
        incoming=incoming,
        parsed=parsed,
        blob=await keep_large(desk, incoming),
        labels=(),
        bcc=_hidden(parsed, recipients),
        recipients=tuple(recipients.values()),
    )


async def _completed(desk: "Desk", prepared: Prepared, given: Submission, message: str) -> bytes:
    incoming, address = given.incoming, prepared.inbox.address
    message_id, date = sent_id(desk.house, address, message), desk.clock()

    def work() -> bytes:
        content = incoming.content if incoming.spool is None else incoming.spool.read_bytes()
        return submitted.complete(content or b"", sender=address, message_id=message_id, date=date, utf8=given.utf8)

    small = incoming.spool is None and incoming.size <= _INLINE_WORK
    content = work() if small else await asyncio.to_thread(work)
    if len(content) > desk.house.max_message_bytes:
        raise too_large(desk.house.max_message_bytes)
    return content


def _hidden(parsed: ParsedMessage, recipients: dict[str, str]) -> tuple[str, ...]:
    """Return the recipients whom the header does not name."""
    shown = {address.key for address in (*parsed.to, *parsed.cc)}
    return tuple(address for key, address in recipients.items() if key not in shown)
