"""Allow and block lists through the official client: their entries, and what they hold back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from agentmail import AsyncAgentMail, NotFoundError, ValidationError
from agentmail.api_keys import CreateBearerApiKeyRequest
from agentmail.core.api_error import ApiError
from agentmail.messages import MessageRejectedError

from postroom.model.event import EventType
from postroom.model.inbox import Inbox
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

BEARER = CreateBearerApiKeyRequest(name="k")
ONCE: Any = {"max_retries": 0}
AGENT = "agent@postroom.localhost"


@pytest.mark.promise("lists.get", "lists.create", "lists.delete", "pods.lists.list", "pods.lists.get")
@pytest.mark.promise("pods.lists.create", "pods.lists.delete", "inboxes.lists.list", "inboxes.lists.get")
@pytest.mark.promise("inboxes.lists.create", "inboxes.lists.delete", "lists.entries")
async def test_an_entry_is_made_found_listed_and_removed_in_each_scope(house: Bed) -> None:
    inbox = await house.inbox()
    async with official(house) as client:
        places: tuple[tuple[Any, tuple[str, ...], tuple[str | None, str | None]], ...] = (
            (client.lists, (), (None, None)),
            (client.pods.lists, (inbox.pod_id,), (inbox.pod_id, None)),
            (client.inboxes.lists, (inbox.address,), (inbox.pod_id, inbox.address)),
        )
        for lists, at, within in places:
            made = await lists.create(*at, "send", "block", entry="Bob@Example.com", reason="asked us to stop")
            assert (made.entry, made.entry_type, made.reason) == ("bob@example.com", "email", "asked us to stop")
            assert (made.direction, made.list_type, made.read_only) == ("send", "block", None)
            assert made.organization_id == inbox.org_id
            assert (getattr(made, "pod_id", None), getattr(made, "inbox_id", None)) == within
            assert await lists.get(*at, "send", "block", "bob@EXAMPLE.com") == made
            assert await lists.create(*at, "send", "block", entry="bob@example.com", reason="other") == made
            assert (await lists.list(*at, "send", "block")).entries == [made]
            for direction, kind in (("send", "allow"), ("receive", "block"), ("reply", "block")):
                assert (await lists.list(*at, direction, kind)).entries == []
        for lists, at, _within in places:
            await lists.delete(*at, "send", "block", "bob@example.com")
            for attempt in (lists.get, lists.delete):
                with pytest.raises(NotFoundError):
                    await attempt(*at, "send", "block", "bob@example.com")


@pytest.mark.promise("lists.list", "pages.count-is-the-page", "order.list-entries")
async def test_entries_are_listed_by_entry_a_page_at_a_time(house: Bed) -> None:
    entries = sorted(["!odd@example.com", "a@b.example", "c/d@example.com", "example.com", "z@example.com"])
    async with official(house) as client:
        for entry in reversed(entries):
            await client.lists.create("receive", "block", entry=entry)
        found: list[str] = []
        token = None
        while True:
            page = await client.lists.list("receive", "block", limit=2, page_token=token)
            assert (page.count, page.limit) == (len(page.entries), 2)
            found += [entry.entry for entry in page.entries]
            token = page.next_page_token
            if token is None:
                break
        assert found == entries
        await client.lists.delete("receive", "block", "c/d@example.com")
        with pytest.raises(NotFoundError):
            await client.lists.get("receive", "block", "c/d@example.com")


@pytest.mark.promise("lists.entries")
async def test_one_mailbox_and_one_domain_are_one_entry_however_they_are_spelled(house: Bed) -> None:
    async with official(house) as client:
        domain = await client.lists.create("send", "block", entry="XN--BCHER-KVA.example.")
        assert (domain.entry, domain.entry_type) == ("bücher.example", "domain")
        assert await client.lists.create("send", "block", entry="Bücher.example") == domain
        address = await client.lists.create("send", "block", entry="JOSE\u0301@Bücher.example")
        assert address.entry == "josé@bücher.example"
    async with wire(house, await owner_key(house)) as raw:
        for path in ("bücher.example", "xn--bcher-kva.example", "jos%C3%A9%40b%C3%BCcher.example"):
            assert (await raw.get(f"/v0/lists/send/block/{path}")).status_code == 200


@pytest.mark.promise("errors.invalid-page-token")
async def test_what_is_no_list_and_what_is_no_entry_is_refused(house: Bed) -> None:
    async with official(house) as client:
        unknown: Any = "sideways"
        for attempt in (client.lists.list(unknown, "block"), client.lists.list("send", unknown)):
            with pytest.raises(ApiError) as caught:
                await attempt
            assert caught.value.status_code == 400
        for entry in ("", "bob", "a@b@c d", "Bob <bob@example.com>", "*.example.com", "a" * 2000):
            with pytest.raises(ValidationError):
                await client.lists.create("send", "block", entry=entry)
        with pytest.raises(NotFoundError):
            await client.lists.get("send", "block", "bob")
        with pytest.raises(ApiError) as caught:
            await client.lists.list("send", "block", page_token="made-up")
        assert caught.value.status_code == 400


@pytest.mark.promise("lists.read-only")
async def test_an_entry_that_postroom_keeps_itself_stays(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        await client.lists.create("send", "block", entry="bob@example.com")
        house.write("UPDATE list_entry SET read_only = 1")
        assert (await client.lists.get("send", "block", "bob@example.com")).read_only is True
        with pytest.raises(ApiError) as caught:
            await client.lists.delete("send", "block", "bob@example.com", request_options=ONCE)
        assert (caught.value.status_code, caught.value.body["code"]) == (409, "conflict")
        refused = await _refused(client, "bob@example.com")
        assert "cannot be removed" in refused["fix"]
        assert "DELETE" not in refused["fix"]


@pytest.mark.promise("lists.reach")
async def test_a_key_needs_the_permission_and_reaches_its_own_lists_alone(house: Bed) -> None:
    inbox, other = await house.inbox(), await house.inbox("other")
    reading = await owner_key(house, permissions={"list_entry_read": True})
    async with official(house) as client:
        await client.lists.create("send", "block", entry="org.example")
        await client.inboxes.lists.create(other.address, "send", "block", entry="other.example")
        confined = await client.inboxes.api_keys.create(inbox.address, request=BEARER)
        stranger = await owner_key_of(house)
    async with official(house, reading) as client:
        assert (await client.lists.list("send", "block")).count == 1
        for attempt in (
            client.lists.create("send", "block", entry="a.example"),
            client.lists.delete("send", "block", "org.example"),
        ):
            with pytest.raises(ApiError) as caught:
                await attempt
            assert (caught.value.status_code, caught.value.body["code"]) == (403, "missing_permission")
    async with official(house, confined.api_key) as client:
        assert (await client.lists.list("send", "block")).entries == []
        made = await client.lists.create("send", "block", entry="mine.example")
        assert (await client.inboxes.lists.list(inbox.address, "send", "block")).entries[0].entry == made.entry
        with pytest.raises(NotFoundError):
            await client.inboxes.lists.get(other.address, "send", "block", "other.example")
    async with official(house, stranger) as client:
        assert (await client.lists.list("send", "block")).entries == []
        with pytest.raises(NotFoundError):
            await client.pods.lists.get(inbox.pod_id, "send", "block", "org.example")
        with pytest.raises(NotFoundError):
            await client.inboxes.lists.get(other.address, "send", "block", "other.example")


async def owner_key_of(house: Bed) -> str:
    """Make a key of another organization and return its secret."""
    made = await house.call("keys.create", await house.stranger())
    return str(made.api_key)


async def test_lists_go_with_their_inbox_and_their_pod(house: Bed) -> None:
    async with official(house) as client:
        pod = await client.pods.create(name="p")
        inbox = await client.pods.inboxes.create(pod.pod_id)
        await client.pods.lists.create(pod.pod_id, "send", "block", entry="a.example")
        await client.inboxes.lists.create(inbox.inbox_id, "send", "block", entry="a.example")
        await client.inboxes.delete(inbox.inbox_id)
        assert house.rows("SELECT count(*) FROM list_entry") == [(1,)]
        await client.pods.delete(pod.pod_id)
        assert house.rows("SELECT count(*) FROM list_entry") == [(0,)]


async def _refused(client: AsyncAgentMail, *to: str) -> dict[str, Any]:
    with pytest.raises(MessageRejectedError) as caught:
        await client.inboxes.messages.send(AGENT, to=list(to), subject="Hello", text="Hello.")
    body = caught.value.body
    found: dict[str, Any] = body if isinstance(body, dict) else body.model_dump()
    assert (caught.value.status_code, found["code"]) == (403, "message_rejected")
    return found


@pytest.mark.promise("lists.outbound-names-the-entry")
async def test_a_blocked_recipient_stops_the_message_for_everybody_on_every_path(house: Bed) -> None:
    await house.inbox()
    await house.inbox("friend")
    came = await house.receive(mail(sender="carol@example.com"))
    async with official(house) as client:
        kept = await client.inboxes.drafts.create(AGENT, to=["carol@example.com"], subject="Draft", text="Hello.")
        await client.inboxes.lists.create(AGENT, "send", "block", entry="example.com")
        refused = await _refused(client, "friend@postroom.localhost", "Carol <Carol@EXAMPLE.com>")
        assert f"DELETE /v0/inboxes/{AGENT}/lists/send/block/example.com" in refused["fix"]
        attempts = (
            client.inboxes.messages.send(AGENT, to="friend@postroom.localhost", bcc="carol@example.com", text="x"),
            client.inboxes.messages.reply(AGENT, came.message_id, text="x"),
            client.inboxes.messages.reply_all(AGENT, came.message_id, text="x"),
            client.inboxes.messages.forward(AGENT, came.message_id, to="carol@example.com"),
            client.inboxes.drafts.send(AGENT, kept.draft_id),
        )
        for attempt in attempts:
            with pytest.raises(MessageRejectedError):
                await attempt
        assert house.rows("SELECT count(*) FROM delivery") == [(0,)]
        assert [m.labels for m in (await client.inboxes.messages.list(AGENT)).messages] == [["received", "unread"]]
        assert (await client.inboxes.drafts.get(AGENT, kept.draft_id)).draft_id == kept.draft_id
        await client.inboxes.lists.delete(AGENT, "send", "block", "example.com")
        await client.inboxes.drafts.send(AGENT, kept.draft_id)
        assert house.rows("SELECT recipient FROM delivery") == [("carol@example.com",)]


@pytest.mark.promise("lists.outbound-names-the-entry")
async def test_a_tag_gets_nobody_around_a_block(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        await client.lists.create("send", "block", entry="bob@example.com")
        refused = await _refused(client, "bob+now@example.com")
        assert "DELETE /v0/lists/send/block/bob@example.com" in refused["fix"]


@pytest.mark.promise("lists.empty-allows-all")
async def test_an_allow_list_that_is_not_empty_admits_its_entries_alone(house: Bed) -> None:
    inbox = await house.inbox()
    async with official(house) as client:
        await client.pods.lists.create(inbox.pod_id, "send", "allow", entry="example.com")
        refused = await _refused(client, "a@elsewhere.example")
        assert f"POST /v0/pods/{inbox.pod_id}/lists/send/allow" in refused["fix"]
        await client.inboxes.messages.send(AGENT, to="a@example.com", text="x")
        await _refused(client, "a@sub.example.com")


@pytest.mark.promise("lists.specific-scope-decides")
async def test_the_most_specific_scope_decides_and_inside_one_block_wins(house: Bed) -> None:
    inbox = await house.inbox()
    async with official(house) as client:
        await client.lists.create("send", "block", entry="example.com")
        await client.pods.lists.create(inbox.pod_id, "send", "allow", entry="bob@example.com")
        await client.inboxes.messages.send(AGENT, to="bob@example.com", text="x")
        await client.pods.lists.create(inbox.pod_id, "send", "block", entry="example.com")
        refused = await _refused(client, "bob@example.com")
        assert f"DELETE /v0/pods/{inbox.pod_id}/lists/send/block/example.com" in refused["fix"]
        await client.inboxes.lists.create(AGENT, "send", "allow", entry="bob@example.com")
        await client.inboxes.messages.send(AGENT, to="bob@example.com", text="x")
        await _refused(client, "carol@example.com")


async def _kinds(house: Bed, inbox: Inbox) -> tuple[int, int]:
    received = await house.events(inbox, EventType.MESSAGE_RECEIVED)
    return len(received), len(await house.events(inbox, EventType.MESSAGE_RECEIVED_BLOCKED))


@pytest.mark.promise("lists.blocked-is-kept")
async def test_blocked_mail_is_kept_hidden_and_told_as_blocked(house: Bed) -> None:
    inbox = await house.inbox()
    async with official(house) as client:
        await client.lists.create("receive", "block", entry="carol@example.com")
        before = await house.call("messages.since", inbox_id=AGENT)
        await house.receive(mail(sender="Carol <CAROL@example.com>"), envelope_from="other@elsewhere.example")
        assert before.message is None
        assert (await client.inboxes.messages.list(AGENT)).messages == []
        assert (await client.inboxes.threads.list(AGENT)).threads == []
        (kept,) = (await client.inboxes.messages.list(AGENT, include_blocked=True)).messages
        assert kept.labels == ["received", "unread", "blocked"]
        assert await _kinds(house, inbox) == (0, 1)
        assert (await house.call("messages.since", inbox_id=AGENT, after=0)).message is None
        await house.receive(mail(sender="dave@example.com"))
        assert await _kinds(house, inbox) == (1, 1)
        await client.inboxes.messages.update(AGENT, kept.message_id, remove_labels="blocked")
        assert (await client.inboxes.messages.list(AGENT)).count == 2


async def test_who_hides_behind_an_admitted_sender_is_held(house: Bed) -> None:
    inbox = await house.inbox()
    async with official(house) as client:
        await client.inboxes.lists.create(AGENT, "receive", "allow", entry="carol@example.com")
        await house.receive(mail("From: carol@example.com, mallory@example.com"))
        await house.receive(mail("From: nobody"), envelope_from="mallory@example.com")
        await house.receive(mail("From: nobody"), envelope_from="")
        assert await _kinds(house, inbox) == (0, 3)
        await house.receive(mail(sender="carol@example.com"))
        assert await _kinds(house, inbox) == (1, 3)


@pytest.mark.promise("lists.reply-or-receive")
async def test_an_answer_to_our_mail_is_asked_of_the_reply_lists_alone(house: Bed) -> None:
    inbox = await house.inbox()
    async with official(house) as client:
        await client.inboxes.lists.create(AGENT, "receive", "allow", entry="boss.example")
        sent = await client.inboxes.messages.send(AGENT, to="carol@example.com", subject="A question", text="?")
        await house.receive(mail(answers=sent.message_id, subject="Re: A question"))
        assert await _kinds(house, inbox) == (1, 0)
        await house.receive(mail(references=sent.message_id))
        assert await _kinds(house, inbox) == (1, 1)
        await client.inboxes.lists.create(AGENT, "reply", "block", entry="example.com")
        await house.receive(mail(answers=sent.message_id))
        assert await _kinds(house, inbox) == (1, 2)
        await house.receive(mail(sender="ceo@boss.example"))
        await house.receive(mail(sender="ceo@boss.example", answers=sent.message_id))
        assert await _kinds(house, inbox) == (3, 2)


async def test_a_blocked_sender_can_hide_no_conversation(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        first = await house.receive(mail(message_id="<first@example.com>"))
        await client.inboxes.lists.create(AGENT, "receive", "block", entry="mallory@example.com")
        await house.receive(mail(sender="mallory@example.com", answers="<first@example.com>", references="<next@a.b>"))
        assert [t.thread_id for t in (await client.inboxes.threads.list(AGENT)).threads] == [first.thread_id]
        await house.receive(mail(message_id="<next@a.b>", subject="Next"))
        shown = await client.inboxes.threads.list(AGENT)
        assert [t.labels for t in shown.threads] == [["received", "unread"]] * 2


async def test_mail_between_inboxes_is_judged_where_it_arrives(house: Bed) -> None:
    await house.inbox()
    friend = await house.inbox("friend")
    async with official(house) as client:
        await client.inboxes.lists.create(friend.address, "receive", "block", entry=AGENT)
        sent = await client.inboxes.messages.send(AGENT, to=friend.address, text="Hello.")
        await house.settled()
        assert await _kinds(house, friend) == (0, 1)
        assert "bounced" not in (await client.inboxes.messages.get(AGENT, sent.message_id)).labels


async def test_a_scheduled_draft_to_a_blocked_recipient_fails_when_its_moment_comes(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    async with official(house) as client:
        at = datetime.fromtimestamp(clock() / 1000 + 60, UTC)
        made = await client.inboxes.drafts.create(AGENT, to=["bob@example.com"], text="Hello.", send_at=at)
        await client.inboxes.lists.create(AGENT, "send", "block", entry="bob@example.com")
        clock.advance(61_000)
        await house.until(lambda: house.rows("SELECT send_status FROM draft") == [("failed",)])
        assert (await client.inboxes.drafts.get(AGENT, made.draft_id)).send_status == "failed"
        assert house.rows("SELECT count(*) FROM delivery") == [(0,)]
