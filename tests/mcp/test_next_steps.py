"""What a tool says to do next can be done by whoever reads it, and what it says to have done was done."""

from typing import Any

import pytest
from mcp import Client

from postroom.mcp.selection import read_selection
from postroom.model.tenant import Actor
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of, server_of
from tests.processes.running import text_of

AGENT = f"agent@{DOMAIN}"
_WRITTEN = {"inbox_id": AGENT, "to": "ann@example.com", "text": "t"}


async def _said(house: Bed, tool: str, actor: Actor | None = None, chosen: str = "default", /, **given: Any) -> str:
    server = server_of(house, actor, read_selection(chosen))
    return text_of(await server.call_tool(tool, given))


async def _listed(house: Bed, actor: Actor | None = None, chosen: str = "all") -> dict[str, Any]:
    tools = await server_of(house, actor, read_selection(chosen)).list_tools()
    return {tool.name: tool.input_schema for tool in tools}


async def test_a_key_of_an_inbox_is_shown_no_tool_that_needs_more_than_an_inbox(house: Bed) -> None:
    inbox = await house.inbox("agent")
    key = await house.key(inbox_id=inbox.address)
    listed = await _listed(house, key)
    assert not [name for name in listed if name.endswith(("_domain", "_domains"))]
    assert "delete_inbox_permanently" not in listed
    told = await _said(house, "list_domains", key)
    assert told == "This key may not use list_domains: it takes a key of a whole pod. Ask for one."
    assert "domains" not in (await _said(house, "whoami", key)).splitlines()[-2]


@pytest.mark.parametrize(
    ("tool", "permissions", "named"),
    [
        ("list_domains", {"domain_read"}, "add_domain"),
        ("list_inboxes", {"inbox_read"}, "create_inbox"),
    ],
)
async def test_an_empty_list_names_the_tool_that_makes_one_to_whoever_is_offered_it(
    house: Bed, tool: str, permissions: set[str], named: str
) -> None:
    weak = house.owner.model_copy(update={"permissions": frozenset(permissions)})
    assert named in await _said(house, tool)
    assert named not in await _said(house, tool, weak)


async def test_a_deletion_names_the_undoing_only_where_that_is_offered(house: Bed) -> None:
    inbox = await house.inbox("agent")
    message = await house.receive(mail())
    draft = await house.call("drafts.create", inbox_id=AGENT, text="t", subject="s")
    server = server_of(house, selection=read_selection(exclude_tools="undo_delete,list_threads"))
    for tool, ref in (
        ("delete_message", {"message_id": message.message_id}),
        ("delete_thread", {"thread_id": message.thread_id}),
        ("delete_draft", {"draft_id": draft.draft_id}),
        ("list_trash", {}),
        ("delete_inbox", {}),
    ):
        told = text_of(await server.call_tool(tool, {"inbox_id": inbox.address, **ref}))
        assert "an be brought back" in told, tool
        assert "undo_delete" not in told, tool


async def test_waiting_in_vain_names_the_list_only_where_it_is_offered(house: Bed) -> None:
    await house.inbox("agent")
    await house.receive(mail())
    for exclude, is_named in ((None, True), ("list_messages", False)):
        server = server_of(house, selection=read_selection(exclude_tools=exclude))
        async with Client(server) as client:
            told = text_of(await client.call_tool("wait_for_message", {"inbox_id": AGENT, "timeout": 0}))
        assert "1 messages came here in the last 10 minutes" in told
        assert ("list_messages" in told) is is_named


async def test_deleting_an_inbox_takes_its_name_from_a_key_of_it_too(house: Bed) -> None:
    inbox = await house.inbox("agent")
    key = await house.key(inbox_id=inbox.address)
    assert "inbox_id" in (await _listed(house, key))["delete_inbox"]["required"]
    assert await _said(house, "delete_inbox", key) == "Invalid arguments. inbox_id: it is required."
    assert (await house.call("inboxes.get", inbox_id=AGENT)).address == AGENT
    told = await _said(house, "delete_inbox", key, inbox_id=AGENT)
    assert "Your key has stopped with it" in told
    assert f"postroom inboxes restore {AGENT}" in told
    assert "undo_delete" not in told
    assert "undo_delete" in await _said(house, "list_trash")


@pytest.mark.parametrize(
    ("tool", "given", "named"),
    [
        ("search_threads", {"q": "x"}, ("search_messages", "get_thread")),
        ("update_thread", {"inbox_id": AGENT, "thread_id": "thd_x"}, ("update_messages", "get_thread")),
    ],
)
async def test_a_tool_of_a_toolset_that_is_off_names_what_does_the_same(
    house: Bed, tool: str, given: dict[str, Any], named: tuple[str, ...]
) -> None:
    told = await _said(house, tool, **given)
    assert "its toolset threads is not" in told
    assert all(name in told for name in named)
    server = server_of(house, selection=read_selection(exclude_tools="get_thread"))
    told = text_of(await server.call_tool(tool, given))
    assert told.endswith("Ask who set the server up.")


async def test_an_argument_that_another_tool_takes_names_that_tool(house: Bed) -> None:
    await house.inbox("agent")
    told = await _said(house, "send_message", **_WRITTEN, send_at="2030-01-01T09:00:00Z")
    assert told == "Unknown argument 'send_at'. create_draft takes it: the draft is sent by itself then."
    told = await _said(house, "send_message", **_WRITTEN, headers={"X-A": "b"})
    assert "POST /v1/postroom/inboxes/{inbox_id}/messages/send" in told
    server = server_of(house, selection=read_selection(exclude_tools="create_draft"))
    assert "Known:" in text_of(await server.call_tool("send_message", {**_WRITTEN, "send_at": "x"}))


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (
            "mailto:leave@list.example.com?subject=bye%20now&body=stop+1",
            "send_message to leave@list.example.com, subject 'bye now', text 'stop+1'.",
        ),
        ("mailto:a%2Bb@list.example.com", "send_message to a+b@list.example.com."),
        ("mailto:a@list.example.com,b@list.example.com", "send_message to a@list.example.com, b@list.example.com."),
        ("mailto:?to=leave@list.example.com", "send_message to leave@list.example.com."),
        ("mailto:nobody", "to what is no address: mailto:nobody."),
        ("mailto:", "to what is no address: mailto:."),
    ],
)
async def test_a_list_that_is_left_by_mail_says_whom_to_write_what(house: Bed, way: str, said: str) -> None:
    await house.inbox("agent")
    message = await house.receive(mail(f"List-Unsubscribe: <{way}>"))
    async with client_of(house) as client:
        ref = {"inbox_id": AGENT, "message_id": message.message_id}
        result = await client.call_tool("unsubscribe", ref)
    assert said in text_of(result)
    assert (result.meta or {})["postroom/untrusted"]  # its words are the sender's


async def test_a_list_whose_address_may_not_be_asked_says_what_else_there_is(house: Bed) -> None:
    await house.inbox("agent")
    house.use_true_client()
    post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    for ways, said in (
        ("<https://127.0.0.1/u>", "It offers no other way: label its mail, or block its sender."),
        ("<https://127.0.0.1/u>, <mailto:u@example.com>", "It can be left by mail to mailto:u@example.com as well"),
    ):
        message = await house.receive(mail(f"List-Unsubscribe: {ways}", post))
        assert said in await _said(house, "unsubscribe", inbox_id=AGENT, message_id=message.message_id)


async def test_undoing_what_was_never_deleted_says_that_nothing_was_brought_back(house: Bed) -> None:
    await house.inbox("agent")
    message = await house.receive(mail())
    draft = await house.call("drafts.create", inbox_id=AGENT, text="t", subject="s")
    refs: tuple[dict[str, str], ...] = (
        {"message_id": message.message_id},
        {"thread_id": message.thread_id},
        {"draft_id": draft.draft_id},
        {},
    )
    for ref in refs:
        told = await _said(house, "undo_delete", inbox_id=AGENT, **ref)
        assert "is not in the trash: nothing was to be brought back." in told, ref
        assert "Restored" not in told
    for kind, ref in zip(("message", "thread", "draft", "inbox"), refs, strict=True):
        await _said(house, f"delete_{kind}", inbox_id=AGENT, **ref)
        assert (await _said(house, "undo_delete", inbox_id=AGENT, **ref)).startswith("Restored "), kind


async def test_an_inbox_that_comes_back_tells_of_drafts_that_failed_where_there_are_any(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox("agent")
    for late in (True, False):
        if late:
            await house.call("drafts.create", **_WRITTEN, send_at="2026-03-02T09:10:00Z")
        await _said(house, "delete_inbox", inbox_id=AGENT)
        clock.now += 3_600_000
        told = await _said(house, "undo_delete", inbox_id=AGENT)
        assert ("1 drafts that were to be sent meanwhile were not: list_drafts shows them" in told) is late


async def test_a_create_that_makes_no_new_inbox_says_so(house: Bed) -> None:
    first = await _said(house, "create_inbox", username="agent", client_id="c1")
    assert first.startswith(f"Created {AGENT}.")
    again = await _said(house, "create_inbox", username="another", client_id="c1")
    assert again.startswith(f"Made before with this client_id, and nothing was changed: {AGENT}.")


@pytest.mark.parametrize(
    ("given", "asked", "example"),
    [
        ("2031-03-01", "which hour of that day, and which time zone is meant?", "2031-03-01T09:00:00Z"),
        ("20310301", "which hour of that day", "2031-03-01T09:00:00Z"),
        ("2031-03-01T10", "which time zone is meant?", "2031-03-01T10:00:00Z"),
    ],
)
async def test_a_moment_that_is_asked_back_comes_with_an_example_that_is_taken(
    house: Bed, given: str, asked: str, example: str
) -> None:
    await house.inbox("agent")
    told = await _said(house, "create_draft", **_WRITTEN, send_at=given)
    assert asked in told
    assert f"{example} for UTC" in told
    assert "Draft kept." in await _said(house, "create_draft", **_WRITTEN, send_at=example)


async def test_an_offset_past_the_end_of_a_text_says_so(house: Bed) -> None:
    await house.inbox("agent")
    message = await house.receive(mail(text="Some words.", files={"a.txt": b"hello"}))
    ref = {"inbox_id": AGENT, "message_id": message.message_id}
    file = {**ref, "attachment_id": message.attachments[0].attachment_id}
    for tool, given in (("get_message", ref), ("get_attachment", file)):
        assert "offset 500 is past its end: it has" in await _said(house, tool, **given, offset=500), tool
        assert "past its end" not in await _said(house, tool, **given, offset=2), tool


async def test_a_draft_that_is_in_the_trash_is_said_to_be_there_and_one_that_was_sent_is_a_message(house: Bed) -> None:
    await house.inbox("agent")
    deleted = (await house.call("drafts.create", **_WRITTEN)).draft_id
    sent = (await house.call("drafts.create", **_WRITTEN)).draft_id
    await house.call("drafts.trash", draft_id=deleted)
    await house.call("drafts.send", draft_id=sent)
    assert "It is in the trash: bring it back (undo_delete" in await _said(house, "get_draft", draft_id=deleted)
    assert "is a message labelled sent then" in await _said(house, "get_draft", draft_id=sent)


async def test_labelling_many_tells_the_ids_that_name_none_and_labels_the_others(house: Bed) -> None:
    await house.inbox("agent")
    message = await house.receive(mail())
    ids = [message.message_id, "<none@example.com>"]
    told = await _said(house, "update_messages", inbox_id=AGENT, message_ids=ids, add_labels="seen")
    assert "1 messages labelled." in told
    assert "not there: <none@example.com>" in told
    assert "seen" in (await house.message(AGENT, message.message_id)).labels
