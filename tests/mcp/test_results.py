"""What a page of messages holds: the shape that its schema promises, the same on every way out."""

from email.message import EmailMessage
from typing import Any

from mcp import Client

from postroom.mcp.face import Face, Hands
from postroom.mcp.server import Server
from postroom.mcp.shapes import MessagePage, message_fields, message_item
from tests.fakes.bed import Bed

INBOX = "agent@postroom.localhost"


def _served(house: Bed) -> Server:
    hands = Hands()
    hands.open(Face(desk=house.desk, hub=house.house.hub, links=house.house.links, actor=house.owner))
    return Server(hands)


async def _fill(house: Bed) -> None:
    await house.inbox()
    await house.receive(b"\r\n")  # nothing that a list would show
    full = EmailMessage()
    full["From"], full["To"], full["Cc"] = "Ann <ann@example.com>", f"{INBOX}, b@example.com", "c@example.com"
    full["Subject"] = "zero\u200bwidth " + "long " * 200
    full.set_content("A text.")
    full.add_attachment("a,b\n", subtype="csv", filename="t\u202eable.csv")
    full.add_attachment(b"x", maintype="application", subtype="octet-stream", disposition="inline")
    await house.receive(full.as_bytes())
    await house.call("messages.send", inbox_id=INBOX, to=["d@example.com"], bcc=["e@example.com"], text="out")


async def test_a_page_of_messages_has_exactly_what_its_shape_says(house: Bed) -> None:
    await _fill(house)
    server = _served(house)
    for limit in (1, 2, 10):
        data = (await server.call_tool("list_messages", {"inbox_id": INBOX, "limit": limit})).structured_content
        page = MessagePage.model_validate(data, strict=True)
        assert page.model_dump(mode="json", by_alias=True, exclude_none=True) == data
        assert ("next_page_token" in data) is (limit < 3)
    sent, came, empty = data["messages"]
    assert sent["bcc"] == ["e@example.com"]
    assert came["cc"] == ["c@example.com"]
    assert [file.get("filename") for file in came["attachments"]] == ["table.csv", None]
    assert came["subject"].startswith("zerowidth long")
    assert not {"cc", "bcc", "subject", "preview", "attachments"} & empty.keys()


async def test_the_fields_of_a_message_and_its_record_say_the_same(house: Bed) -> None:
    await _fill(house)
    for message in await house.messages(INBOX):
        item = message_item(message).model_dump(mode="json", by_alias=True, exclude_none=True)
        assert item == message_fields(message)


async def test_what_a_client_gets_is_what_the_tool_answered(house: Bed) -> None:
    await _fill(house)
    server = _served(house)
    async with Client(server) as client:
        for tool, given in (("list_messages", {"inbox_id": INBOX}), ("list_inboxes", {})):
            seen = await client.call_tool(tool, given)
            told: Any = await server.call_tool(tool, dict(given))
            assert (seen.structured_content, seen.content) == (told.structured_content, told.content)
            assert not seen.is_error
        failed = await client.call_tool("list_messages", {"inbox_id": "nobody@postroom.localhost"})
        assert failed.is_error
        assert failed.structured_content is None
        assert (await client.call_tool("list_messages", {"inbox_id": INBOX, "limit": 1})).structured_content
