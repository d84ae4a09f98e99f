"""Messages through the official client: filters, search, batches, deletion, the journal, what sending refuses."""

import base64
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from agentmail.core.api_error import ApiError
from agentmail.errors import NotFoundError, ValidationError
from agentmail.messages.errors import MessageRejectedError

from postroom.http.app import build
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.official import BASE, official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.files import DOCX, docx, paragraph, pdf
from tests.fakes.mail import mail
from tests.service.test_opens import tracking_inbox

AGENT = f"agent@{DOMAIN}"


def _pass(house: Bed, ms: int = 1_000) -> None:
    clock = house.now
    assert isinstance(clock, FakeClock)
    clock.advance(ms)


async def _key(house: Bed, *permissions: str) -> str:
    return await owner_key(house, permissions=list(permissions))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"from_": ["dave"]}, [3, 0]),
        ({"to": ["agent@"], "subject": ["number", "4"]}, [4]),
        ({"labels": ["received", "starred"]}, [1]),
        ({"from_": ["dave"], "ascending": True}, [0, 3]),
    ],
    ids=str,
)
@pytest.mark.promise("inboxes.messages.list", "order.messages", "filters.all-labels", "filters.all-words")
async def test_a_list_keeps_what_all_its_filters_let_through(
    house: Bed, given: dict[str, Any], expected: list[int]
) -> None:
    await house.inbox()
    async with official(house) as client:
        for number in range(5):
            sender = "dave@example.com" if number % 3 == 0 else "carol@example.com"
            message = await house.receive(mail(subject=f"Number {number}", sender=sender))
            if number == 1:
                await client.inboxes.messages.update(AGENT, message.message_id, add_labels="starred")
            _pass(house)
        page = await client.inboxes.messages.list(AGENT, **given)
        assert [m.subject for m in page.messages] == [f"Number {n}" for n in expected]


@pytest.mark.parametrize("label", ["spam", "blocked", "unauthenticated", "trash"])
@pytest.mark.promise("filters.hidden-by-default", "search.excludes-hidden")
async def test_hidden_mail_is_listed_when_asked_for_by_who_may_see_it(house: Bed, label: str) -> None:
    await house.inbox()
    message = await house.receive(mail(subject="Hidden", text="needle"))
    await house.receive(mail(subject="Shown", text="needle"))
    await house.indexed()
    include: dict[str, Any] = {f"include_{label}": True}
    async with official(house) as client:
        await client.inboxes.messages.update(AGENT, message.message_id, add_labels=label)
        for listed in (client.inboxes.messages.list, client.inboxes.threads.list):
            assert (await listed(AGENT)).count == 1
            assert (await listed(AGENT, **include)).count == 2
            assert (await listed(AGENT, labels=[label])).count == 1
        assert (await client.threads.list()).count == 1
        assert (await client.threads.list(**include)).count == 2
        assert [m.subject for m in (await client.inboxes.messages.search(AGENT, q="needle")).messages] == ["Shown"]
        assert [t.subject for t in (await client.threads.search(q="needle")).threads] == ["Shown"]
        assert (await client.inboxes.messages.get(AGENT, message.message_id)).subject == "Hidden"
        assert (await client.threads.get(message.thread_id)).subject == "Hidden"


@pytest.mark.parametrize("label", ["spam", "blocked", "unauthenticated", "trash"])
@pytest.mark.promise("errors.hidden-is-absent", "filters.hidden-needs-permission")
async def test_hidden_mail_is_absent_to_a_key_that_may_not_see_it(house: Bed, label: str) -> None:
    await house.inbox()
    message = await house.receive(mail())
    await house.call("messages.update", inbox_id=AGENT, message_id=message.id, add_labels=label)
    ids = [message.message_id]
    key = await _key(house, "message_read", "message_update", "message_delete", "message_send")
    async with official(house, key) as client:
        messages, threads = client.inboxes.messages, client.threads
        one, thread = message.message_id, message.thread_id
        for call in (
            messages.get(AGENT, one),
            messages.get_raw(AGENT, one),
            messages.update(AGENT, one, add_labels="a"),
            messages.delete(AGENT, one),
            messages.reply(AGENT, one, text="t"),
            threads.get(thread),
            threads.update(thread, add_labels=["a"]),
            threads.delete(thread),
        ):
            with pytest.raises(NotFoundError):
                await call
        assert (await messages.batch_get(AGENT, message_ids=ids)).messages == []
        assert (await messages.batch_update(AGENT, message_ids=ids, add_labels="a")).updates == []
        include: dict[str, Any] = {f"include_{label}": True}
        for listed in (messages.list, client.inboxes.threads.list):
            with pytest.raises(ApiError) as caught:
                await listed(AGENT, **include)
            assert (caught.value.status_code, caught.value.body["code"]) == (403, "missing_permission")
            assert f"label_{label}_read" in caught.value.body["fix"]
    key = await _key(house, "message_read", f"label_{label}_read")
    async with official(house, key) as client:
        assert (await client.inboxes.messages.list(AGENT, **include)).count == 1
        assert (await client.threads.get(message.thread_id)).message_count == 1


@pytest.mark.promise("inboxes.messages.search", "search.highlights")
async def test_a_search_says_where_the_words_stand(house: Bed) -> None:
    await house.inbox()
    await house.receive(
        mail(
            "Content-Type: text/html; charset=utf-8",
            sender="Zoë Café <zoe@example.com>",
            subject="Straße nach 東京都",
            text="<p>The <b>CAFÉ</b> in the street has cafés.</p>",
        )
    )
    await house.indexed()
    async with official(house) as client:
        for q, field, expected in (
            ("cafe", "from_", ["Zoë **Café** <zoe@example.com>"]),
            ("cafe", "text", ["The **CAFÉ** in the street has **cafés**."]),
            ('"in the"', "text", ["The CAFÉ **in the** street has cafés."]),
            ("zoe@example.com", "from_", ["Zoë Café <**zoe@example.com**>"]),
            ("agent@", "recipients", [f"**agent**@{DOMAIN}"]),
            ("京都", "subject", ["Straße nach 東**京都**"]),
        ):
            (found,) = (await client.inboxes.messages.search(AGENT, q=q)).messages
            assert getattr(found.highlights, field) == expected, q
        (found,) = (await client.inboxes.messages.search(AGENT, q="street")).messages
        assert found.highlights is not None
        assert found.highlights.subject is None
    async with wire(house, await owner_key(house)) as raw:
        shown = (await raw.get(f"/v0/inboxes/{AGENT}/messages/search", params={"q": "street"})).json()
        assert list(shown["messages"][0]["highlights"]) == ["text"]
        assert (await raw.get(f"/v0/inboxes/{AGENT}/messages/search")).status_code == 400


@pytest.mark.promise("inboxes.messages.batch_get", "pages.batch-sizes", "messages.lists-without-bodies")
async def test_messages_are_got_in_a_batch_without_bodies_and_unknown_ids_are_passed_over(house: Bed) -> None:
    await house.inbox()
    ids = [(await house.receive(mail(subject=str(n)))).message_id for n in range(3)]
    async with official(house) as client:
        found = await client.inboxes.messages.batch_get(AGENT, message_ids=[ids[2], "<absent@x>", ids[0], ids[2]])
        assert (found.limit, found.count, [m.subject for m in found.messages]) == (4, 2, ["2", "0"])
        assert found.messages[0].text is None
        for wrong in ([], ["<a@b>"] * 501):
            with pytest.raises(ValidationError):
                await client.inboxes.messages.batch_get(AGENT, message_ids=wrong)


@pytest.mark.promise("inboxes.messages.batch_update", "pages.batch-sizes", "labels.lower-case")
@pytest.mark.promise("labels.batch-is-atomic")
async def test_a_batch_is_labelled_whole_or_not_at_all(house: Bed) -> None:
    await house.inbox()
    arrived = [await house.receive(mail(subject=str(n))) for n in range(3)]
    ids = [m.message_id for m in arrived]
    async with official(house) as client:
        changed = await client.inboxes.messages.batch_update(
            AGENT, message_ids=[*ids[:2], "<absent@x>"], add_labels="Done", remove_labels=["unread"]
        )
        assert (changed.limit, changed.count) == (3, 2)
        assert [(u.message_id, u.labels) for u in changed.updates] == [(i, ["done", "received"]) for i in ids[:2]]
        assert (await client.inboxes.threads.list(AGENT, labels=["done"])).count == 2
        full = [f"l{n}" for n in range(99)]
        await client.inboxes.messages.update(AGENT, ids[2], add_labels=full)
        for given in ({"add_labels": ["x", "y"]}, {"add_labels": "sent"}, {}):
            with pytest.raises(ValidationError):
                await client.inboxes.messages.batch_update(AGENT, message_ids=ids, **given)
        with pytest.raises(ValidationError):
            await client.inboxes.messages.batch_update(AGENT, message_ids=["<a@b>"] * 51, add_labels="x")
        assert (await client.inboxes.messages.list(AGENT, labels=["x"])).count == 0


@pytest.mark.promise("inboxes.messages.delete", "inboxes.threads.list", "delete.is-for-good")
async def test_a_deleted_message_is_gone_and_its_thread_shows_what_is_left(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(subject="Talk", text="Alpha", sender="dave@example.com"))
    _pass(house)
    last = await house.receive(mail(subject="Re: Talk", text="Beta", answers=first.message_id))
    await house.indexed()
    async with official(house) as client:
        await client.inboxes.messages.delete(AGENT, last.message_id)
        with pytest.raises(NotFoundError):
            await client.inboxes.messages.get(AGENT, last.message_id)
        (thread,) = (await client.inboxes.threads.list(AGENT)).threads
        assert (thread.message_count, thread.preview, thread.senders) == (1, "Alpha", ["dave@example.com"])
        assert (thread.last_message_id, thread.size) == (first.message_id, first.size)
        assert (await client.inboxes.messages.search(AGENT, q="beta")).messages == []
        assert (await client.inboxes.messages.list(AGENT, labels=["unread"])).count == 1
        again = await house.receive(mail(subject="Re: Talk", text="Beta", message_id=last.message_id))
        assert again.message_id == last.message_id
        await client.inboxes.messages.delete(AGENT, again.message_id)
        await client.inboxes.messages.delete(AGENT, first.message_id)
        assert (await client.inboxes.threads.list(AGENT)).threads == []


async def test_a_message_that_bears_several_ids_is_deleted_with_all_of_them(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail(message_id="<same@example.com>", text="one"))
    second = await house.receive(mail(message_id="<same@example.com>", text="two"))
    odd = await house.receive(mail(message_id="<what?ever@example.com>"))
    none = await house.receive(mail(message_id=None))
    async with official(house) as client:
        for message in (second, odd, none, first):
            await client.inboxes.messages.delete(AGENT, message.message_id)
    assert house.rows("SELECT count(*) FROM message_reference") == [(0,)]


async def test_a_sent_message_that_is_deleted_before_it_left_is_delivered_nowhere(house: Bed) -> None:
    inbox = await tracking_inbox(house)
    sent = await house.send(inbox.address, "carol@example.com", html="<p>Hello</p>", track_opens=True)
    assert house.rows("SELECT count(*) FROM message_open") == [(1,)]
    async with official(house) as client:
        await client.inboxes.messages.delete(inbox.address, sent.message_id)
    for table in ("message", "message_body", "message_open", "delivery", "thread"):
        assert house.rows(f"SELECT count(*) FROM {table}") == [(0,)], table


@pytest.mark.parametrize("odd", ["a/b", "a?b", "a#b", "a%20b", "a%b", "a+b", "a/reply", "x/raw/y", "a&b=c"])
@pytest.mark.promise("transport.ids-with-any-letter")
async def test_a_message_id_of_any_letters_is_reached_by_the_id_that_is_shown(house: Bed, odd: str) -> None:
    await house.inbox()
    given = f"<{odd}@example.com>"
    await house.receive(mail(message_id=given, text=odd))
    async with official(house) as client:
        (item,) = (await client.inboxes.messages.list(AGENT)).messages
        message = await client.inboxes.messages.get(AGENT, item.message_id)
        assert (message.text or "").strip() == odd
        assert (await client.inboxes.messages.get_raw(AGENT, item.message_id)).size == message.size
        answer = await client.inboxes.messages.reply(AGENT, item.message_id, text="yes")
        assert answer.thread_id == message.thread_id
        sent = await client.inboxes.messages.get(AGENT, answer.message_id)
        assert sent.in_reply_to == given
    # As the TypeScript client spells it: encoded to the last letter, also as the sender knows it.
    async with wire(house, await owner_key(house)) as raw:
        for spelling in (item.message_id, given):
            reply = await raw.get(f"/v0/inboxes/{quote(AGENT, safe='')}/messages/{quote(spelling, safe='')}")
            assert reply.json()["message_id"] == item.message_id


@pytest.mark.promise("errors.typed", "send.50-recipients", "send.nobody-is-422", "send.files")
async def test_what_cannot_be_sent_is_refused_with_the_status_that_says_why(house: Bed) -> None:
    await house.inbox()
    house.fetcher.refused.add("http://10.0.0.1/a")
    async with wire(house, await owner_key(house)) as raw:
        for body, status, code in (
            ({"text": "t"}, 422, "unprocessable"),
            ({"to": None, "cc": [], "text": "t"}, 422, "unprocessable"),
            ({"to": [f"r{n}@example.com" for n in range(51)], "text": "t"}, 400, "validation_error"),
            ({"to": "nobody", "text": "t"}, 400, "validation_error"),
            ({"to": "a@example.com"}, 400, "validation_error"),
            ({"to": "a@example.com", "text": "t", "attachments": [{"url": "https://gone.example/a"}]}, 403, "m"),
            ({"to": "a@example.com", "text": "t", "attachments": [{"url": "http://10.0.0.1/a"}]}, 403, "m"),
            ({"to": "a@example.com", "text": "t", "attachments": [{"content": "?"}]}, 400, "validation_error"),
        ):
            reply = await raw.post(f"/v0/inboxes/{AGENT}/messages/send", json=body)
            assert (reply.status_code, reply.json()["code"]) == (
                status,
                code.replace("m", "message_rejected", code == "m"),
            )
    assert house.rows("SELECT count(*) FROM message") == [(0,)]
    async with official(house) as client:
        with pytest.raises(MessageRejectedError):
            await client.inboxes.messages.send(
                AGENT, to="a@example.com", text="t", attachments=[{"url": "https://gone.example/a"}]
            )


@pytest.mark.promise("inboxes.messages.get", "send.one-or-many", "send.headers-and-labels", "reply.all-is-exclusive")
async def test_nulls_are_absent_and_single_addresses_and_tracking_are_taken(house: Bed) -> None:
    await house.inbox()
    house.fetcher.pages["https://example.com/page.html"] = b"<p>hi</p>"
    async with official(house) as client:
        sent = await client.inboxes.messages.send(
            AGENT,
            to="Carol <carol@example.com>",
            bcc=["dave@example.com"],
            reply_to="team@example.com",
            subject="s",
            text="t",
            track_opens=True,
            headers={"X-Ticket": "7"},
            attachments=[{"url": "https://example.com/page.html"}],
        )
        message = await client.inboxes.messages.get(AGENT, sent.message_id)
        assert (message.to, message.bcc) == (["Carol <carol@example.com>"], ["dave@example.com"])
        assert (message.reply_to, (message.headers or {})["X-Ticket"]) == (["team@example.com"], "7")
        again = await client.inboxes.messages.reply(AGENT, sent.message_id, text="and")
        assert (await client.inboxes.messages.get(AGENT, again.message_id)).to == ["Carol <carol@example.com>"]
    assert house.rows("SELECT opened_at FROM message_open") == []  # the domain does not track
    async with wire(house, await owner_key(house)) as raw:
        path = f"/v0/inboxes/{AGENT}/messages/{sent.message_id}"
        nulls = dict.fromkeys(("cc", "bcc", "html", "labels", "attachments", "headers", "track_opens", "reply_to"))
        assert (await raw.post(f"{path}/reply", json={"text": "t", "to": None, "reply_all": True} | nulls)).is_success
        both = await raw.post(f"{path}/reply", json={"text": "t", "to": "x@example.com", "reply_all": True})
        assert both.status_code == 400
        forwarded = await raw.post(f"{path}/forward", json={"to": "eve@example.com"} | nulls)
        assert forwarded.is_success
        shown = (await raw.get(f"/v0/inboxes/{AGENT}/messages/{forwarded.json()['message_id']}")).json()
        assert (shown["subject"], [a["size"] for a in shown["attachments"]]) == ("Fwd: s", [9])


@pytest.mark.promise("inboxes.events.list", "order.inbox-events", "labels.journal")
async def test_the_journal_of_an_inbox_tells_of_its_labels_newest_first(house: Bed) -> None:
    inbox = await house.inbox()
    message = await house.receive(mail())
    async with official(house) as client:
        for label in ("one", "two", "three", "trash"):
            _pass(house)
            await client.inboxes.messages.update(AGENT, message.message_id, add_labels=label)
        await client.inboxes.messages.update(AGENT, message.message_id, remove_labels="one")
        found, token = [], None
        while True:
            page = await client.inboxes.events.list(AGENT, limit=2, page_token=token)
            assert page.count == len(page.events)
            found += page.events
            token = page.next_page_token
            if token is None:
                break
        told = [(e.event_type.removeprefix("label."), e.label) for e in found]
        assert told == [("removed", "one"), ("added", "trash"), ("added", "three"), ("added", "two"), ("added", "one")]
        assert [e.event_id for e in found] == sorted((e.event_id for e in found), reverse=True)
        first = found[-1]
        assert (first.organization_id, first.pod_id, first.inbox_id) == (inbox.org_id, inbox.pod_id, AGENT)
        assert (first.message_id, first.event_at.isoformat()) == (message.message_id, "2026-03-02T09:00:01+00:00")
        up = await client.inboxes.events.list(AGENT, ascending=True)
        assert [e.event_id for e in up.events] == [e.event_id for e in reversed(found)]
        with pytest.raises(NotFoundError):
            await client.inboxes.events.list(f"absent@{DOMAIN}")
    async with official(house, await _key(house, "message_read")) as client:
        assert "trash" not in [e.label for e in (await client.inboxes.events.list(AGENT)).events]


async def test_a_large_file_of_a_deleted_message_leaves_the_disk_with_the_sweep(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(files={"a.bin": base64.b64encode(b"x" * 90_000)}))
    (blob,) = house.rows("SELECT blob FROM message_body WHERE blob IS NOT NULL")[0]
    async with official(house) as client:
        await client.inboxes.messages.delete(AGENT, message.message_id)
    assert house.rows("SELECT count(*) FROM message_body WHERE blob = ?", blob) == [(0,)]


@pytest.mark.promise("inboxes.messages.get_attachment", "files.text-url")
async def test_the_text_of_a_file_that_is_text_is_behind_an_address_of_its_own(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    files = [
        {"filename": name, "content_type": kind, "content": base64.b64encode(content).decode()}
        for name, kind, content in (
            ("page.html", "text/html", "<h1>Año</h1><script>no</script>".encode("cp1252")),
            ("note.txt", "text/plain", b"plain"),
            ("a.pdf", "application/pdf", pdf("A page")),
            ("b.docx", DOCX, docx(paragraph("A paragraph"))),
            ("c.pdf", "application/pdf", pdf("x", password="p")),
            ("d.png", "image/png", b"png"),
        )
    ]
    async with official(house) as client:
        await client.inboxes.messages.send(AGENT, to=other.address, subject="s", text="t", attachments=files)
        (message,) = await house.arrived(other.address)
        links = [
            (await client.inboxes.messages.get_attachment(other.address, message.message_id, a.attachment_id)).text_url
            for a in message.attachments
        ]
    made = Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build(house.desk, made))) as browser:
        pages = [None if link is None else await browser.get(link) for link in links]
    words = ["Año", "plain", "A page", "A paragraph", None]
    assert [page and page.text.strip() for page in (*pages[:4], pages[5])] == words
    assert pages[4] is not None
    assert (pages[4].status_code, pages[4].json()["code"]) == (422, "unprocessable")
    assert "password" in pages[4].json()["message"]
    assert pages[0] is not None
    assert pages[0].headers["content-type"] == "text/plain; charset=utf-8"
