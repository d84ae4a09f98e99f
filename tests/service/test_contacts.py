"""Who a sender is to an inbox, and the short form by which a message is named within it."""

import pytest

from postroom.model.errors import NotFound
from postroom.service.messages import short_ref
from postroom.service.reading import Reading, ThreadReading
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import SECOND, FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"


async def _standing(house: Bed, clock: FakeClock, sender: str) -> str:
    clock.advance(SECOND)
    message = await house.receive(mail(sender=sender))
    reading: Reading = await house.call("messages.read", inbox_id=AGENT, message_id=message.id)
    return reading.standing


async def test_the_first_mail_of_an_address_is_first_contact_and_the_next_is_not(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    assert await _standing(house, clock, "Ann <ann@example.com>") == "first_contact"
    assert await _standing(house, clock, "Anna <ANN@Example.com>") == "known"
    assert await _standing(house, clock, '"ann@example.com" <eve@example.com>') == "first_contact"


async def test_whom_the_inbox_wrote_to_before_is_told_apart_from_whom_it_answered_since(
    house: Bed, clock: FakeClock
) -> None:
    await house.inbox()
    await house.send(AGENT, "Bob <bob@example.com>", bcc=["hidden@example.com"])
    assert await _standing(house, clock, "bob@example.com") == "written_to"
    assert await _standing(house, clock, "hidden@example.com") == "written_to"
    clock.advance(SECOND)
    first = await house.receive(mail(sender="eve@example.com"))
    clock.advance(SECOND)
    await house.call("messages.reply", inbox_id=AGENT, message_id=first.message_id, text="Who are you?")
    reading: Reading = await house.call("messages.read", inbox_id=AGENT, message_id=first.id)
    assert reading.standing == "first_contact"


async def test_what_a_list_blocks_makes_nobody_known(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    given = {"direction": "receive", "type": "block"}
    await house.call("lists.create", **given, entry="eve@example.com")
    clock.advance(SECOND)
    await house.take(mail(sender="eve@example.com"), AGENT)
    await house.call("lists.delete", **given, entry="eve@example.com")
    assert await _standing(house, clock, "eve@example.com") == "first_contact"


async def test_mail_of_an_inbox_here_is_from_one_and_a_claim_to_be_one_is_not(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.inbox("other")
    clock.advance(SECOND)
    assert await _standing(house, clock, f"other@{DOMAIN}") == "first_contact"
    colleague = await house.key()  # who has read nothing from outside
    await house.call("messages.send", colleague, inbox_id=f"other@{DOMAIN}", to=AGENT, text="Hello there.")
    (message,) = [m for m in await house.arrived(AGENT) if m.origin == "local"]
    reading: Reading = await house.call("messages.read", inbox_id=AGENT, message_id=message.id)
    assert (reading.standing, reading.verdict) == ("inbox_here", "local")


async def test_a_thread_that_is_deleted_takes_the_memory_of_its_sender_along(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    message = await house.receive(mail(sender="gone@example.com"))
    await house.call("threads.delete", inbox_id=AGENT, thread_id=message.thread_id)
    assert house.rows("SELECT 1 FROM message_reference WHERE reference LIKE 'from:%'") == []


async def test_a_short_ref_names_a_message_in_its_inbox_alone(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    message = await house.receive(mail())
    ref = short_ref(message)
    assert (await house.message(AGENT, ref)).id == message.id
    assert (await house.message(AGENT, f" {ref} ")).id == message.id
    stranger = await house.stranger()
    other = f"m{message.seq}-{'0000' if not ref.endswith('0000') else '1111'}"
    for inbox, wanted in ((f"other@{DOMAIN}", ref), (AGENT, other), (AGENT, f"m{10**18}-aaaa"), (AGENT, "m1-")):
        with pytest.raises(NotFound):
            await house.message(inbox, wanted)
    with pytest.raises(NotFound):
        await house.message(AGENT, ref, stranger)
    replied = await house.call("messages.reply", inbox_id=AGENT, message_id=ref, text="Yes.")
    assert replied.thread_id == message.thread_id


async def test_history_is_shown_once_and_older_messages_by_page(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    quoted = "On Mon, 2 Mar 2026, Bob <bob@example.com> wrote:\n> What nobody else shows.\n"
    first = await house.receive(mail(text=f"First words.\n\n{quoted}"))
    clock.advance(SECOND)
    again = f"Second words.\n\nOn Mon, 2 Mar 2026, Carol <carol@example.com> wrote:\n> First words.\n>\n> {quoted}"
    await house.receive(mail(answers=first.message_id, text=again.replace("\n> What", "\n> > What")))
    found: ThreadReading = await house.call("threads.read", inbox_id=AGENT, thread_id=first.thread_id)
    assert [p.text for p in found.passages] == ["First words.", "Second words."]
    assert [p.quoted for p in found.passages] == ["", "> > What nobody else shows."]
    page: ThreadReading = await house.call("threads.read", inbox_id=AGENT, thread_id=first.thread_id, limit=1)
    assert [p.text for p in page.passages] == ["Second words."]
    assert "First words." in page.passages[0].quoted
    older: ThreadReading = await house.call(
        "threads.read", inbox_id=AGENT, thread_id=first.thread_id, limit=1, page_token=page.next_page_token
    )
    assert [p.text for p in older.passages] == ["First words."]
    assert older.next_page_token is None
