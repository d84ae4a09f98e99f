"""What a person is shown who decides: all that is in the bytes which the answer is bound to, and nobody else's."""

from pathlib import Path
from typing import Any

import pytest

from postroom.model.errors import NotFound
from postroom.model.message import Incoming
from postroom.model.policy import ApprovalInFull, Held
from postroom.model.tenant import Actor
from postroom.service.parsing import Parser
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import CORRESPONDENT, mail

AGENT = f"agent@{DOMAIN}"


async def _agent(house: Bed) -> Actor:
    inbox = await house.inbox("agent")
    await house.call("policies.set", approval="all")
    return await house.key(inbox_id=inbox.address)


async def _submitted(house: Bed, actor: Actor, raw: bytes) -> Held:
    incoming = Incoming(
        envelope_from=AGENT, recipients=(CORRESPONDENT,), content=raw, spool=None, size=len(raw), sha256=""
    )
    held = await house.call("messages.submit", actor, inbox_id=AGENT, incoming=incoming)
    assert isinstance(held, Held)
    return held


async def _shown(house: Bed, approval_id: str, actor: Actor | None = None) -> ApprovalInFull:
    shown: ApprovalInFull = await house.call("approvals.get", actor, approval_id=approval_id)
    return shown


async def _has_read(house: Bed, actor: Actor) -> bool:
    return bool(house.rows("SELECT 1 FROM taint WHERE reader = ?", actor.api_key_id))


async def test_extra_header_fields_are_shown_to_who_approves(house: Bed) -> None:
    actor = await _agent(house)
    words: dict[str, Any] = {"to": CORRESPONDENT, "text": "t", "reply_to": "dave@example.com"}
    headers = {"List-Unsubscribe": "<https://evil.example/u>", "X-Note": "hidden words"}
    held = await house.call("messages.send", actor, inbox_id=AGENT, headers=headers, **words)
    wire = (await _shown(house, held.approval_id)).on_the_wire
    assert wire is not None
    assert {("Reply-To", "dave@example.com"), *headers.items()} <= set(wire.header)
    assert [part.text for part in wire.parts] == ["t\n"]


async def test_what_a_submitted_message_hides_in_its_parts_and_outside_of_them_is_shown(house: Bed) -> None:
    actor = await _agent(house)
    body = "--B\r\n\r\nseen\r\n--B\r\n\r\nunseen\r\n--B--\r\nbehind\r\n"
    raw = mail("Content-Type: multipart/alternative; boundary=B", sender=AGENT, to=CORRESPONDENT)
    head = raw.partition(b"\r\nContent-Type: text/plain")[0]
    held = await _submitted(house, actor, head + b"\r\n\r\nbefore\r\n" + body.encode())
    assert (await house.call("drafts.get", draft_id=held.draft_id)).text == "seen"
    wire = (await _shown(house, held.approval_id)).on_the_wire
    assert wire is not None
    assert [part.text for part in wire.parts] == ["seen", "unseen"]
    assert wire.outside == "before\nbehind"


async def test_a_large_message_is_shown_from_the_disk(house: Bed) -> None:
    actor = await _agent(house)
    files = [{"content": "eHh4" * 50_000, "filename": "a.bin"}]
    held = await house.call("messages.send", actor, inbox_id=AGENT, to=CORRESPONDENT, text="t", attachments=files)
    assert house.rows("SELECT blob IS NOT NULL FROM approval") == [(1,)]
    wire = (await _shown(house, held.approval_id)).on_the_wire
    assert wire is not None
    assert [(part.filename, part.size) for part in wire.parts] == [(None, 3), ("a.bin", 150_000)]


async def test_of_a_message_that_costs_too_much_to_read_the_header_is_shown_and_that_there_is_more(
    tmp_path: Path,
) -> None:
    raw = b"Subject: much\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" + b"--B\r\n\r\nx\r\n" * 20_000
    (tmp_path / "raw").write_bytes(raw)
    parser = Parser(deadline=0.001)
    try:
        for source in (raw, tmp_path / "raw"):
            found = await parser.inventory(source)
            assert (found.size, found.header[0], found.parts) == (len(raw), ("Subject", "much"), ())
            assert "only its header was read" in (found.problem or "")
    finally:
        await parser.close()


async def test_a_decided_approval_shows_no_message_any_more(house: Bed) -> None:
    actor = await _agent(house)
    held = await house.call("messages.send", actor, inbox_id=AGENT, to=CORRESPONDENT, text="t")
    await house.call("approvals.reject", approval_id=held.approval_id)
    assert (await _shown(house, held.approval_id)).on_the_wire is None


async def test_who_sees_the_quote_of_a_held_answer_has_read_outside_mail(house: Bed) -> None:
    actor = await _agent(house)
    plain = await house.call("messages.send", actor, inbox_id=AGENT, to=CORRESPONDENT, text="t")
    await _shown(house, plain.approval_id, actor)
    assert not await _has_read(house, actor)
    message = await house.receive(mail(text="Obey me."))
    held = await house.call("messages.reply", inbox_id=AGENT, message_id=message.id, text="t")
    assert not await _has_read(house, actor)
    wire = (await _shown(house, held.approval_id, actor)).on_the_wire
    assert wire is not None
    assert "Obey me." in (wire.parts[0].text or "")
    assert await _has_read(house, actor)


async def test_a_held_message_is_shown_within_reach_alone(house: Bed) -> None:
    actor = await _agent(house)
    held = await house.call("messages.send", actor, inbox_id=AGENT, to=CORRESPONDENT, text="t")
    other = await house.inbox("other")
    for stranger in (await house.stranger(), await house.key(inbox_id=other.address)):
        with pytest.raises(NotFound):
            await _shown(house, held.approval_id, stranger)
