"""Threads through the official client: of an inbox, a pod and the organization."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from agentmail.errors import NotFoundError, UnprocessableError

from tests.compat.official import official, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT, OTHER = f"agent@{DOMAIN}", f"other@{DOMAIN}"


def _pass(house: Bed, ms: int = 1_000) -> None:
    clock = house.now
    assert isinstance(clock, FakeClock)
    clock.advance(ms)


async def _filled(house: Bed, count: int = 7) -> list[Any]:
    """Fill two inboxes in turn, a thread each second; return what arrived."""
    inboxes = [await house.inbox("agent"), await house.inbox("other")]
    arrived = []
    for number in range(count):
        to, sender = inboxes[number % 2].address, ("dave@example.com" if number % 3 == 0 else "carol@example.com")
        arrived.append(await house.receive(mail(subject=f"Number {number}", sender=sender, to=to), to))
        _pass(house)
    return arrived


@pytest.mark.promise("threads.list", "order.threads")
async def test_the_threads_of_the_organization_are_one_list_by_time_over_all_pages(house: Bed) -> None:
    await _filled(house)
    async with official(house) as client:
        found, token = [], None
        while True:
            page = await client.threads.list(limit=3, page_token=token)
            assert page.count == len(page.threads)
            found += [(t.subject, t.inbox_id) for t in page.threads]
            token = page.next_page_token
            if token is None:
                break
        assert found == [(f"Number {n}", (AGENT, OTHER)[n % 2]) for n in range(6, -1, -1)]
        up = await client.threads.list(ascending=True, limit=100)
        assert [t.subject for t in up.threads] == [f"Number {n}" for n in range(7)]


async def test_a_pod_lists_its_threads_alone(house: Bed) -> None:
    await _filled(house)
    async with official(house) as client:
        (pod,) = (await client.pods.list()).pods
        other = await client.pods.create(name="second")
        made = await client.pods.inboxes.create(other.pod_id, username="third")
        arrived = await house.receive(mail(subject="Elsewhere"), made.inbox_id)
        await house.indexed()
        assert len((await client.pods.threads.list(pod.pod_id)).threads) == 7
        assert [t.subject for t in (await client.pods.threads.list(other.pod_id)).threads] == ["Elsewhere"]
        assert (await client.pods.threads.get(other.pod_id, arrived.thread_id)).message_count == 1
        assert [t.subject for t in (await client.pods.threads.search(other.pod_id, q="words")).threads] == ["Elsewhere"]
        with pytest.raises(NotFoundError):
            await client.pods.threads.get(pod.pod_id, arrived.thread_id)
        for call in (client.pods.threads.delete, client.pods.threads.update):
            with pytest.raises(NotFoundError):
                await call(pod.pod_id, arrived.thread_id)
        with pytest.raises(NotFoundError):
            await client.pods.threads.list("pod_absent")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"senders": ["DAVE"]}, [6, 3, 0]),
        ({"senders": ["dave", "example.com"], "subject": ["Number", "3"]}, [3]),
        ({"recipients": ["other@"]}, [5, 3, 1]),
        ({"labels": ["unread", "starred"]}, [2]),
        ({"before": datetime(2026, 3, 2, 9, 0, 2, tzinfo=UTC)}, [1, 0]),
        ({"after": datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)}, [6, 5]),
        ({"labels": ["nobody-has-it"]}, []),
    ],
    ids=str,
)
@pytest.mark.promise("threads.update", "filters.before-and-after", "filters.all-labels", "filters.all-words")
async def test_a_list_of_threads_keeps_what_all_its_filters_let_through(
    house: Bed, given: dict[str, Any], expected: list[int]
) -> None:
    arrived = await _filled(house)
    async with official(house) as client:
        await client.threads.update(arrived[2].thread_id, add_labels=["Starred"])
        page = await client.threads.list(**given)
        assert [t.subject for t in page.threads] == [f"Number {n}" for n in expected]


@pytest.mark.promise("inboxes.threads.get", "threads.get", "pages.thread-messages", "threads.ascending-inside")
async def test_a_thread_is_read_from_its_newest_page_backwards_each_page_in_order(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Talk", text="0"))
    for number in range(1, 7):
        _pass(house)
        await house.receive(mail(subject="Re: Talk", text=str(number), answers=first.message_id))
    async with official(house) as client:
        pages, token = [], None
        while True:
            page = await client.inboxes.threads.get(AGENT, first.thread_id, limit=3, page_token=token)
            assert (page.count, page.limit, page.message_count) == (len(page.messages), 3, 7)
            pages.append([(m.text or "").strip() for m in page.messages])
            token = page.next_page_token
            if token is None:
                break
        assert pages == [["4", "5", "6"], ["1", "2", "3"], ["0"]]
        whole = await client.threads.get(first.thread_id)
        assert [(m.text or "").strip() for m in whole.messages] == list("0123456")
        assert whole.next_page_token is None
        assert whole.last_message_id == whole.messages[-1].message_id


@pytest.mark.promise("threads.search", "search.highlights")
async def test_a_search_finds_each_thread_once_with_its_words_marked(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    first = await house.receive(mail(subject="Budget", text="The first budget."))
    _pass(house)
    await house.receive(mail(subject="Plans", text="No budget, no plans."), OTHER)
    for number in range(3):
        _pass(house)
        await house.receive(mail(subject="Re: Budget", text=f"More budget {number}", answers=first.message_id))
    await house.indexed()
    async with official(house) as client:
        page = await client.threads.search(q="budget", limit=1)
        (one,) = page.threads
        assert one.thread_id == first.thread_id
        assert one.highlights is not None
        assert one.highlights.text == ["More **budget** 2"]
        assert one.highlights.subject == ["Re: **Budget**"]
        found, token = [], page.next_page_token
        while token is not None:
            following = await client.threads.search(q="budget", limit=1, page_token=token)
            found += following.threads
            token = following.next_page_token
        assert [t.subject for t in found] == ["Plans"]
        assert (await client.inboxes.threads.search(OTHER, q="first")).threads == []


@pytest.mark.promise("inboxes.threads.get_attachment", "threads.get_attachment", "threads.files")
async def test_a_file_is_reached_through_its_thread_and_through_no_other(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(files={"a.txt": b"data"}))
    other = await house.receive(mail())
    (file,) = message.attachments
    async with official(house) as client:
        found = await client.threads.get_attachment(message.thread_id, file.attachment_id)
        assert (found.filename, found.size) == ("a.txt", 4)
        assert found.download_url.startswith("http://mail.test/")
        assert (await client.inboxes.threads.get_attachment(AGENT, message.thread_id, file.attachment_id)).size == 4
        assert [a.filename for a in (await client.threads.get(message.thread_id)).attachments or []] == ["a.txt"]
        for thread, name in ((other.thread_id, file.attachment_id), (message.thread_id, "att_absent")):
            with pytest.raises(NotFoundError):
                await client.threads.get_attachment(thread, name)


@pytest.mark.promise("inboxes.threads.update", "labels.string-or-list", "labels.removal-wins-on-threads")
@pytest.mark.promise("labels.of-a-thread")
async def test_labels_of_a_thread_are_those_of_all_its_messages_and_removal_wins(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail())
    await house.receive(mail(answers=first.message_id))
    async with official(house) as client:
        changed = await client.inboxes.threads.update(
            AGENT, first.thread_id, add_labels=["Done", "both"], remove_labels=["unread", "both"]
        )
        assert (changed.thread_id, changed.labels) == (first.thread_id, ["done", "received"])
        listed = await client.inboxes.messages.list(AGENT, labels=["done"])
        assert [m.labels for m in listed.messages] == [["done", "received"]] * 2
    async with wire(house, await _key(house)) as raw:
        for body in ({"add_labels": "one"}, {}, {"add_labels": ["sent"]}):
            assert (await raw.patch(f"/v0/threads/{first.thread_id}", json=body)).status_code == 400


async def _key(house: Bed, **given: Any) -> str:
    return str((await house.call("keys.create", **given)).api_key)


@pytest.mark.promise("labels.long-thread-422")
async def test_a_thread_of_a_hundred_messages_is_not_labelled_whole(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail())
    async with official(house) as client:
        for _number in range(98):
            await house.receive(mail(answers=first.message_id))
        assert "ok" in (await client.threads.update(first.thread_id, add_labels=["ok"])).labels
        await house.receive(mail(answers=first.message_id))
        with pytest.raises(UnprocessableError):
            await client.threads.update(first.thread_id, add_labels=["too-late"])
        assert (await client.threads.list(labels=["too-late"])).threads == []


@pytest.mark.promise("threads.delete", "delete.is-for-good")
async def test_a_deleted_thread_is_gone_with_all_its_messages_and_a_late_answer_begins_anew(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(answers="<never.came@example.com>", text="Secret words"))
    await house.receive(mail(answers=first.message_id))
    await house.indexed()
    async with official(house) as client:
        await client.threads.delete(first.thread_id)
        assert (await client.threads.list()).threads == []
        assert (await client.inboxes.messages.list(AGENT)).messages == []
        assert (await client.threads.search(q="secret")).threads == []
        with pytest.raises(NotFoundError):
            await client.threads.delete(first.thread_id)
        late = await house.receive(mail(answers=first.message_id))
        assert late.thread_id != first.thread_id
    assert house.rows("SELECT count(*) FROM message_reference WHERE thread_id = ?", first.thread_id) == [(0,)]


@pytest.mark.promise("inboxes.threads.delete")
async def test_a_long_thread_is_deleted_in_steps(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroom.service.deleting._STEP", 2)
    await house.inbox()
    first = await house.receive(mail())
    for _number in range(5):
        _pass(house)
        await house.receive(mail(answers=first.message_id))
    async with official(house) as client:
        await client.inboxes.threads.delete(AGENT, first.thread_id)
        assert (await client.threads.list()).threads == []


async def test_the_threads_of_a_deleted_inbox_are_gone_before_its_mail_is_purged(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = await house.inbox()
    arrived = await house.receive(mail())
    step = house.desk.operations["purges.step"]
    idle = dataclasses.replace(step, handler=lambda _context, _given: False)
    monkeypatch.setattr(house.desk, "operations", {**house.desk.operations, "purges.step": idle})
    async with official(house) as client:
        assert (await client.threads.list()).count == 1
        await client.inboxes.delete(inbox.address)
        assert house.rows("SELECT count(*) FROM thread") == [(1,)]
        assert (await client.threads.list()).count == 0
        assert (await client.pods.threads.list(inbox.pod_id)).count == 0
        with pytest.raises(NotFoundError):
            await client.threads.get(arrived.thread_id)
