"""Which thread a message joins: by id, from the right, across gaps, and by subject only when allowed."""

import pytest

from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import DAY, FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"


@pytest.mark.promise("threads.by-references")
async def test_a_message_that_answers_none_begins_a_thread(house: Bed) -> None:
    await house.inbox()
    first, second = await house.receive(mail(subject="Same")), await house.receive(mail(subject="Same"))
    assert first.thread_id != second.thread_id
    assert first.threaded_by is None


@pytest.mark.promise("threads.by-references")
async def test_in_reply_to_joins_the_thread_of_its_parent(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail())
    answer = await house.receive(mail(answers=first.message_id, subject="Other"))
    assert (answer.thread_id, answer.threaded_by) == (first.thread_id, "in_reply_to")


@pytest.mark.promise("threads.by-references")
async def test_references_are_tried_from_the_right(house: Bed) -> None:
    await house.inbox()
    old, new = await house.receive(mail()), await house.receive(mail())
    answer = await house.receive(mail(references=f"{old.message_id} {new.message_id} <unknown@x>"))
    assert (answer.thread_id, answer.threaded_by) == (new.thread_id, "references")


async def test_in_reply_to_wins_over_references(house: Bed) -> None:
    await house.inbox()
    old, new = await house.receive(mail()), await house.receive(mail())
    answer = await house.receive(mail(answers=old.message_id, references=new.message_id))
    assert answer.thread_id == old.thread_id


async def test_two_answers_to_a_message_that_never_came_are_one_thread(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(answers="<lost@example.com>"))
    second = await house.receive(mail(answers="<lost@example.com>"))
    assert first.thread_id == second.thread_id


async def test_a_message_that_comes_after_its_answer_joins_it(house: Bed) -> None:
    await house.inbox()
    answer = await house.receive(mail(answers="<late@example.com>"))
    late = await house.receive(mail(message_id="<late@example.com>"))
    assert late.thread_id == answer.thread_id


async def test_an_answer_to_a_late_message_joins_the_same_thread(house: Bed) -> None:
    await house.inbox()
    answer = await house.receive(mail(references="<root@example.com> <late@example.com>"))
    late = await house.receive(mail(message_id="<late@example.com>", answers="<root@example.com>"))
    third = await house.receive(mail(answers="<late@example.com>"))
    assert answer.thread_id == late.thread_id == third.thread_id


async def test_the_same_mail_in_two_inboxes_is_in_threads_of_their_own(house: Bed) -> None:
    await house.inbox("agent")
    await house.inbox("other")
    raw = mail(message_id="<both@example.com>")
    first, second = await house.receive(raw, AGENT), await house.receive(raw, f"other@{DOMAIN}")
    assert first.message_id == second.message_id
    assert first.thread_id != second.thread_id
    only = await house.receive(mail(answers="<both@example.com>"), f"other@{DOMAIN}")
    assert only.thread_id == second.thread_id


async def test_a_reply_prefix_a_shared_party_and_a_month_join_by_subject(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7"))
    clock.advance(29 * DAY)
    answer = await house.receive(mail(subject="Re: invoice  7"))
    assert (answer.thread_id, answer.threaded_by) == (first.thread_id, "subject")


async def test_a_subject_without_a_reply_prefix_never_joins(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7"))
    assert (await house.receive(mail(subject="Invoice 7"))).thread_id != first.thread_id


async def test_a_forward_prefix_never_joins_by_subject(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7"))
    assert (await house.receive(mail(subject="Fwd: Re: Invoice 7"))).thread_id != first.thread_id


async def test_a_stranger_never_joins_by_subject(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7"))
    answer = await house.receive(mail(subject="Re: Invoice 7", sender="mallory@example.net"))
    assert answer.thread_id != first.thread_id


async def test_whose_address_only_ends_as_a_partys_does_never_joins_by_subject(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7", sender="notbob@example.com"))
    answer = await house.receive(mail(subject="Re: Invoice 7", sender="bob@example.com"))
    assert answer.thread_id != first.thread_id


async def test_a_party_whose_name_quotes_an_address_is_not_that_address(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7", sender='"bob@example.com" <eve@example.net>'))
    answer = await house.receive(mail(subject="Re: Invoice 7", sender="bob@example.com"))
    assert answer.thread_id != first.thread_id


async def test_after_a_month_nothing_joins_by_subject(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7"))
    clock.advance(31 * DAY)
    assert (await house.receive(mail(subject="Re: Invoice 7"))).thread_id != first.thread_id


async def test_the_inbox_itself_is_no_shared_party(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Invoice 7", sender="a@example.com", to=AGENT))
    answer = await house.receive(mail(subject="Re: Invoice 7", sender="b@example.com", to=AGENT.upper()))
    assert answer.thread_id != first.thread_id


@pytest.mark.parametrize("subject", ["Re:", "Re: ", "Re: Re:", "", None])
async def test_an_empty_subject_never_joins(house: Bed, subject: str | None) -> None:
    await house.inbox()
    first = await house.receive(mail(subject=subject))
    assert (await house.receive(mail(subject=subject))).thread_id != first.thread_id


async def test_a_reply_and_its_answer_stay_in_the_thread_on_both_sides(house: Bed) -> None:
    one, two = await house.inbox("one"), await house.inbox("two")
    sent = await house.send(one.address, two.address)
    (arrived,) = await house.arrived(two.address)
    await house.call("messages.reply", inbox_id=two.address, message_id=arrived.message_id, text="Yes.")
    (answer,) = await house.arrived(one.address)
    await house.call("messages.reply", inbox_id=one.address, message_id=answer.message_id, text="Good.")
    await house.settled()
    for inbox, thread_id in ((one, sent.thread_id), (two, arrived.thread_id)):
        assert [m.thread_id for m in await house.messages(inbox.address)] == [thread_id] * 3


@pytest.mark.promise("fine.forward-in-thread")
async def test_a_forward_stays_in_the_thread_of_the_original(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail())
    sent = await house.call("messages.forward", inbox_id=AGENT, message_id=first.message_id, to="dave@example.com")
    assert sent.thread_id == first.thread_id


async def test_mail_to_oneself_is_two_messages_of_one_thread(house: Bed) -> None:
    await house.inbox()
    sent = await house.send(AGENT, AGENT)
    (arrived,) = await house.arrived(AGENT)
    assert arrived.thread_id == sent.thread_id
    assert arrived.message_id != sent.message_id


async def test_a_thread_says_what_its_messages_say(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Plan", sender="Carol <carol@example.com>"))
    clock.advance(1_000)
    await house.call("messages.reply", inbox_id=AGENT, message_id=first.message_id, text="Fine.", labels=["done"])
    conversation = await house.call("threads.get", inbox_id=AGENT, thread_id=first.thread_id)
    thread = conversation.thread
    assert (thread.subject, thread.message_count, thread.labels) == ("Plan", 2, ("done", "received", "sent", "unread"))
    assert thread.senders == ("Carol <carol@example.com>", AGENT)
    assert (thread.received_timestamp, thread.sent_timestamp) == (clock.now - 1_000, clock.now)
    assert conversation.messages[0].id == first.id
    assert thread.last_message_id == conversation.messages[-1].message_id


async def test_a_clock_that_steps_back_leaves_the_time_of_a_thread(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    first = await house.receive(mail())
    clock.advance(-5_000)
    await house.receive(mail(answers=first.message_id))
    (thread,) = (await house.call("threads.list", inbox_id=AGENT)).items
    assert thread.timestamp == clock.now + 5_000


async def test_a_long_thread_shows_its_newest_messages_and_counts_the_others(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail())
    for _ in range(4):
        await house.receive(mail(answers=first.message_id))
    conversation = await house.call("threads.get", inbox_id=AGENT, thread_id=first.thread_id, limit=2)
    assert (len(conversation.messages), conversation.left_out) == (2, 3)
