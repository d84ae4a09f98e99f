"""Mailboxes, labels, webhooks and domains over /v1/agent-email."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from agentmail.inboxes import CreateInboxRequest

from tests.compat.official import official
from tests.compat.test_webhooks import _verified
from tests.compat.transactional.client import Refused, transactional
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.dns import FakeDns
from tests.fakes.mail import mail

URL = "https://yourapp.example/webhooks/agent-email"


@pytest.fixture
def dns() -> Iterator[FakeDns]:
    """A DNS server whose records the test sets."""
    with FakeDns() as server:
        yield server


@pytest.fixture
def asking(home: Path, clock: FakeClock, migrated: Path, dns: FakeDns) -> Bed:
    """A house that asks the test's DNS server."""
    return Bed(home, clock, migrated, resolver=dns.endpoint)


@pytest.mark.promise("transactional.mailboxes.create", "transactional.mailboxes.list", "transactional.mailboxes.get")
async def test_a_mailbox_is_an_inbox_of_the_other_dialects(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client, official(house) as v0:
        made = await client.create_mailbox("research-agent", domain="postroom.localhost")
        assert made.id.startswith("mbx_")
        assert (made.address, made.name, made.domain) == (
            "research-agent@postroom.localhost",
            "research-agent",
            "postroom.localhost",
        )
        clock.advance(1)
        await v0.inboxes.create(request=CreateInboxRequest(username="other"))
        listed = await client.mailboxes()
        assert ([one.name for one in listed.data], listed.meta.total) == (["other", "research-agent"], 2)
        assert (await client.mailboxes(limit=1, offset=1)).data == [made]
        assert await client.mailbox(made.id) == made
        assert (await v0.inboxes.get(made.address)).email == made.address
        for name, told in (
            ("research-agent", (409, "MAILBOX_ALREADY_EXISTS")),
            ("no name", (400, "VALIDATION_ERROR")),
            ("", (400, "VALIDATION_ERROR")),
        ):
            with pytest.raises(Refused) as refused:
                await client.create_mailbox(name)
            assert refused.value.told == told, name


@pytest.mark.promise("transactional.mailboxes.delete", "transactional.mailboxes.permanent")
async def test_a_deleted_mailbox_takes_all_that_it_has_with_it(house: Bed) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        await house.receive(mail(), box.address)
        await client.send(box.address, "agent@postroom.localhost", text="x", tags=["mine"])
        await client.send(box.address, "x@elsewhere.example", text="x", scheduledAt="2030-01-01T00:00:00Z")
        await client.create_label(box.id, "made", color="#3B82F6")
        await client.create_webhook(box.id, URL, ["message.received"])
        await house.call("keys.create", inbox_id=box.address)
        await client.delete_mailbox(box.id)
        for table in ("inbox", "draft", "label", "webhook", "webhook_delivery"):
            assert house.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
        assert house.rows("SELECT count(*) FROM api_key WHERE inbox_id IS NOT NULL") == [(0,)]
        await house.until(lambda: house.rows("SELECT count(*) FROM purge") == [(0,)])
        for table in ("message", "message_body", "message_label", "delivery", "thread", "outgoing_count"):
            assert house.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
        for ask in (client.mailbox, client.delete_mailbox, client.inbox, client.labels, client.webhooks):
            with pytest.raises(Refused) as refused:
                await ask(box.id)
            assert refused.value.told == (404, "MAILBOX_NOT_FOUND")
            assert refused.value.message == f"Mailbox {box.id} does not exist."


@pytest.mark.promise("transactional.mailboxes.delete")
async def test_keys_of_a_mailbox_go_with_it_only_by_a_key_that_may_delete_keys(house: Bed) -> None:
    async with transactional(house) as owner:
        box = await owner.create_mailbox("agent")
        await house.call("keys.create", inbox_id=box.address)
        limited = await house.call("keys.create", permissions=["inbox_delete", "inbox_read"])
        async with transactional(house, limited.api_key) as client:
            with pytest.raises(Refused) as refused:
                await client.delete_mailbox(box.id)
            assert refused.value.status == 403
        assert await owner.mailbox(box.id) == box


@pytest.mark.promise("transactional.labels.list", "transactional.labels.create", "transactional.labels.listed")
@pytest.mark.promise("transactional.labels.color", "transactional.labels.add", "transactional.labels.remove")
async def test_the_labels_of_a_mailbox_are_those_that_were_made_and_those_in_use(house: Bed) -> None:
    async with transactional(house) as client:
        box, other = await client.create_mailbox("agent"), await client.create_mailbox("other")
        made = await client.create_label(box.id, "needs-review", color="#3B82F6")
        assert (made.name, made.color) == ("needs-review", "#3B82F6")
        got = await house.receive(mail(), box.address)
        item = await client.add_labels(got.id, "important", "Follow-Up", "a/b c")
        assert sorted(item.labels) == ["a/b c", "follow-up", "important", "inbox"]
        listed = await client.labels(box.id)
        assert [(one.name, one.color) for one in listed.data] == [
            ("a/b c", None),
            ("follow-up", None),
            ("important", None),
            ("needs-review", "#3B82F6"),
        ]
        assert (listed.meta.total, [one.name for one in (await client.labels(box.id, limit=1, offset=2)).data]) == (
            4,
            ["important"],
        )
        await client.remove_label(got.id, "a/b c")
        await client.remove_label(got.id, "never there")
        await client.create_label(box.id, "important", color="#ff0000")
        again = await client.create_label(box.id, "needs-review")
        assert (again.color, again.created_at) == (None, made.created_at)
        assert [(one.name, one.color) for one in (await client.labels(box.id)).data] == [
            ("follow-up", None),
            ("important", "#ff0000"),
            ("needs-review", None),
        ]
        assert (await client.labels(other.id)).meta.total == 0
        for color in ("red", "#12345", "#1234567", "3B82F6", ""):
            with pytest.raises(Refused) as refused:
                await client.create_label(box.id, "x", color=color)
            assert refused.value.told == (400, "VALIDATION_ERROR")
            assert "color" in refused.value.message


@pytest.mark.promise("transactional.labels.delete", "transactional.labels.deleted")
async def test_a_deleted_label_is_taken_off_all_messages(house: Bed) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        await client.create_label(box.id, "mine", color="#000000")
        batch = [{"to": "x@elsewhere.example", "text": "x", "tags": ["mine", "kept"]} for _ in range(100)]
        await client.send_batch(box.address, batch)
        got = await house.receive(mail(), box.address)
        await client.add_labels(got.id, "mine")
        assert (await client.inbox(box.id, label="mine")).meta.total == 101
        await client.delete_label(box.id, "mine")
        assert (await client.inbox(box.id, label="mine")).meta.total == 0
        assert (await client.inbox(box.id, label="kept")).meta.total == 100
        assert [one.name for one in (await client.labels(box.id)).data] == ["kept"]
        assert all("mine" not in one.labels for one in (await client.threads(box.id)).data)
        with pytest.raises(Refused) as refused:
            await client.delete_label(box.id, "mine")
        assert refused.value.told == (404, "LABEL_NOT_FOUND")


@pytest.mark.promise("transactional.labels.reserved")
@pytest.mark.parametrize("label", ["inbox", "unread", "Archived", "sent", "received", "trash", "spam", "scheduled"])
async def test_labels_that_postroom_keeps_are_neither_made_nor_given_nor_taken(house: Bed, label: str) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        got = await house.receive(mail(), box.address)
        before = (await client.message(got.id)).labels
        for ask in (
            client.create_label(box.id, label),
            client.add_labels(got.id, label),
            client.remove_label(got.id, label),
            client.send(box.address, "x@elsewhere.example", text="x", tags=[label]),
            client.reply(got.id, text="x", tags=["fine", label]),
        ):
            with pytest.raises(Refused) as refused:
                await ask
            assert refused.value.told == (400, "VALIDATION_ERROR")
        if label != "inbox":
            with pytest.raises(Refused) as refused:
                await client.delete_label(box.id, label)
            assert refused.value.told == (400, "VALIDATION_ERROR")
        assert (await client.message(got.id)).labels == before
        assert (await client.labels(box.id)).data == []


@pytest.mark.promise("transactional.webhooks.create", "transactional.webhooks.list", "transactional.webhooks.update")
@pytest.mark.promise("transactional.webhooks.delete", "transactional.webhooks.of-mailbox")
async def test_a_webhook_is_of_its_mailbox_and_told_of_that_alone(house: Bed) -> None:
    async with transactional(house) as client, official(house) as v0:
        box, other = await client.create_mailbox("agent"), await client.create_mailbox("other")
        made = await client.create_webhook(box.id, URL, ["message.received", "message.bounced"])
        assert made.id.startswith("whk_")
        assert (made.mailbox_id, made.enabled, made.events) == (box.id, True, ["message.received", "message.bounced"])
        assert [one.id for one in (await client.webhooks(box.id)).data] == [made.id]
        assert (await client.webhooks(other.id)).meta.total == 0
        assert (await v0.webhooks.get(f"ep_{made.id[4:]}")).secret == ""
        await house.receive(mail(to=other.address), other.address)
        await house.receive(mail(to=box.address), box.address)
        await house.until(lambda: len(house.fetcher.posts) == 1)
        changed = await client.update_webhook(made.id, url=f"{URL}/2", events=["message.sent"], enabled=False)
        assert (changed.url, changed.events, changed.enabled) == (f"{URL}/2", ["message.sent"], False)
        assert await client.update_webhook(made.id) == changed
        await client.delete_webhook(made.id)
        for ask in (client.update_webhook, client.delete_webhook, client.test_webhook):
            with pytest.raises(Refused) as refused:
                await ask(made.id)
            assert refused.value.told == (404, "WEBHOOK_NOT_FOUND")
        for events in ([], ["domain.verified"], ["message.eaten"], "message.sent"):
            with pytest.raises(Refused) as refused:
                await client.create_webhook(box.id, URL, events)  # type: ignore[arg-type]
            assert refused.value.told == (400, "VALIDATION_ERROR")
            assert "events" in refused.value.message


@pytest.mark.promise("transactional.webhooks.secret", "transactional.webhooks.body")
@pytest.mark.parametrize("secret", ["whsec_optional_custom_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None])
async def test_a_body_is_what_get_shows_signed_with_the_secret_that_was_given(house: Bed, secret: str | None) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        made = await client.create_webhook(box.id, URL, ["message.received"], secret=secret)
        assert secret in (None, made.secret)
        got = await house.receive(mail(text="ping"), box.address)
        await house.until(lambda: len(house.fetcher.posts) == 1)
        (post,) = house.fetcher.posts
        assert _verified(made.secret, post)
        body = orjson.loads(post.content)
        assert (body["type"], list(body)) == ("message.received", ["id", "type", "createdAt", "data"])
        shown = (await client.http.get(f"/v1/agent-email/inbox/{got.id}")).json()["data"]
        assert body["data"] == shown
        assert body["id"] == post.headers["svix-id"]


@pytest.mark.promise("transactional.webhooks.secret")
@pytest.mark.parametrize("secret", ["no base64 at all", "????????", "schlüssel"])
async def test_a_secret_that_is_no_base64_signs_by_its_letters_or_what_base64_is_in_it(house: Bed, secret: str) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        made = await client.create_webhook(box.id, URL, ["message.received"], secret=secret)
        assert made.secret == secret
        await house.receive(mail(), box.address)
        await house.until(lambda: len(house.fetcher.posts) == 1)
        assert house.fetcher.posts[0].headers["svix-signature"].startswith("v1,")


@pytest.mark.promise("transactional.webhooks.test", "transactional.webhooks.tested", "transactional.webhooks.body")
async def test_a_test_tells_that_webhook_and_no_other(house: Bed) -> None:
    async with transactional(house) as client, official(house) as v0:
        box = await client.create_mailbox("agent")
        made = await client.create_webhook(box.id, URL, ["message.received"])
        await client.create_webhook(box.id, f"{URL}/other", ["message.received"])
        there = await v0.webhooks.create(url=f"{URL}/v0", event_types=["message.received"])
        tried = await client.test_webhook(made.id)
        await house.until(lambda: len(house.fetcher.posts) == 1)
        (post,) = house.fetcher.posts
        assert _verified(made.secret, post)
        body = orjson.loads(post.content)
        listed = (await client.http.get(f"/v1/agent-email/mailboxes/{box.id}/webhooks")).json()["data"]
        assert (post.url, body["type"], body["id"]) == (URL, "webhook.test", tried.id)
        assert body["data"] in listed
        with pytest.raises(Refused) as refused:
            await client.test_webhook(f"whk_{there.webhook_id[3:]}")
        assert refused.value.told == (409, "CONFLICT")
        await client.update_webhook(made.id, enabled=False)
        with pytest.raises(Refused) as refused:
            await client.test_webhook(made.id)
        assert refused.value.told == (409, "CONFLICT")
        assert len(house.fetcher.posts) == 1


@pytest.mark.promise("transactional.domains.create", "transactional.domains.verify", "transactional.domains.list")
@pytest.mark.promise("transactional.domains.get", "transactional.domains.delete", "transactional.domains.records")
@pytest.mark.promise("transactional.errors.domain")
async def test_a_domain_carries_mailboxes_once_its_records_are_valid(asking: Bed, dns: FakeDns) -> None:
    async with transactional(asking) as client:
        made = await client.add_domain("mail.example.com")
        assert made.id.startswith("dom_")
        assert (made.status, {one.status for one in made.records}) == ("pending", {"missing"})
        for domain in ("mail.example.com", "unknown.example"):
            with pytest.raises(Refused) as refused:
                await client.create_mailbox("agent", domain=domain)
            assert refused.value.told == (400, "DOMAIN_NOT_VERIFIED")
        assert (await client.verify_domain(made.id)).status == "pending"
        dns.publish(made.records)
        verified = await client.verify_domain(made.id)
        assert (verified.status, {one.status for one in verified.records}) == ("verified", {"valid"})
        assert (await client.domains()).data == [verified] == [await client.domain(made.id)]
        box = await client.create_mailbox("agent", domain="mail.example.com")
        assert (await client.send(box.address, "x@elsewhere.example", text="x")).from_ == "agent@mail.example.com"
        await client.delete_domain(made.id)
        with pytest.raises(Refused) as refused:
            await client.send(box.address, "x@elsewhere.example", text="x")
        assert refused.value.told == (400, "DOMAIN_NOT_VERIFIED")
        for absent in (made.id, "mail.example.com", f"dom_{'0' * 26}"):
            for ask in (client.domain, client.verify_domain, client.delete_domain):
                with pytest.raises(Refused) as refused:
                    await ask(absent)
                assert refused.value.told == (404, "DOMAIN_NOT_FOUND")
