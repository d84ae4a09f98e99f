"""Inboxes through the desk: addresses are one identity, creation is safe to repeat, deletion leaves nothing."""

import asyncio
from typing import Any

import pytest

from postroom.model.address import address_key
from postroom.model.errors import AddressTaken, CannotDelete, InvalidInput, NotFound, OutOfScope, Unprocessable
from postroom.model.event import EventType
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

_TABLES = ("message", "message_body", "message_label", "message_reference", "thread", "delivery")


@pytest.mark.parametrize("spelling", [f"AGENT@{DOMAIN}", f"agent@{DOMAIN.upper()}", f" aGent@{DOMAIN} "])
async def test_an_inbox_is_found_under_every_case_of_its_address(house: Bed, spelling: str) -> None:
    made = await house.inbox("Agent")
    assert (await house.call("inboxes.get", inbox_id=spelling)) == made


async def test_mail_for_an_address_in_another_case_arrives(house: Bed) -> None:
    await house.inbox("Agent")
    await house.take(mail(), f"aGENT@{DOMAIN.upper()}")
    assert len(await house.messages(f"agent@{DOMAIN}")) == 1


async def test_the_spelling_that_was_given_first_is_what_is_shown(house: Bed) -> None:
    assert (await house.inbox("MixedCase")).address == f"MixedCase@{DOMAIN}"


async def test_an_address_that_differs_in_case_alone_is_taken(house: Bed) -> None:
    await house.inbox("agent")
    with pytest.raises(AddressTaken):
        await house.inbox("AGENT")


async def test_a_domain_in_u_labels_and_in_a_labels_is_one(home: Any, clock: FakeClock, migrated: Any) -> None:
    async with Bed(home, clock, migrated, domain="bücher.example") as house:
        made = await house.inbox("agent")
        for domain in ("bücher.example", "xn--bcher-kva.example", "BU\u0308CHER.example"):
            await house.take(mail(), f"agent@{domain}")
            assert (await house.call("inboxes.get", inbox_id=f"agent@{domain}")).inbox_id == made.inbox_id


async def test_a_tag_after_a_plus_leads_to_the_inbox(house: Bed) -> None:
    await house.inbox("agent")
    await house.take(mail(), f"agent+news@{DOMAIN}")
    assert len(await house.messages(f"agent@{DOMAIN}")) == 1


async def test_an_inbox_whose_own_name_has_a_plus_wins_over_the_base(house: Bed) -> None:
    await house.inbox("agent")
    await house.inbox("agent+news")
    await house.take(mail(), f"agent+news@{DOMAIN}")
    assert (len(await house.messages(f"agent+news@{DOMAIN}")), await house.messages(f"agent@{DOMAIN}")) == (1, [])


async def test_mail_by_a_tag_stays_with_the_organization_whose_inbox_it_reaches(house: Bed) -> None:
    await house.inbox("agent")
    with pytest.raises(AddressTaken):
        await house.inbox("agent+bank", await house.stranger())
    await house.take(mail(), f"agent+bank@{DOMAIN}")
    assert len(await house.messages(f"agent@{DOMAIN}")) == 1


@pytest.mark.parametrize("spelling", ['"agent"@{}', '"AG\\ENT"@{}', '"agent+x"@{}'])
async def test_quotes_that_an_address_does_not_need_make_no_other_mailbox(house: Bed, spelling: str) -> None:
    await house.inbox("agent")
    await house.take(mail(), spelling.format(DOMAIN))
    assert len(await house.messages(f"agent@{DOMAIN}")) == 1


def test_names_that_only_look_alike_are_two() -> None:
    assert address_key("a@xn--ban-0k1a.com") != address_key("a@bank.com")
    assert address_key("straße@b.test") != address_key("strasse@b.test")
    assert address_key("A@bücher.example") == address_key("a@xn--bcher-kva.example")


async def test_one_message_for_two_tags_of_an_inbox_is_filed_once(house: Bed) -> None:
    await house.inbox("agent")
    taken = await house.take(mail(), f"agent+a@{DOMAIN}", f"agent+b@{DOMAIN}", f"agent@{DOMAIN}")
    assert len(taken.filed) == 1


async def test_mail_for_nobody_here_is_refused(house: Bed) -> None:
    with pytest.raises(NotFound):
        await house.take(mail(), f"nobody@{DOMAIN}")


async def test_an_inbox_without_a_username_gets_one_of_its_own(house: Bed) -> None:
    first, second = await house.call("inboxes.create"), await house.call("inboxes.create")
    assert first.address != second.address


async def test_a_second_create_with_the_same_client_id_gives_the_first_inbox(house: Bed) -> None:
    first = await house.call("inboxes.create", client_id="job-7")
    assert await house.call("inboxes.create", client_id="job-7") == first
    assert len(await house.events(first, EventType.INBOX_CREATED)) == 1


async def test_creates_with_one_client_id_at_the_same_time_make_one_inbox(house: Bed) -> None:
    made = await asyncio.gather(*[house.call("inboxes.create", client_id="job-7") for _ in range(20)])
    assert len({inbox.inbox_id for inbox in made}) == 1


async def test_creates_of_one_name_at_the_same_time_make_one_inbox(house: Bed) -> None:
    made = await asyncio.gather(*[house.inbox("agent") for _ in range(10)], return_exceptions=True)
    assert sorted(type(m).__name__ for m in made) == ["AddressTaken"] * 9 + ["Inbox"]


@pytest.mark.parametrize("name", ["a..b", ".a", "a.", "a b", "ä", "a@b", "x" * 65, 'a"b', "\r\nBcc", "a\x00"])
async def test_a_name_that_cannot_be_an_address_is_refused(house: Bed, name: str) -> None:
    with pytest.raises(InvalidInput):
        await house.inbox(name)


async def test_a_domain_that_is_not_ours_is_refused(house: Bed) -> None:
    with pytest.raises(Unprocessable, match="domain"):
        await house.inbox("agent", domain="example.com")


async def test_metadata_is_merged_and_null_takes_a_key_off(house: Bed) -> None:
    inbox = await house.inbox("agent", metadata={"a": 1, "b": "two", "c": True})
    changed = await house.call("inboxes.update", inbox_id=inbox.address, metadata={"b": None, "d": 2.5})
    assert changed.metadata == {"a": 1, "c": True, "d": 2.5}
    assert await house.call("inboxes.get", inbox_id=inbox.address) == changed


@pytest.mark.parametrize("value", [2**63, -(2**70), float("inf"), float("nan"), "x" * 257])
async def test_metadata_that_json_or_the_database_cannot_keep_is_refused(house: Bed, value: object) -> None:
    inbox = await house.inbox("agent")
    with pytest.raises(InvalidInput):
        await house.call("inboxes.update", inbox_id=inbox.address, metadata={"n": value})
    assert (await house.call("inboxes.get", inbox_id=inbox.address)).metadata == {}


async def test_text_that_is_no_unicode_is_refused_wherever_it_stands(house: Bed) -> None:
    inbox = await house.inbox("agent")
    half = "a\ud800b"
    changes: list[dict[str, Any]] = [{"metadata": {"k": half}}, {"metadata": {half: 1}}, {"display_name": half}]
    for change in changes:
        with pytest.raises(InvalidInput):
            await house.call("inboxes.update", inbox_id=inbox.address, **change)
    words: list[dict[str, Any]] = [{"subject": half}, {"text": half}, {"html": half}, {"labels": [half]}]
    for given in (*words, {"headers": {"X-A": half}}):
        with pytest.raises(InvalidInput):
            await house.send(inbox.address, "carol@example.com", **given)
    with pytest.raises(InvalidInput):
        await house.call("messages.search", inbox_id=inbox.address, q=half)


async def test_an_update_without_a_change_is_refused(house: Bed) -> None:
    inbox = await house.inbox("agent")
    with pytest.raises(InvalidInput, match="Nothing to change"):
        await house.call("inboxes.update", inbox_id=inbox.address)


async def test_a_display_name_with_control_characters_is_refused(house: Bed) -> None:
    with pytest.raises(InvalidInput):
        await house.inbox("agent", display_name="Eve\r\nBcc: x@y.z")


async def test_a_misspelt_field_is_refused_with_the_name_that_was_meant(house: Bed) -> None:
    with pytest.raises(InvalidInput, match="'username'"):
        await house.call("inboxes.create", usrname="agent")


@pytest.mark.parametrize("hostile", ["\ud800@x.y", "a@\x00", "@", "", "a" * 100_000 + "@b.c", "' OR 1=1 --", "%"])
async def test_a_hostile_inbox_id_is_refused_and_breaks_nothing(house: Bed, hostile: str) -> None:
    with pytest.raises((NotFound, InvalidInput)):
        await house.call("inboxes.get", inbox_id=hostile)


async def test_all_inboxes_are_listed_newest_first_over_all_pages(house: Bed, clock: FakeClock) -> None:
    made = []
    for number in range(11):
        made.append((await house.inbox(f"agent{number}")).address)
        clock.advance(number % 2)
    page = await house.call("inboxes.list", limit=3)
    found = list(page.items)
    while page.next_page_token:
        page = await house.call("inboxes.list", limit=3, page_token=page.next_page_token)
        found += page.items
    assert {i.address for i in found} == set(made)
    assert len(found) == 11
    assert [i.created_at for i in found] == sorted((i.created_at for i in found), reverse=True)


async def _full_inbox(house: Bed) -> Any:
    inbox = await house.inbox("agent")
    for number in range(3):
        await house.take(mail(subject=f"number {number}", files={"a.bin": b"x" * 90_000}), inbox.address)
    await house.send(inbox.address, "carol@example.com", labels=["mine"])
    return inbox


async def test_a_deleted_inbox_is_gone_for_its_readers_at_once(house: Bed) -> None:
    inbox = await _full_inbox(house)
    await house.call("inboxes.delete", inbox_id=inbox.address)
    for operation in ("inboxes.get", "messages.list", "threads.list"):
        with pytest.raises(NotFound):
            await house.call(operation, inbox_id=inbox.address)
    with pytest.raises(NotFound):
        await house.take(mail(), inbox.address)


async def test_the_mail_of_a_deleted_inbox_leaves_every_table_in_the_background(house: Bed) -> None:
    inbox = await _full_inbox(house)
    other = await house.inbox("other")
    await house.take(mail(), other.address)
    await house.call("inboxes.delete", inbox_id=inbox.address)
    await house.until(lambda: not house.rows("SELECT 1 FROM purge"))
    left = {table: house.rows(f"SELECT count(*) FROM {table}")[0][0] for table in _TABLES}
    # Of references: the id of the other's message, and who sent it.
    expected = {"message": 1, "message_body": 1, "message_label": 2, "message_reference": 2, "thread": 1}
    assert left == {**expected, "delivery": 0}


async def test_mail_of_a_deleted_inbox_leaves_the_search_index(house: Bed) -> None:
    inbox = await _full_inbox(house)
    await house.indexed()
    await house.call("inboxes.delete", inbox_id=inbox.address)
    await house.until(lambda: not house.rows("SELECT 1 FROM purge"))
    assert house.rows("SELECT rowid FROM message_search WHERE message_search MATCH 'number'") == []


async def test_a_recreated_address_starts_empty_under_another_id(house: Bed) -> None:
    inbox = await _full_inbox(house)
    await house.call("inboxes.delete", inbox_id=inbox.address)
    again = await house.inbox("agent")
    assert again.inbox_id != inbox.inbox_id
    assert await house.messages(again.address) == []
    await house.take(mail(subject="number 0"), again.address)
    assert len(await house.messages(again.address)) == 1


async def test_an_inbox_with_keys_of_its_own_is_not_deleted_before_them(house: Bed) -> None:
    inbox = await house.inbox("agent")
    made = await house.call("keys.create", inbox_id=inbox.address)
    with pytest.raises(CannotDelete):
        await house.call("inboxes.delete", inbox_id=inbox.address)
    assert (await house.call("inboxes.get", inbox_id=inbox.address)) == inbox
    await house.call("keys.delete", api_key_id=made.key.api_key_id)
    await house.call("inboxes.delete", inbox_id=inbox.address)
    with pytest.raises(NotFound):
        await house.call("inboxes.get", inbox_id=inbox.address)


async def test_a_second_delete_is_answered_as_absent(house: Bed) -> None:
    inbox = await house.inbox("agent")
    await house.call("inboxes.delete", inbox_id=inbox.address)
    with pytest.raises(NotFound):
        await house.call("inboxes.delete", inbox_id=inbox.address)


async def test_a_key_of_one_inbox_makes_no_other(house: Bed) -> None:
    inbox = await house.inbox("agent")
    actor = await house.key(inbox_id=inbox.address)
    with pytest.raises(OutOfScope):
        await house.inbox("second", actor)


async def test_what_the_owner_imports_into_a_paused_inbox_is_kept(house: Bed) -> None:
    inbox = await house.inbox("agent", status="paused")
    taken = await house.take(mail(), inbox.address)
    assert (taken.filed, taken.duplicates) == ({}, ())
    await house.take(mail(), inbox.address, origin="import")
    assert len(await house.messages(inbox.address)) == 1
