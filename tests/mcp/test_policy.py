"""What a tool says of a message that a policy holds or refuses, and the question to the person at the client."""

from typing import Any

import pytest
from mcp.types import ElicitRequestParams, ElicitResult

from postroom.model.errors import Forbidden
from postroom.model.tenant import Actor
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail
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


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_what_is_held_names_the_question_only_where_it_may_be_put_to_somebody(house: Bed, mode: str) -> None:
    actor = await _agent(house, approval="all")

    async def person(_context: Any, _params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("asked")

    for elicitation, somebody in ((True, person), (False, person), (True, None)):
        await house.call("policies.set", api_key_id=actor.api_key_id, approval="all", elicitation=elicitation)
        async with client_of(house, actor, elicitation_callback=somebody, mode=mode) as client:
            held = await client.call_tool("send_message", WORDS)
        assert ("confirm_send" in str(held.content)) is (elicitation and somebody is not None)


async def test_a_draft_that_a_person_rejected_and_that_is_sent_again_says_so(house: Bed) -> None:
    actor = await _agent(house, approval="all")
    async with client_of(house, actor) as client:
        held = (await client.call_tool("send_message", WORDS)).structured_content or {}
        await house.call("approvals.reject", approval_id=held["approval_id"], comment="too loud")
        again = await client.call_tool("send_draft", {"draft_id": held["draft_id"]})
    data = again.structured_content or {}
    assert data["status"] == "held"
    assert "Its last try: It was not approved (too loud)." in data["reason"]
    assert data["reason"] in str(getattr(again.content[0], "text", ""))


async def test_an_approval_that_is_decided_names_no_tool_that_shows_it(house: Bed) -> None:
    actor = await _agent(house, approval="all", elicitation=True)

    async def person(_context: Any, _params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"send": True})

    async with client_of(house, actor, elicitation_callback=person) as client:
        held = (await client.call_tool("send_message", WORDS)).structured_content or {}
        ref = {"approval_id": held["approval_id"]}
        assert not (await client.call_tool("confirm_send", ref)).is_error
        told = str(getattr((await client.call_tool("confirm_send", ref)).content[0], "text", ""))
        sent = await client.call_tool("list_messages", {"inbox_id": AGENT, "labels": "sent"})
    assert "among the messages labelled sent" in told
    assert len((sent.structured_content or {})["messages"]) == 1


async def _checked(house: Bed, actor: Actor, **given: Any) -> dict[str, Any]:
    async with client_of(house, actor) as client:
        result = await client.call_tool("check_send", {"inbox_id": AGENT, **given})
    assert not result.is_error, result.content
    return result.structured_content or {}


async def test_an_answer_to_everybody_can_be_checked_before_it_is_sent(house: Bed) -> None:
    actor = await _agent(house, taint=True)
    message = await house.receive(mail("Cc: dave@example.com"))
    ref = {"message_id": message.message_id}
    assert (await _checked(house, actor, **ref))["outcome"] == "sent"
    everybody = await _checked(house, actor, **ref, reply_all=True)
    assert (everybody["outcome"], everybody["rule"]) == ("held", "taint")
    assert "dave@example.com" in everybody["recipients"]
    async with client_of(house, actor) as client:
        sent = await client.call_tool("reply_to_message", {"inbox_id": AGENT, **ref, "reply_all": True, "text": "t"})
    assert not sent.is_error, sent.content
    assert (sent.structured_content or {})["rule"] == everybody["rule"]


@pytest.mark.parametrize(
    "policy", [{}, {"approval": "all"}, {"recipients": "deny"}, {"taint": True}, {"reply_only": True}]
)
async def test_a_draft_that_is_checked_has_the_fate_that_sending_it_has(house: Bed, policy: dict[str, Any]) -> None:
    actor = await _agent(house, **policy)
    message = await house.receive(mail())
    written = (
        {"to": "dave@example.com", "subject": "Plans"},
        {"in_reply_to": message.message_id},
        {"in_reply_to": message.message_id, "cc": "dave@example.com"},
        {"forward_of": message.message_id, "to": "dave@example.com"},
    )
    async with client_of(house, actor) as client:
        for fields in written:
            made = await client.call_tool("create_draft", {"inbox_id": AGENT, "text": "t", **fields})
            ref = {"draft_id": (made.structured_content or {})["draft_id"]}
            checked = await _checked(house, actor, **ref)
            sent = (await client.call_tool("send_draft", ref)).structured_content or {}
            fate = {"queued": "sent", "captured": "sent"}.get(sent["status"], sent["status"])
            assert (checked["outcome"], checked.get("rule")) == (fate, sent.get("rule")), fields


async def test_checking_a_draft_takes_nothing_besides_it_and_the_right_to_send_it(house: Bed) -> None:
    await house.inbox("agent")
    draft = await house.call("drafts.create", inbox_id=AGENT, to=["dave@example.com"], text="t")
    ref = {"inbox_id": AGENT, "draft_id": draft.draft_id}
    async with client_of(house) as client:
        both = await client.call_tool("check_send", {**ref, "to": "dan@example.com"})
        nobody = await client.call_tool("check_send", {"inbox_id": AGENT})
        copied = await client.call_tool("check_send", {"inbox_id": AGENT, "cc": "dave@example.com"})
    assert "goes with inbox_id alone" in str(both.content)
    assert "at least one address in to, cc or bcc" in str(nobody.content)
    assert not copied.is_error
    weak = house.owner.model_copy(update={"permissions": frozenset({"message_send"})})
    with pytest.raises(Forbidden, match="draft_send"):
        await house.call("messages.check_send", weak, **ref)
