"""Reports of bounces and complaints: what a true one does, that a forged one does nothing, and who is shown it."""

import pytest

from postroom.model.errors import Conflict, Refused
from postroom.model.event import EventType
from postroom.model.inbox import Inbox
from postroom.model.message import Message
from postroom.service.feedback import cause_of
from tests.fakes.bed import DOMAIN, Bed, facts
from tests.fakes.clock import FakeClock
from tests.fakes.mail import CORRESPONDENT, mail
from tests.fakes.reports import bounce, complaint

AGENT = f"agent@{DOMAIN}"
OTHER = "dave@example.com"


async def _labels(house: Bed, message: Message) -> set[str]:
    return set((await house.message(AGENT, message.id)).labels)


async def _entries(house: Bed) -> list[str]:
    return [row[0] for row in house.rows("SELECT entry FROM list_entry ORDER BY entry")]


async def _told(house: Bed, inbox: Inbox, kind: EventType = EventType.MESSAGE_BOUNCED) -> list[list[str]]:
    return [told["recipients"] for told in facts(await house.events(inbox, kind))]


async def _hide(house: Bed) -> None:
    """Verify the domain that the inboxes are on as one of the organization's, which hides reports."""
    await house.call("domains.create", domain="example.org", feedback_enabled=False)
    house.write("UPDATE domain SET verified_at = 1, status = 'VERIFIED'")


async def test_a_bounce_labels_tells_blocks_and_is_shown_in_the_thread(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT, OTHER)
    report = await house.receive(bounce(sent.message_id, CORRESPONDENT), envelope_from="")
    assert report.thread_id == sent.thread_id
    assert set(report.labels) == {"received", "unread"}
    assert await _labels(house, sent) == {"sent", "bounced"}
    (told,) = facts(await house.events(inbox, EventType.MESSAGE_BOUNCED))
    assert told["recipients"] == [CORRESPONDENT]
    assert (told["type"], told["sub_type"], told["reason"]) == ("Permanent", "NoEmail", "5.1.1 550 5.1.1 No such user")
    (entry,) = (await house.call("lists.list", await house.key(inbox_id=AGENT), direction="send", type="block")).items
    assert (entry.entry, entry.read_only, entry.inbox_address) == (CORRESPONDENT, True, AGENT)
    assert house.rows("SELECT state FROM delivery ORDER BY recipient") == [("bounced",), ("captured",)]
    with pytest.raises(Refused, match="cannot be removed"):
        await house.send(AGENT, CORRESPONDENT)
    with pytest.raises(Conflict):
        await house.call(
            "lists.delete", await house.key(inbox_id=AGENT), direction="send", type="block", entry=CORRESPONDENT
        )


async def test_a_complaint_labels_tells_and_blocks(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT)
    report = await house.receive(complaint(sent.message_id, CORRESPONDENT, kind="fraud"))
    assert report.thread_id == sent.thread_id
    assert await _labels(house, sent) == {"sent", "complained"}
    (told,) = facts(await house.events(inbox, EventType.MESSAGE_COMPLAINED))
    assert (told["recipients"], told["type"]) == ([CORRESPONDENT], "fraud")
    assert await _entries(house) == [CORRESPONDENT]


async def test_a_report_that_comes_again_tells_nothing_new(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT, OTHER)
    for raw in (bounce(sent.message_id, CORRESPONDENT), complaint(sent.message_id, OTHER)) * 2:
        await house.take(raw, AGENT, envelope_from="")
        await house.take(raw.replace(b"Undelivered", b"Again: undelivered"), AGENT, envelope_from="")
    assert await _told(house, inbox) == [[CORRESPONDENT]]
    assert await _told(house, inbox, EventType.MESSAGE_COMPLAINED) == [[OTHER]]
    assert await _labels(house, sent) == {"sent", "bounced", "complained"}


async def test_a_failure_that_passes_blocks_nobody(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT)
    await house.receive(bounce(sent.message_id, CORRESPONDENT, status="5.2.2", said="smtp; 552 full"))
    (told,) = facts(await house.events(inbox, EventType.MESSAGE_BOUNCED))
    assert (told["type"], told["sub_type"]) == ("Transient", "MailboxFull")
    assert await _entries(house) == []


async def test_a_delay_is_a_label_and_no_bounce(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT)
    await house.receive(bounce(sent.message_id, CORRESPONDENT, action="delayed", status="4.4.1"))
    assert await _labels(house, sent) == {"sent", "delayed"}
    assert await _told(house, inbox) == []


async def test_recipients_of_different_causes_are_told_of_apart(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT, OTHER, "eve@example.com")
    one = bounce(sent.message_id, CORRESPONDENT, OTHER, "eve@example.com", said="smtp; no")
    mixed = one.replace(b"Status: 5.1.1", b"Status: 4.4.7", 1)
    await house.receive(mixed)
    assert await _told(house, inbox) == [[CORRESPONDENT], [OTHER, "eve@example.com"]]
    assert await _entries(house) == [OTHER, "eve@example.com"]


@pytest.mark.parametrize(
    "recipient", ["stranger@example.com", "other@postroom.localhost", "not an address", CORRESPONDENT + ".example"]
)
async def test_a_report_on_somebody_to_whom_the_message_did_not_go_does_nothing(house: Bed, recipient: str) -> None:
    inbox, other = await house.inbox(), await house.inbox("other")
    sent = await house.send(AGENT, CORRESPONDENT, other.address)
    await house.settled()
    for raw in (bounce(sent.message_id, recipient), complaint(sent.message_id, recipient, shown_to="x@example.com")):
        shown = await house.receive(raw, envelope_from="")
        assert shown.thread_id == sent.thread_id
    assert await _labels(house, sent) == {"sent"}
    assert await _told(house, inbox) == await _told(house, inbox, EventType.MESSAGE_COMPLAINED) == []
    assert await _entries(house) == []


async def test_a_report_on_what_the_inbox_did_not_send_is_a_message_and_does_nothing(house: Bed) -> None:
    inbox, other = await house.inbox(), await house.inbox("other")
    sent = await house.send(AGENT, CORRESPONDENT)
    came = await house.receive(mail(message_id="<came@example.com>"))
    await house.take(bounce(sent.message_id, CORRESPONDENT), other.address, envelope_from="")  # to another inbox
    for message_id in (came.message_id, "<never@example.com>", None):
        report = await house.receive(bounce(message_id, CORRESPONDENT), envelope_from="")
        assert report.subject == "Undelivered Mail"
    assert await _labels(house, sent) == {"sent"}
    assert await _told(house, inbox) == await _told(house, other) == []
    assert await _entries(house) == []


@pytest.mark.parametrize("origin", ["import", "local"])
async def test_a_report_that_did_not_come_from_outside_does_nothing(house: Bed, origin: str) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT)
    await house.receive(bounce(sent.message_id, CORRESPONDENT), origin=origin)
    assert await _told(house, inbox) == []
    assert await _entries(house) == []


@pytest.mark.promise("fine.late-reports-reach-nobody")
async def test_a_late_bounce_to_a_re_created_address_reaches_nobody(house: Bed, clock: FakeClock) -> None:
    before = await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT)
    await house.call("inboxes.delete", inbox_id=AGENT)
    await house.until(lambda: house.rows("SELECT count(*) FROM purge") == [(0,)])
    clock.advance(60_000)
    after = await house.inbox()
    clock.advance(60_000)
    for raw in (
        bounce(sent.message_id, CORRESPONDENT),
        complaint(sent.message_id, CORRESPONDENT),
    ):
        taken = await house.take(raw, AGENT, envelope_from="")
        assert (taken.filed, taken.duplicates) == ({}, ())
    assert await house.messages(AGENT, labels=[]) == []
    for inbox in (before, after):
        assert await _told(house, inbox) == await _told(house, inbox, EventType.MESSAGE_COMPLAINED) == []
    assert await _entries(house) == []


async def test_a_bounce_of_a_message_that_was_deleted_is_shown_and_does_nothing(house: Bed, clock: FakeClock) -> None:
    inbox = await house.inbox()
    clock.advance(1_000)
    sent = await house.send(AGENT, CORRESPONDENT)
    await house.call("messages.delete", inbox_id=AGENT, message_id=sent.id)
    await house.receive(bounce(sent.message_id, CORRESPONDENT), envelope_from="")
    assert await _told(house, inbox) == []
    assert await _entries(house) == []


async def test_where_feedback_is_off_reports_have_their_effect_and_are_not_shown(house: Bed, clock: FakeClock) -> None:
    await _hide(house)
    inbox = await house.inbox(domain="example.org")
    clock.advance(1_000)
    sent = await house.send(inbox.address, CORRESPONDENT, OTHER)
    gone = await house.send(inbox.address, CORRESPONDENT)
    await house.call("messages.delete", inbox_id=inbox.address, message_id=gone.id)
    for raw in (
        bounce(sent.message_id, CORRESPONDENT, to=inbox.address),
        complaint(sent.message_id, OTHER, to=inbox.address),
        bounce(sent.message_id, "stranger@example.com", to=inbox.address),
        bounce(gone.message_id, CORRESPONDENT, to=inbox.address),
    ):
        assert (await house.take(raw, inbox.address, envelope_from="")).filed == {}
    labels = set((await house.message(inbox.address, sent.id)).labels)
    assert labels == {"sent", "bounced", "complained"}
    assert await _told(house, inbox) == [[CORRESPONDENT]]
    assert await _entries(house) == [CORRESPONDENT, OTHER]
    ordinary = await house.take(bounce("<x@example.com>", CORRESPONDENT), inbox.address, envelope_from="")
    assert list(ordinary.filed) == [inbox.inbox_id]


async def test_a_report_from_somebody_who_is_blocked_is_kept_apart_and_counts(house: Bed) -> None:
    await house.inbox()
    sent = await house.send(AGENT, CORRESPONDENT)
    await house.call("lists.create", direction="receive", type="block", entry="mx.example.net")
    await house.call("lists.create", direction="reply", type="block", entry="mx.example.net")
    await house.take(bounce(sent.message_id, CORRESPONDENT), AGENT, envelope_from="")
    (report,) = await house.messages(AGENT, labels=["blocked"])
    assert report.thread_id != sent.thread_id
    assert await _labels(house, sent) == {"sent", "bounced"}


@pytest.mark.parametrize(
    ("status", "kind", "sub_type"),
    [
        ("5.1.1", "Permanent", "NoEmail"),
        ("5.0.0", "Permanent", "General"),
        ("5.4.4", "Permanent", "General"),
        ("5.2.2", "Transient", "MailboxFull"),
        ("5.3.4", "Transient", "MessageTooLarge"),
        ("5.6.1", "Transient", "ContentRejected"),
        ("5.7.1", "Transient", "ContentRejected"),
        ("4.2.2", "Transient", "MailboxFull"),
        ("4.4.7", "Transient", "General"),
    ],
)
def test_only_what_says_that_the_address_takes_no_mail_is_permanent(status: str, kind: str, sub_type: str) -> None:
    assert cause_of(status, "")[:2] == (kind, sub_type)
