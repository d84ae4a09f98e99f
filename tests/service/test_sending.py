"""Mail that leaves, through the desk: who gets it, what they see of it, and what is refused before anything is kept."""

import base64
from typing import Any

import pytest

from postroom.mime.parse import attachment_contents
from postroom.model.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    PostroomError,
    Refused,
    TooLarge,
    Unauthenticated,
    Unprocessable,
)
from postroom.model.event import EventType
from postroom.service import parsing
from tests.fakes.bed import DOMAIN, Bed, facts
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
HIDDEN = f"hidden@{DOMAIN}"


async def _raw(house: Bed, inbox: str, message: str) -> bytes:
    raw: bytes = await house.call("messages.raw", inbox_id=inbox, message_id=message)
    return raw


async def _reply(house: Bed, message: str, **given: Any) -> Any:
    sent = await house.call("messages.reply", inbox_id=AGENT, message_id=message, **({"text": "Yes."} | given))
    return await house.message(AGENT, sent.id)


async def test_what_was_sent_is_kept_as_the_recipient_gets_it(house: Bed) -> None:
    await house.inbox("agent", display_name="Äpple Agent")
    other = await house.inbox("other")
    sent = await house.send(AGENT, other.address, subject="Grüße", text="Zeile eins\n.\nZeile drei", html="<b>eins</b>")
    (arrived,) = await house.arrived(other.address)
    assert await _raw(house, AGENT, sent.id) == await _raw(house, other.address, arrived.id)
    assert (arrived.subject, arrived.text, arrived.from_) == (sent.subject, sent.text, f"Äpple Agent <{AGENT}>")
    assert (sent.labels, arrived.labels) == (("sent",), ("received", "unread"))


async def test_the_sender_is_told_whom_a_message_went_to(house: Bed) -> None:
    inbox = await house.inbox()
    sent = await house.send(AGENT, "a@example.com", cc=["b@example.com"], bcc=["c@example.com"])
    (told,) = facts(await house.events(inbox, EventType.MESSAGE_SENT))
    assert told["recipients"] == ["a@example.com", "b@example.com", "c@example.com"]
    assert told["message_id"] == sent.message_id


async def test_a_recipient_named_twice_gets_one_delivery(house: Bed) -> None:
    await house.inbox()
    sent = await house.send(AGENT, "A@example.com", cc=["a@EXAMPLE.com"], bcc=["Name <a@example.com>"])
    opened = await house.call("messages.get", inbox_id=AGENT, message_id=sent.id)
    assert [d.recipient for d in opened.deliveries] == ["A@example.com"]


async def test_a_blind_copy_is_in_nobodys_bytes_and_no_event_of_another(house: Bed) -> None:
    await house.inbox()
    seen, hidden = await house.inbox("seen"), await house.inbox("hidden")
    sent = await house.send(AGENT, seen.address, bcc=[hidden.address])
    for inbox in (seen, hidden):
        (arrived,) = await house.arrived(inbox.address)
        raw = await _raw(house, inbox.address, arrived.id)
        assert HIDDEN.encode() not in raw
        assert b"bcc" not in raw.lower()
        assert arrived.bcc == ()
        assert HIDDEN not in str(facts(await house.events(inbox, EventType.MESSAGE_RECEIVED)))
    assert HIDDEN.encode() not in await _raw(house, AGENT, sent.id)
    assert (await house.message(AGENT, sent.id)).bcc == (HIDDEN,)


@pytest.mark.parametrize("given", [{}, {"subject": ""}, {"text": "", "html": ""}])
async def test_an_empty_message_is_refused(house: Bed, given: dict[str, str]) -> None:
    await house.inbox()
    with pytest.raises(InvalidInput, match="empty"):
        await house.call("messages.send", inbox_id=AGENT, to="a@example.com", **given)


async def test_a_message_to_nobody_is_refused(house: Bed) -> None:
    await house.inbox()
    with pytest.raises(Unprocessable, match="nobody"):
        await house.send(AGENT)


@pytest.mark.promise("send.50-recipients")
async def test_fifty_recipients_are_sent_to_and_fifty_one_refused(house: Bed) -> None:
    await house.inbox()
    many = [f"r{n}@example.com" for n in range(51)]
    await house.send(AGENT, *many[:20], cc=many[20:40], bcc=many[40:50])
    with pytest.raises(InvalidInput, match="51"):
        await house.send(AGENT, *many[:20], cc=many[20:40], bcc=many[40:])
    assert len(await house.messages(AGENT)) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"to": "no address"},
        {"to": "a@b\r\nBcc: evil@example.com"},
        {"cc": ["a@example.com, b@example.com"]},
        {"bcc": ["<a@example.com"]},
        {"reply_to": ["nope"]},
        {"subject": "Hi\r\nBcc: evil@example.com"},
        {"subject": "line\u2028separator"},
        {"headers": {"Bcc": "evil@example.com"}},
        {"headers": {"X-A\r\nBcc": "evil@example.com"}},
        {"headers": {"X-A": "b\r\nBcc: evil@example.com"}},
        {"headers": {"From": "ceo@example.com"}},
        {"labels": ["sent"]},
        {"labels": ["x" * 101]},
        {"labels": [f"l{n}" for n in range(101)]},
        {"attachments": [{"filename": "a"}]},
        {"attachments": [{"content": "AA==", "url": "http://example.com"}]},
        {"attachments": [{"content": "not base64!"}]},
        {"colour": "red"},
    ],
    ids=lambda given: next(iter(given)),
)
async def test_what_cannot_be_sent_is_refused_and_nothing_is_kept(house: Bed, given: dict[str, Any]) -> None:
    await house.inbox()
    words = {"inbox_id": AGENT, "to": ["a@example.com"], "subject": "s", "text": "t"} | given
    with pytest.raises(InvalidInput):
        await house.call("messages.send", **words)
    assert house.rows("SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM delivery)") == [(0,)]


@pytest.mark.promise("send.files")
async def test_files_in_base64_arrive_as_they_were(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    content = bytes(range(256)) * 400
    file = {"filename": "dätä.bin", "content": base64.b64encode(content).decode(), "content_type": "application/x-y"}
    await house.send(AGENT, other.address, attachments=[file])
    (arrived,) = await house.arrived(other.address)
    (listed,) = arrived.attachments
    found = await house.call(
        "messages.attachment", inbox_id=other.address, message_id=arrived.id, attachment_id=listed.attachment_id
    )
    assert (listed.filename, listed.content_type, found.content) == ("dätä.bin", "application/x-y", content)


@pytest.mark.promise("send.files")
async def test_a_file_given_by_its_address_is_fetched_and_attached(house: Bed) -> None:
    await house.inbox()
    house.fetcher.pages["https://example.com/report.csv"] = b"a,b\n1,2\n"
    sent = await house.send(AGENT, "a@example.com", attachments=[{"url": "https://example.com/report.csv"}])
    assert [(a.filename, a.content_type, a.size) for a in sent.attachments] == [("report.csv", "text/x-fetched", 8)]


async def test_a_forbidden_address_refuses_the_whole_message(house: Bed) -> None:
    await house.inbox()
    house.fetcher.refused.add("http://169.254.169.254/")
    with pytest.raises(Refused):
        await house.send(AGENT, "a@example.com", attachments=[{"url": "http://169.254.169.254/"}])
    assert await house.messages(AGENT) == []


async def test_nothing_is_fetched_for_a_message_that_may_not_leave(house: Bed) -> None:
    await house.inbox()
    with pytest.raises(Unprocessable):
        await house.send(AGENT, attachments=[{"url": "https://example.com/a"}])
    assert house.fetcher.asked == []


async def test_a_message_over_the_limit_is_refused(home: Any, clock: Any, migrated: Any) -> None:
    async with Bed(home, clock, migrated, message_bytes=20_000) as house:
        await house.inbox()
        for size in (14_900, 30_000):  # over the limit encoded, and as it is
            file = {"content": base64.b64encode(b"x" * size).decode()}
            with pytest.raises(TooLarge):
                await house.send(AGENT, "a@example.com", attachments=[file])
        assert await house.messages(AGENT) == []


async def test_a_file_of_25_mb_goes_from_inbox_to_inbox(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    content = b"0123456789abcdef" * (25 * 2**16)
    await house.send(AGENT, other.address, attachments=[{"content": base64.b64encode(content).decode()}])
    (arrived,) = await house.arrived(other.address)
    found = await house.call(
        "messages.attachment",
        inbox_id=other.address,
        message_id=arrived.id,
        attachment_id=arrived.attachments[0].attachment_id,
    )
    assert found.content == content
    assert len([path for path in (house.home / "blobs").rglob("*") if path.is_file()]) == 1


@pytest.mark.promise("reply.recipients")
async def test_a_reply_goes_to_reply_to_before_from(house: Bed) -> None:
    await house.inbox()
    plain = await house.receive(mail())
    assert (await _reply(house, plain.message_id)).to == ("carol@example.com",)
    asked = await house.receive(mail("Reply-To: Desk <desk@example.com>"))
    assert (await _reply(house, asked.message_id)).to == ("Desk <desk@example.com>",)


async def test_a_reply_names_its_parent_and_quotes_it(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(
        mail(subject="Plan", text="First line\nSecond line", references="<root@example.com>")
    )
    answer = await _reply(house, original.message_id)
    assert answer.subject == "Re: Plan"
    assert answer.in_reply_to == original.message_id
    assert answer.references == ("<root@example.com>", original.message_id)
    assert answer.text is not None
    assert "> First line\n> Second line" in answer.text
    assert (answer.extracted_text or "").strip() == "Yes."


async def test_a_reply_names_the_id_that_the_sender_knows(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail(message_id="<same@example.com>", text="one"))
    second = await house.receive(mail(message_id="<same@example.com>", text="two"))
    assert (await _reply(house, second.message_id)).in_reply_to == "<same@example.com>"


async def test_a_reply_to_all_leaves_out_the_inbox_itself(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(mail(f"Cc: d@example.com, {AGENT.upper()}", to=f"{AGENT}, b@example.com"))
    answer = await _reply(house, original.message_id, reply_all=True)
    assert (answer.to, answer.cc) == (("carol@example.com", "b@example.com"), ("d@example.com",))


@pytest.mark.promise("reply.own-goes-on")
async def test_a_reply_to_ones_own_message_goes_on_to_its_recipients(house: Bed) -> None:
    await house.inbox()
    sent = await house.send(AGENT, "a@example.com", cc=["b@example.com"])
    assert (await _reply(house, sent.message_id)).to == ("a@example.com",)
    answer = await _reply(house, sent.message_id, reply_all=True)
    assert (answer.to, answer.cc) == (("a@example.com",), ("b@example.com",))


@pytest.mark.promise("reply.recipients")
async def test_recipients_that_are_given_win_over_those_of_the_original(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(mail())
    answer = await _reply(house, original.message_id, to="x@example.com")
    assert (answer.to, answer.cc) == (("x@example.com",), ())


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
@pytest.mark.promise("reply.all-is-exclusive")
async def test_reply_all_with_recipients_is_refused(house: Bed, field: str) -> None:
    await house.inbox()
    original = await house.receive(mail())
    with pytest.raises(InvalidInput, match="exclusive"):
        await _reply(house, original.message_id, reply_all=True, **{field: "x@example.com"})


async def test_an_empty_reply_is_refused(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(mail())
    with pytest.raises(InvalidInput, match="empty"):
        await _reply(house, original.message_id, text=None)


@pytest.mark.parametrize("sender", ["", "<>", "undisclosed:;", "a@b@c", "=?utf-8?q?=0D=0ABcc=3A?= <x>"])
async def test_a_reply_to_a_sender_that_is_no_address_is_refused_plainly(house: Bed, sender: str) -> None:
    await house.inbox()
    original = await house.receive(mail(sender=sender), envelope_from="")
    with pytest.raises((InvalidInput, Unprocessable)):
        await _reply(house, original.message_id)


@pytest.mark.parametrize("hostile", ["=?utf-8?b?YQ0KQmNjOiBldmlsQGV4YW1wbGUuY29t?=", "a\x0bb\x00", "\u202eevil\u2028"])
async def test_what_a_mail_brings_in_its_header_leaves_clean_in_the_reply(house: Bed, hostile: str) -> None:
    await house.inbox()
    original = await house.receive(mail(subject=hostile, sender=f"{hostile} <carol@example.com>"))
    answer = await _reply(house, original.message_id, html="<p>Yes.</p>")
    raw = await _raw(house, AGENT, answer.id)
    header = raw.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in header
    assert header.count(b"\n") == header.count(b"\r\n") == header.count(b"\r")


async def test_a_reply_to_a_message_that_is_not_there_is_refused(house: Bed) -> None:
    await house.inbox()
    with pytest.raises(NotFound):
        await _reply(house, "<gone@example.com>")


@pytest.mark.promise("forward.words-and-files")
async def test_a_forward_takes_the_words_and_the_files_along(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    original = await house.receive(mail(subject="Plan", text="The plan.", files={"p.bin": b"\x01\x02" * 40_000}))
    await house.call(
        "messages.forward", inbox_id=AGENT, message_id=original.message_id, to=other.address, text="See below."
    )
    (arrived,) = await house.arrived(other.address)
    assert arrived.subject == "Fwd: Plan"
    assert arrived.text is not None
    assert arrived.text.startswith("See below.")
    assert "The plan." in arrived.text
    found = await house.call(
        "messages.attachment",
        inbox_id=other.address,
        message_id=arrived.id,
        attachment_id=arrived.attachments[0].attachment_id,
    )
    assert found.content == b"\x01\x02" * 40_000


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_forward_of_many_files_walks_over_the_original_once(
    house: Bed, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    walks: list[list[int]] = []

    def counted(raw: Any, parts: Any) -> list[bytes]:
        walks.append(list(parts))
        return attachment_contents(raw, parts)

    await house.inbox()
    other = await house.inbox("other")
    files = {f"{n}.bin": bytes([n]) * size for n in range(5)}
    original = await house.receive(mail(files=files))
    monkeypatch.setattr(parsing, "attachment_contents", counted)
    await house.call("messages.forward", inbox_id=AGENT, message_id=original.message_id, to=other.address)
    assert walks == [[a.part for a in original.attachments]]
    (arrived,) = await house.arrived(other.address)
    for shown in arrived.attachments:
        ref = {"inbox_id": other.address, "message_id": arrived.id, "attachment_id": shown.attachment_id}
        assert (await house.call("messages.attachment", **ref)).content == files[shown.filename or ""]


async def test_a_forward_stays_in_the_thread_of_the_original_by_its_references(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(mail())
    sent = await house.call(
        "messages.forward", inbox_id=AGENT, message_id=original.message_id, to="ann@example.com", text="See below."
    )
    forwarded = await house.message(AGENT, sent.message_id)
    assert (forwarded.thread_id, forwarded.threaded_by) == (original.thread_id, "references")


async def test_a_file_with_an_odd_content_id_can_be_forwarded(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    odd = mail("Content-Type: image/png", "Content-ID: <image 001.png>", text="png")
    original = await house.receive(odd)
    await house.call("messages.forward", inbox_id=AGENT, message_id=original.message_id, to=other.address)
    (arrived,) = await house.arrived(other.address)
    assert [a.content_type for a in arrived.attachments] == ["image/png"]


async def test_a_forward_to_nobody_is_refused(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(mail())
    with pytest.raises(PostroomError):
        await house.call("messages.forward", inbox_id=AGENT, message_id=original.message_id)


async def test_mail_to_a_foreign_domain_is_captured_and_told_of(house: Bed) -> None:
    inbox = await house.inbox()
    other = await house.inbox("other")
    sent = await house.send(AGENT, "a@example.com", other.address)
    opened = await house.call("messages.get", inbox_id=AGENT, message_id=sent.id)
    assert {d.recipient: d.state.value for d in opened.deliveries}["a@example.com"] == "captured"
    (told,) = facts(await house.events(inbox, EventType.MESSAGE_CAPTURED))
    assert told["recipients"] == ["a@example.com"]


async def test_an_empty_address_of_a_file_is_refused_and_no_empty_file_goes_out(house: Bed) -> None:
    await house.inbox()
    with pytest.raises(Refused, match="url"):
        await house.send(AGENT, "a@example.com", attachments=[{"url": ""}])


@pytest.mark.parametrize("operation", ["messages.send", "messages.send_batch"])
@pytest.mark.parametrize(("change", "error"), [("delete", Unauthenticated), ("update", Forbidden)])
async def test_a_key_that_goes_while_its_request_waits_for_a_file_sends_nothing(
    house: Bed, monkeypatch: pytest.MonkeyPatch, operation: str, change: str, error: type[PostroomError]
) -> None:
    await house.inbox()
    actor = await house.key(inbox_id=AGENT)
    fetch = house.fetcher.fetch

    async def slow(url: str, **given: Any) -> Any:
        narrower = {"permissions": ["message_read"]} if change == "update" else {}
        await house.call(f"keys.{change}", api_key_id=actor.api_key_id, **narrower)
        return await fetch(url, **given)

    house.fetcher.pages["https://slow.example/a"] = b"a"
    monkeypatch.setattr(house.fetcher, "fetch", slow)
    words = {"to": "a@example.com", "text": "t", "attachments": [{"url": "https://slow.example/a"}]}
    with pytest.raises(error):
        await house.call(operation, actor, inbox_id=AGENT, **({"messages": [words]} if "batch" in operation else words))
    assert house.rows("SELECT 1 FROM delivery") == []
