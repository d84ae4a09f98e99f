"""Deletions by the tools: into the trash and back, as a model does it; for good only where admin is offered."""

from typing import Any

import pytest
from mcp import Client

from postroom.mcp.selection import read_selection
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of

AGENT = f"agent@{DOMAIN}"


async def _does(client: Client, tool: str, **given: Any) -> tuple[str, dict[str, Any]]:
    found = await client.call_tool(tool, given)
    text = str(getattr(found.content[0], "text", ""))
    assert not found.is_error, text
    return text, found.structured_content or {}


async def test_a_deleted_message_comes_back_by_what_the_deletion_said(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail())
    async with client_of(house) as client:
        text, data = await _does(client, "delete_message", inbox_id=AGENT, message_id=message.message_id)
        assert "undo_delete" in text
        assert data["until"].endswith("Z")
        assert (await _does(client, "list_messages", inbox_id=AGENT))[1]["messages"] == []
        (shown,) = (await _does(client, "list_messages", inbox_id=AGENT, labels="trash"))[1]["messages"]
        _text, back = await _does(client, "undo_delete", inbox_id=AGENT, message_id=shown["message_id"])
        assert back["labels"] == list(message.labels)
        assert len((await _does(client, "list_messages", inbox_id=AGENT))[1]["messages"]) == 1


async def test_a_deletion_says_that_the_rest_of_the_thread_is_hidden_with_the_message(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="one"))
    second = await house.receive(mail(answers=first.message_id, subject="Re: one"))
    async with client_of(house) as client:
        text, _data = await _does(client, "delete_message", inbox_id=AGENT, message_id=second.message_id)
    assert first.thread_id in text
    assert "labels=trash" in text


async def test_a_deleted_thread_and_a_deleted_inbox_come_back(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail())
    async with client_of(house) as client:
        await _does(client, "delete_thread", inbox_id=AGENT, thread_id=message.thread_id)
        assert (await _does(client, "list_threads"))[1]["threads"] == []
        await _does(client, "undo_delete", inbox_id=AGENT, thread_id=message.thread_id)
        text, data = await _does(client, "delete_inbox", inbox_id=AGENT)
        assert (data["success"], data["inbox_id"]) == (True, AGENT)
        assert (await _does(client, "list_inboxes"))[1]["inboxes"] == []
        taken = await client.call_tool("create_inbox", {"username": "agent"})
        assert taken.is_error
        assert "undo_delete" in str(taken.content)
        await _does(client, "undo_delete", inbox_id=AGENT)
        assert len((await _does(client, "list_messages", inbox_id=AGENT))[1]["messages"]) == 1
    assert "undo_delete" in text


async def test_undoing_two_things_at_once_is_refused(house: Bed) -> None:
    await house.inbox()
    async with client_of(house) as client:
        found = await client.call_tool("undo_delete", {"inbox_id": AGENT, "message_id": "m", "thread_id": "t"})
    assert found.is_error


async def test_the_list_of_the_trash_says_what_brings_each_thing_back(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    message = await house.receive(mail(subject="Bin\u202eme"))
    async with client_of(house) as client:
        assert "nothing" in (await _does(client, "list_trash"))[0]
        await _does(client, "delete_message", inbox_id=AGENT, message_id=message.message_id)
        await _does(client, "delete_inbox", inbox_id=other.address)
        text, data = await _does(client, "list_trash")
        assert f"undo_delete with inbox_id={other.address}" in text
        assert "\u202e" not in text
        assert {item["kind"] for item in data["trash"]} == {"inbox", "message"}
        (item,) = [item for item in data["trash"] if item["kind"] == "message"]
        back = {name: item[name] for name in ("inbox_id", "message_id")}
        await _does(client, "undo_delete", **back)
        await _does(client, "undo_delete", inbox_id=other.address)
        assert (await _does(client, "list_trash", inbox_id=AGENT))[1]["trash"] == []


FINAL = ("delete_message_permanently", "delete_thread_permanently", "delete_inbox_permanently")


async def test_what_deletes_for_good_is_offered_with_admin_alone(house: Bed) -> None:
    async with client_of(house) as client:
        assert set(FINAL).isdisjoint(tool.name for tool in (await client.list_tools()).tools)
    async with client_of(house, selection=read_selection("all")) as client:
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert all(getattr(offered[name].annotations, "destructive_hint", None) for name in FINAL)


@pytest.mark.parametrize("is_trashed", [False, True])
async def test_what_deletes_for_good_needs_no_trash_and_takes_from_it(house: Bed, is_trashed: bool) -> None:
    await house.inbox()
    first, second = await house.receive(mail(subject="1")), await house.receive(mail(subject="2"))
    one = {"inbox_id": AGENT, "message_id": first.message_id}
    other = {"inbox_id": AGENT, "thread_id": second.thread_id}
    async with client_of(house, selection=read_selection("all")) as client:
        if is_trashed:
            await _does(client, "delete_message", **one)
            await _does(client, "delete_thread", **other)
        await _does(client, "delete_message_permanently", **one)
        await _does(client, "delete_thread_permanently", **other)
        assert house.rows("SELECT count(*) FROM message") == house.rows("SELECT count(*) FROM trash") == [(0,)]
        if is_trashed:
            await _does(client, "delete_inbox", inbox_id=AGENT)
        await _does(client, "delete_inbox_permanently", inbox_id=AGENT)
        assert house.rows("SELECT count(*) FROM inbox") == house.rows("SELECT count(*) FROM trash") == [(0,)]


async def test_a_key_that_may_not_delete_is_offered_no_deletion(house: Bed) -> None:
    key = await house.key(permissions=["inbox_read", "message_read"])
    async with client_of(house, key) as client:
        offered = {tool.name for tool in (await client.list_tools()).tools}
    assert offered.isdisjoint({"delete_message", "delete_thread", "delete_inbox", "undo_delete"})


async def test_a_deleted_draft_is_listed_and_comes_back_by_what_the_deletion_said(house: Bed) -> None:
    await house.inbox()
    async with client_of(house) as client:
        draft = (await _does(client, "create_draft", inbox_id=AGENT, to="a@example.com", subject="Plan", text="t"))[1]
        ref = {"inbox_id": AGENT, "draft_id": draft["draft_id"]}
        text, gone = await _does(client, "delete_draft", draft_id=draft["draft_id"])
        assert "undo_delete" in text
        assert {name: gone[name] for name in ref} == ref
        text, data = await _does(client, "list_trash")
        assert f"undo_delete with inbox_id={AGENT} and draft_id" in text
        (item,) = data["trash"]
        assert (item["kind"], item["subject"], item["until"]) == ("draft", "Plan", gone["until"])
        await _does(client, "undo_delete", **ref)
        assert (await _does(client, "get_draft", draft_id=draft["draft_id"]))[1]["text"] == "t"
