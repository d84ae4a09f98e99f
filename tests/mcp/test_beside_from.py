"""Beside From stands how far to trust it, in every list that an agent reads, and the lists stay short."""

import json
from typing import Any

import pytest
from mcp import Client

from postroom.mcp.selection import read_selection
from postroom.service import introducing
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import SECOND, FakeClock
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of

AGENT = f"agent@{DOMAIN}"
ANN = "Ann <ann@example.com>"


async def _does(client: Client, tool: str, **given: Any) -> tuple[str, dict[str, Any]]:
    found = await client.call_tool(tool, given)
    text = str(getattr(found.content[0], "text", ""))
    assert not found.is_error, text
    return text, found.structured_content or {}


async def _conversation(house: Bed, clock: FakeClock) -> None:
    """Ann writes twice, a colleague of this server once; to Bob the inbox wrote before he did."""
    await house.inbox()
    await house.inbox("other")
    await house.receive(mail(subject="first zebra", sender=ANN))
    clock.advance(SECOND)
    await house.receive(mail(subject="second zebra", sender=ANN))
    await house.send(AGENT, "bob@example.com", subject="mine zebra")
    clock.advance(SECOND)
    await house.receive(mail(subject="answer zebra", sender="bob@example.com"))
    colleague = await house.key()  # who has read nothing from outside
    await house.call(
        "messages.send", colleague, inbox_id=f"other@{DOMAIN}", to=AGENT, subject="inside zebra", text="Hello there."
    )
    await house.settled()
    await house.indexed()


EXPECTED = {
    "first zebra": f"from {ANN} (unchecked, first contact)",
    "second zebra": f"from {ANN} (unchecked, known)",
    "answer zebra": "from bob@example.com (unchecked, written to)",
    "inside zebra": f"from other@{DOMAIN} (inbox here)",
    "mine zebra": f"from {AGENT} (this inbox)",
}


@pytest.mark.parametrize("tool", ["list_messages", "search_messages"])
async def test_lists_and_searches_say_beside_from_who_the_sender_is(house: Bed, clock: FakeClock, tool: str) -> None:
    await _conversation(house, clock)
    given = {"inbox_id": AGENT} | ({"q": "zebra"} if tool == "search_messages" else {})
    async with client_of(house) as client:
        text, data = await _does(client, tool, **given)
    found = {item["subject"]: item for item in data["messages"]}
    lines = {line.rpartition(" | ")[2]: line for line in text.split("\n") if " | from " in line}
    assert found.keys() == lines.keys() == EXPECTED.keys()
    for subject, said in EXPECTED.items():
        assert f"| {said} |" in lines[subject]
    assert (found["inside zebra"]["sender_verdict"], found["inside zebra"]["sender_is"]) == ("local", "inbox_here")


async def test_mail_of_a_colleague_who_had_read_from_outside_is_told_untrusted(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    await house.receive(mail(subject="first zebra", sender=ANN), f"other@{DOMAIN}")
    sent = await house.send(f"other@{DOMAIN}", AGENT, subject="inside zebra")  # by the same hand that has just read
    await house.settled()
    async with client_of(house) as client:
        for tool, given in (
            ("list_messages", {}),
            ("list_threads", {}),
            ("get_message", {"message_id": sent.message_id}),
            ("get_thread", {"thread_id": (await house.messages(AGENT))[-1].thread_id}),
        ):
            found = await client.call_tool(tool, {"inbox_id": AGENT} | given)
            text = str(getattr(found.content[0], "text", ""))
            assert "(tainted, inbox here)" in text or "untrusted: written by an inbox of this server" in text, tool
            assert found.meta is not None, tool
            assert found.meta["postroom/untrusted"] is True, tool


async def test_a_search_of_all_inboxes_says_who_the_sender_is_to_each(house: Bed, clock: FakeClock) -> None:
    await _conversation(house, clock)
    await house.take(mail(subject="other zebra", sender=ANN), f"other@{DOMAIN}")
    await house.indexed()
    async with client_of(house) as client:
        _text, data = await _does(client, "search_messages", q="zebra", limit=20)
    known = {(item["inbox_id"], item["subject"]): item["sender_is"] for item in data["messages"]}
    assert known[f"other@{DOMAIN}", "other zebra"] == "first_contact"
    assert known[AGENT, "second zebra"] == "known"


async def test_a_thread_is_listed_with_who_of_those_in_it_is_known_least(house: Bed, clock: FakeClock) -> None:
    await _conversation(house, clock)
    async with client_of(house) as client:
        text, data = await _does(client, "list_threads", inbox_id=AGENT)
    found = {item["subject"]: (item["sender_verdict"], item["sender_is"]) for item in data["threads"]}
    assert found["first zebra"] == ("unchecked", "first_contact")
    assert found["second zebra"] == ("unchecked", "known")
    assert found["answer zebra"] == ("unchecked", "written_to")
    assert found["inside zebra"] == ("local", "inbox_here")
    assert found["mine zebra"] == ("own", "this_inbox")
    assert f"from {ANN} (unchecked, first contact) |" in text


async def test_somebody_who_joins_with_our_address_or_a_like_one_makes_no_thread_look_known(house: Bed) -> None:
    await house.inbox()
    known = await house.receive(mail(subject="zebra", sender=ANN))
    await house.send(AGENT, "ann@example.com", subject="other")
    for stranger in (AGENT, f"x{AGENT}.example.com"):
        await house.receive(mail(subject="zebra", sender=stranger, answers=known.message_id))
        async with client_of(house) as client:
            (thread,) = [t for t in (await _does(client, "list_threads"))[1]["threads"] if t["subject"] == "zebra"]
        assert thread["sender_verdict"] == "unchecked"
    assert thread["sender_is"] == "first_contact"


async def test_a_thread_that_is_too_long_to_look_through_is_not_called_local(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(introducing, "LOOKED_AT", 2)
    await house.inbox()
    await house.inbox("other")
    sent = await house.send(f"other@{DOMAIN}", AGENT, subject="Long")
    await house.settled()
    for _ in range(2):
        await house.call("messages.reply", inbox_id=AGENT, message_id=sent.message_id, text="More.")
    async with client_of(house) as client:
        (thread,) = (await _does(client, "list_threads", inbox_id=AGENT))[1]["threads"]
    assert thread["sender_verdict"] == "unchecked"


async def test_a_claim_says_beside_from_who_the_sender_is(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail(sender=ANN))
    async with client_of(house, selection=read_selection("all")) as client:
        text, data = await _does(client, "claim_next", inbox_id=AGENT)
    assert f"from {ANN} (unchecked, first contact)" in text
    assert data["messages"][0]["sender_is"] == "first_contact"


async def test_a_thread_that_is_read_says_the_same_beside_from_as_the_lists(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(sender=ANN))
    async with client_of(house) as client:
        text, _data = await _does(client, "get_thread", inbox_id=AGENT, thread_id=message.thread_id)
    assert f"from {ANN} (unchecked, first contact)" in text


async def test_a_page_of_25_messages_stays_below_12_000_characters(house: Bed) -> None:
    await house.inbox()
    for n in range(25):
        await house.receive(mail(subject=f"Order {n} of many", sender=f"Customer {n} <customer{n}@example.com>"))
    async with client_of(house) as client:
        text, data = await _does(client, "list_messages", inbox_id=AGENT, limit=25)
    assert len(data["messages"]) == 25
    assert text.count("(unchecked, first contact)") == 25
    assert len(text) < 12_000
    assert len(json.dumps(data)) < 20_000
