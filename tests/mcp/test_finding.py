"""Mail of all inboxes at once: what search and lists find there, and labels on many messages."""

from typing import Any

import pytest

from postroom.model.inbox import Inbox
from tests.fakes.bed import Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of
from tests.processes.running import Agent


async def _two_inboxes(house: Bed) -> tuple[Inbox, Inbox]:
    one, two = await house.inbox("one"), await house.inbox("two")
    for number in range(3):
        for inbox in (one, two):
            await house.receive(mail(subject=f"Invoice {number} of {inbox.address}"), inbox.address)
    await house.indexed()
    return one, two


async def test_a_search_without_an_inbox_finds_in_all_of_them_page_by_page(house: Bed) -> None:
    one, two = await _two_inboxes(house)
    async with client_of(house) as client:
        agent = Agent(client)
        seen: list[tuple[str, str]] = []
        page: dict[str, Any] = {"next_page_token": None}
        while "next_page_token" in page:
            page = await agent.does("search_messages", q="invoice", limit=2, page_token=page["next_page_token"])
            seen += [(m["inbox_id"], m["message_id"]) for m in page["messages"]]
        assert len(seen) == len(set(seen)) == 6
        assert {inbox for inbox, _message in seen} == {one.address, two.address}
        text = await agent.says("search_messages", q="invoice")
        assert all(f"inbox {inbox.address}" in text for inbox in (one, two))
        inbox, message = seen[0]
        assert (await agent.does("get_message", inbox_id=inbox, message_id=message))["message_id"] == message
        alone = (await agent.does("search_messages", q="invoice", inbox_id=one.address))["messages"]
        assert [m["message_id"] for m in alone] == [m for i, m in seen if i == one.address]
        assert not any("inbox_id" in m for m in alone)


async def test_what_is_hidden_or_of_others_is_found_by_no_search(house: Bed) -> None:
    one, two = await _two_inboxes(house)
    stranger = await house.stranger()
    theirs = await house.inbox("eve", stranger)
    await house.take(mail(subject="Invoice of another"), theirs.address)
    await house.indexed()
    key = await house.key(inbox_id=one.address)
    hidden = (await house.messages(two.address))[0]
    await house.call("messages.update", inbox_id=two.address, message_id=hidden.message_id, add_labels="spam")
    async with client_of(house) as client, client_of(house, key) as confined, client_of(house, stranger) as other:
        found = (await Agent(client).does("search_messages", q="invoice", limit=100))["messages"]
        assert (len(found), hidden.message_id in [m["message_id"] for m in found]) == (5, False)
        mine = await Agent(confined).does("search_messages", q="invoice")
        assert {m["subject"][-len(one.address) :] for m in mine["messages"]} == {one.address}
        assert len((await Agent(confined).does("list_threads"))["threads"]) == 3
        assert "No inbox" in await Agent(confined).refuses("search_messages", q="invoice", inbox_id=two.address)
        assert len((await Agent(other).does("search_messages", q="invoice"))["messages"]) == 1
        assert "'q'" in await Agent(client).refuses("search_messages", qq="invoice")
        assert "page_token" in await Agent(client).refuses("search_messages", q="invoice", page_token="x")
        assert "no word" in await Agent(client).refuses("search_messages", q="!?")


async def test_threads_of_all_inboxes_are_listed_with_the_inbox_of_each(house: Bed) -> None:
    one, two = await _two_inboxes(house)
    async with client_of(house) as client:
        agent = Agent(client)
        first = await agent.does("list_threads", limit=4)
        rest = await agent.does("list_threads", limit=4, page_token=first["next_page_token"])
        threads = [*first["threads"], *rest["threads"]]
        assert len({t["thread_id"] for t in threads}) == 6
        assert {t["inbox_id"] for t in threads} == {one.address, two.address}
        assert f"inbox {one.address}" in await agent.says("list_threads")
        assert "inbox_id" not in (await agent.does("list_threads", inbox_id=one.address))["threads"][0]


async def test_many_messages_are_labelled_at_once_and_ids_that_name_none_are_told(house: Bed) -> None:
    one, two = await _two_inboxes(house)
    ids = [m.message_id for m in await house.messages(one.address)]
    foreign = (await house.messages(two.address))[0].message_id
    async with client_of(house) as client:
        agent = Agent(client)
        ref = {"inbox_id": one.address}
        given = {**ref, "message_ids": [*ids, "<absent@x>", foreign], "add_labels": "Done", "remove_labels": "unread"}
        done = await agent.does("update_messages", **given)
        assert {tuple(m["labels"]) for m in done["messages"]} == {("done", "received")}
        assert done["missing"] == ["<absent@x>", foreign]
        assert "not there: <absent@x>" in await agent.says("update_messages", **given)
        listed = await agent.does("list_messages", **ref, labels=["done"])
        assert {m["message_id"] for m in listed["messages"]} == set(ids)
        assert (await agent.does("list_messages", **ref, labels="unread"))["messages"] == []
        alone = await agent.does("update_messages", **ref, message_ids=ids[0], remove_labels="done")
        assert len(alone["messages"]) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"message_ids": [f"<{n}@x>" for n in range(51)], "add_labels": "a"}, "50"),
        ({"message_ids": [], "add_labels": "a"}, "message_ids"),
        ({"message_ids": ["<a@b>"]}, "Nothing to change"),
        ({"message_ids": ["<a@b>"], "add_labels": "sent"}, "set by Postroom"),
        ({"message_id": "<a@b>", "add_labels": "a"}, "'message_ids'"),
    ],
)
async def test_a_change_of_labels_that_cannot_be_is_refused(house: Bed, given: dict[str, Any], said: str) -> None:
    inbox = await house.inbox()
    async with client_of(house) as client:
        assert said in await Agent(client).refuses("update_messages", inbox_id=inbox.address, **given)
