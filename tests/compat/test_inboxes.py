"""Inboxes through the official client: created, found, changed, paused, deleted; in the organization and in a pod."""

import contextlib
import sqlite3
import time
from typing import Any

import pytest
from agentmail import NotFoundError, UnprocessableError, ValidationError
from agentmail.api_keys import CreateBearerApiKeyRequest
from agentmail.core.api_error import ApiError
from agentmail.inboxes import CreateInboxRequest

from postroom.model.inbox import words_of
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

ONCE: Any = {"max_retries": 0}
BEARER = CreateBearerApiKeyRequest(name="k")


def _named(username: str, **given: Any) -> CreateInboxRequest:
    return CreateInboxRequest(username=username, **given)


@pytest.mark.promise("inboxes.get", "inboxes.create", "transport.empty-body", "idempotency.client-id-gives-the-first")
@pytest.mark.promise("messages.inbox-id-is-the-address", "inboxes.default-display-name")
async def test_an_inbox_is_made_of_nothing_and_of_everything(house: Bed) -> None:
    async with official(house) as client:
        plain = await client.inboxes.create()
        assert (plain.email, plain.status, plain.display_name, plain.metadata) == (plain.inbox_id, None, None, None)
        full = await client.inboxes.create(
            request=_named(
                "support",
                domain=DOMAIN,
                display_name="Support",
                client_id="one",
                metadata={"n": 1, "f": 1.5, "b": True},
            )
        )
        assert full == await client.inboxes.get(f"support@{DOMAIN}")
        assert (full.metadata, full.client_id) == ({"n": 1, "f": 1.5, "b": True}, "one")
        again = await client.inboxes.create(request=_named("other", client_id="one"))
        assert again == full
        with pytest.raises(NotFoundError):
            await client.inboxes.get(f"other@{DOMAIN}")


@pytest.mark.promise("errors.typed")
async def test_a_taken_address_is_a_typed_422_that_nobody_tries_again(house: Bed) -> None:
    async with official(house) as client:
        await client.inboxes.create(request=_named("support"))
        with pytest.raises(UnprocessableError) as caught:
            await client.inboxes.create(request=_named("SUPPORT"))
        assert caught.value.body.code == "already_exists"


@pytest.mark.promise("idempotency.client-id-characters")
async def test_a_username_that_is_none_and_an_unknown_field_are_typed_400(house: Bed) -> None:
    async with official(house) as client:
        for request in (_named("a..b"), _named("a", colour="red"), _named("a", client_id="a@b")):
            with pytest.raises(ValidationError) as caught:
                await client.inboxes.create(request=request)
            assert caught.value.body.errors


@pytest.mark.promise("inboxes.update", "transport.null-is-not-absent", "inboxes.metadata-merges")
async def test_metadata_is_merged_by_key_and_cleared_by_null(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create(request=_named("support", metadata={"a": 1, "b": "x"}))
        merged = await client.inboxes.update(inbox.inbox_id, metadata={"b": None, "c": True})
        assert merged.metadata == {"a": 1, "c": True}
        cleared = await client.inboxes.update(inbox.inbox_id, metadata=None)
        assert (cleared.metadata, (await client.inboxes.get(inbox.inbox_id)).metadata) == (None, None)


@pytest.mark.promise("inboxes.metadata-merges", "inboxes.update-needs-a-change")
async def test_an_update_needs_a_change_and_an_empty_map_is_none(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create(request=_named("support", metadata={"a": 1}))
    async with wire(house, await owner_key(house)) as client_:
        nothing: list[dict[str, Any]] = [{}, {"metadata": {}}, {"status": None}]
        for body in (*nothing, {"status": "asleep"}, {"metadata": {"a": {}}}):
            answer = await client_.patch(f"/v0/inboxes/{inbox.inbox_id}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (400, "validation_error"), body
        assert (await client_.get(f"/v0/inboxes/{inbox.inbox_id}")).json()["metadata"] == {"a": 1}


@pytest.mark.promise("paused.shown", "paused.sends-nothing")
async def test_a_paused_inbox_sends_nothing_until_it_is_active_again(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create(request=_named("support"))
        await house.receive(mail(), inbox.email)
        (item,) = (await client.inboxes.messages.list(inbox.inbox_id)).messages
        paused = await client.inboxes.update(inbox.inbox_id, status="paused")
        assert paused.status == "paused"
        messages = client.inboxes.messages
        for attempt in (
            messages.send(inbox.inbox_id, to="a@example.com", text="t"),
            messages.reply(inbox.inbox_id, item.message_id, text="t"),
            messages.forward(inbox.inbox_id, item.message_id, to="a@example.com"),
        ):
            with pytest.raises(ApiError) as caught:
                await attempt
            assert (caught.value.status_code, caught.value.body.code) == (403, "inbox_paused")
        active = await client.inboxes.update(inbox.inbox_id, status="active")
        assert active.status is None
        await messages.send(inbox.inbox_id, to="a@example.com", text="t")
        assert (await messages.list(inbox.inbox_id, labels=["sent"])).count == 1


@pytest.mark.promise("paused.receives-nothing")
async def test_mail_for_a_paused_inbox_is_taken_and_kept_by_nobody(house: Bed) -> None:
    async with official(house) as client:
        for name in ("support", "sender", "awake"):
            await client.inboxes.create(request=_named(name, status="paused" if name == "support" else None))
        async with house.smtp() as correspondent:
            errors, reply = await correspondent.sendmail(
                "carol@example.com", [f"support@{DOMAIN}", f"awake@{DOMAIN}"], mail()
            )
        assert (errors, reply[:3]) == ({}, "250") or not errors
        sent = await client.inboxes.messages.send(f"sender@{DOMAIN}", to=f"support@{DOMAIN}", text="t")
        await house.settled()
        assert (await client.inboxes.messages.list(f"support@{DOMAIN}")).count == 0
        assert (await client.inboxes.messages.list(f"awake@{DOMAIN}")).count == 1
        assert house.rows("SELECT state FROM delivery WHERE recipient = ?", f"support@{DOMAIN}") == [("delivered",)]
        mine = await client.inboxes.messages.get(f"sender@{DOMAIN}", sent.message_id)
        assert "bounced" not in mine.labels
        await client.inboxes.update(f"support@{DOMAIN}", status="active")
        await house.receive(mail(subject="Later"), f"support@{DOMAIN}")
        (kept,) = (await client.inboxes.messages.list(f"support@{DOMAIN}")).messages
        assert kept.subject == "Later"


@pytest.mark.promise("inboxes.list", "pages.count-is-the-page", "order.inboxes")
async def test_all_pages_are_the_whole_list_in_both_orders(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        made = []
        for number in range(7):
            made.append((await client.inboxes.create(request=_named(f"agent{number}"))).inbox_id)
            clock.advance(number % 2)
        for ascending in (True, False):
            found: list[str] = []
            token = None
            while True:
                page = await client.inboxes.list(limit=3, page_token=token, ascending=ascending)
                assert (page.count, page.limit) == (len(page.inboxes), 3)
                found += [inbox.inbox_id for inbox in page.inboxes]
                if (token := page.next_page_token) is None:
                    break
            down = sorted(made, key=lambda name: -int(name[5]))
            assert sorted(found) == sorted(made)
            assert found[-1 if ascending else 0] in down[:1]


@pytest.mark.promise("search.inbox-prefix")
async def test_an_inbox_is_found_by_the_beginning_of_any_of_its_words(house: Bed) -> None:
    async with official(house) as client:
        await client.inboxes.create(request=_named("sales.emea", display_name="Émile from Sales"))
        await client.inboxes.create(request=_named("support-agent"))
        for q in ("sal", "EME", "emile", "ÉMI", "from sa", "sales.em", f"sales.emea@{DOMAIN}", "sales emile"):
            assert [i.inbox_id for i in (await client.inboxes.search(q=q)).inboxes] == [f"sales.emea@{DOMAIN}"], q
        for q in ("ales", "mile", "sales support", "--", "%%", "* OR *"):
            assert (await client.inboxes.search(q=q)).inboxes == [], q
        assert (await client.inboxes.search(q="postroom")).count == 2
        for q in ("s", "", "x" * 257):
            with pytest.raises(ValidationError):
                await client.inboxes.search(q=q)


@pytest.mark.promise("inboxes.search", "search.inbox-exact-first")
async def test_the_exact_address_is_found_first_and_once(house: Bed) -> None:
    async with official(house) as client:
        for name in ("aaa", "agent", "agent-b", "agent-a"):
            named = f"agent@{DOMAIN}" if name != "agent" else None
            await client.inboxes.create(request=_named(name, display_name=named))
        found: list[str] = []
        token = None
        while True:
            page = await client.inboxes.search(q=f"agent@{DOMAIN}", limit=1, page_token=token)
            found += [i.inbox_id for i in page.inboxes]
            if (token := page.next_page_token) is None:
                break
        assert found[0] == f"agent@{DOMAIN}"
        assert sorted(found) == sorted(f"{name}@{DOMAIN}" for name in ("aaa", "agent", "agent-a", "agent-b"))


@pytest.mark.promise("inboxes.delete")
async def test_a_new_display_name_is_found_and_the_old_one_no_more(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create(request=_named("agent", display_name="Walrus"))
        await client.inboxes.update(inbox.inbox_id, display_name="Carpenter")
        assert (await client.inboxes.search(q="walrus")).count == 0
        assert (await client.inboxes.search(q="carpent")).count == 1
        await client.inboxes.delete(inbox.inbox_id)
        assert (await client.inboxes.search(q="carpent")).count == 0


async def test_search_shows_no_inbox_of_another_pod_or_organization(house: Bed) -> None:
    stranger = await house.stranger()
    await house.inbox("agent-of-others", stranger)
    async with official(house) as client:
        pod = await client.pods.create(name="p")
        inner = await client.pods.inboxes.create(pod.pod_id, username="agent-of-pod")
        outer = await client.inboxes.create(request=_named("agent-of-organization"))
        assert {i.inbox_id for i in (await client.inboxes.search(q="agent")).inboxes} == {
            inner.inbox_id,
            outer.inbox_id,
        }
        page = await client.pods.inboxes.search(pod.pod_id, q="agent")
        assert [i.inbox_id for i in page.inboxes] == [inner.inbox_id]
        key = await client.inboxes.api_keys.create(outer.inbox_id, request=BEARER)
    async with official(house, key.api_key) as client:
        assert [i.inbox_id for i in (await client.inboxes.search(q="agent")).inboxes] == [outer.inbox_id]


async def test_a_search_among_ten_thousand_inboxes_reads_a_page_of_an_index(house: Bed) -> None:
    first = await house.inbox("needle", display_name="Rare")
    columns = "org_id, pod_id, client_id, display_name, status, metadata, created_at, updated_at"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
    words = sorted(words_of(f"agent@{DOMAIN}"))
    await _execute(
        house,
        f"{numbers} INSERT INTO inbox (inbox_id, address, address_key, {columns}) SELECT 'inb_' || i,"
        f" 'agent' || i || '@{DOMAIN}', 'agent' || i || '@{DOMAIN}', {columns} FROM n, inbox",
        f"UPDATE inbox SET display_name = NULL WHERE inbox_id <> '{first.inbox_id}'",
        f"{numbers} INSERT INTO inbox_word SELECT 'inb_' || i, 'agent' || i, org_id, pod_id FROM n, inbox"
        f" WHERE inbox.inbox_id = '{first.inbox_id}'",
        *(
            f"{numbers} INSERT INTO inbox_word SELECT 'inb_' || i, '{word}', org_id, pod_id FROM n, inbox"
            f" WHERE inbox.inbox_id = '{first.inbox_id}'"
            for word in words
            if word != "agent"
        ),
    )
    async with official(house) as client:
        started = time.process_time()
        assert (await client.inboxes.search(q=f"agent9999@{DOMAIN}")).inboxes[0].inbox_id == f"agent9999@{DOMAIN}"
        assert (await client.inboxes.search(q="postroom rare")).count == 1
        assert (await client.inboxes.search(q="agent", limit=100)).count == 100
        assert time.process_time() - started < 1.0


async def _execute(house: Bed, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(house.database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.promise("errors.cannot-delete", "delete.inbox")
async def test_an_inbox_with_keys_is_not_deleted_and_one_made_again_is_empty(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create(request=_named("support", client_id="mine"))
        await house.receive(mail(), inbox.email)
        key = await client.inboxes.api_keys.create(inbox.inbox_id, request=BEARER)
        with pytest.raises(ApiError) as caught:
            await client.inboxes.delete(inbox.inbox_id, request_options=ONCE)
        assert (caught.value.status_code, caught.value.body["code"]) == (409, "cannot_delete")
        await client.inboxes.api_keys.delete(inbox.inbox_id, key.api_key_id)
        await client.inboxes.delete(inbox.inbox_id)
        with pytest.raises(NotFoundError):
            await client.inboxes.delete(inbox.inbox_id)
        again = await client.inboxes.create(request=_named("support", client_id="mine"))
        assert (await client.inboxes.messages.list(again.inbox_id)).count == 0


@pytest.mark.promise("webhooks.client-id-is-of-its-place")
async def test_one_client_id_names_an_inbox_in_each_pod(house: Bed) -> None:
    async with official(house) as client:
        pods = [await client.pods.create(name=name) for name in "ab"]
        made = [await client.pods.inboxes.create(pod.pod_id, client_id="mine") for pod in pods]
        assert len({inbox.inbox_id for inbox in made}) == 2
        assert [inbox.pod_id for inbox in made] == [pod.pod_id for pod in pods]
        assert await client.pods.inboxes.create(pods[0].pod_id, client_id="mine") == made[0]


async def test_an_inbox_of_another_pod_is_absent_in_this_one(house: Bed) -> None:
    async with official(house) as client:
        pod = await client.pods.create(name="p")
        inbox = await client.inboxes.create()
        for attempt in (
            client.pods.inboxes.get(pod.pod_id, inbox.inbox_id),
            client.pods.inboxes.update(pod.pod_id, inbox.inbox_id, display_name="x"),
            client.pods.inboxes.delete(pod.pod_id, inbox.inbox_id),
            client.pods.inboxes.list("pod_absent"),
        ):
            with pytest.raises(NotFoundError):
                await attempt
        assert (await client.pods.inboxes.list(pod.pod_id)).count == 0
        assert (await client.inboxes.get(inbox.inbox_id)).display_name is None
