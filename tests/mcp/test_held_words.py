"""The question to the person at a client: it shows what would leave, or says how much more there is."""

from typing import Any

from mcp.types import ElicitRequestParams, ElicitResult

from postroom.mcp.held_words import question
from postroom.model.inventory import Inventory, WirePart
from postroom.model.policy import ApprovalInFull
from tests.fakes.bed import DOMAIN, Bed
from tests.mcp.bedside import client_of

AGENT = f"agent@{DOMAIN}"


async def test_the_person_at_the_client_is_shown_the_fields_and_the_text_of_the_message(house: Bed) -> None:
    inbox = await house.inbox()
    actor = await house.key(inbox_id=inbox.address)
    await house.call("policies.set", api_key_id=actor.api_key_id, approval="all", elicitation=True)
    asked: list[str] = []

    async def person(_context: Any, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="decline")

    words = {"to": "carol@example.com", "subject": "Plans", "text": "The words.", "headers": {"X-Note": "more\u202e"}}
    held = await house.call("messages.send", actor, inbox_id=AGENT, **words)
    async with client_of(house, actor, elicitation_callback=person) as client:
        await client.call_tool("confirm_send", {"approval_id": held.approval_id})
    assert "'Plans'" in asked[0]
    assert "X-Note: more\n" in asked[0]
    assert asked[0].endswith("The words.")


def _question(message: Inventory) -> str:
    fields: dict[str, Any] = dict.fromkeys(ApprovalInFull.model_fields)
    told = {"approval_id": "apr_1", "inbox_address": AGENT, "recipients": ("a@b",), "reason": "Why.", "subject": "s"}
    return question(ApprovalInFull.model_construct(**fields | told | {"on_the_wire": message}))


def test_files_further_texts_and_what_stands_outside_are_told() -> None:
    parts = (
        WirePart(content_type="text/plain", filename=None, disposition=None, size=3, head=None, text="one"),
        WirePart(content_type="text/html", filename=None, disposition=None, size=3, head="", text="two", is_cut=True),
        WirePart(content_type="image/png", filename="a.png", disposition=None, size=9, head="", text=None),
    )
    told = _question(Inventory(size=9, header=(("To", "x"), ("X", "y")), parts=parts, outside="psst", problem="Odd."))
    for words in ("X: y", "File: a.png, image/png, 9 bytes", "Text 2 of 2", "two", "… and more.", "psst", "Odd."):
        assert words in told
    assert "To: x" not in told


def test_what_is_too_long_for_a_question_is_counted() -> None:
    part = WirePart(content_type="text/plain", filename=None, disposition=None, size=3, head=None, text="x" * 5_000)
    told = _question(Inventory(size=9, header=(), parts=(part,)))
    assert "1000 characters more: postroom approvals get apr_1" in told
