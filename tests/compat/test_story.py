"""The official client's first hour: an inbox, a message with a file, an answer in its thread, labels, an unknown id."""

import base64

import pytest
from agentmail.errors import NotFoundError
from agentmail.inboxes import CreateInboxRequest

from tests.compat.official import official
from tests.fakes.bed import Bed


@pytest.mark.promise("inboxes.messages.update", "inboxes.messages.send", "labels.unread", "labels.string-or-list")
@pytest.mark.promise("messages.extracted")
async def test_a_message_is_sent_read_answered_and_labelled(house: Bed) -> None:
    async with official(house) as client:
        alice = await client.inboxes.create()
        bob = await client.inboxes.create(request=CreateInboxRequest(username="bob"))
        content = base64.b64encode(b"data").decode()
        sent = await client.inboxes.messages.send(
            alice.inbox_id,
            to=[bob.email],
            subject="Hello",
            text="ping",
            html="<p>ping</p>",
            attachments=[{"filename": "a.txt", "content_type": "text/plain", "content": content}],
        )
        await house.settled()
        (item,) = (await client.inboxes.messages.list(bob.inbox_id, labels=["unread", "received"])).messages
        assert item.message_id == sent.message_id
        message = await client.inboxes.messages.get(bob.inbox_id, item.message_id)
        assert (message.text or "").strip() == "ping"
        assert alice.email in message.from_
        assert [file.size for file in message.attachments or []] == [4]
        answer = await client.inboxes.messages.reply(bob.inbox_id, item.message_id, text="pong")
        assert answer.thread_id == item.thread_id
        await house.settled()
        thread = await client.inboxes.threads.get(alice.inbox_id, sent.thread_id)
        assert [m.extracted_text.strip() for m in thread.messages if m.extracted_text] == ["ping", "pong"]
        changed = await client.inboxes.messages.update(
            bob.inbox_id, item.message_id, add_labels="read", remove_labels=["unread"]
        )
        assert changed.labels == ["read", "received"]


@pytest.mark.promise("transport.ids-with-any-letter")
async def test_an_unknown_message_is_a_typed_404_even_with_a_slash_in_its_id(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create()
        with pytest.raises(NotFoundError) as caught:
            await client.inboxes.messages.get(inbox.inbox_id, "<no/such@message>")
        assert caught.value.body.code == "not_found"


async def test_a_key_says_how_far_it_reaches(house: Bed) -> None:
    async with official(house) as client:
        assert (await client.auth.me()).scope_type == "organization"
        with pytest.raises(NotFoundError):
            await client.inboxes.get("nobody@postroom.localhost")
