"""Tells who sent a message with `track_opens` that it was opened: the first time, once.

The mark is an image of one pixel in the HTML that leaves, and in nothing that is shown of the message here: the sender
who reads it again opens nothing. Its address is signed; what it says is known to every recipient anyway.
"""

import re
from typing import TYPE_CHECKING

from postroom.model.event import EventType
from postroom.model.ids import ALPHABET
from postroom.model.message import MessageSummary, Outgoing
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.messages import set_labels
from postroom.service.operation import Answer, Context, Input
from postroom.service.sent_ids import inner_id
from postroom.store.queries import messages
from postroom.store.queries import opens as queries
from postroom.store.secret import Secret

if TYPE_CHECKING:
    from postroom.service.desk import Desk

PATH = "/v1/postroom/opens/"
_PURPOSE = "open"
_TOKEN = re.compile(rf"([{ALPHABET}]{{26}})\.([A-Za-z0-9_-]{{43}})")


class Opening(Input):
    """What stood in the address of a pixel that somebody fetched."""

    token: str


def marked(desk: "Desk", outgoing: Outgoing) -> Outgoing | None:
    """Return a message with the pixel in its HTML; None where it has no HTML, or nothing listens to be asked."""
    base = desk.rooms.public_url()
    if base is None or not outgoing.html:
        return None
    token = token_of(desk.rooms.secret, inner_id(outgoing.message_id))
    pixel = f'<img src="{base}{PATH}{token}" width="1" height="1" alt="" style="border:0">'
    end = outgoing.html.lower().rfind("</body")
    at = len(outgoing.html) if end < 0 else end
    return outgoing.model_copy(update={"html": f"{outgoing.html[:at]}{pixel}{outgoing.html[at:]}"})


def token_of(secret: Secret, message: str) -> str:
    """Return what names a message (inner id) in the address of its pixel."""
    return f"{message[4:]}.{secret.sign(_PURPOSE, message.encode())}"


def track(context: Context, message: str) -> None:
    """Wait for a message (inner id) to be opened."""
    seq = context.tx.one(messages.SEQ_OF, id=message)
    context.tx.insert(queries.TRACK, {"message_seq": seq, "opened_at": None})


async def note(desk: "Desk", _actor: Actor, given: Opening) -> Answer[bool]:
    """Note that a message was opened; tell whether that was news."""
    # Asked first: a pixel is fetched again and again, and a reader holds up nobody.
    if not await desk.call("opens.is_awaited", SYSTEM, given):
        return Answer(False, 0)
    return await desk.ask("opens.record", SYSTEM, given)


def is_awaited(context: Context, given: Opening) -> bool:
    """Tell whether a token is of a message that nobody has opened yet."""
    return _awaited(context, given) is not None


def record(context: Context, given: Opening) -> bool:
    """Write down the first opening of a message: its label, and the event."""
    message = _awaited(context, given)
    if message is None:
        return False
    context.tx.run(queries.OPEN, key=message.seq, now=context.now)
    facts = {"message": message.id, "message_id": message.message_id, "thread_id": message.thread_id}
    context.tx.emit(EventType.MESSAGE_OPENED, message, facts)
    set_labels(context, message, {*message.labels, "opened"})
    return True


def _awaited(context: Context, given: Opening) -> MessageSummary | None:
    found = _TOKEN.fullmatch(given.token)
    if found is None:
        return None
    message = f"msg_{found[1]}"
    if not context.house.secret.is_signed(_PURPOSE, message.encode(), found[2]):
        return None
    return context.tx.one(queries.AWAITED, id=message)
