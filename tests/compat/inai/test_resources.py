"""Everything but messages over /api/v0: organizations, inboxes, threads, domains, webhooks, keys."""

from pathlib import Path

import orjson
import pytest
from agentmail.core.api_error import ApiError
from agentmail.inboxes import CreateInboxRequest
from svix.webhooks import Webhook as Verifier

from postroom.model.errors import LimitExceeded
from tests.compat.inai.client import Refused, inai
from tests.compat.official import official, owner_key
from tests.compat.test_webhooks import _verified
from tests.fakes.bed import Bed
from tests.fakes.clock import HOUR, FakeClock
from tests.fakes.mail import mail

URL = "https://hooks.example.com/in"


@pytest.mark.promise("inai.organizations.get")
async def test_the_organization_says_what_it_has_and_how_much_it_may_have(house: Bed) -> None:
    async with inai(house) as client:
        await client.create_inbox("agent")
        await client.create_domain("mail.example.com")
        found = await client.organization()
        assert found.org_id.startswith("org_")
        assert (found.name, found.inbox_count, found.domain_count) == ("default", 1, 1)
        assert (found.inbox_limit, found.domain_limit) == (100_000, 1_000)


@pytest.fixture
def narrow(home: Path, clock: FakeClock, migrated: Path) -> Bed:
    return Bed(home, clock, migrated, inbox_limit=2, domain_limit=1)


@pytest.mark.promise("inai.organization.limits")
async def test_limits_of_inboxes_and_domains_are_kept_in_every_face(narrow: Bed) -> None:
    async with inai(narrow) as client, official(narrow) as v0:
        one = await client.create_inbox("one")
        await v0.inboxes.create(request=CreateInboxRequest(client_id="two"))
        with pytest.raises(Refused) as refused:
            await client.create_inbox("three")
        assert (refused.value.status, refused.value.code) == (403, "limit_exceeded")
        with pytest.raises(ApiError) as caught:
            await v0.inboxes.create()
        assert (caught.value.status_code, caught.value.body["code"]) == (403, "limit_exceeded")
        with pytest.raises(LimitExceeded, match="POSTROOM_INBOX_LIMIT"):
            await narrow.inbox("three")
        # What is there already is no new one.
        assert (await v0.inboxes.create(request=CreateInboxRequest(client_id="two"))).client_id == "two"
        await client.delete_inbox(one.inbox_id)
        await client.create_inbox("three")
        await client.create_domain("one.example.com")
        with pytest.raises(Refused) as refused:
            await client.create_domain("two.example.com")
        assert refused.value.code == "limit_exceeded"
        assert (await client.organization()).domain_limit == 1


@pytest.mark.promise("inai.inboxes.create", "inai.inboxes.list", "inai.inboxes.get", "inai.inboxes.update")
@pytest.mark.promise("inai.inboxes.delete", "inai.inboxes.domain", "inai.inboxes.unchanged")
async def test_an_inbox_is_created_listed_got_renamed_and_deleted(house: Bed, clock: FakeClock) -> None:
    async with inai(house) as client:
        made = await client.create_inbox("agent-1", display_name="Agent One", client_id="my-agent")
        assert (made.email_address, made.domain) == ("agent-1@postroom.localhost", "postroom.localhost")
        assert (made.username, made.display_name, made.client_id) == ("agent-1", "Agent One", "my-agent")
        assert "@" not in made.inbox_id
        clock.advance(HOUR)
        changed = await client.update_inbox(made.inbox_id, display_name="Updated Name")
        assert (changed.display_name, changed.client_id) == ("Updated Name", "my-agent")
        assert changed.updated_at > made.updated_at
        assert await client.update_inbox(made.inbox_id) == changed
        assert await client.inbox(made.inbox_id) == changed
        assert (await client.update_inbox(made.inbox_id, display_name=None)).display_name is None
        page = await client.inboxes()
        assert ([i.inbox_id for i in page.data], page.total) == ([made.inbox_id], 1)
        await client.delete_inbox(made.inbox_id)
        assert (await client.inboxes()).total == 0
        with pytest.raises(Refused) as refused:
            await client.inbox(made.inbox_id)
        assert (refused.value.status, refused.value.code) == (404, "not_found")


@pytest.mark.promise("inai.inboxes.client-id-tracks")
async def test_a_client_id_tracks_here_and_is_unique_where_it_was_before(house: Bed) -> None:
    async with inai(house) as client, official(house) as v0:
        one = await client.create_inbox("one", client_id="mine")
        two = await client.create_inbox("two", client_id="mine")
        assert one.inbox_id != two.inbox_id
        three = await v0.inboxes.create(request=CreateInboxRequest(client_id="mine"))
        again = await v0.inboxes.create(request=CreateInboxRequest(client_id="mine"))
        assert three.inbox_id == again.inbox_id
        assert three.inbox_id not in (one.email_address, two.email_address)
        four = await client.create_inbox("four", client_id="mine")
        assert {i.client_id for i in (await client.inboxes()).data} == {"mine"}
        await v0.inboxes.delete(three.inbox_id)
        assert (await v0.inboxes.create(request=CreateInboxRequest(client_id="mine"))).inbox_id != four.email_address


@pytest.mark.promise("inai.inboxes.username")
async def test_a_username_is_required_and_of_letters_that_an_address_has(house: Bed) -> None:
    async with inai(house) as client:
        made = await client.create_inbox("aZ0._%+-x")
        assert made.email_address == "aZ0._%+-x@postroom.localhost"
        for body, path in (({}, ["username"]), ({"username": "a b"}, ["username"]), ({"username": None}, ["username"])):
            answer = await client.http.post("/api/v0/inboxes", json=body)
            assert (answer.status_code, answer.json()["error"]["problems"][0]["path"]) == (400, path)


@pytest.mark.promise("inai.threads.list", "inai.threads.get", "inai.threads.order", "inai.threads.whole")
async def test_a_thread_has_all_its_messages_oldest_first_with_what_is_new_in_each(
    house: Bed, clock: FakeClock
) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent", display_name="Agent One")
        first = await house.receive(
            mail(sender="sender@example.com", subject="Hello", text="Hi there!"), inbox.email_address
        )
        clock.advance(1)
        other = await house.receive(mail(subject="Other"), inbox.email_address)
        clock.advance(1)
        await client.reply(inbox.inbox_id, first.id, text="Thanks for your email!")
        page = await client.threads(inbox.inbox_id)
        assert [t.subject for t in page.data] == ["Hello", "Other"]
        assert (page.total, page.data[0].message_count, page.data[1].last_message_id) == (2, 2, other.id)
        item = page.data[0]
        assert (item.labels, item.senders[0]) == ([], "sender@example.com")
        assert item.received_timestamp is not None
        assert item.sent_timestamp == item.timestamp > item.received_timestamp
        thread = await client.thread(inbox.inbox_id, item.thread_id)
        assert (thread.thread_id, thread.subject, thread.message_count) == (item.thread_id, "Hello", 2)
        assert [m.text for m in thread.messages] == ["Hi there!", "Thanks for your email!"]
        assert [m.direction for m in thread.messages] == ["inbound", "outbound"]
        assert thread.messages[1].from_ == "Agent One <agent@postroom.localhost>"
        assert thread.messages[1].message_id == item.last_message_id


@pytest.mark.promise("inai.threads.whole")
async def test_a_thread_of_more_messages_than_a_page_is_whole(house: Bed, clock: FakeClock) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        first = await house.receive(mail(message_id="<0@example.com>", text="0"), inbox.email_address)
        for number in range(1, 205):
            clock.advance(1)
            await house.take(mail(answers="<0@example.com>", text=f"{number}"), inbox.email_address)
        thread = await client.thread(inbox.inbox_id, f"thr_{first.thread_id[4:]}")
        assert [m.text for m in thread.messages] == [str(n) for n in range(205)]
        assert thread.message_count == 205


@pytest.mark.promise("inai.threads.delete", "inai.threads.delete-all")
async def test_a_deleted_thread_takes_its_messages_with_it(house: Bed) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        message = await house.receive(mail(), inbox.email_address)
        await client.delete_thread(inbox.inbox_id, f"thr_{message.thread_id[4:]}")
        assert ((await client.messages(inbox.inbox_id)).total, (await client.threads(inbox.inbox_id)).total) == (0, 0)
        with pytest.raises(Refused):
            await client.message(inbox.inbox_id, message.id)


@pytest.mark.promise("inai.domains.create", "inai.domains.list", "inai.domains.get", "inai.domains.delete")
@pytest.mark.promise("inai.domains.records", "inai.domains.feedback", "inai.domains.verify")
async def test_a_domain_names_its_records_and_waits_for_them(house: Bed, clock: FakeClock) -> None:
    async with inai(house) as client:
        made = await client.create_domain("yourdomain.com")
        assert (made.domain_id, made.status, made.feedback_enabled) == ("yourdomain.com", "PENDING", True)
        assert [(r.type, r.status) for r in made.records] == [("MX", "MISSING")] + [("TXT", "MISSING")] * 3
        assert next((r.name, r.priority is None) for r in made.records) == ("yourdomain.com", False)
        assert made.records[3].name == "_dmarc.yourdomain.com"
        clock.advance(1)
        quiet = await client.create_domain("other.com", feedback_enabled=False)
        assert not quiet.feedback_enabled
        page = await client.domains(page_size=1)
        assert ([d.domain_id for d in page.data], page.total) == (["other.com"], 2)
        assert (await client.domain("yourdomain.com")) == made
        looked = await client.verify_domain("yourdomain.com")
        assert looked.domain_id == "yourdomain.com"
        await client.delete_domain("yourdomain.com")
        assert (await client.domains()).total == 1


@pytest.mark.promise("inai.webhooks.create", "inai.webhooks.list", "inai.webhooks.get", "inai.webhooks.update")
@pytest.mark.promise("inai.webhooks.delete", "inai.webhooks.secret-once", "inai.webhooks.client-id")
async def test_a_webhook_shows_its_secret_once_in_every_dialect(house: Bed, clock: FakeClock) -> None:
    async with inai(house) as client, official(house) as v0:
        made = await client.create_webhook(URL, ["message.received", "message.sent"], client_id="my-integration")
        clock.advance(1)
        again = await client.create_webhook(URL, ["message.received"], client_id="my-integration")
        assert made.webhook_id.startswith("wh_")
        assert made.webhook_id != again.webhook_id
        assert Verifier(made.secret)
        assert await client.webhook(made.webhook_id) == (await client.webhooks(page=2, page_size=1)).data[0]
        changed = await client.update_webhook(made.webhook_id, url="https://new-url.com/hook", enabled=False)
        assert (changed.url, changed.enabled, changed.event_types) == (
            "https://new-url.com/hook",
            False,
            ["message.received", "message.sent"],
        )
        assert await client.update_webhook(made.webhook_id) == changed
        inner = f"ep_{made.webhook_id[3:]}"
        assert [w.secret for w in (await v0.webhooks.list()).webhooks] == ["", ""]
        assert (await v0.webhooks.get(inner)).secret == ""
        assert (await v0.webhooks.update(inner, enabled=True)).secret == ""
        assert made.secret not in repr(await house.call("webhooks.list"))
        await client.delete_webhook(made.webhook_id)
        assert (await client.webhooks()).total == 1


@pytest.mark.promise("inai.webhooks.update")
async def test_headers_of_a_webhook_are_told_to_no_other_host_by_a_new_address(house: Bed) -> None:
    async with inai(house) as client, official(house) as v0:
        made = await v0.webhooks.create(url=URL, event_types=["message.received"], headers={"X-Token": "t"})
        name = f"wh_{made.webhook_id[3:]}"
        await client.update_webhook(name, url=f"{URL}/deeper")
        assert (await v0.webhooks.get_headers(made.webhook_id)).header_names == ["X-Token"]
        await client.update_webhook(name, url="https://elsewhere.example.com/in")
        assert (await v0.webhooks.get_headers(made.webhook_id)).header_names == []
        house.fetcher.refused.add("https://private.example.com/")
        with pytest.raises(Refused) as refused:
            await client.update_webhook(name, url="https://private.example.com/")
        assert (refused.value.status, refused.value.paths) == (400, [["url"]])


@pytest.mark.promise("inai.webhooks.events")
async def test_a_webhook_asks_for_one_of_seven_events_at_least(house: Bed) -> None:
    async with inai(house) as client:
        for types in ([], ["message.opened"], ["x"], "message.sent", None, [1]):
            answer = await client.http.post("/api/v0/webhooks", json={"url": URL, "event_types": types})
            assert answer.status_code == 400, types
            assert answer.json()["error"]["problems"][0]["path"][0] == "event_types"
        made = await client.create_webhook(URL, ["message.received"])
        changed = await client.update_webhook(made.webhook_id, event_types=["domain.verified", "message.bounced"])
        assert changed.event_types == ["domain.verified", "message.bounced"]


@pytest.mark.promise("inai.webhooks.inbox-filter", "inai.webhooks.body", "inai.webhooks.signature")
async def test_a_webhook_is_told_of_its_inboxes_with_what_get_shows(house: Bed) -> None:
    async with inai(house) as client:
        one, two = await client.create_inbox("one"), await client.create_inbox("two")
        made = await client.create_webhook(URL, ["message.received"], inbox_ids=[one.inbox_id])
        assert made.inbox_ids == [one.inbox_id]
        await house.receive(mail(), two.email_address)
        got = await house.receive(mail(subject="Hello"), one.email_address)
        await house.until(lambda: len(house.fetcher.posts) == 1)
        (post,) = house.fetcher.posts
        assert _verified(made.secret, post)
        body = orjson.loads(post.content)
        shown = await client.http.get(f"/api/v0/inboxes/{one.inbox_id}/messages/{got.id}")
        assert body == {
            "id": post.headers["svix-id"],
            "type": "message.received",
            "created_at": body["data"]["created_at"],
            "data": shown.json(),
        }
        assert (await client.update_webhook(made.webhook_id, inbox_ids=[])).inbox_ids == []
        await house.receive(mail(), two.email_address)
        await house.until(lambda: len(house.fetcher.posts) == 2)
        assert (await client.update_webhook(made.webhook_id, inbox_ids=[two.inbox_id])).inbox_ids == [two.inbox_id]
        for absent in ("nk8x2j", one.email_address, f"inb_{one.inbox_id}"):
            with pytest.raises(Refused) as refused:
                await client.update_webhook(made.webhook_id, inbox_ids=[absent])
            assert refused.value.status == 404


@pytest.mark.promise("inai.keys.create", "inai.keys.list", "inai.keys.delete", "inai.keys.once", "inai.keys.prefix")
@pytest.mark.promise("inai.keys.everywhere", "inai.keys.revoked")
async def test_a_key_opens_every_dialect_until_it_is_deleted(house: Bed) -> None:
    async with inai(house) as client:
        made = await client.create_key("my-agent-key")
        assert made.key.startswith("inai_")
        assert made.key.startswith(made.prefix)
        assert (made.name, made.used_at, made.key_id[:4]) == ("my-agent-key", None, "key_")
        async with official(house, made.key) as v0, inai(house, made.key) as mine:
            inbox = await mine.create_inbox("agent")
            assert (await v0.inboxes.list()).inboxes[0].inbox_id == inbox.email_address
            page = await client.keys()
            assert made.key not in page.model_dump_json()
            assert made.prefix in {key.prefix for key in page.data}
            assert page.total == len(page.data) == 3
            await client.delete_key(made.key_id)
            with pytest.raises(ApiError):
                await v0.inboxes.list()
            with pytest.raises(Refused) as refused:
                await mine.inboxes()
            assert refused.value.status == 401


@pytest.mark.promise("inai.keys.everywhere")
async def test_a_key_gives_no_more_than_its_maker_has(house: Bed) -> None:
    inbox = await house.inbox()
    maker = await owner_key(house, inbox_id=inbox.address, permissions=["api_key_create", "inbox_read"])
    async with inai(house, maker) as client:
        made = await client.create_key("narrow")
    async with inai(house, made.key) as narrow:
        assert [i.email_address for i in (await narrow.inboxes()).data] == [inbox.address]
        assert (await narrow.inboxes()).total == 1
        with pytest.raises(Refused) as refused:
            await narrow.messages((await narrow.inboxes()).data[0].inbox_id)
        assert (refused.value.status, refused.value.code) == (403, "missing_permission")


@pytest.mark.promise("inai.keys.used-at")
async def test_the_last_use_of_a_key_is_true_to_the_minute_without_a_write_a_request(
    house: Bed, clock: FakeClock
) -> None:
    async with inai(house) as client:
        made = await client.create_key("watched")
        async with inai(house, made.key) as used:
            for _ in range(3):
                await used.inboxes()
            noted = "SELECT used_at FROM api_key WHERE id = ?"
            await house.until(lambda: house.rows(noted, made.key_id) == [(clock.now,)])
            first = clock.now
            clock.advance(59_000)
            await used.inboxes()
            clock.advance(1_000)
            await used.inboxes()
            await house.until(lambda: house.rows(noted, made.key_id) == [(first + 60_000,)])
        (key,) = [one for one in (await client.keys()).data if one.key_id == made.key_id]
        assert key.used_at is not None
        assert key.used_at.timestamp() * 1000 == clock.now
