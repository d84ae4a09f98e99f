"""An address that is deleted and made again through the official client: nothing of before is left to find."""

from typing import Any

import orjson
import pytest
from agentmail import NotFoundError
from agentmail.api_keys import CreateBearerApiKeyRequest
from agentmail.core.api_error import ApiError
from agentmail.inboxes import CreateInboxRequest

from postroom.model.errors import NotFound
from tests.compat.official import official
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT, PEER = f"agent@{DOMAIN}", f"peer@{DOMAIN}"
AGAIN = CreateInboxRequest(username="agent")
BEARER = CreateBearerApiKeyRequest(name="k")
ONCE: Any = {"max_retries": 0}


@pytest.mark.promise("fine.address-made-again-is-empty")
async def test_an_address_that_is_made_again_has_nothing_of_before(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        first = await client.inboxes.create(
            request=CreateInboxRequest(username="agent", client_id="mine", display_name="Old", metadata={"a": 1})
        )
        arrived = await house.receive(mail(text="Some needle."))
        sent = await client.inboxes.messages.send(AGENT, to="c@example.com", text="one", idempotency_key="key")
        draft = await client.inboxes.drafts.create(AGENT, text="t", client_id="draft")
        hook = await client.inboxes.webhooks.create(AGENT, url="https://hooks.example.com", event_types=[])
        await client.inboxes.lists.create(AGENT, "send", "block", entry="bob@example.com")
        key = await client.inboxes.api_keys.create(AGENT, request=BEARER)
        await client.inboxes.api_keys.delete(AGENT, key.api_key_id)
        await house.indexed()
        await client.inboxes.delete(AGENT)
        clock.advance(1_000)
        again = await client.inboxes.create(request=CreateInboxRequest(username="agent", client_id="mine"))
        assert (again.display_name, again.metadata) == (None, None)
        assert again.created_at > first.created_at
        inboxes = client.inboxes
        assert (await inboxes.messages.list(AGENT, include_trash=True)).count == 0
        assert (await inboxes.threads.list(AGENT)).count == 0
        assert (await inboxes.messages.search(AGENT, q="needle")).count == 0
        assert (await inboxes.drafts.list(AGENT)).count == 0
        assert (await inboxes.webhooks.list(AGENT)).count == 0
        assert (await inboxes.api_keys.list(AGENT)).count == 0
        assert (await inboxes.lists.list(AGENT, "send", "block")).count == 0
        assert (await inboxes.events.list(AGENT)).count == 0
        assert (await inboxes.metrics.query_events(AGENT))["message.received"] == []
        for absent in (
            inboxes.messages.get(AGENT, arrived.message_id),
            inboxes.messages.get(AGENT, sent.message_id),
            inboxes.threads.get(AGENT, arrived.thread_id),
            client.drafts.get(draft.draft_id),
            client.webhooks.get(hook.webhook_id),
        ):
            with pytest.raises(NotFoundError):
                await absent
        assert (await inboxes.drafts.create(AGENT, text="t", client_id="draft")).draft_id != draft.draft_id
        fresh = await inboxes.messages.send(AGENT, to="bob@example.com", text="two", idempotency_key="key")
        assert fresh.message_id != sent.message_id
    async with official(house, key.api_key) as gone:
        with pytest.raises(ApiError) as caught:
            await gone.inboxes.get(AGENT)
        assert caught.value.status_code == 401


@pytest.mark.promise("fine.late-answers")
async def test_an_answer_to_the_inbox_of_before_reaches_nobody(house: Bed, clock: FakeClock) -> None:
    await house.inbox("peer")
    async with official(house) as client:
        messages = client.inboxes.messages
        await client.inboxes.create(request=AGAIN)
        asked = await messages.send(AGENT, to=PEER, subject="A question", text="?")
        await house.settled()
        await client.inboxes.delete(AGENT)
        clock.advance(1_000)
        await client.inboxes.create(request=AGAIN)
        clock.advance(1_000)
        (question,) = (await messages.list(PEER)).messages
        late = await messages.reply(PEER, question.message_id, text="Late.")
        await house.settled()
        with pytest.raises(NotFound):
            await house.take(mail(answers=asked.message_id), AGENT)
        assert (await messages.list(AGENT)).count == (await client.inboxes.threads.list(AGENT)).count == 0
        assert sorted((await messages.get(PEER, late.message_id)).labels) == ["bounced", "sent"]
        fresh = await messages.send(PEER, to=AGENT, text="Hello.")
        await house.settled()
        assert [m.message_id for m in (await messages.list(AGENT)).messages] == [fresh.message_id]


async def test_of_several_inboxes_the_one_that_was_made_again_is_told_as_bounced_and_in_the_log(
    house: Bed, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await house.inbox("peer")
    third = await house.inbox("third")
    async with official(house) as client:
        messages = client.inboxes.messages
        first = await client.inboxes.create(request=AGAIN)
        await messages.send(AGENT, to=[PEER, third.address], subject="A question", text="?")
        await house.settled()
        await client.inboxes.delete(first.inbox_id)
        clock.advance(1_000)
        again = await client.inboxes.create(request=AGAIN)
        clock.advance(1_000)
        (question,) = (await messages.list(PEER)).messages
        late = await messages.reply_all(PEER, question.message_id, text="Late.")
        await house.settled()
        assert (await messages.list(again.inbox_id)).count == 0
        assert (await messages.list(third.address)).count == 2
        assert sorted((await messages.get(PEER, late.message_id)).labels) == ["bounced", "sent"]
    rows = house.rows(
        "SELECT type, data FROM event WHERE type IN ('message.delivered', 'message.bounced') ORDER BY seq"
    )
    told = [(kind, orjson.loads(data)["recipients"]) for kind, data in rows[-2:]]
    assert told == [("message.delivered", [third.address]), ("message.bounced", [AGENT])]
    assert "not filed reason=answers_a_predecessor" in caplog.text
