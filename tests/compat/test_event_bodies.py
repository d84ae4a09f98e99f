"""The body of every event, complete to the last required field, against the official client's own models."""

from typing import Any

import agentmail.events as official_events
import orjson
import pytest

from postroom.http.agentmail.events import MAX_BODY, render
from postroom.model.event import EventType
from postroom.model.message import Message
from postroom.model.tenant import SYSTEM, Reach
from postroom.model.webhook import EVENT_TYPES, SILENT
from postroom.service.log import After
from tests.compat.official import official
from tests.compat.sockets import taken_for
from tests.fakes.bed import Bed
from tests.fakes.mail import mail

CLASSES = {
    "message.received": official_events.MessageReceivedEvent,
    "message.received.spam": official_events.MessageReceivedEvent,
    "message.received.blocked": official_events.MessageReceivedEvent,
    "message.received.unauthenticated": official_events.MessageReceivedEvent,
    "message.sent": official_events.MessageSentEvent,
    "message.delivered": official_events.MessageDeliveredEvent,
    "message.bounced": official_events.MessageBouncedEvent,
    "message.complained": official_events.MessageComplainedEvent,
    "message.rejected": official_events.MessageRejectedEvent,
    "message.opened": official_events.MessageOpenedEvent,
    "domain.verified": official_events.DomainVerifiedEvent,
}


async def _body(house: Bed, kind: str, owner: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Write an event and return its body."""
    position = await house.desk._store.write(
        lambda tx: tx.emit(EventType(kind), owner, data), Reach.EVERYWHERE, house.now()
    )
    found = await house.desk.call("events.at", SYSTEM, After(position=position))
    body: dict[str, Any] = orjson.loads(render(found))
    return body


def _facts(message: Message) -> dict[str, Any]:
    to = ["a@example.com", "b@example.com"]
    facts = {"message": message.id, "message_id": message.message_id, "thread_id": message.thread_id}
    return {**facts, "recipients": to, "reason": "550 5.1.1 No such inbox here."}


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind.startswith("message.")])
@pytest.mark.promise("events.bodies-are-whole", "events.class-by-body")
async def test_the_body_of_a_message_event_is_what_the_client_takes_it_for(house: Bed, kind: str) -> None:
    await house.inbox()
    message = await house.receive(mail(subject="Hello", text="ping", files={"a.bin": b"x"}))
    body = await _body(house, kind, message, _facts(message))
    assert type(CLASSES[kind](**body)) is CLASSES[kind]
    # The client finds the class by trying: a field that is missing would make it another one.
    assert taken_for(body) is CLASSES[kind]
    inner = next(value for name, value in body.items() if name not in ("type", "event_type", "event_id"))
    assert inner["inbox_id"] == message.inbox_address
    assert inner["message_id"] == message.message_id


@pytest.mark.promise("events.bodies-are-whole")
async def test_the_body_of_a_verified_domain_is_the_whole_domain(house: Bed) -> None:
    async with official(house) as client:
        made = await client.domains.create(domain="example.org")
    inbox = await house.inbox()
    ((domain_id,),) = house.rows("SELECT id FROM domain")
    body = await _body(house, "domain.verified", inbox, {"id": domain_id, "domain": made.domain})
    event = official_events.DomainVerifiedEvent(**body)
    assert (event.domain.domain_id, len(event.domain.records)) == (made.domain_id, len(made.records))


@pytest.mark.promise("events.bodies-are-whole")
def test_there_is_a_body_for_every_type_that_this_server_tells_of() -> None:
    assert set(CLASSES) == set(EVENT_TYPES) - set(SILENT)


@pytest.mark.promise("events.bounce")
async def test_a_bounce_names_each_recipient_with_its_status(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail())
    body = await _body(house, "message.bounced", message, _facts(message))
    assert body["bounce"]["recipients"] == [
        {"address": "a@example.com", "status": "5.1.1"},
        {"address": "b@example.com", "status": "5.1.1"},
    ]
    assert (body["bounce"]["type"], body["bounce"]["sub_type"]) == ("Permanent", "General")


@pytest.mark.promise("webhooks.one-megabyte")
async def test_above_one_megabyte_the_texts_are_left_out(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(text="word " * (MAX_BODY // 5)))
    body = await _body(house, "message.received", message, _facts(message))
    assert "text" not in body["message"]
    assert body["message"]["preview"]
    assert len(orjson.dumps(body)) < MAX_BODY
    assert official_events.MessageReceivedEvent(**body).message.size == message.size
