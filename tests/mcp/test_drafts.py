"""Drafts by tools: written, looked over, changed, scheduled, sent, thrown away; what each effect is, read back."""

import asyncio
import base64
import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError

from postroom.model.errors import PostroomError
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail as raw
from tests.mcp.bedside import client_of
from tests.mcp.conftest import KEY
from tests.processes.running import Agent, Server, mail, remote, send

INBOX = "agent@postroom.localhost"


async def _inbox(agent: Agent) -> str:
    made = await agent.does("create_inbox", username=f"box-{uuid.uuid4().hex[:8]}")
    return str(made["inbox_id"])


async def _arrived(server: Server, agent: Agent, inbox: str) -> dict[str, Any]:
    letter = mail(inbox, "Offer")
    letter["Cc"] = "bob@example.com"
    letter.add_attachment("a,b\n", subtype="csv", filename="table.csv")
    await asyncio.to_thread(send, server.smtp, letter, inbox)
    came = await agent.does("wait_for_message", inbox_id=inbox, after=0, timeout=10)
    return dict(came["message"])


async def _rest(server: Server, path: str) -> Any:
    async with httpx.AsyncClient(base_url=f"{server.http}/v0", headers={"authorization": f"Bearer {KEY}"}) as client:
        return (await client.get(path)).json()


async def test_a_draft_is_written_changed_sent_and_is_a_message_then(server: Server) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        file = {"content": base64.b64encode(b"one").decode(), "filename": "one.bin"}
        given = {"inbox_id": inbox, "to": "ann@example.com", "subject": "Plan", "text": "First words."}
        made = await agent.does("create_draft", **given, attachments=[file], labels="mine", client_id="plan-1")
        again = await agent.does("create_draft", **given, client_id="plan-1")
        assert again["draft_id"] == made["draft_id"]
        ref = {"draft_id": made["draft_id"]}
        two = {"content": base64.b64encode(b"two").decode(), "filename": "two.bin"}
        changed = await agent.does(
            "update_draft",
            **ref,
            cc=["bob@example.com"],
            text="Better words.",
            subject="",
            add_attachments=[two],
            remove_attachments=made["attachments"][0]["attachment_id"],
            add_labels=["later"],
            remove_labels="mine",
        )
        shown = await agent.does("get_draft", **ref, inbox_id=inbox)
        assert shown == {**changed, "position": shown["position"]}
        assert (shown["to"], shown["cc"], shown["text"]) == (["ann@example.com"], ["bob@example.com"], "Better words.")
        assert ("subject" in shown, shown["labels"]) == (False, ["draft", "later"])
        assert [a["filename"] for a in shown["attachments"]] == ["two.bin"]
        kept = await _rest(server, f"/inboxes/{inbox}/drafts/{ref['draft_id']}")
        assert (kept["text"], kept["cc"], kept["labels"]) == ("Better words.", ["bob@example.com"], ["draft", "later"])
        sent = await agent.does("send_draft", **ref)
        assert sorted(sent["captured"]) == ["ann@example.com", "bob@example.com"]
        message = await agent.does("get_message", inbox_id=inbox, message_id=sent["message_id"])
        assert message["text"].strip() == "Better words."
        assert "No draft" in await agent.refuses("get_draft", **ref)
        assert (await agent.does("list_drafts", inbox_id=inbox))["drafts"] == []


async def test_an_answer_and_a_forward_are_drafted_with_people_subject_and_thread_taken_care_of(server: Server) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        message = await _arrived(server, agent, inbox)
        given = {"inbox_id": inbox, "in_reply_to": message["message_id"]}
        answer = await agent.does("create_draft", **given, reply_all=True, text="Yes.")
        assert (answer["to"], answer["cc"]) == (["Ann Field <ann@example.com>"], ["bob@example.com"])
        assert (answer["subject"], answer["thread_id"]) == ("Re: Offer", message["thread_id"])
        assert (await agent.does("send_draft", draft_id=answer["draft_id"]))["thread_id"] == message["thread_id"]
        forward = await agent.does(
            "create_draft", inbox_id=inbox, forward_of=message["message_id"], to=["carol@example.com"]
        )
        assert (forward["subject"], forward["forward_of"]) == ("Fwd: Offer", message["message_id"])
        sent = await agent.does("send_draft", draft_id=forward["draft_id"])
        passed = await agent.does("get_message", inbox_id=inbox, message_id=sent["message_id"])
        assert [a["filename"] for a in passed["attachments"]] == ["table.csv"]
        refused = await agent.refuses("create_draft", **given, reply_all=True, to="x@example.com")
        assert "exclusive with to" in refused
        assert "forward_of" in await agent.refuses("create_draft", **given, forward_of=message["message_id"])


async def test_a_moment_without_a_zone_is_refused_with_the_question_which_zone_is_meant(server: Server) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        given = {"inbox_id": inbox, "to": "ann@example.com", "text": "Later."}
        for naive in ("2031-03-01T09:00:00", "2031-03-01 09:00", "2031-03-01"):
            told = await agent.refuses("create_draft", **given, send_at=naive)
            assert "which time zone is meant?" in told
            assert "+01:00" in told
        assert "RFC 3339" in await agent.refuses("create_draft", **given, send_at="tomorrow at nine")
        assert "past" in await agent.refuses("create_draft", **given, send_at="2020-03-01T09:00:00Z")
        assert (await agent.does("list_drafts", inbox_id=inbox))["drafts"] == []
        made = await agent.does("create_draft", **given, send_at="2031-03-01T09:00:00+01:00")
        assert (made["send_at"], made["send_status"]) == ("2031-03-01T08:00:00.000Z", "scheduled")
        assert "zone" in await agent.refuses("update_draft", draft_id=made["draft_id"], send_at="2031-03-01T09:00:00")


async def test_an_empty_send_at_keeps_a_draft_and_deleting_it_cancels_the_send(server: Server) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        given = {"inbox_id": inbox, "to": "ann@example.com", "text": "Later.", "send_at": "2031-03-01T08:00:00Z"}
        made = [await agent.does("create_draft", **given) for _ in range(2)]
        waiting = await agent.does("list_drafts", inbox_id=inbox, labels="scheduled")
        assert {d["draft_id"] for d in waiting["drafts"]} == {d["draft_id"] for d in made}
        kept, gone = (d["draft_id"] for d in made)
        still = await agent.does("update_draft", draft_id=kept, send_at=None, text="Other words.")
        assert still["send_status"] == "scheduled"  # null is what was left out
        unscheduled = await agent.does("update_draft", draft_id=kept, send_at="")
        assert ("send_at" in unscheduled, unscheduled["text"]) == (False, "Other words.")
        assert "It is not sent." in await agent.says("delete_draft", draft_id=gone)
        assert (await agent.does("list_drafts", inbox_id=inbox, labels=["scheduled"]))["drafts"] == []
        assert (await agent.does("list_drafts"))["drafts"][0]["draft_id"] == kept


async def test_a_scheduled_draft_is_sent_at_its_moment_and_an_unscheduled_one_is_not(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    async with client_of(house) as client:
        agent = Agent(client)
        moment = "2031-03-01T08:00:00Z"
        given = {"inbox_id": INBOX, "to": "ann@example.com", "text": "Now.", "send_at": moment}
        sent, kept = [(await agent.does("create_draft", **given))["draft_id"] for _ in range(2)]
        await agent.does("update_draft", draft_id=kept, send_at="")
        at = int(datetime.fromisoformat(moment).timestamp() * 1000)
        clock.advance(at - clock() + 1000)
        await house.until(lambda: not house.rows("SELECT 1 FROM draft WHERE id = ?", sent))
        assert [d["draft_id"] for d in (await agent.does("list_drafts"))["drafts"]] == [kept]
        assert len((await agent.does("list_messages", inbox_id=INBOX, labels=["sent"]))["messages"]) == 1


async def test_an_empty_list_and_an_empty_word_clear_what_a_draft_has(server: Server) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        people = {"to": "a@example.com", "cc": "b@example.com", "bcc": "c@example.com", "reply_to": "d@example.com"}
        made = await agent.does("create_draft", inbox_id=inbox, **people, subject="S", text="T", html="<p>H</p>")
        assert {*people, "subject", "text", "html"} <= set(made)
        cleared = await agent.does(
            "update_draft", draft_id=made["draft_id"], to=[], cc="", bcc=[], reply_to="", subject="", text="", html=""
        )
        assert cleared["to"] == []
        assert not {"cc", "bcc", "reply_to", "subject", "text", "html"} & set(cleared)
        assert "empty" in await agent.refuses("send_draft", draft_id=made["draft_id"])


async def test_long_bodies_are_cut_and_more_is_shown_when_asked(server: Server) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        whole = "word " * 10_000
        made = await agent.does("create_draft", inbox_id=inbox, text=whole, html=f"<p>{whole}</p>")
        text = await agent.says("get_draft", draft_id=made["draft_id"])
        assert len(text) < 20_000
        assert "larger max_chars" in text
        assert made["truncated"]
        all_of_it = await agent.does("get_draft", draft_id=made["draft_id"], max_chars=200_000)
        assert (all_of_it["text"], all_of_it["truncated"]) == (whole, False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"to": "no address"}, "no address"),
        ({"too": "ann@example.com"}, "'to'"),
        ({"in_replyto": "<a@b>"}, "'in_reply_to'"),
        ({"to": [f"p{n}@example.com" for n in range(10_000)]}, "over 50 recipients"),
        ({"subject": "a\r\nBcc: eve@example.com"}, "subject"),
        ({"labels": "sent"}, "set by Postroom"),
        ({"attachments": [{"filename": "x"}]}, "exactly one"),
        ({"attachments": [{"content": "no base64!"}]}, "base64"),
        ({"in_reply_to": "<nobody@nowhere>"}, "No message"),
        ({"client_id": "not one!"}, "client_id"),
        ({"reply_all": True}, "needs in_reply_to"),
    ],
)
async def test_what_cannot_be_a_draft_is_refused_and_nothing_is_kept(
    server: Server, given: dict[str, Any], said: str
) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        assert said in await agent.refuses("create_draft", inbox_id=inbox, **given)
        assert (await agent.does("list_drafts", inbox_id=inbox))["drafts"] == []


async def test_a_file_of_40_megabytes_is_refused_when_it_would_be_sent_and_the_draft_stays(house: Bed) -> None:
    await house.inbox()
    large = base64.b64encode(bytes(40 * 2**20)).decode()
    async with client_of(house) as client:
        agent = Agent(client)
        given = {"inbox_id": INBOX, "to": "ann@example.com", "text": "See the file."}
        made = await agent.does("create_draft", **given, attachments=[{"content": large, "filename": "large.bin"}])
        told = await agent.refuses("send_draft", draft_id=made["draft_id"])
        assert "MiB" in told
        assert len(told) < 500
        two = {"add_attachments": [{"content": large}]}
        assert "MiB" in await agent.refuses("update_draft", draft_id=made["draft_id"], **two)
        assert [d["draft_id"] for d in (await agent.does("list_drafts"))["drafts"]] == [made["draft_id"]]
        assert (await agent.does("list_messages", inbox_id=INBOX))["messages"] == []


async def test_a_request_that_is_larger_than_the_server_reads_is_refused_and_the_next_is_answered(
    server: Server,
) -> None:
    async with remote(server.http, KEY) as agent:
        inbox = await _inbox(agent)
        large = base64.b64encode(bytes(40 * 2**20)).decode()
        with pytest.raises(MCPError):
            await agent.does("create_draft", inbox_id=inbox, attachments=[{"content": large}])
    async with remote(server.http, KEY) as agent:
        assert (await agent.does("list_drafts", inbox_id=inbox))["drafts"] == []


async def test_drafts_of_others_answer_as_absent(house: Bed) -> None:
    await house.inbox()
    await house.receive(raw())
    stranger = await house.stranger()
    theirs = await house.inbox("eve", stranger)
    draft = await house.call("drafts.create", stranger, inbox_id=theirs.address, text="Secret.")
    async with client_of(house) as client:
        agent = Agent(client)
        for tool in ("get_draft", "update_draft", "send_draft", "delete_draft"):
            more = {"text": "x"} if tool == "update_draft" else {}
            missing = await agent.refuses(tool, draft_id="dft_absent", **more)
            told = await agent.refuses(tool, draft_id=draft.draft_id, **more)
            assert told == missing.replace("dft_absent", draft.draft_id)
        assert "No inbox" in await agent.refuses("create_draft", inbox_id=theirs.address, text="x")
        assert "No inbox" in await agent.refuses("list_drafts", inbox_id=theirs.address)
        assert (await agent.does("list_drafts"))["drafts"] == []
    assert (await house.call("drafts.get", stranger, draft_id=draft.draft_id)).text == "Secret."


async def test_a_key_without_the_permission_to_send_schedules_nothing(house: Bed) -> None:
    await house.inbox()
    actor = await house.key(permissions=["draft_create", "draft_read", "draft_update", "inbox_read"])
    async with client_of(house, actor) as client:
        agent = Agent(client)
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"create_draft", "update_draft"} <= tools
        assert not {"send_draft", "delete_draft"} & tools
        given = {"inbox_id": INBOX, "to": "ann@example.com", "text": "x"}
        assert "draft_send" in await agent.refuses("create_draft", **given, send_at="2031-03-01T08:00:00Z")
        await agent.does("create_draft", **given)
    with pytest.raises(PostroomError):
        await house.call("drafts.send", actor, draft_id="dft_x")
