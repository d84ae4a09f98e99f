"""Mail that leaves over /v1/agent-email: sent, batched, answered, forwarded, scheduled, cancelled, refused."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from agentmail.core.api_error import ApiError

from tests.compat.official import official
from tests.compat.transactional.client import Client, Mailbox, Refused, transactional
from tests.fakes.bed import Bed
from tests.fakes.clock import HOUR, FakeClock
from tests.fakes.mail import mail

_PDF = {"filename": "report.pdf", "content": base64.b64encode(b"words").decode(), "contentType": "application/pdf"}

_TO = {"to": "a@b.example", "text": "x"}


async def _two(client: Client) -> tuple[Mailbox, Mailbox]:
    return await client.create_mailbox("alice"), await client.create_mailbox("bob")


@pytest.mark.promise("transactional.messages.send", "transactional.send.queued", "transactional.send.tags")
async def test_a_message_that_was_sent_is_shown_as_it_was_given(house: Bed) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        sent = await client.send(
            alice.address,
            [bob.address],
            cc=["copy@elsewhere.example"],
            bcc=["hidden@elsewhere.example"],
            subject="Research Complete",
            html="<p>Findings attached.</p>",
            text="Findings attached.",
            attachments=[_PDF],
            headers={"X-Run": "7"},
            tags=["research", "Q3 Report"],
            scheduledAt=None,
        )
        assert (sent.status, sent.from_, sent.to) == ("queued", alice.address, [bob.address])
        message = await client.message(sent.id)
        assert (message.id, message.mailbox_id, message.read) == (sent.id, alice.id, True)
        assert (message.text_body, message.html_body) == ("Findings attached.", "<p>Findings attached.</p>")
        assert (message.cc, message.bcc) == (["copy@elsewhere.example"], ["hidden@elsewhere.example"])
        assert message.headers["X-Run"] == "7"
        assert sorted(message.tags) == ["q3 report", "research"]
        assert sorted(message.labels) == ["q3 report", "research", "sent"]
        (file,) = message.attachments
        assert (file.filename, file.content_type, file.size) == ("report.pdf", "application/pdf", 5)
        assert file.download_url is not None
        # A tag is a label: lists are filtered by it.
        found = await client.inbox(alice.id, label="Research")
        assert ([one.id for one in found.data], found.meta.total) == ([sent.id], 1)
        assert "research" in [label.name for label in (await client.labels(alice.id)).data]
        (arrived,) = await house.arrived(bob.address)
        assert arrived.subject == "Research Complete"


@pytest.mark.promise("transactional.messages.send-batch", "transactional.batch.outcomes")
async def test_each_message_of_a_batch_has_an_outcome_of_its_own(house: Bed) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        batch: list[dict[str, Any]] = [
            {"to": bob.address, "subject": "Yours", "html": "<p>Hi</p>", "attachments": [_PDF], "tags": ["mass"]},
            {"to": ["nobody@postroom.localhost"], "subject": "Lost", "text": "x"},
        ]
        first, second = await client.send_batch(alice.address, batch)
        assert [(one.status, one.to, one.subject) for one in (first, second)] == [
            ("queued", [bob.address], "Yours"),
            ("queued", ["nobody@postroom.localhost"], "Lost"),
        ]
        await house.settled()
        (got,) = (await client.inbox(bob.id)).data
        assert (got.subject, got.attachment_count) == ("Yours", 1)
        assert "bounced" not in (await client.message(first.id)).labels
        assert "bounced" in (await client.message(second.id)).labels
        assert (await client.inbox(alice.id, label="mass")).meta.total == 1


@pytest.mark.promise("transactional.messages.send-batch", "transactional.batch.whole")
@pytest.mark.parametrize(
    ("wrong", "told", "where"),
    [
        ({"to": "no address", "text": "x"}, (400, "INVALID_RECIPIENT"), "messages.1"),
        ({"to": [], "text": "x"}, (422, "UNPROCESSABLE"), "messages.1"),
        ({"to": "a@b.example"}, (400, "VALIDATION_ERROR"), "messages.1"),
        ({**_TO, "scheduledAt": "2030-01-01T00:00:00Z"}, (400, "VALIDATION_ERROR"), "scheduledAt"),
        ({**_TO, "attachments": [{"content": "", "content_type": "a/b"}]}, (400, "VALIDATION_ERROR"), "content_type"),
        ({"to": "a@b.example", "text": "x", "tags": ["unread"]}, (400, "VALIDATION_ERROR"), "unread"),
        ({"to": "blocked@b.example", "text": "x"}, (403, "MESSAGE_REJECTED"), "messages.1"),
        ("nothing", (400, "VALIDATION_ERROR"), "messages.1"),
    ],
)
async def test_a_batch_of_which_one_message_cannot_leave_sends_none(
    house: Bed, wrong: Any, told: tuple[int, str], where: str
) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        await house.call("lists.create", direction="send", type="block", entry="blocked@b.example")
        right: dict[str, Any] = {"to": bob.address, "subject": "Right", "text": "x"}
        with pytest.raises(Refused) as refused:
            await client.send_batch(alice.address, [right, wrong, right])
        assert refused.value.told == told
        assert where in refused.value.message
        assert house.rows("SELECT count(*) FROM message") == [(0,)]
        assert house.rows("SELECT count(*) FROM delivery") == [(0,)]


@pytest.mark.promise("transactional.batch.whole")
async def test_a_batch_that_a_person_would_have_to_approve_is_refused_whole(house: Bed) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        await house.call("policies.set", inbox_id=alice.address, approval="external")
        batch = [{"to": bob.address, "text": "in"}, {"to": "out@elsewhere.example", "text": "out"}]
        with pytest.raises(Refused) as refused:
            await client.send_batch(alice.address, batch)
        assert refused.value.told == (403, "MESSAGE_REJECTED")
        assert house.rows("SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM draft)") == [(0, 0)]


@pytest.mark.promise("transactional.messages.reply", "transactional.messages.reply-all")
async def test_a_reply_goes_to_the_sender_and_a_reply_to_all_to_everybody(house: Bed) -> None:
    async with transactional(house) as client:
        alice, _bob = await _two(client)
        raw = mail("Cc: dora@example.com", sender="carol@example.com", to=alice.address, subject="Ideas")
        got = await house.receive(raw, alice.address)
        one = await client.reply(got.id, html="<p>Updated findings.</p>", text="Updated findings.", attachments=[])
        everybody = await client.reply_all(got.id, text="All of you.", tags=["answered"])
        assert (one.status, one.to, one.subject) == ("queued", ["carol@example.com"], "Re: Ideas")
        shown = await client.message(everybody.id)
        assert (shown.to, shown.cc, shown.tags) == (["carol@example.com"], ["dora@example.com"], ["answered"])
        thread = await client.thread(shown.thread_id)
        assert [m.id for m in thread.messages] == [got.id, one.id, everybody.id]


@pytest.mark.promise("transactional.messages.forward")
async def test_a_forward_has_the_original_below_and_its_files(house: Bed) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        got = await house.receive(mail(to=alice.address, text="Old words.", files={"a.bin": b"file"}), alice.address)
        sent = await client.forward(got.id, [bob.address], html="<p>FYI</p>")
        assert (sent.to, sent.subject) == ([bob.address], "Fwd: A subject")
        await house.settled()
        (item,) = (await client.inbox(bob.id)).data
        arrived = await client.message(item.id)
        assert [file.filename for file in arrived.attachments] == ["a.bin"]
        assert "FYI" in (arrived.html_body or "")
        assert "Old words." in (arrived.html_body or "")


@pytest.mark.promise("transactional.send.scheduled", "transactional.send.tags")
async def test_a_scheduled_message_leaves_at_its_moment_by_the_id_that_it_was_given(
    house: Bed, clock: FakeClock
) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        at = datetime.fromtimestamp((clock() + HOUR) / 1000, UTC).isoformat()
        sent = await client.send(
            alice.address, [bob.address], subject="Later", text="x", tags=["later"], attachments=[_PDF], scheduledAt=at
        )
        assert (sent.status, sent.to, sent.subject) == ("scheduled", [bob.address], "Later")
        with pytest.raises(Refused) as refused:
            await client.message(sent.id)
        assert refused.value.told == (404, "MESSAGE_NOT_FOUND")
        clock.advance(HOUR)
        house.house.bells.ring("draft")
        await house.until(lambda: house.rows("SELECT count(*) FROM draft") == [(0,)])
        await house.settled()
        left = await client.message(sent.id)
        assert (left.id, left.subject, left.tags) == (sent.id, "Later", ["later"])
        assert (await client.inbox(bob.id)).data[0].subject == "Later"
        with pytest.raises(Refused) as refused:
            await client.cancel(sent.id)
        assert refused.value.told == (409, "CONFLICT")


@pytest.mark.promise("transactional.messages.cancel", "transactional.cancel.scheduled")
async def test_a_scheduled_message_that_is_cancelled_never_leaves(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client, official(house) as v0:
        alice, bob = await _two(client)
        at = datetime.fromtimestamp((clock() + HOUR) / 1000, UTC).isoformat()
        sent = await client.send(alice.address, bob.address, subject="Later", text="x", scheduledAt=at)
        (draft,) = (await v0.inboxes.drafts.list(alice.address)).drafts
        assert (draft.draft_id[4:], draft.send_status) == (sent.id[4:], "scheduled")
        cancelled = await client.cancel(sent.id)
        assert (cancelled.id, cancelled.status, cancelled.subject) == (sent.id, "cancelled", "Later")
        with pytest.raises(ApiError):
            await v0.inboxes.drafts.get(alice.address, draft.draft_id)
        with pytest.raises(Refused) as refused:
            await client.cancel(sent.id)
        assert refused.value.told == (404, "MESSAGE_NOT_FOUND")
        unscheduled = await v0.inboxes.drafts.create(alice.address, to=[bob.address], text="not to be sent")
        with pytest.raises(Refused):
            await client.cancel(f"msg_{unscheduled.draft_id[4:]}")
        assert (await v0.inboxes.drafts.list(alice.address)).count == 1


@pytest.mark.promise("transactional.send.scheduled")
async def test_a_moment_that_is_over_or_none_is_refused(house: Bed) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        for more in (
            {"scheduledAt": "2001-01-01T00:00:00Z"},
            {"scheduledAt": "tomorrow"},
        ):
            with pytest.raises(Refused) as refused:
                await client.send(alice.address, bob.address, text="x", **more)
            assert refused.value.told == (400, "VALIDATION_ERROR")
            assert "scheduled" in refused.value.message


@pytest.mark.promise("transactional.errors.recipient")
@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
async def test_an_address_that_is_none_is_an_invalid_recipient(house: Bed, field: str) -> None:
    async with transactional(house) as client:
        alice, bob = await _two(client)
        for wrong in ("nobody", "a@b@c", "a b@c.example", "<>", "a@b.example\r\nBcc: x@y.example"):
            given = {"to": bob.address, field: [wrong], "text": "x"}
            with pytest.raises(Refused) as refused:
                await client.send(alice.address, given.pop("to"), **given)
            assert refused.value.told == (400, "INVALID_RECIPIENT"), wrong
            assert field in refused.value.message


@pytest.mark.promise("transactional.errors.attachment")
async def test_attachments_over_25_mb_together_are_too_large(house: Bed, clock: FakeClock) -> None:
    half = base64.b64encode(bytes(13 * 2**20)).decode()
    files = [{"filename": "a", "content": half}, {"filename": "b", "content": half}]
    async with transactional(house) as client:
        alice, bob = await _two(client)
        got = await house.receive(mail(to=alice.address), alice.address)
        later = datetime.fromtimestamp((clock() + HOUR) / 1000, UTC).isoformat()
        with pytest.raises(Refused) as sent:
            await client.send(alice.address, bob.address, attachments=files)
        with pytest.raises(Refused) as scheduled:
            await client.send(alice.address, bob.address, attachments=files, scheduledAt=later)
        with pytest.raises(Refused) as answered:
            await client.reply(got.id, text="x", attachments=files)
        for refused in (sent, scheduled, answered):
            assert refused.value.told == (400, "ATTACHMENT_TOO_LARGE")
            assert "25 MiB" in refused.value.message
        assert house.rows("SELECT count(*) FROM message") == [(1,)]


@pytest.mark.promise("transactional.errors.mailbox")
async def test_who_sends_from_no_mailbox_of_the_key_hears_that_there_is_none(house: Bed) -> None:
    stranger = await house.stranger()
    theirs = await house.inbox("theirs", stranger)
    async with transactional(house) as client:
        for sender in ("nobody@postroom.localhost", theirs.address, "a@unknown.example"):
            with pytest.raises(Refused) as refused:
                await client.send(sender, "a@b.example", text="x")
            assert refused.value.told == (404, "MAILBOX_NOT_FOUND")
            assert refused.value.message == f"Mailbox {sender} does not exist."
        with pytest.raises(Refused) as refused:
            await client.send(theirs.inbox_id, "a@b.example", text="x")
        assert refused.value.told == (400, "VALIDATION_ERROR")
