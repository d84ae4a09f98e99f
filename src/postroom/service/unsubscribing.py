"""Leaves a mailing list by the one request that its mail offers (RFC 8058); asks nothing of any other address.

The signature that shall vouch for the headers (DKIM) is not verified here: whoever calls is told so.
"""

from typing import TYPE_CHECKING, Literal

from postroom.model.errors import Refused, Unprocessable
from postroom.model.facts import Unsubscribe
from postroom.model.inert import inert
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service.facts import ways_out
from postroom.service.messages import MessageRef, Opened, find_message, set_labels
from postroom.service.operation import Answer, Context

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LABEL = "unsubscribed"
TIMEOUT_S = 15.0
_BODY = b"List-Unsubscribe=One-Click"
_HEADERS = {"content-type": "application/x-www-form-urlencoded"}
Outcome = Literal["done", "already_done", "by_mail", "by_hand"]


class Unsubscribed(Record):
    """What came of it. `by_mail` and `by_hand`: nothing was asked; `way` is what the mail offers instead.

    `status` is that of the answer to the request.
    """

    inbox_id: str  # the address
    message_id: str  # public id
    outcome: Outcome
    way: Unsubscribe | None = None
    status: int | None = None


async def unsubscribe(desk: "Desk", actor: Actor, given: MessageRef) -> Answer[Unsubscribed]:
    """Leave the mailing list of a message by the one-click request of its headers; the message is labelled then.

    Raises:
        Unprocessable: the message offers no way, or the list did not accept the request.
        Refused, InvalidInput: its address may not be asked, or did not answer.
    """
    answer = await desk.ask("messages.get", actor, given)
    opened: Opened = answer.result
    message = opened.message
    names = {"inbox_id": message.inbox_address, "message_id": message.message_id}
    if LABEL in message.labels:
        return Answer(Unsubscribed(**names, outcome="already_done"), answer.position)
    ways = ways_out(message)
    if not ways:
        raise Unprocessable("The message offers no way to unsubscribe.", fix="Label its mail, or block its sender.")
    way = ways[0]
    if way.way != "one_click":
        outcome: Outcome = "by_mail" if way.way == "mailto" else "by_hand"
        return Answer(Unsubscribed(**names, outcome=outcome, way=way), answer.position)
    try:
        status = await desk.rooms.fetcher.post(way.address, _BODY, headers=_HEADERS, timeout=TIMEOUT_S)
    except Refused as error:
        raise Refused(error.message, fix=_without(ways[1:])) from error
    if not 200 <= status < 300:  # RFC 8058 3.1: no redirect is followed
        raise Unprocessable(f"The list answered with status {status}.", fix="Try again later, or unsubscribe by mail.")
    ref = MessageRef(inbox_id=message.inbox_id, message_id=message.id)
    done = await desk.ask("messages.note_unsubscribed", actor, ref)
    return Answer(Unsubscribed(**names, outcome="done", way=way, status=status), done.position)


def _without(others: tuple[Unsubscribe, ...]) -> str:
    """Return what is to be done about a list whose one-click request cannot be made."""
    told = {"mailto": "by mail to", "web": "by a person at"}
    offered = " or ".join(f"{told[one.way]} {inert(one.address)[:500]}" for one in others if one.way in told)
    other = f"It can be left {offered} as well; or" if offered else "It offers no other way:"
    return f"{other} label its mail, or block its sender."


def note(context: Context, given: MessageRef) -> None:
    """Label a message whose list was left, so that nobody asks twice."""
    message = find_message(context, given)
    if LABEL not in message.labels:
        set_labels(context, message, {*message.labels, LABEL})
