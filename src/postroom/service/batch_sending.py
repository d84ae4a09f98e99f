"""Many messages sent as one: all are committed in one transaction, or none is. What becomes of each afterwards is its
own matter. Words, policy and commit are `send`'s.
"""

from typing import TYPE_CHECKING

from pydantic import Field

from postroom.model.errors import InvalidInput, PostroomError, Problem, Refused, TooLarge, Unprocessable
from postroom.model.policy import Ruling
from postroom.model.tenant import Actor
from postroom.service import leaving, send
from postroom.service.departure import Departure, Sent
from postroom.service.inboxes import InboxRef
from postroom.service.operation import Answer, Context, Input
from postroom.service.wording import Worded

if TYPE_CHECKING:
    from postroom.service.desk import Desk

MAX_MESSAGES = 100


class OneOfBatch(Worded):
    subject: str | None = Field(default=None, description="The subject.")


class SendBatch(InboxRef):
    messages: tuple[OneOfBatch, ...] = Field(
        min_length=1, max_length=MAX_MESSAGES, description=f"The messages, at most {MAX_MESSAGES}."
    )


class Departures(Input):
    """Composed messages of one inbox, in their order."""

    departures: tuple[Departure, ...]


async def send_batch(desk: "Desk", actor: Actor, given: SendBatch) -> Answer[tuple[Sent, ...]]:
    """Send several messages from an inbox, all or none; what a person would have to approve stops them all.

    Raises:
        PostroomError: as sending one does; it says which of them, counted from 0.
    """
    prepared: send.Prepared = await desk.call("messages.prepare", actor, send.Prepare(inbox_id=given.inbox_id))
    departures: list[Departure] = []
    for number, one in enumerate(given.messages):
        try:
            departures.append(await _departure(desk, actor, prepared, given.inbox_id, one))
        except InvalidInput as error:
            raise _at(number, error) from None
        except (Unprocessable, TooLarge, Refused) as error:
            raise _of(number, error) from None
    return await desk.ask("messages.commit_batch", actor, Departures(departures=tuple(departures)))


async def _departure(desk: "Desk", actor: Actor, prepared: send.Prepared, inbox_id: str, one: OneOfBatch) -> Departure:
    if not (one.subject or one.text or one.html or one.attachments):
        raise InvalidInput("An empty message.", fix="Give a subject, text, html or attachments.")
    message = send.SendMessage(inbox_id=inbox_id, **{name: getattr(one, name) for name in one.model_fields_set})
    return await send.departure(desk, actor, prepared, message, send.word_message(desk, prepared, message))


def commit_batch(context: Context, given: Departures) -> tuple[Sent, ...]:
    """Write composed messages. Raises Refused for one that may not leave, or only with a person's approval."""
    sent: list[Sent] = []
    for number, departure in enumerate(given.departures):
        try:
            result = leaving.commit(context, departure)
        except Refused as error:
            raise _of(number, error) from None
        if isinstance(result, Ruling):
            told = f"messages.{number}: it would wait for approval, so nothing was sent: {result.reason}"
            raise Refused(told, fix="Send it by itself.", rule=result.rule.value)
        sent.append(result)
    return tuple(sent)


def _of(number: int, error: PostroomError) -> PostroomError:
    """Return a refusal that says of which message it is."""
    rule = {"rule": error.rule} if isinstance(error, Refused) else {}
    return type(error)(f"messages.{number}: {error.message}", fix=error.fix, **rule)


def _at(number: int, error: InvalidInput) -> InvalidInput:
    """Return an error of one message as one of the whole input."""
    problems = [Problem(path=("messages", number, *one.path), message=one.message) for one in error.problems]
    return InvalidInput(
        f"messages.{number}: {error.message}",
        problems or [Problem(path=("messages", number), message=error.message)],
        fix=error.fix,
    )
