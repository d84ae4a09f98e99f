"""What a mailbox received over /v1/agent-email: listed, filtered, sorted, read, found, marked, archived, deleted."""

import pytest

from tests.compat.inai.client import inai
from tests.compat.official import official
from tests.compat.transactional.client import Client, Mailbox, Refused, transactional
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail


async def _filled(house: Bed, clock: FakeClock, client: Client) -> tuple[Mailbox, list[str]]:
    """Make a mailbox with five messages from two senders, and one that it sent; return the ids, the oldest first."""
    box = await client.create_mailbox("agent")
    ids: list[str] = []
    for number in range(5):
        sender = "carol@example.com" if number % 2 else "dan@example.com"
        ids.append((await house.receive(mail(subject=f"s{number}", sender=sender), box.address)).id)
        clock.advance(1_000)
    await client.send(box.address, "x@elsewhere.example", subject="out", text="x")
    return box, ids


@pytest.mark.promise("transactional.inbox.list", "transactional.inbox.received", "transactional.pages")
async def test_the_inbox_lists_what_was_received_newest_first_in_pages(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client:
        box, ids = await _filled(house, clock, client)
        whole = await client.inbox(box.id)
        assert [one.id for one in whole.data] == ids[::-1]
        assert (whole.meta.total, whole.meta.limit, whole.meta.offset) == (5, 25, 0)
        page = await client.inbox(box.id, limit=2, offset=1)
        assert ([one.id for one in page.data], page.meta.total) == ([ids[3], ids[2]], 5)
        first = whole.data[0]
        assert (first.from_, first.to, first.read, first.labels) == (
            "dan@example.com",
            ["agent@postroom.localhost"],
            False,
            ["inbox"],
        )
        assert (first.text_preview, first.attachment_count) == ("Some words.", 0)
        assert (await client.inbox(box.id, offset=99)).data == []


@pytest.mark.promise("transactional.inbox.filters", "transactional.inbox.sort")
async def test_each_filter_narrows_the_list_and_its_total(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client:
        box, ids = await _filled(house, clock, client)
        times = [one.received_at for one in (await client.inbox(box.id, sort="received_at:asc")).data]
        await client.mark("mark-read", ids[0], ids[1])
        await client.mark("archive", ids[1])
        await client.add_labels(ids[2], "mine")
        for query, wanted in (
            ({"sort": "received_at:asc"}, [0, 1, 2, 3, 4]),
            ({"sort": "received_at:desc"}, [4, 3, 2, 1, 0]),
            ({"unread": "true"}, [4, 3, 2]),
            ({"unread": "false"}, [1, 0]),
            ({"label": "inbox"}, [4, 3, 2, 0]),
            ({"label": "inbox", "unread": "false"}, [0]),
            ({"label": "Mine"}, [2]),
            ({"label": "mine", "unread": "false"}, []),
            ({"label": "nobodys"}, []),
            ({"from": "carol@example.com"}, [3, 1]),
            ({"from": "DAN", "unread": "true"}, [4, 2]),
            ({"from": "da%"}, []),
            ({"after": times[3].isoformat()}, [4, 3]),
            ({"before": times[1].isoformat()}, [0]),
            ({"after": times[1].isoformat(), "before": times[3].isoformat(), "sort": "received_at:asc"}, [1, 2]),
        ):
            for limit in (100, 1):
                found = await client.inbox(box.id, **query, limit=limit)
                assert [one.id for one in found.data] == [ids[number] for number in wanted][:limit], query
                assert found.meta.total == len(wanted), query
        assert [one.subject for one in (await client.inbox(box.id, label="sent")).data] == ["out"]


@pytest.mark.promise("transactional.inbox.filters", "transactional.inbox.sort", "transactional.pages.bounds")
async def test_filters_that_say_nothing_are_refused_by_name(house: Bed) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        for name, value in (
            ("unread", "yes"),
            ("after", "yesterday"),
            ("before", "2025-13-01T00:00:00Z"),
            ("sort", "subject:asc"),
            ("sort", "received_at:up"),
            *(("label", label) for label in ("unread", "spam", "trash", "archived", "received", "draft")),
            *(("limit", limit) for limit in ("0", "101", "x", "-1", "1.5")),
            *(("offset", offset) for offset in ("-1", "x", "9" * 30)),
            ("page", "1"),
            ("labels", "a"),
        ):
            with pytest.raises(Refused) as refused:
                await client.inbox(box.id, **{name: value})
            assert refused.value.told == (400, "VALIDATION_ERROR"), (name, value)
            assert name in refused.value.message


@pytest.mark.promise("transactional.inbox.get", "transactional.inbox.full", "transactional.inbox.read")
async def test_a_message_is_shown_whole_and_marked_as_read_only_where_that_is_asked_for(house: Bed) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        got = await house.receive(mail("X-Own: value", text="Words.", files={"a.bin": b"12345"}), box.address)
        shown = await client.message(got.id)
        assert (shown.text_body, shown.html_body, shown.read) == ("Words.", None, False)
        assert shown.headers["X-Own"] == "value"
        (file,) = shown.attachments
        assert (file.filename, file.size, file.content_id) == ("a.bin", 5, None)
        assert (await client.message(got.id, markRead="false")).read is False
        assert (await client.message(got.id, markRead="true")).read is True
        assert (await client.message(got.id)).read is True
        with pytest.raises(Refused) as refused:
            await client.message(got.id, markRead="maybe")
        assert refused.value.told == (400, "VALIDATION_ERROR")
        reader = await house.call("keys.create", permissions=["message_read"])
    async with transactional(house, reader.api_key) as client:
        assert (await client.message(got.id)).id == got.id
        with pytest.raises(Refused) as refused:
            await client.message(got.id, markRead="true")
        assert refused.value.status == 403


@pytest.mark.promise("transactional.inbox.mark-read", "transactional.inbox.mark-unread", "transactional.inbox.read")
async def test_read_here_is_the_absence_of_unread_there(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client, official(house) as v0:
        box, ids = await _filled(house, clock, client)
        assert [one.read for one in await client.mark("mark-read", *ids[:2])] == [True, True]
        there = await v0.inboxes.messages.get(box.address, (await house.message(box.address, ids[0])).message_id)
        assert "unread" not in (there.labels or [])
        assert [one.read for one in await client.mark("mark-unread", ids[0])] == [False]
        assert (await client.inbox(box.id, unread="true")).meta.total == 4


@pytest.mark.promise("transactional.inbox.archive", "transactional.inbox.unarchive", "transactional.inbox.archived")
async def test_archive_takes_the_label_inbox_off_and_unarchive_puts_it_back(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client, official(house) as v0, inai(house) as other:
        box, ids = await _filled(house, clock, client)
        (archived,) = await client.mark("archive", ids[0])
        assert archived.labels == []
        assert (await client.inbox(box.id)).meta.total == 5
        assert (await client.inbox(box.id, label="inbox")).meta.total == 4
        listed = await v0.inboxes.messages.list(box.address, labels=["archived"])
        assert [one.subject for one in listed.messages] == ["s0"]
        inner = (await house.call("inboxes.get", inbox_id=box.address)).inbox_id
        assert (await other.message(inner[4:], ids[0])).labels == []
        await other.label(inner[4:], ids[0], ["own"])  # what is Postroom's stays
        assert (await client.message(ids[0])).labels == ["own"]
        (back,) = await client.mark("unarchive", ids[0])
        assert back.labels == ["inbox", "own"]
        assert house.rows("SELECT count(*) FROM message_label WHERE label = 'inbox'") == [(0,)]


@pytest.mark.promise("transactional.inbox.bulk", "transactional.errors.message")
async def test_one_id_that_there_is_not_leaves_all_as_they_are(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client:
        _box, ids = await _filled(house, clock, client)
        before = house.rows("SELECT id, labels FROM message ORDER BY id")
        absent = f"msg_{'0' * 26}"
        for how in ("mark-read", "mark-unread", "archive", "unarchive"):
            with pytest.raises(Refused) as refused:
                await client.mark(how, ids[0], absent)
            assert refused.value.told == (404, "MESSAGE_NOT_FOUND")
            assert refused.value.message == f"Message {absent} does not exist."
        for wrong in ([ids[0], absent], [ids[0], "no id"]):
            with pytest.raises(Refused) as refused:
                await client.delete_messages(*wrong)
            assert refused.value.told == (404, "MESSAGE_NOT_FOUND")
        for nothing in ([], [ids[0]] * 101):
            with pytest.raises(Refused) as refused:
                await client.delete_messages(*nothing)
            assert refused.value.told == (400, "VALIDATION_ERROR")
        assert house.rows("SELECT id, labels FROM message ORDER BY id") == before


@pytest.mark.promise("transactional.inbox.bulk", "transactional.inbox.delete")
async def test_messages_of_several_mailboxes_are_marked_and_deleted_in_one_request(house: Bed) -> None:
    async with transactional(house) as client:
        boxes = [await client.create_mailbox(name) for name in ("one", "two")]
        ids = [(await house.receive(mail(to=box.address), box.address)).id for box in boxes for _ in range(2)]
        assert [one.id for one in await client.mark("mark-read", ids[0], ids[2], ids[0])] == [ids[0], ids[2]]
        await client.delete_messages(ids[0], ids[3], ids[0])
        assert [[one.id for one in (await client.inbox(box.id)).data] for box in boxes] == [[ids[1]], [ids[2]]]
        assert [(await client.inbox(box.id)).meta.total for box in boxes] == [1, 1]
        with pytest.raises(Refused) as refused:
            await client.message(ids[0])
        assert refused.value.told == (404, "MESSAGE_NOT_FOUND")


@pytest.mark.promise("transactional.inbox.search", "transactional.search.words")
async def test_a_search_finds_words_and_counts_what_it_finds(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        for number in range(12):
            await house.receive(mail(subject=f"quarterly report {number}"), box.address)
            clock.advance(1)
        await house.receive(mail(subject="monthly report"), box.address)
        await house.indexed()
        found = await client.search(box.id, "quarterly report")
        assert (len(found.data), found.meta.total, found.meta.limit) == (10, 12, 10)
        assert found.data[0].subject == "quarterly report 11"
        more = await client.search(box.id, "quarterly report", limit=5, offset=10)
        assert [one.subject for one in more.data] == ["quarterly report 1", "quarterly report 0"]
        assert (await client.search(box.id, '"monthly report"')).meta.total == 1
        for wrong in ({"query": ""}, {"query": "..."}, {"query": "a", "q": "a"}):
            with pytest.raises(Refused) as refused:
                await client.ask("GET", f"/mailboxes/{box.id}/inbox/search", dict, 200, **wrong)
            assert refused.value.told == (400, "VALIDATION_ERROR")
            assert "query" in refused.value.message


@pytest.mark.promise("transactional.inbox.received")
async def test_the_counter_of_what_was_received_follows_every_change(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client, official(house) as v0:
        box, ids = await _filled(house, clock, client)
        public = (await house.message(box.address, ids[0])).message_id
        for add, remove, total in ((["spam"], [], 4), ([], ["spam"], 5), (["trash"], [], 4), ([], ["trash"], 5)):
            await v0.inboxes.messages.update(box.address, public, add_labels=add, remove_labels=remove)
            listed = await client.inbox(box.id)
            assert (len(listed.data), listed.meta.total) == (total, total)
        (sent,) = (await client.inbox(box.id, label="sent")).data
        out = (await house.message(box.address, sent.id)).message_id
        await v0.inboxes.messages.update(box.address, out, add_labels=["spam"])
        assert (await client.inbox(box.id)).meta.total == 5
        await v0.inboxes.messages.delete(box.address, out)
        assert (await client.inbox(box.id)).meta.total == 5
        assert house.rows("SELECT * FROM outgoing_count") == []


@pytest.mark.promise("transactional.threads.list", "transactional.threads.get", "transactional.threads.chronological")
async def test_a_thread_has_all_its_messages_oldest_first(house: Bed, clock: FakeClock) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        first = await house.receive(mail(subject="Ideas", text="one"), box.address)
        clock.advance(1_000)
        answer = await client.reply(first.id, text="two")
        clock.advance(1_000)
        await house.receive(mail(subject="Other"), box.address)
        listed = await client.threads(box.id)
        assert [one.subject for one in listed.data] == ["Other", "Ideas"]
        assert (listed.meta.total, listed.meta.limit) == (2, 20)
        assert [one.subject for one in (await client.threads(box.id, sort="last_message_at:asc", limit=1)).data] == [
            "Ideas"
        ]
        thread = await client.thread(listed.data[1].id)
        assert (thread.mailbox_id, thread.message_count, thread.subject) == (box.id, 2, "Ideas")
        assert [(one.id, one.labels) for one in thread.messages] == [(first.id, ["inbox"]), (answer.id, ["sent"])]
        assert thread.messages[0].text_body == "one"
        assert thread.last_message_at == thread.messages[1].received_at
        for wrong in ("thd_none", f"thr_{thread.id[4:]}", f"thd_{'0' * 26}"):
            with pytest.raises(Refused) as refused:
                await client.thread(wrong)
            assert refused.value.told == (404, "THREAD_NOT_FOUND")
        with pytest.raises(Refused) as refused:
            await client.threads(box.id, sort="received_at:asc")
        assert refused.value.told == (400, "VALIDATION_ERROR")
