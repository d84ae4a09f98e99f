"""Webhooks through the official client: what is kept, who may, and what is told to whom."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from agentmail.core.api_error import ApiError
from agentmail.errors import NotFoundError, ValidationError
from agentmail.events import MessageReceivedEvent
from svix.webhooks import Webhook as Verifier

from postroom.model.errors import InvalidInput
from postroom.model.webhook import STANDARD
from postroom.service.notifications import WAITS_MS
from postroom.store.secret import Secret
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.fetcher import Post
from tests.fakes.mail import mail

URL = "https://hooks.example.com/in"


async def _told(house: Bed, number: int = 1) -> list[Post]:
    """Wait until so many requests were sent and recorded, and return them."""
    open_ones = "SELECT 1 FROM webhook_delivery WHERE lease_owner IS NOT NULL UNION SELECT 1 FROM event_waiting"
    await house.until(lambda: len(house.fetcher.posts) >= number and not house.rows(open_ones))
    return house.fetcher.posts


@pytest.mark.promise("webhooks.secret", "webhooks.signature")
async def test_a_webhook_is_told_of_a_message_with_a_signature_that_svix_accepts(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create()
        hook = await client.webhooks.create(url=URL, event_types=["message.received"])
        assert hook.webhook_id.startswith("ep_")
        assert hook.secret.startswith("whsec_")
        message = await house.receive(mail(subject="Hello", text="ping"), inbox.inbox_id)
        (post,) = await _told(house)
        assert post.url == URL
        assert post.headers["svix-timestamp"] == str(clock.now // 1000)
        assert _verified(hook.secret, post)
        event = MessageReceivedEvent.model_validate_json(post.content)
        assert event.message.message_id == message.message_id
        assert (event.message.text or "").strip() == "ping"
        assert event.thread.message_count == 1
        assert event.event_id == post.headers["svix-id"]


def _verified(secret: str, post: Post) -> bool:
    at = datetime.fromtimestamp(int(post.headers["svix-timestamp"]), UTC)
    # The verifier compares with the true time; the test's clock stands somewhere else.
    with patch("standardwebhooks.webhooks.Webhook._Webhook__verify_timestamp", return_value=at):
        Verifier(secret).verify(post.content, dict(post.headers))
    return True


@pytest.mark.promise("webhooks.list", "webhooks.get", "webhooks.create", "webhooks.update", "webhooks.delete")
@pytest.mark.promise("webhooks.secret", "webhooks.update-replaces")
async def test_a_webhook_is_created_got_listed_updated_and_deleted(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create()
        made = await client.webhooks.create(url=URL, event_types=["message.sent"], inbox_ids=[inbox.inbox_id])
        got = await client.webhooks.get(made.webhook_id)
        assert (got.secret, got.url, got.enabled) == (made.secret, URL, True)
        assert got.inbox_ids == [inbox.inbox_id]
        (listed,) = (await client.webhooks.list()).webhooks
        assert (listed.secret, listed.event_types) == (made.secret, ["message.sent"])
        await client.webhooks.update(made.webhook_id, event_types=["message.bounced", "message.sent"])
        await client.webhooks.update(made.webhook_id, event_types=[])
        await client.webhooks.update(made.webhook_id, enabled=False)
        changed = await client.webhooks.get(made.webhook_id)
        assert (changed.event_types, changed.enabled) == (["message.bounced", "message.sent"], False)
        await client.webhooks.delete(made.webhook_id)
        with pytest.raises(NotFoundError):
            await client.webhooks.get(made.webhook_id)
        assert (await client.webhooks.list()).count == 0


@pytest.mark.promise("idempotency.client-id-gives-the-first", "webhooks.client-id-is-of-its-place")
async def test_the_same_client_id_gives_the_first_webhook_and_in_another_place_another_one(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create()
        first = await client.webhooks.create(url=URL, event_types=["message.sent"], client_id="mine")
        again = await client.webhooks.create(url="https://else.example.com", event_types=[], client_id="mine")
        there = await client.inboxes.webhooks.create(inbox.inbox_id, url=URL, event_types=[], client_id="mine")
        assert (again.webhook_id, again.url) == (first.webhook_id, URL)
        assert there.webhook_id != first.webhook_id


@pytest.mark.promise("webhooks.types-may-be-left-out", "webhooks.hidden-types")
async def test_without_event_types_a_webhook_is_told_of_the_standard_ones(house: Bed) -> None:
    async with official(house) as client, wire(house, await owner_key(house)) as http:
        made = (await http.post("/v0/webhooks", json={"url": URL})).json()
        assert "event_types" not in made
        alice, bob = await client.inboxes.create(), await client.inboxes.create()
        await client.inboxes.messages.send(alice.inbox_id, to=[bob.inbox_id], subject="Hi", text="x")
        await house.settled()
        types = [_type(post) for post in await _told(house, 3)]
        assert sorted(types) == ["message.delivered", "message.received", "message.sent"]
        assert set(types) <= set(STANDARD)


def _type(post: Post) -> str:
    return str(orjson.loads(post.content)["event_type"])


@pytest.mark.promise("inboxes.webhooks.list", "pods.webhooks.list")
async def test_a_webhook_of_an_inbox_or_a_pod_is_told_of_that_alone_and_seen_there_alone(house: Bed) -> None:
    async with official(house) as client:
        one, two = await client.inboxes.create(), await client.inboxes.create()
        hook = await client.inboxes.webhooks.create(one.inbox_id, url=URL, event_types=["message.received"])
        pod = await client.pods.webhooks.create(one.pod_id, url=f"{URL}/pod", event_types=["message.received"])
        whole = await client.webhooks.create(url=f"{URL}/all", event_types=["message.sent"])
        assert (hook.inbox_id, hook.pod_id) == (one.inbox_id, one.pod_id)
        assert (pod.inbox_id, pod.pod_id, whole.pod_id) == (None, one.pod_id, None)
        assert [w.webhook_id for w in (await client.inboxes.webhooks.list(one.inbox_id)).webhooks] == [hook.webhook_id]
        assert (await client.inboxes.webhooks.list(two.inbox_id)).count == 0
        listed = (await client.pods.webhooks.list(one.pod_id)).webhooks
        assert {w.webhook_id for w in listed} == {hook.webhook_id, pod.webhook_id}
        assert (await client.webhooks.list()).count == 3
        with pytest.raises(NotFoundError):
            await client.inboxes.webhooks.get(two.inbox_id, hook.webhook_id)
        with pytest.raises(NotFoundError):
            await client.pods.webhooks.delete(one.pod_id, whole.webhook_id)
        await house.receive(mail(), two.inbox_id)
        await house.receive(mail(), one.inbox_id)
        assert sorted(post.url for post in await _told(house, 3)) == [URL, f"{URL}/pod", f"{URL}/pod"]


@pytest.mark.promise("webhooks.keeps-a-subscription")
async def test_a_webhook_that_names_inboxes_is_told_of_them_alone(house: Bed) -> None:
    async with official(house) as client:
        one, two = await client.inboxes.create(), await client.inboxes.create()
        hook = await client.webhooks.create(url=URL, event_types=["message.received"], inbox_ids=[one.inbox_id])
        await client.webhooks.update(hook.webhook_id, add_inbox_ids=[two.inbox_id], remove_inbox_ids=[one.inbox_id])
        assert (await client.webhooks.get(hook.webhook_id)).inbox_ids == [two.inbox_id]
        await house.receive(mail(), one.inbox_id)
        second = await house.receive(mail(), two.inbox_id)
        (post,) = await _told(house)
        assert MessageReceivedEvent.model_validate_json(post.content).message.message_id == second.message_id
        with pytest.raises(ValidationError):
            await client.webhooks.update(hook.webhook_id, remove_inbox_ids=[two.inbox_id])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "http://user:word@example.com"}, "url"),
        ({"url": "http://127.0.0.1/x"}, "url"),
        ({"url": "http://[::1]/x"}, "url"),
        ({"url": "http://localhost:9/x"}, "url"),
        ({"url": URL, "event_types": ["message.read"]}, "event_types"),
        ({"url": URL, "headers": {"svix-id": "mine"}}, "headers"),
        ({"url": URL, "headers": {"Host": "else"}}, "headers"),
        ({"url": URL, "headers": {"a b": "x"}}, "headers"),
        ({"url": URL, "headers": {"X-A": "x\r\nX-B: y"}}, "headers"),
        ({"url": URL, "client_id": "a@b"}, "client_id"),
        ({"url": URL, "inbox_ids": ["x"] * 11}, "inbox_ids"),
        ({"url": URL, "secret": "mine"}, "secret"),
        ({}, "url"),
    ],
)
@pytest.mark.promise("errors.400-has-paths", "webhooks.at-most-ten")
async def test_what_cannot_be_a_webhook_is_refused_at_its_field(house: Bed, given: dict[str, Any], field: str) -> None:
    # The true client checks addresses; nothing is sent, and no name of the public internet is looked up.
    if not str(given.get("url", "")).startswith("https://"):
        house.use_true_client()
    async with wire(house, await owner_key(house)) as http:
        answer = await http.post("/v0/webhooks", json=given)
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["path"][0] == field


async def test_an_inbox_out_of_reach_is_absent(house: Bed) -> None:
    other = await house.inbox("theirs", await house.stranger())
    async with official(house) as client:
        with pytest.raises(ApiError) as caught:
            await client.webhooks.create(url=URL, event_types=["message.sent"], inbox_ids=[other.address])
        assert caught.value.status_code == 404


@pytest.mark.promise("webhooks.get_headers", "webhooks.update_headers", "webhooks.headers")
async def test_headers_are_sent_along_and_only_their_names_are_shown(house: Bed) -> None:
    async with official(house) as client, wire(house, await owner_key(house)) as http:
        inbox = await client.inboxes.create()
        given = {"Authorization": "Bearer hidden", "X-Tenant": "seven"}
        hook = await client.webhooks.create(url=URL, event_types=["message.received"], headers=given)
        at = f"/v0/webhooks/{hook.webhook_id}"
        assert "hidden" not in (await http.get(at)).text
        await client.webhooks.update_headers(
            hook.webhook_id, headers={"X-TENANT": "eight"}, remove_headers=["authorization"]
        )
        assert (await client.webhooks.get_headers(hook.webhook_id)).header_names == ["X-TENANT"]
        await house.receive(mail(), inbox.inbox_id)
        (post,) = await _told(house)
        assert post.headers["X-TENANT"] == "eight"
        assert "Authorization" not in post.headers
        both = {"headers": {"X-A": "1"}, "remove_headers": ["x-a"]}
        assert (await http.patch(f"{at}/headers", json=both)).status_code == 400
        assert (await http.patch(f"{at}/headers", json={"headers": {"X-A": "1"}})).status_code == 204


async def test_no_secret_and_no_header_stands_in_the_database_as_text(house: Bed) -> None:
    async with official(house) as client:
        hook = await client.webhooks.create(url=URL, event_types=[], headers={"X-Key": "hidden"})
        ((row),) = house.rows("SELECT * FROM webhook")
        assert hook.secret not in repr(row)
        assert "hidden" not in repr(row)


@pytest.mark.parametrize(
    ("permissions", "types", "missing"),
    [
        (["webhook_create"], ["message.received"], "message_read"),
        (["webhook_create"], [], "message_read"),
        (["webhook_create", "message_read"], ["message.received.spam"], "label_spam_read"),
        (["webhook_create", "message_read"], ["domain.verified"], "domain_read"),
        (["message_read"], ["message.received"], "webhook_create"),
    ],
)
@pytest.mark.promise("errors.event-permission", "webhooks.hidden-types")
async def test_a_key_is_told_only_what_it_may_see(
    house: Bed, permissions: list[str], types: list[str], missing: str
) -> None:
    key = await owner_key(house, permissions=permissions)
    async with wire(house, key) as http:
        answer = await http.post("/v0/webhooks", json={"url": URL, "event_types": types})
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")
        assert missing in answer.json()["fix"]


@pytest.mark.promise("webhooks.signature", "webhooks.schedule")
async def test_a_webhook_that_fails_is_due_again_in_the_schedule_of_svix_with_the_same_body(
    house: Bed, clock: FakeClock
) -> None:
    house.fetcher.answers = [500, InvalidInput.at("url", "no answer"), 301, 200]
    async with official(house) as client:
        inbox = await client.inboxes.create()
        hook = await client.webhooks.create(url=URL, event_types=["message.received"])
        message = await house.receive(mail(), inbox.inbox_id)
        await _told(house)
        assert house.rows("SELECT attempts, status, last_error, due_at FROM webhook_delivery") == [
            (1, 500, "It answered with status 500.", clock.now + 5_000)
        ]
        await client.inboxes.messages.update(inbox.inbox_id, message.message_id, add_labels=["changed"])
        for number, wait in enumerate(WAITS_MS[:3], 2):
            clock.advance(wait)
            house.house.bells.ring(["notification"])
            posts = await _told(house, number)
        assert len({(post.content, post.headers["svix-id"]) for post in posts}) == 1
        assert len({post.headers["svix-timestamp"] for post in posts}) == 4
        assert all(_verified(hook.secret, post) for post in posts)
        assert house.rows("SELECT state, attempts, due_at, body FROM webhook_delivery") == [
            ("delivered", 4, None, None)
        ]


@pytest.mark.promise("webhooks.schedule")
async def test_after_the_last_try_a_webhook_is_told_no_more(house: Bed, clock: FakeClock) -> None:
    house.fetcher.answers = [500] * 20
    async with official(house) as client:
        inbox = await client.inboxes.create()
        await client.webhooks.create(url=URL, event_types=["message.received"])
        await house.receive(mail(), inbox.inbox_id)
        for number, wait in enumerate((*WAITS_MS, 0), 1):
            await _told(house, number)
            clock.advance(wait)
            house.house.bells.ring(["notification"])
        await _told(house, len(WAITS_MS) + 1)
        assert house.rows("SELECT state, attempts, due_at FROM webhook_delivery") == [("failed", 8, None)]


async def test_a_message_that_was_deleted_is_told_to_nobody_any_more(house: Bed, clock: FakeClock) -> None:
    house.fetcher.answers = [500]
    async with official(house) as client:
        inbox = await client.inboxes.create()
        await client.webhooks.create(url=URL, event_types=["message.received"])
        await house.receive(mail(), inbox.inbox_id)
        await _told(house)
        await client.inboxes.delete(inbox.inbox_id)
        clock.advance(WAITS_MS[0])
        house.house.bells.ring(["notification"])
        await house.until(lambda: house.rows("SELECT state, body FROM webhook_delivery") == [("gone", None)])
        assert len(house.fetcher.posts) == 1


@pytest.mark.promise("webhooks.switched-off")
async def test_a_webhook_that_is_switched_off_misses_what_happens_meanwhile(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create()
        hook = await client.webhooks.create(url=URL, event_types=["message.received"])
        await client.webhooks.update(hook.webhook_id, enabled=False)
        await house.receive(mail(subject="missed"), inbox.inbox_id)
        await house.until(lambda: not house.rows("SELECT 1 FROM event_waiting"))
        await client.webhooks.update(hook.webhook_id, enabled=True)
        await house.receive(mail(subject="heard"), inbox.inbox_id)
        (post,) = await _told(house)
        assert MessageReceivedEvent.model_validate_json(post.content).message.subject == "heard"


async def test_the_webhooks_of_an_inbox_go_with_it(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create()
        hook = await client.inboxes.webhooks.create(inbox.inbox_id, url=URL, event_types=[])
        await client.inboxes.delete(inbox.inbox_id)
        with pytest.raises(NotFoundError):
            await client.webhooks.get(hook.webhook_id)


@pytest.mark.promise("pages.last-has-no-token", "order.webhooks")
async def test_a_long_list_is_paged_in_both_directions(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        made = []
        for number in range(3):
            made.append((await client.webhooks.create(url=f"{URL}/{number}", event_types=[])).webhook_id)
            clock.advance(1)
        for ascending, expected in ((False, made[::-1]), (True, made)):
            first = await client.webhooks.list(limit=2, ascending=ascending)
            second = await client.webhooks.list(limit=2, ascending=ascending, page_token=first.next_page_token)
            assert [w.webhook_id for w in (*first.webhooks, *second.webhooks)] == expected
            assert (first.count, second.count, second.next_page_token) == (2, 1, None)


async def test_a_change_of_nothing_is_refused(house: Bed) -> None:
    async with official(house) as client:
        hook = await client.webhooks.create(url=URL, event_types=[])
        with pytest.raises(ValidationError):
            await client.webhooks.update(hook.webhook_id)
        with pytest.raises(NotFoundError):
            await client.webhooks.update("ep_absent", enabled=False)


async def test_what_a_dead_process_was_about_to_tell_is_told_by_another(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create()
        hook = await client.webhooks.create(url=URL, event_types=["message.received"])
        await house.call("webhooks.update", webhook_id=hook.webhook_id, enabled=False)
        message = await house.receive(mail(), inbox.inbox_id)
        await house.until(lambda: not house.rows("SELECT 1 FROM event_waiting"))
        await house.call("webhooks.update", webhook_id=hook.webhook_id, enabled=True)
        house.write(
            "INSERT INTO webhook_delivery (id, org_id, pod_id, inbox_id, webhook_id, event_seq, state, due_at,"
            " lease_until, lease_owner, attempts, created_at, updated_at) SELECT 'not_x', org_id, pod_id, inbox_id, ?,"
            " seq, 'pending', at, at + 60000, 'somebody who died', 1, at, at FROM event"
            " WHERE type = 'message.received'",
            hook.webhook_id,
        )
        (post,) = await _told(house)
        assert MessageReceivedEvent.model_validate_json(post.content).message.message_id == message.message_id


async def test_under_another_secret_key_a_webhook_says_what_to_do_and_can_be_deleted(house: Bed) -> None:
    async with official(house) as client, wire(house, await owner_key(house)) as http:
        hook = await client.webhooks.create(url=URL, event_types=[])
        house.desk.house = replace(house.desk.house, secret=Secret(b"x" * 32))
        answer = await http.get(f"/v0/webhooks/{hook.webhook_id}")
        assert (answer.status_code, "secret.key" in answer.json()["fix"]) == (409, True)
        await client.webhooks.delete(hook.webhook_id)
        assert house.rows("SELECT 1 FROM webhook") == []


async def test_a_slow_endpoint_does_not_hold_up_the_others(house: Bed) -> None:
    slow, quick = f"{URL}/slow", f"{URL}/quick"
    house.fetcher.stalled[slow] = asyncio.Event()
    async with official(house) as client:
        inbox = await client.inboxes.create()
        for url in (slow, quick):
            await client.webhooks.create(url=url, event_types=["message.received"])
        for _ in range(12):
            await house.receive(mail(), inbox.inbox_id)
        await house.until(lambda: [post.url for post in house.fetcher.posts].count(quick) == 12)
        # Eight at once, and up to three that the same look leased with the eighth.
        assert [post.url for post in house.fetcher.posts].count(slow) <= 11
        house.fetcher.stalled[slow].set()
        await _told(house, 24)
