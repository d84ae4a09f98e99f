"""Messages over /api/v0: sent, listed, shown, labelled, answered, forwarded, and their files."""

import base64

import pytest
from agentmail.inboxes import CreateInboxRequest

from tests.compat.inai.client import Client, Inbox, Refused, inai
from tests.compat.official import official
from tests.fakes.bed import Bed
from tests.fakes.clock import HOUR, FakeClock
from tests.fakes.mail import mail

FILE = base64.b64encode(b"words of a file").decode()


async def _two(client: Client) -> tuple[Inbox, Inbox]:
    return await client.create_inbox("alice", display_name="Alice"), await client.create_inbox("bob")


@pytest.mark.promise("inai.messages.send", "inai.messages.get", "inai.send.labels", "inai.send.headers")
async def test_a_message_that_was_sent_is_shown_as_it_was_given(house: Bed) -> None:
    async with inai(house) as client:
        alice, bob = await _two(client)
        sent = await client.send(
            alice.inbox_id,
            [bob.email_address, "x@elsewhere.example"],
            cc="copy@elsewhere.example",
            bcc="hidden@elsewhere.example",
            reply_to="answers@elsewhere.example",
            subject="Hello",
            text="Plain text body",
            html="<h1>HTML body</h1>",
            labels=["important"],
            headers={"X-Custom": "value"},
        )
        message = await client.message(alice.inbox_id, sent.message_id)
        assert sent.message_id.startswith("msg_")
        assert sent.thread_id.startswith("thr_")
        assert (message.message_id, message.thread_id) == (sent.message_id, sent.thread_id)
        assert (message.direction, message.labels, message.headers) == (
            "outbound",
            ["important"],
            {"X-Custom": "value"},
        )
        assert (message.text, message.html) == ("Plain text body", "<h1>HTML body</h1>")
        assert (message.from_, message.to) == (
            "Alice <alice@postroom.localhost>",
            [bob.email_address, "x@elsewhere.example"],
        )
        assert (message.cc, message.bcc) == (["copy@elsewhere.example"], ["hidden@elsewhere.example"])
        assert message.reply_to == ["answers@elsewhere.example"]
        assert (message.in_reply_to, message.references) == (None, None)


@pytest.mark.promise("inai.messages.list", "inai.messages.order", "inai.pagination", "inai.pagination.totals")
async def test_lists_have_sent_and_received_messages_newest_first_with_exact_totals(
    house: Bed, clock: FakeClock
) -> None:
    async with inai(house) as client:
        alice, bob = await _two(client)
        for number in range(3):
            await house.receive(mail(subject=f"in {number}"), alice.email_address)
            clock.advance(1)
            await client.send(alice.inbox_id, bob.email_address, subject=f"out {number}", text="x")
            clock.advance(1)
        page = await client.messages(alice.inbox_id, page=2, page_size=2)
        assert [m.subject for m in page.data] == ["out 1", "in 1"]
        assert [m.direction for m in page.data] == ["outbound", "inbound"]
        assert (page.total, page.page, page.page_size) == (6, 2, 2)
        past = await client.messages(alice.inbox_id, page=9)
        assert (past.data, past.total, past.page, past.page_size) == ([], 6, 9, 20)
        await house.settled()
        assert (await client.messages(bob.inbox_id)).total == 3


@pytest.mark.promise("inai.messages.hidden")
async def test_what_other_dialects_hide_is_neither_listed_nor_counted(house: Bed) -> None:
    async with inai(house) as client, official(house) as v0:
        inbox = await client.create_inbox("agent")
        first = await house.receive(mail(subject="one"), inbox.email_address)
        second = await house.receive(mail(subject="two"), inbox.email_address)
        await v0.inboxes.messages.update(inbox.email_address, second.message_id, add_labels=["spam"])
        messages, threads = await client.messages(inbox.inbox_id), await client.threads(inbox.inbox_id)
        assert ([m.message_id for m in messages.data], messages.total) == ([first.id], 1)
        assert ([t.last_message_id for t in threads.data], threads.total) == ([first.id], 1)
        await v0.inboxes.messages.update(inbox.email_address, second.message_id, remove_labels=["spam"])
        assert ((await client.messages(inbox.inbox_id)).total, (await client.threads(inbox.inbox_id)).total) == (2, 2)


@pytest.mark.promise("inai.messages.update", "inai.labels.own-alone")
async def test_labels_of_ones_own_are_replaced_and_those_of_the_system_neither_shown_nor_lost(house: Bed) -> None:
    async with inai(house) as client, official(house) as v0:
        inbox = await client.create_inbox("agent")
        message = await house.receive(mail(), inbox.email_address)
        await v0.inboxes.messages.update(inbox.email_address, message.message_id, add_labels=["before"])
        changed = await client.label(inbox.inbox_id, message.id, ["important", "follow-up"])
        assert (changed.message_id, changed.labels) == (message.id, ["important", "follow-up"])
        kept = (await v0.inboxes.messages.get(inbox.email_address, message.message_id)).labels
        assert sorted(kept) == ["follow-up", "important", "received", "unread"]
        assert sorted((await client.message(inbox.inbox_id, message.id)).labels) == ["follow-up", "important"]
        for label in ("received", "unread", "trash"):
            with pytest.raises(Refused) as refused:
                await client.label(inbox.inbox_id, message.id, [label])
            assert (refused.value.status, refused.value.paths) == (400, [["labels"]])
            with pytest.raises(Refused) as refused:
                await client.send(inbox.inbox_id, "a@example.com", text="x", labels=[label])
            assert (refused.value.status, refused.value.paths) == (400, [["labels"]])
        assert (await client.label(inbox.inbox_id, message.id, [])).labels == []


@pytest.mark.promise("inai.messages.reply", "inai.reply.to-sender", "inai.reply.threading")
async def test_a_reply_goes_to_the_sender_or_to_reply_to_in_the_thread_with_more_copies(house: Bed) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        raw = mail(sender="sender@example.com", to=f"{inbox.email_address}, other@example.com", subject="Hello")
        got = await house.receive(raw, inbox.email_address)
        sent = await client.reply(
            inbox.inbox_id,
            got.id,
            text="Thanks for your email!",
            html="<p>Thanks!</p>",
            cc=["cc@example.com", "sender@example.com"],
            labels=["replied"],
            attachments=[{"filename": "doc.pdf", "content_type": "application/pdf", "content": FILE}],
        )
        reply = await client.message(inbox.inbox_id, sent.message_id)
        assert (reply.to, reply.cc, reply.labels) == (["sender@example.com"], ["cc@example.com"], ["replied"])
        assert (reply.subject, reply.in_reply_to) == ("Re: Hello", got.message_id)
        assert reply.references == [got.message_id]
        assert sent.thread_id == f"thr_{got.thread_id[4:]}"
        assert [file.filename for file in reply.attachments] == ["doc.pdf"]


@pytest.mark.promise("inai.reply.to-sender")
async def test_a_reply_goes_where_reply_to_says(house: Bed) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        got = await house.receive(mail("Reply-To: desk@example.com"), inbox.email_address)
        sent = await client.reply(inbox.inbox_id, got.id, text="Thanks")
        assert (await client.message(inbox.inbox_id, sent.message_id)).to == ["desk@example.com"]


@pytest.mark.promise("inai.messages.reply_all", "inai.reply-all.everybody")
async def test_a_reply_to_all_goes_to_everybody_but_the_inbox_and_takes_more_copies(house: Bed) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        to = f"{inbox.email_address}, other@example.com"
        raw = mail("Cc: third@example.com", sender="sender@example.com", to=to)
        got = await house.receive(raw, inbox.email_address)
        sent = await client.reply_all(inbox.inbox_id, got.id, text="Thanks, everyone!", cc="extra-cc@example.com")
        answer = await client.message(inbox.inbox_id, sent.message_id)
        assert answer.to == ["sender@example.com", "other@example.com"]
        assert answer.cc == ["third@example.com", "extra-cc@example.com"]
        assert answer.in_reply_to == got.message_id


@pytest.mark.promise("inai.messages.forward", "inai.forward.new-thread", "inai.forward.includes")
async def test_a_forward_opens_a_thread_with_the_original_and_its_files(house: Bed) -> None:
    async with inai(house) as client:
        alice, bob = await _two(client)
        got = await house.receive(mail(text="the words", files={"a.txt": b"words"}), alice.email_address)
        sent = await client.forward(alice.inbox_id, got.id, bob.email_address, labels=["forwarded"])
        assert sent.thread_id[4:] != got.thread_id[4:]
        forward = await client.message(alice.inbox_id, sent.message_id)
        assert "the words" in (forward.text or "")
        assert (forward.labels, forward.to) == (["forwarded"], [bob.email_address])
        assert [file.filename for file in forward.attachments] == ["a.txt"]
        assert (await client.threads(alice.inbox_id)).total == 2


@pytest.mark.promise("inai.forward.override")
async def test_text_or_html_of_a_forward_stands_in_the_place_of_the_original(house: Bed) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        got = await house.receive(mail(text="the words"), inbox.email_address)
        for given in ({"text": "FYI, see below."}, {"html": "<p>FYI</p>"}, {"text": "FYI", "html": "<p>FYI</p>"}):
            sent = await client.forward(inbox.inbox_id, got.id, "forward@example.com", cc="cc@example.com", **given)
            forward = await client.message(inbox.inbox_id, sent.message_id)
            assert (forward.text, forward.html) == (given.get("text"), given.get("html"))
            assert forward.cc == ["cc@example.com"]


@pytest.mark.promise("inai.messages.get_attachment", "inai.attachment.expires", "inai.send.attachments")
async def test_an_attachment_has_an_address_that_ends(house: Bed, clock: FakeClock) -> None:
    house.fetcher.pages["https://files.example.com/b.txt"] = b"fetched"
    async with inai(house) as client:
        alice, bob = await _two(client)
        files = [
            {"filename": "doc.pdf", "content_type": "application/pdf", "content": FILE},
            {"filename": "b.txt", "url": "https://files.example.com/b.txt"},
        ]
        sent = await client.send(alice.inbox_id, bob.email_address, text="see", attachments=files)
        message = await client.message(alice.inbox_id, sent.message_id)
        assert [(f.filename, f.size) for f in message.attachments] == [("doc.pdf", 15), ("b.txt", 7)]
        found = await client.attachment(alice.inbox_id, sent.message_id, message.attachments[0].attachment_id)
        assert (found.content_type, found.content_disposition, found.content_id) == (
            "application/pdf",
            "attachment",
            None,
        )
        assert found.attachment_id.startswith("att_")
        assert found.download_url.startswith("http://mail.test/v1/postroom/downloads/")
        assert found.expires_at.timestamp() * 1000 == clock.now + HOUR


@pytest.mark.promise("inai.names.stable")
async def test_names_are_of_the_same_objects_that_v0_shows(house: Bed) -> None:
    async with inai(house) as client, official(house) as v0:
        made = await v0.inboxes.create(request=CreateInboxRequest(username="agent"))
        (inbox,) = (await client.inboxes()).data
        assert (inbox.email_address, inbox.username, inbox.domain) == (made.inbox_id, "agent", "postroom.localhost")
        sent = await client.send(inbox.inbox_id, "x@example.com", subject="Hi", text="x")
        (item,) = (await v0.inboxes.messages.list(made.inbox_id)).messages
        shown = await v0.inboxes.messages.get(made.inbox_id, sent.message_id)
        assert (item.message_id, item.thread_id[4:]) == (shown.message_id, sent.thread_id[4:])
        await client.delete_inbox(inbox.inbox_id)
        assert (await v0.inboxes.list()).count == 0
