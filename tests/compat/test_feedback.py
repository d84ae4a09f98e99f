"""What becomes of sent mail, through the official client: bounces, complaints, openings, and what is told of them."""

from typing import Any

import agentmail.events as official_events
import orjson
import pytest
from agentmail.inboxes import CreateInboxRequest

from postroom.http.agentmail.events import render
from postroom.model.event import EventType
from postroom.model.tenant import SYSTEM
from postroom.service.log import After
from tests.compat.official import official
from tests.compat.sockets import taken_for
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import CORRESPONDENT
from tests.fakes.reports import bounce, complaint
from tests.service.test_opens import PAGE, browser, listen, path_of

AGENT = f"agent@{DOMAIN}"
OTHER = "dave@example.com"


async def _bodies(house: Bed, kind: EventType) -> list[dict[str, Any]]:
    """Return the body of every event of a type, as a webhook is sent it."""
    rows = house.rows("SELECT seq FROM event WHERE type = ? ORDER BY seq", kind.value)
    found = [await house.desk.call("events.at", SYSTEM, After(position=seq)) for (seq,) in rows]
    return [orjson.loads(render(one)) for one in found]


@pytest.mark.promise("lists.kept-by-the-server")
async def test_a_bounce_is_an_event_a_label_an_entry_and_a_message_in_the_thread(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        sent = await client.inboxes.messages.send(AGENT, to=[CORRESPONDENT, OTHER], subject="Hi", text="Hello")
        await house.take(bounce(sent.message_id, CORRESPONDENT), AGENT, envelope_from="")
        (body,) = await _bodies(house, EventType.MESSAGE_BOUNCED)
        assert taken_for(body) is official_events.MessageBouncedEvent
        told = official_events.MessageBouncedEvent(**body).bounce
        assert (told.inbox_id, told.message_id, told.thread_id) == (AGENT, sent.message_id, sent.thread_id)
        assert (told.type, told.sub_type) == ("Permanent", "NoEmail")
        assert [(one.address, one.status) for one in told.recipients] == [(CORRESPONDENT, "5.1.1")]
        message = await client.inboxes.messages.get(AGENT, sent.message_id)
        assert set(message.labels) == {"sent", "bounced"}
        entry = await client.inboxes.lists.get(AGENT, "send", "block", CORRESPONDENT)
        assert entry.reason == "It bounced: 5.1.1 550 5.1.1 No such user"
        thread = await client.inboxes.threads.get(AGENT, sent.thread_id)
        assert [m.subject for m in thread.messages] == ["Hi", "Undelivered Mail"]
        rates = await client.metrics.query_rates()
        assert rates["bounce"][-1].rate == 0.5


@pytest.mark.promise("lists.kept-by-the-server")
async def test_a_complaint_is_an_event_a_label_and_an_entry(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        sent = await client.inboxes.messages.send(AGENT, to=CORRESPONDENT, subject="Hi", text="Hello")
        await house.take(complaint(sent.message_id, CORRESPONDENT), AGENT, envelope_from="")
        (body,) = await _bodies(house, EventType.MESSAGE_COMPLAINED)
        assert taken_for(body) is official_events.MessageComplainedEvent
        told = official_events.MessageComplainedEvent(**body).complaint
        assert (told.type, told.recipients, told.message_id) == ("abuse", [CORRESPONDENT], sent.message_id)
        assert "complained" in (await client.inboxes.messages.get(AGENT, sent.message_id)).labels
        assert (await client.inboxes.lists.get(AGENT, "send", "block", CORRESPONDENT)).entry == CORRESPONDENT


@pytest.mark.promise("domains.feedback-enabled")
async def test_a_domain_without_feedback_shows_no_report_and_tells_all_the_same(house: Bed) -> None:
    async with official(house) as client:
        await client.domains.create(domain="example.org", feedback_enabled=False)
        house.write("UPDATE domain SET verified_at = 1, status = 'VERIFIED'")
        inbox = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.org"))
        sent = await client.inboxes.messages.send(inbox.inbox_id, to=CORRESPONDENT, subject="Hi", text="Hello")
        await house.take(bounce(sent.message_id, CORRESPONDENT), inbox.inbox_id, envelope_from="")
        assert [m.message_id for m in (await client.inboxes.messages.list(inbox.inbox_id)).messages] == [
            sent.message_id
        ]
        assert len(await _bodies(house, EventType.MESSAGE_BOUNCED)) == 1
        house.write("UPDATE domain SET feedback_enabled = 1")
        await house.take(bounce(sent.message_id, CORRESPONDENT), inbox.inbox_id, envelope_from="")
        assert len((await client.inboxes.messages.list(inbox.inbox_id)).messages) == 2
        assert len(await _bodies(house, EventType.MESSAGE_BOUNCED)) == 1


@pytest.mark.promise("send.track-opens", "events.opened")
async def test_an_opening_is_told_once_labelled_and_counted(house: Bed) -> None:
    listen(house)
    async with official(house) as client:
        await client.domains.create(domain="example.org", tracking_enabled=True)
        house.write("UPDATE domain SET verified_at = 1, status = 'VERIFIED'")
        inbox = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.org"))
        sent = await client.inboxes.messages.send(
            inbox.inbox_id, to=CORRESPONDENT, subject="Hi", html=PAGE, track_opens=True
        )
        path = await path_of(house, await house.message(inbox.inbox_id, sent.message_id))
        async with browser(house) as reader:
            await reader.get(path)
            await reader.get(path)
        (body,) = await _bodies(house, EventType.MESSAGE_OPENED)
        assert set(body["open"]) == {"inbox_id", "thread_id", "message_id", "timestamp"}
        assert taken_for(body) is official_events.MessageOpenedEvent
        opened = official_events.MessageOpenedEvent(**body).open
        assert (opened.inbox_id, opened.message_id) == (inbox.inbox_id, sent.message_id)
        message = await client.inboxes.messages.get(inbox.inbox_id, sent.message_id)
        assert "opened" in message.labels
        assert "opens" not in (message.html or "")
        counted = await client.metrics.query_events(event_types=["message.opened"])
        assert [point.count for point in counted["message.opened"]] == [1]
