"""What a tool says of a message that a policy holds or refuses, and the question to the person at the client."""

from typing import Any

import pytest
from mcp.types import ElicitRequestParams, ElicitResult

from postroom.model.tenant import Actor
from tests.fakes.bed import DOMAIN, Bed
from tests.mcp.bedside import client_of

AGENT = f"agent@{DOMAIN}"
WORDS = {"inbox_id": AGENT, "to": "carol@example.com", "subject": "Plans", "text": "t"}


async def _agent(house: Bed, **policy: Any) -> Actor:
    inbox = await house.inbox("agent")
    actor = await house.key(inbox_id=inbox.address)
    await house.call("policies.set", api_key_id=actor.api_key_id, **policy)
    return actor


async def test_held_and_refused_are_ordinary_results_that_name_the_rule_and_what_to_do(house: Bed) -> None:
    actor = await _agent(house, approval="all")
    async with client_of(house, actor) as client:
        checked = await client.call_tool("check_send", {"inbox_id": AGENT, "to": "carol@example.com"})
        held = await client.call_tool("send_message", WORDS)
        await house.call("policies.set", api_key_id=actor.api_key_id, recipients="deny")
        refused = await client.call_tool("send_message", WORDS)
    assert (checked.structured_content or {})["outcome"] == "held"
    for result, status, rule in ((held, "held", "approval"), (refused, "refused", "recipients")):
        assert not result.is_error
        data = result.structured_content or {}
        assert (data["status"], data["rule"]) == (status, rule)
        assert data["fix"] in str(getattr(result.content[0], "text", ""))
    text = str(getattr(held.content[0], "text", ""))
    assert (held.structured_content or {})["approval_id"] in text
    assert (held.structured_content or {})["draft_id"] in text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(("answer", "sent"), [("accept", 1), ("decline", 0)])
async def test_the_person_at_the_client_is_asked_where_the_policy_allows_it(
    house: Bed, mode: str, answer: str, sent: int
) -> None:
    actor = await _agent(house, approval="all", elicitation=True)
    asked: list[str] = []

    async def person(_context: Any, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return (
            ElicitResult(action="accept", content={"send": True})
            if answer == "accept"
            else ElicitResult(action="decline")
        )

    async with client_of(house, actor, elicitation_callback=person, mode=mode) as client:
        held = (await client.call_tool("send_message", WORDS)).structured_content or {}
        for _ in range(2):
            result = await client.call_tool("confirm_send", {"approval_id": held["approval_id"]})
    assert "carol@example.com" in asked[0]
    assert result.is_error is (sent == 1)  # the second time it is decided
    assert house.rows("SELECT count(*) FROM delivery") == [(sent,)]


async def test_nobody_is_asked_where_no_policy_allows_it_or_another_key_sent(house: Bed) -> None:
    actor = await _agent(house, approval="all")
    other = await house.key(inbox_id=AGENT)
    await house.call("policies.set", api_key_id=other.api_key_id, approval="all", elicitation=True)

    async def person(_context: Any, _params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("asked")

    for sender, asker in ((actor, actor), (other, actor), (actor, other)):
        async with client_of(house, sender) as client:
            held = (await client.call_tool("send_message", WORDS)).structured_content or {}
        async with client_of(house, asker, elicitation_callback=person) as client:
            result = await client.call_tool("confirm_send", {"approval_id": held["approval_id"]})
        assert result.is_error
    assert house.rows("SELECT count(*) FROM delivery") == [(0,)]


async def _offered(house: Bed, actor: Actor) -> bool:
    async with client_of(house, actor) as client:
        return "confirm_send" in {tool.name for tool in (await client.list_tools()).tools}


async def test_asking_the_person_is_listed_only_where_the_policies_of_that_key_allow_it(house: Bed) -> None:
    inbox = await house.inbox("agent")
    actor = await house.key(inbox_id=inbox.address)
    other = await house.key(inbox_id=inbox.address)
    assert not await _offered(house, actor)
    await house.call("policies.set", api_key_id=actor.api_key_id, approval="all", elicitation=True)
    assert await _offered(house, actor)
    assert not await _offered(house, other)
    await house.call("policies.set", inbox_id=AGENT, approval="external")
    assert not await _offered(house, actor)


async def test_a_key_of_many_inboxes_may_ask_where_an_inbox_of_it_allows_it(house: Bed) -> None:
    await house.inbox("agent")
    actor = await house.key()
    assert not await _offered(house, actor)
    await house.call("policies.set", inbox_id=AGENT, approval="all", elicitation=True)
    assert await _offered(house, actor)


async def test_what_is_held_names_the_question_only_where_it_may_be_put(house: Bed) -> None:
    actor = await _agent(house, approval="all")
    for elicitation in (True, False):
        await house.call("policies.set", api_key_id=actor.api_key_id, approval="all", elicitation=elicitation)
        async with client_of(house, actor) as client:
            held = await client.call_tool("send_message", WORDS)
        assert ("confirm_send" in str(held.content)) is elicitation
