"""What a reply, a forward and a sent message are made of, through the official client and read where they arrive."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from agentmail.errors import ValidationError

from postroom.http.app import build
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.official import BASE, official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import HOUR, FakeClock
from tests.fakes.mail import mail

AGENT, OTHER = f"agent@{DOMAIN}", f"other@{DOMAIN}"
SYSTEM_LABELS = ("received", "sent", "delivered", "bounced", "complained", "delayed", "rejected", "opened")


async def _browse(house: Bed, url: str) -> httpx.Response:
    """Open a signed address as anybody can who has it: without a key."""
    links = Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build(house.desk, links))) as browser:
        return await browser.get(url)


@pytest.mark.promise("inboxes.messages.reply", "inboxes.messages.reply_all", "reply.subject", "reply.recipients")
@pytest.mark.promise("reply.quotes")
async def test_a_reply_goes_to_reply_to_quotes_and_takes_the_subject(house: Bed) -> None:
    await house.inbox()
    lines = ("Reply-To: team@example.com", f"Cc: dan@example.com, {AGENT}")
    first = await house.receive(mail(*lines, sender="Zoe <zoe@example.com>", subject="Plans", text="Shall we meet?"))
    async with official(house) as client:
        messages = client.inboxes.messages
        sent = await messages.reply(AGENT, first.message_id, text="Gladly.")
        shown = await messages.get(AGENT, sent.message_id)
        assert (sent.thread_id, shown.subject) == (first.thread_id, "Re: Plans")
        assert (shown.to, shown.cc) == (["team@example.com"], None)
        assert (shown.in_reply_to, shown.extracted_text) == (first.message_id, "Gladly.")
        assert "> Shall we meet?" in (shown.text or "")
        given = await messages.reply(AGENT, first.message_id, text="Gladly.", to="boss@example.com")
        assert (await messages.get(AGENT, given.message_id)).to == ["boss@example.com"]
        all_ = await messages.reply_all(AGENT, first.message_id, text="Gladly.")
        shown = await messages.get(AGENT, all_.message_id)
        assert (shown.to, shown.cc) == (["team@example.com"], ["dan@example.com"])


@pytest.mark.promise("inboxes.messages.forward", "forward.words-and-files", "fine.forward-in-thread")
async def test_a_forward_stays_in_the_thread_and_has_everything(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    first = await house.receive(mail(subject="Plans", text="Shall we meet?", files={"map.bin": b"map"}))
    async with official(house) as client:
        messages = client.inboxes.messages
        sent = await messages.forward(AGENT, first.message_id, to=OTHER, text="See below.")
        assert sent.thread_id == first.thread_id
        await house.settled()
        (arrived,) = (await messages.list(OTHER)).messages
        shown = await messages.get(OTHER, arrived.message_id)
        assert (shown.subject, [f.filename for f in shown.attachments or []]) == ("Fwd: Plans", ["map.bin"])
        text = shown.text or ""
        assert text.index("See below.") < text.index("Shall we meet?")
        named = await messages.forward(AGENT, first.message_id, to=OTHER, subject="Another")
        assert (await messages.get(AGENT, named.message_id)).subject == "Another"


@pytest.mark.promise("inboxes.messages.send", "send.headers-and-labels")
async def test_labels_of_a_sent_message_are_the_senders_alone(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    async with official(house) as client:
        sent = await client.inboxes.messages.send(AGENT, to=OTHER, text="t", labels=["Mine"])
        await house.settled()
        assert sorted((await client.inboxes.messages.get(AGENT, sent.message_id)).labels) == ["mine", "sent"]
        assert sorted((await client.inboxes.messages.get(OTHER, sent.message_id)).labels) == ["received", "unread"]


@pytest.mark.promise("send.no-text-from-html", "messages.text-may-be-absent")
async def test_a_message_of_html_alone_leaves_without_a_text(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    async with official(house) as client:
        sent = await client.inboxes.messages.send(AGENT, to=OTHER, subject="s", html="<p>Hello <b>there</b></p>")
        await house.settled()
        for inbox in (AGENT, OTHER):
            shown = await client.inboxes.messages.get(inbox, sent.message_id)
            assert "<b>there</b>" in (shown.html or "")
            raw = await _browse(house, (await client.inboxes.messages.get_raw(inbox, sent.message_id)).download_url)
            assert "text/plain" not in raw.text


@pytest.mark.parametrize("label", SYSTEM_LABELS)
@pytest.mark.promise("labels.system-refused")
async def test_a_label_of_the_system_is_a_400_on_every_path(house: Bed, label: str) -> None:
    await house.inbox()
    message = await house.receive(mail())
    before = list(message.labels)
    async with official(house) as client:
        inboxes: Any = client.inboxes
        for attempt in (
            inboxes.messages.update(AGENT, message.message_id, add_labels=label),
            inboxes.messages.update(AGENT, message.message_id, remove_labels=[label.upper()]),
            inboxes.messages.batch_update(AGENT, message_ids=[message.message_id], add_labels=[label]),
            inboxes.threads.update(AGENT, message.thread_id, add_labels=[label]),
            inboxes.messages.send(AGENT, to="a@example.com", text="t", labels=[label]),
            inboxes.drafts.create(AGENT, text="t", labels=[label]),
        ):
            with pytest.raises(ValidationError):
                await attempt
        (kept,) = (await client.inboxes.messages.list(AGENT)).messages
        assert sorted(kept.labels) == sorted(before)


@pytest.mark.promise("inboxes.messages.get_raw", "inboxes.messages.get_attachment", "files.signed-for-an-hour")
@pytest.mark.promise("messages.raw")
async def test_an_address_of_a_download_is_good_for_an_hour_without_a_key(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    given = mail(files={"a.txt": b"data"})
    message = await house.receive(given)
    (file,) = message.attachments
    async with official(house) as client:
        raw = await client.inboxes.messages.get_raw(AGENT, message.message_id)
        whole = await client.inboxes.messages.get_attachment(AGENT, message.message_id, file.attachment_id)
    assert (raw.message_id, raw.size, whole.filename, whole.size) == (message.message_id, len(given), "a.txt", 4)
    end = datetime.fromtimestamp((clock.now + HOUR) / 1000, UTC)
    assert raw.expires_at == whole.expires_at == end
    clock.advance(HOUR - 1)
    assert [(await _browse(house, one.download_url)).content for one in (raw, whole)] == [given, b"data"]
    clock.advance(2)
    assert [(await _browse(house, one.download_url)).status_code for one in (raw, whole)] == [404, 404]


@pytest.mark.promise("reply.has-no-subject")
async def test_a_reply_takes_no_subject_of_its_own(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail())
    path = f"/v0/inboxes/{AGENT}/messages/{message.message_id}"
    async with wire(house, await owner_key(house)) as client:
        for kind in ("reply", "reply-all"):
            answer = await client.post(f"{path}/{kind}", json={"text": "t", "subject": "Mine"})
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, ["subject"])
    assert house.rows("SELECT count(*) FROM message") == [(1,)]
