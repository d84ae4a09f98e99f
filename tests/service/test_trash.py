"""The trash: what was deleted is hidden and comes back as it was, until 30 days are over; then it is gone."""

from typing import Any

import pytest

from postroom.model.errors import AddressTaken, NotFound, Unauthenticated
from postroom.model.event import EventType
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.inboxes import TRASH_MS
from postroom.store.invariants import check
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
DAY_MS = 86_400_000
KINDS = pytest.mark.parametrize("kind", ["message", "thread"])


async def _empty(house: Bed) -> None:
    while await house.desk.call("trash.empty", SYSTEM, {}):
        pass


async def _purged(house: Bed) -> None:
    while await house.desk.call("purges.step", SYSTEM, {}):
        pass


def _named(kind: str, message: object) -> dict[str, str]:
    return {"inbox_id": AGENT, f"{kind}_id": getattr(message, f"{kind}_id")}


@KINDS
async def test_what_was_deleted_is_in_no_list_and_no_search_until_it_is_restored(house: Bed, kind: str) -> None:
    await house.inbox()
    message = await house.receive(mail(subject="Xylophone"))
    await house.indexed()
    gone = await house.call(f"{kind}s.trash", **_named(kind, message))
    assert gone.until == message.timestamp + TRASH_MS
    assert await house.messages(AGENT) == []
    assert (await house.call("messages.search", q="xylophone")).items == ()
    assert [m.id for m in await house.messages(AGENT, labels="trash")] == [message.id]
    assert [m.id for m in await house.messages(AGENT, include_trash=True)] == [message.id]
    await house.call(f"{kind}s.restore", **_named(kind, message))
    (back,) = await house.messages(AGENT)
    assert back.labels == message.labels
    assert [m.id for m in (await house.call("messages.search", q="xylophone")).items] == [message.id]


@KINDS
async def test_what_was_deleted_can_be_restored_for_thirty_days_and_is_gone_then(
    house: Bed, clock: FakeClock, kind: str
) -> None:
    await house.inbox()
    message = await house.receive(mail())
    await house.call(f"{kind}s.trash", **_named(kind, message))
    clock.advance(TRASH_MS - 1)
    await _empty(house)
    assert len(await house.messages(AGENT, labels="trash")) == 1
    clock.advance(1)
    await _empty(house)
    assert await house.messages(AGENT, labels="trash") == []
    with pytest.raises(NotFound):
        await house.call(f"{kind}s.restore", **_named(kind, message))
    assert house.rows("SELECT * FROM trash") == house.rows("SELECT * FROM thread") == []
    assert await check(house.database) == []


async def test_a_second_deletion_does_not_give_more_time(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    message = await house.receive(mail())
    first = await house.call("messages.trash", **_named("message", message))
    clock.advance(DAY_MS)
    assert (await house.call("messages.trash", **_named("message", message))).until == first.until


async def test_what_a_caller_labelled_trash_stays_for_ever(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    message = await house.receive(mail())
    await house.call("messages.update", **_named("message", message), add_labels="trash")
    clock.advance(10 * TRASH_MS)
    await _empty(house)
    assert len(await house.messages(AGENT, labels="trash")) == 1


async def test_taking_the_label_off_restores_and_a_later_label_does_not_purge(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    message = await house.receive(mail())
    await house.call("messages.trash", **_named("message", message))
    await house.call("messages.update", **_named("message", message), remove_labels="trash")
    await house.call("messages.update", **_named("message", message), add_labels="trash")
    clock.advance(2 * TRASH_MS)
    await _empty(house)
    assert len(await house.messages(AGENT, labels="trash")) == 1


async def test_a_long_thread_is_deleted_and_restored_whole(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="long"))
    for number in range(120):
        await house.take(mail(answers=first.message_id, subject="Re: long", text=str(number)), AGENT)
    ref = {"inbox_id": AGENT, "thread_id": first.thread_id}
    key = await house.key(permissions=["inbox_read", "message_read", "message_delete"])
    assert (await house.call("threads.trash", key, **ref)).message_count == 121
    assert await house.messages(AGENT) == []
    assert (await house.call("threads.list", inbox_id=AGENT)).items == ()
    assert (await house.call("threads.restore", **ref)).message_count == 121
    assert house.rows("SELECT count(*) FROM message WHERE labels LIKE '%trash%'") == [(0,)]
    assert house.rows("SELECT * FROM trash") == []


async def test_mail_that_comes_to_a_deleted_thread_outlives_it(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="old"))
    await house.call("threads.trash", **_named("thread", first))
    clock.advance(TRASH_MS // 2)
    later = await house.receive(mail(answers=first.message_id, subject="Re: old"))
    clock.advance(TRASH_MS)
    await _empty(house)
    assert [m.id for m in await house.messages(AGENT)] == [later.id]
    (thread,) = (await house.call("threads.list", inbox_id=AGENT)).items
    assert (thread.thread_id, thread.message_count) == (first.thread_id, 1)


async def test_a_deleted_inbox_is_absent_and_its_address_refuses_mail(house: Bed) -> None:
    inbox = await house.inbox()
    message = await house.receive(mail(subject="Xylophone"))
    await house.indexed()
    await house.call("inboxes.trash", inbox_id=AGENT)
    for operation, given in (
        ("inboxes.get", {}),
        ("messages.list", {}),
        ("messages.send", {"to": "a@example.com", "text": "t"}),
        ("messages.get", {"message_id": message.id}),
    ):
        with pytest.raises(NotFound):
            await house.call(operation, inbox_id=AGENT, **given)
    assert (await house.call("inboxes.list")).items == ()
    assert (await house.call("inboxes.search", q="agent")).items == ()
    assert (await house.call("threads.list")).items == ()
    assert (await house.call("threads.search", q="xylophone")).items == ()
    assert (await house.call("messages.search", q="xylophone")).items == ()
    assert (await house.desk.call("inboxes.route", SYSTEM, {"address": AGENT})).mailbox is None
    with pytest.raises(NotFound):
        await house.take(mail(), AGENT)
    assert len(await house.events(inbox, EventType.INBOX_TRASHED)) == 1


async def test_smtp_refuses_mail_for_a_deleted_inbox_as_for_an_unknown_one(house: Bed) -> None:
    await house.inbox()
    await house.call("inboxes.trash", inbox_id=AGENT)
    async with house.smtp() as client:
        await client.ehlo(hostname="peer.example")
        await client.mail("a@example.com")
        refused = await client.execute_command(b"RCPT", f"TO:<{AGENT}>".encode())
        unknown = await client.execute_command(b"RCPT", f"TO:<nobody@{DOMAIN}>".encode())
    assert (refused.code, refused.message.replace("agent@", "nobody@")) == (550, unknown.message)


async def test_a_restored_inbox_is_as_it_was(house: Bed) -> None:
    before = await house.inbox(display_name="Agent", client_id="mine")
    message = await house.receive(mail())
    made = await house.call("keys.create", inbox_id=AGENT)
    hook = await house.call("webhooks.create", url="https://hooks.example.com", inbox_ids=[AGENT])
    await house.call("inboxes.trash", inbox_id=AGENT)
    with pytest.raises(Unauthenticated):
        await house.house.actor(made.api_key)
    assert made.key.api_key_id not in [key.api_key_id for key in (await house.call("keys.list")).items]
    after = await house.call("inboxes.restore", inbox_id=AGENT)
    assert after == before
    assert [m.id for m in await house.messages(AGENT)] == [message.id]
    assert (await house.house.actor(made.api_key)).reach.inbox_id == before.inbox_id
    assert (await house.call("webhooks.get", webhook_id=hook.webhook_id)).enabled
    assert (await house.call("inboxes.search", q="agent")).items == (before,)
    await house.receive(mail(subject="again"))
    assert len(await house.messages(AGENT)) == 2
    assert len(await house.events(before, EventType.INBOX_RESTORED)) == 1


async def test_the_address_and_the_client_id_of_a_deleted_inbox_stay_taken(house: Bed) -> None:
    await house.inbox(client_id="mine")
    stranger = await house.stranger()
    await house.call("inboxes.trash", inbox_id=AGENT)
    with pytest.raises(AddressTaken, match="undo_delete"):
        await house.inbox("AGENT")
    with pytest.raises(AddressTaken, match="undo_delete"):
        await house.inbox("other", client_id="mine")
    with pytest.raises(AddressTaken) as caught:
        await house.inbox("agent", stranger)
    assert "trash" not in str(caught.value)


async def test_restoring_what_is_not_in_the_trash_changes_nothing(house: Bed) -> None:
    inbox = await house.inbox()
    message = await house.receive(mail())
    assert await house.call("inboxes.restore", inbox_id=AGENT) == inbox
    assert (await house.call("messages.restore", **_named("message", message))).labels == message.labels
    with pytest.raises(NotFound):
        await house.call("inboxes.restore", inbox_id=f"nobody@{DOMAIN}")


async def test_a_deleted_inbox_of_another_organization_cannot_be_restored(house: Bed) -> None:
    inbox = await house.inbox()
    stranger = await house.stranger()
    await house.call("inboxes.trash", inbox_id=AGENT)
    for name in (AGENT, inbox.inbox_id):
        for operation in ("inboxes.restore", "inboxes.delete"):
            with pytest.raises(NotFound):
                await house.call(operation, stranger, inbox_id=name)


async def test_a_deleted_inbox_is_gone_after_thirty_days_with_its_keys(house: Bed, clock: FakeClock) -> None:
    inbox = await house.inbox(client_id="mine")
    message = await house.receive(mail())
    await house.call("messages.trash", **_named("message", message))
    await house.call("keys.create", inbox_id=AGENT)
    await house.call("inboxes.trash", inbox_id=AGENT)
    clock.advance(TRASH_MS - 1)
    await _empty(house)
    assert house.rows("SELECT count(*) FROM inbox") == [(1,)]
    clock.advance(1)
    await _empty(house)
    await _purged(house)
    for table in ("inbox", "message", "thread", "trash", "purge"):
        assert house.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert house.rows("SELECT count(*) FROM api_key WHERE inbox_id IS NOT NULL") == [(0,)]
    assert len(await house.events(inbox, EventType.INBOX_DELETED)) == 1
    assert (await house.inbox(client_id="mine")).address == AGENT
    assert await check(house.database) == []


async def test_an_inbox_in_the_trash_can_be_deleted_for_good(house: Bed) -> None:
    await house.inbox()
    await house.call("keys.create", inbox_id=AGENT)
    await house.call("inboxes.trash", inbox_id=AGENT)
    await house.call("inboxes.delete", inbox_id=AGENT)
    assert house.rows("SELECT count(*) FROM inbox") == house.rows("SELECT count(*) FROM trash") == [(0,)]
    assert (await house.inbox()).address == AGENT


async def test_a_scheduled_draft_of_a_deleted_inbox_is_not_sent_and_has_failed_when_it_comes_back(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    given = {"inbox_id": AGENT, "to": "a@example.com", "text": "t"}
    soon = await house.call("drafts.create", **given, send_at=clock.now + DAY_MS)
    late = await house.call("drafts.create", **given, send_at=clock.now + 9 * DAY_MS)
    await house.call("inboxes.trash", inbox_id=AGENT)
    assert await house.desk.call("drafts.next_due", SYSTEM, {}) is None
    clock.advance(2 * DAY_MS)
    assert await house.desk.call("drafts.claim", SYSTEM, {"owner": "p", "limit": 9}) == []
    assert (await house.call("drafts.list")).items == ()
    await house.call("inboxes.restore", inbox_id=AGENT)
    drafts = {d.draft_id: d.send_status for d in (await house.call("drafts.list", inbox_id=AGENT)).items}
    assert drafts == {soon.draft_id: "failed", late.draft_id: "scheduled"}
    assert [m for m in await house.messages(AGENT) if "sent" in m.labels] == []


async def test_what_an_inbox_in_the_trash_holds_is_still_counted(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail())
    await house.call("inboxes.trash", inbox_id=AGENT)
    assert (await house.call("organizations.get")).inboxes == 1
    assert await check(house.database) == []


async def test_mail_for_an_inbox_in_the_trash_that_has_a_tag_reaches_nobody_else(house: Bed) -> None:
    await house.inbox()
    tagged = await house.inbox("agent+news")
    await house.call("inboxes.trash", inbox_id=tagged.address)
    with pytest.raises(NotFound):
        await house.take(mail(), tagged.address)
    assert await house.messages(AGENT) == []


async def _listed(house: Bed, actor: Actor | None = None, **given: Any) -> list[str]:
    page = await house.call("trash.list", actor, **given)
    return [item.message.id if item.message else item.inbox.address for item in page.items]


async def test_the_trash_lists_what_was_deleted_last_first_until_it_is_back(house: Bed, clock: FakeClock) -> None:
    inbox = await house.inbox()
    other = await house.inbox("other")
    first, second = [await house.receive(mail(subject=f"{n}")) for n in range(2)]
    for message in (first, second):
        await house.call("messages.trash", inbox_id=inbox.address, message_id=message.id)
        clock.advance(1000)
    await house.call("inboxes.trash", inbox_id=other.address)
    (gone, *_rest) = (await house.call("trash.list")).items
    assert gone.until == clock.now + TRASH_MS
    assert await _listed(house) == [other.address, second.id, first.id]
    assert await _listed(house, inbox_id=inbox.address) == [second.id, first.id]
    page = await house.call("trash.list", limit=2)
    assert await _listed(house, limit=2, page_token=page.next_page_token) == [first.id]
    await house.call("messages.restore", inbox_id=inbox.address, message_id=first.id)
    await house.call("inboxes.restore", inbox_id=other.address)
    assert await _listed(house) == [second.id]


async def test_an_inbox_in_the_trash_stands_for_its_messages_and_what_is_gone_for_good_is_not_listed(
    house: Bed,
) -> None:
    inbox = await house.inbox()
    message = await house.receive(mail())
    await house.call("messages.trash", inbox_id=inbox.address, message_id=message.id)
    await house.call("inboxes.trash", inbox_id=inbox.address)
    assert await _listed(house) == [inbox.address]
    await house.call("inboxes.delete", inbox_id=inbox.address)
    assert await _listed(house) == []


async def test_the_trash_of_others_and_what_a_key_may_not_see_is_not_listed(house: Bed) -> None:
    inbox = await house.inbox()
    other = await house.inbox("other")
    message = await house.receive(mail())
    await house.call("messages.trash", inbox_id=inbox.address, message_id=message.id)
    near = await house.key(inbox_id=other.address)
    blind = await house.key(permissions=["message_read", "inbox_read"])
    assert await _listed(house, await house.stranger()) == []
    assert (await _listed(house, near), await _listed(house, blind)) == ([], [])
    assert await _listed(house, await house.key(inbox_id=inbox.address)) == [message.id]
