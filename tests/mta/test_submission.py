"""The submission port, over real sockets on a whole house: who may send, as whom, to how many, what becomes of it."""

import asyncio
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import aiosmtplib
import pytest

from postroom.model.errors import StorageFull, Temporary
from postroom.model.event import EventType
from postroom.mta.submission import SubmissionSession
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail
from tests.mta.dialogue import Peer
from tests.mta.submitting import AGENT, BEGIN, PEER, auth, b64, letter, port_of, to_data
from tests.mta.test_data import SMUGGLING


async def test_ehlo_offers_auth_and_ten_megabytes(house: Bed) -> None:
    async with port_of(house) as it:
        peer = await it.peer()
        await peer.hear("220")
        await peer.say(b"EHLO client.test\r\n")
        lines = (await peer.reply()).splitlines()
    assert {"250-AUTH PLAIN LOGIN", f"250-SIZE {10 * 2**20}", "250-PIPELINING"} <= set(lines)
    assert not any("STARTTLS" in line for line in lines)


async def test_a_client_sends_to_an_inbox_and_to_others_as_the_api_does(house: Bed) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"The Agent <{AGENT}>", PEER, "Über uns"
    message["Cc"] = "carol@example.com"
    message.set_content("Grüße.\n.\n")
    message.add_attachment(b"%PDF-1.4 x", maintype="application", subtype="pdf", filename="a.pdf")
    async with port_of(house) as it:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=it.port, timeout=10) as client:
            await client.login(AGENT, it.key)
            recipients = [PEER, "carol@example.com", "dan@example.com"]
            await client.send_message(message, sender=AGENT, recipients=recipients)
        (summary,) = await it.sent()
        kept = await house.message(AGENT, summary.id)
        (got,) = await house.arrived(PEER)
        sender = await house.call("inboxes.get", inbox_id=AGENT)
        (told,) = await house.events(sender, EventType.MESSAGE_SENT)
        (captured,) = await house.events(sender, EventType.MESSAGE_CAPTURED)
    assert (kept.labels, kept.origin, kept.from_, kept.to) == (("sent",), "sent", f"The Agent <{AGENT}>", (PEER,))
    assert (kept.cc, kept.bcc, kept.subject) == (("carol@example.com",), ("dan@example.com",), "Über uns")
    assert kept.text == "Grüße.\n.\n"
    assert [(a.filename, a.content_type, a.size) for a in kept.attachments] == [("a.pdf", "application/pdf", 10)]
    assert [(a.filename, a.content_type, a.size) for a in got.attachments] == [("a.pdf", "application/pdf", 10)]
    assert (got.text, got.bcc, got.message_id) == (kept.text, (), kept.message_id)
    assert told.data["recipients"] == [PEER, "carol@example.com", "dan@example.com"]
    assert captured.data["recipients"] == ["carol@example.com", "dan@example.com"]


@pytest.mark.parametrize(
    "dialogue",
    [
        ">> AUTH PLAIN {whole}\n<< 235",
        ">> auth plain\n<< 334 \n>> {whole}\n<< 235",
        ">> AUTH PLAIN {acting}\n<< 235",
        ">> AUTH LOGIN\n<< 334 VXNlcm5hbWU6\n>> {user}\n<< 334 UGFzc3dvcmQ6\n>> {key}\n<< 235",
        ">> AUTH LOGIN {user}\n<< 334 UGFzc3dvcmQ6\n>> {key}\n<< 235",
        ">> AUTH PLAIN =\n<< 501 5.5.2\n>> AUTH PLAIN {whole}\n<< 235",
        ">> AUTH LOGIN\n<< 334\n>> *\n<< 501 5.7.0\n>> AUTH PLAIN {whole}\n<< 235",
        ">> AUTH PLAIN\n<< 334\n>>| {whole}\\n\n<< 501\n>> NOOP\n<< 250",
        ">> AUTH PLAIN\n<< 334\n>> {long}\n<< 500 5.5.6\n>> AUTH PLAIN {whole}\n<< 235",
        ">> AUTH PLAIN\n<< 334\n>>| \\xff\\xff\\r\\n\n<< 501 5.5.2\n>> NOOP\n<< 250",
        ">> AUTH PLAIN ****\n<< 501 5.5.2",
        ">> AUTH PLAIN YQ==\n<< 501 5.5.2",
        ">> AUTH PLAIN /////w==\n<< 501 5.5.2",
        ">> AUTH\n<< 504 5.5.4",
        ">> AUTH CRAM-MD5\n<< 504 5.5.4",
        ">> AUTH PLAIN {whole}\n<< 235\n>> AUTH PLAIN {whole}\n<< 503",
        ">> AUTH PLAIN {whole}\n<< 235\n>> EHLO again\n<< 250-\n>> MAIL FROM:<agent@postroom.localhost>\n<< 250",
        ">> HELO old.test\n<< 250\n>> AUTH PLAIN {whole}\n<< 503 5.5.1",
        ">> STARTTLS\n<< 502",
        ">> HELP\n<< 214 2.0.0 EHLO HELO AUTH",
    ],
)
async def test_authentication_is_asked_and_answered_line_by_line(house: Bed, dialogue: str) -> None:
    async with port_of(house) as it:
        words = {"whole": b64("", AGENT, it.key), "acting": b64(AGENT, AGENT, it.key), "user": b64(AGENT)}
        for name, word in {**words, "key": b64(it.key), "long": "QUFB" * 1000}.items():
            dialogue = dialogue.replace("{" + name + "}", word)
        await it.play(BEGIN + dialogue)


@pytest.mark.parametrize("line", [f"MAIL FROM:<{AGENT}>", f"RCPT TO:<{PEER}>", "DATA", "MAIL"])
async def test_nothing_is_taken_before_authentication(house: Bed, line: str) -> None:
    async with port_of(house) as it:
        await it.play(f"{BEGIN}>> {line}\n<< 530 5.7.0\n>> NOOP\n<< 250")


async def test_the_inbound_port_has_no_auth(house: Bed) -> None:
    async with house.smtp() as client:
        assert "auth" not in client.esmtp_extensions
        assert (await client.execute_command(b"AUTH", b"PLAIN", b"AGEAYg==")).code == 502


async def test_the_key_of_a_pod_and_of_the_inbox_itself_may_send(house: Bed) -> None:
    async with port_of(house) as it:
        inbox = await house.call("inboxes.get", inbox_id=AGENT)
        own = (await house.call("keys.create", name="own", inbox_id=AGENT, permissions=["message_send"])).api_key
        pod = await house.key(inbox_id=AGENT)
        assert pod.reach.pod_id == inbox.pod_id
        await it.play(BEGIN + auth(AGENT.upper(), own) + to_data() + ">> From: agent@postroom.localhost\n>> .\n<< 250")


async def test_every_wrong_credential_has_the_same_answer(house: Bed, clock: FakeClock) -> None:
    async with port_of(house, tries=50, errors=50) as it:
        other = await house.stranger()
        theirs = (await house.call("keys.create", other, name="theirs")).api_key
        await house.inbox("theirs", other)
        key = {
            "deleted": await house.call("keys.create", name="a"),
            "expired": await house.call("keys.create", name="b", expires_at=clock() + 1000),
            "reads": await house.call("keys.create", name="c", permissions=["message_read"]),
            "of the peer": await house.call("keys.create", name="d", inbox_id=PEER),
        }
        await house.call("keys.delete", api_key_id=key["deleted"].key.api_key_id)
        clock.now += 2000
        wrong = [("", AGENT, made.api_key) for made in key.values()]
        wrong += [("", AGENT, it.key[:-1] + "x"), ("", AGENT, theirs), ("", f"theirs@{DOMAIN}", it.key)]
        wrong += [("", f"nobody@{DOMAIN}", it.key), ("", "agent", it.key), (PEER, AGENT, it.key), ("", AGENT, "'")]
        inbox = await house.call("inboxes.get", inbox_id=AGENT)
        wrong.append(("", inbox.inbox_id, it.key))
        peer = await it.play(BEGIN)
        replies = set()
        for parts in wrong:
            await peer.say(f"AUTH PLAIN {b64(*parts)}\r\n".encode())
            replies.add(await peer.reply())
        await peer.play(f">> MAIL FROM:<{AGENT}>\n<< 530")
    assert len(replies) == 1
    assert replies.pop().startswith("535 5.7.8")


async def test_too_many_wrong_keys_end_the_session(house: Bed) -> None:
    wrong = f">> AUTH PLAIN {b64('', AGENT, 'x' * 40)}\n<< 535\n"
    async with port_of(house, tries=3) as it:
        await it.play(BEGIN + wrong * 3 + "<< 421 4.7.0\n<< EOF")


async def test_who_was_wrong_waits_and_nobody_else(house: Bed) -> None:
    wrong = f"AUTH PLAIN {b64('', AGENT, 'x' * 40)}\r\nNOOP\r\n".encode()
    async with port_of(house, first_delay=3600, longest_delay=3600) as it:
        waiting = await it.play(BEGIN)
        await waiting.say(wrong)
        await it.entered(to_data() + f">> From: {AGENT}\n>> .\n<< 250")
        assert not waiting.reader.at_eof()
        waiting.reset()  # nobody waits on for a peer that has gone
        it.close()
        await it.quiet()


async def test_the_server_stops_though_somebody_waits(house: Bed) -> None:
    async with port_of(house, first_delay=3600, longest_delay=3600) as it:
        waiting = await it.play(BEGIN)
        await waiting.say(f"AUTH PLAIN {b64('', AGENT, 'x' * 40)}\r\n".encode())
        await it.play(BEGIN)
        for session in list(it.server.sessions):
            session.stop()
        await waiting.hear("421 4.3.2")
        await it.quiet()


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (f"MAIL FROM:<{PEER}>", "553 5.7.1"),
        ("MAIL FROM:<>", "553 5.7.1"),
        (f"MAIL FROM:<agent+tag@{DOMAIN}>", "553 5.7.1"),
        ("MAIL FROM:<agent@example.com>", "553 5.7.1"),
        (f"MAIL FROM:<AGENT@{DOMAIN.upper()}> SIZE=100 AUTH=<> BODY=8BITMIME", "250 2.1.0"),
        (f"MAIL FROM:<{AGENT}> SIZE={10 * 2**20 + 1}", "552 5.3.4"),
        (f"MAIL FROM:<{AGENT}> RET=FULL", "555 5.5.4"),
        (f"MAIL TO:<{AGENT}>", "501 5.5.4"),
        ("MAIL", "501 5.5.4"),
        (f"RCPT TO:<{PEER}>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
    ],
)
async def test_a_line_after_authentication_gets_its_reply(house: Bed, line: str, reply: str) -> None:
    async with port_of(house) as it:
        await it.entered(f">> {line}\n<< {reply}")


async def test_a_paused_inbox_hears_so_at_mail_and_after_data(house: Bed) -> None:
    async with port_of(house) as it:
        peer = await it.entered(to_data())
        await house.call("inboxes.update", inbox_id=AGENT, status="paused")
        await peer.play(f">> From: {AGENT}\n>> .\n<< 550 5.7.1 inbox_paused: \n")
        await peer.play(f">> MAIL FROM:<{AGENT}>\n<< 550 5.7.1 inbox_paused: ")
        await it.entered(f">> MAIL FROM:<{AGENT}>\n<< 550 5.7.1 inbox_paused: ")
        assert await it.sent() == []


async def test_a_key_that_is_deleted_stops_an_open_session(house: Bed) -> None:
    async with port_of(house) as it:
        mine = await house.call("keys.create", name="mine")
        other = await house.call("keys.create", name="other")
        first = await it.play(BEGIN + auth(AGENT, mine.api_key) + to_data())
        second = await it.play(BEGIN + auth(AGENT, other.api_key))
        await house.call("keys.delete", api_key_id=mine.key.api_key_id)
        await house.call("keys.update", api_key_id=other.key.api_key_id, permissions=["message_read"])
        await first.play(f">> From: {AGENT}\n>> .\n<< 530 5.7.0\n{auth(AGENT, it.key)}{to_data()}")
        await second.play(f">> MAIL FROM:<{AGENT}>\n<< 530 5.7.0")
        assert await it.sent() == []


async def test_a_session_does_not_go_on_into_a_new_inbox_of_the_same_address(house: Bed) -> None:
    async with port_of(house) as it:
        peer = await it.entered()
        await house.call("inboxes.delete", inbox_id=AGENT)
        await house.inbox("agent")
        await peer.play(f">> MAIL FROM:<{AGENT}>\n<< 530 5.7.0")


async def test_fifty_recipients_are_taken_and_no_more(house: Bed) -> None:
    many = [f"r{n}@example.com" for n in range(50)]
    async with port_of(house) as it:
        peer = await it.entered(to_data(*many).removesuffix(">> DATA\n<< 354\n"))
        await peer.play(f">> RCPT TO:<{PEER}>\n<< 452 4.5.3\n>> DATA\n<< 354\n>> From: {AGENT}\n>> .\n<< 250")
        (sent,) = await it.sent()
    assert list(sent.bcc) == many


async def test_a_recipient_given_twice_gets_one_copy(house: Bed) -> None:
    async with port_of(house) as it:
        assert (await it.submit(letter(), PEER, PEER.upper())).startswith("250")
        assert len(await house.arrived(PEER)) == 1


async def test_a_message_that_is_too_large_is_refused_and_the_session_goes_on(house: Bed, home: Path) -> None:
    async with port_of(house) as it:
        peer = await it.entered(to_data())
        await peer.say(letter()[:-2])
        line = b"x" * 98 + b"\r\n"
        for _ in range(400):
            await peer.say(line * 1000)  # 40 MB in all
        await peer.say(b".\r\n")
        await peer.play(f"<< 552 5.3.4\n{to_data()}>> From: {AGENT}\n>> .\n<< 250")
        assert len(await it.sent()) == 1
        assert list((home / "spool").iterdir()) == []


async def test_a_large_message_is_sent_whole_and_leaves_no_file_behind(house: Bed, home: Path) -> None:
    text = "A line of a long letter.\n" * 200_000
    async with port_of(house) as it:
        assert (await it.submit(letter(text=text))).startswith("250")
        (got,) = await house.arrived(PEER)
        assert list((home / "spool").iterdir()) == []
    assert (got.size > 4_000_000, got.parse_error) == (True, None)


async def test_a_line_of_more_than_998_octets_is_refused(house: Bed) -> None:
    async with port_of(house) as it:
        assert (await it.submit(letter(text="x" * 998))).startswith("250")
        assert (await it.submit(letter(text="x" * 999))).startswith("554 5.6.0")


async def test_a_whole_session_in_one_packet_is_answered_in_order(house: Bed) -> None:
    async with port_of(house) as it:
        login = f"AUTH PLAIN {b64('', AGENT, it.key)}"
        lines = ["EHLO c.test", login, f"MAIL FROM:<{AGENT}>", f"RCPT TO:<{PEER}>", "DATA"]
        peer = await it.peer()
        await peer.say("".join(f"{line}\r\n" for line in lines).encode() + letter() + b".\r\nQUIT\r\n")
        for reply in ("220", "250-", "235", "250 2.1.0", "250 2.1.5", "354", "250 2.0.0", "221"):
            await peer.hear(reply)
        assert len(await house.arrived(PEER)) == 1


@pytest.mark.parametrize("name", SMUGGLING)
async def test_a_false_end_of_a_message_sends_nothing(house: Bed, name: str) -> None:
    async with port_of(house) as it:
        peer = await it.entered(to_data())
        await peer.say(f"From: {AGENT}\r\n\r\n".encode() + SMUGGLING[name])
        await peer.play("<< 550 5.6.0\n>> NOOP\n<< 250")
        assert await it.sent() == []


async def test_a_peer_that_stalls_is_told_and_let_go(house: Bed) -> None:
    async with port_of(house, idle_seconds=0.5) as it:
        await it.play(BEGIN + ">> AUTH LOGIN\n<< 334\n<< 421 4.4.2\n<< EOF")
        await it.play(BEGIN + auth(AGENT, it.key) + to_data() + ">> From: x\n<< 421 4.4.2\n<< EOF")
        assert await it.sent() == []


async def test_a_session_ends_when_its_time_is_over_however_busy(house: Bed) -> None:
    async with port_of(house, session_seconds=1.0, commands=10**9) as it:
        peer = await it.play(BEGIN)
        async with asyncio.timeout(10):
            while (await _noop(peer)).startswith("250"):
                pass
        await peer.hear_end()


async def _noop(peer: Peer) -> str:
    await peer.say(b"NOOP\r\n")
    reply = await peer.reply()
    assert reply.startswith(("250", "421 4.4.2 Session is over"))
    return reply


async def test_a_list_that_holds_a_recipient_is_named_and_nobody_gets_it(house: Bed) -> None:
    async with port_of(house) as it:
        await house.call("lists.create", direction="send", type="block", entry="example.com")
        reply = await it.submit(letter(), PEER, "carol@example.com")
        assert reply.startswith("550 5.7.1 message_rejected: Nothing was sent to anybody: carol@example.com is on the")
        assert (await it.sent(), await house.arrived(PEER)) == ([], [])


async def test_an_answer_joins_the_thread_that_it_answers(house: Bed) -> None:
    async with port_of(house) as it:
        asked = await house.receive(mail(sender=PEER, to=AGENT, subject="Question"), AGENT)
        answer = letter(subject="Re: other words", answers=asked.message_id, references=asked.message_id)
        assert (await it.submit(answer)).startswith("250")
        (sent,) = await it.sent()
        (got,) = await house.arrived(PEER)
    assert (sent.thread_id, sent.in_reply_to) == (asked.thread_id, asked.message_id)
    assert got.in_reply_to == asked.message_id


async def test_mail_to_no_inbox_bounces_as_it_does_when_sent_by_the_api(house: Bed) -> None:
    async with port_of(house) as it:
        assert (await it.submit(letter(), f"nobody@{DOMAIN}")).startswith("250")
        await house.settled()
        (sent,) = await it.sent()
    assert "bounced" in sent.labels


async def test_bcc_is_in_nobodys_bytes_and_what_is_missing_is_put_in(house: Bed) -> None:
    raw = f"From: {AGENT}\r\nSubject: Hi\r\nBcc: {PEER},\r\n dan@example.com\r\n\r\nHello.\r\n".encode()
    async with port_of(house) as it:
        assert (await it.submit(raw, PEER, "dan@example.com")).startswith("250")
        (summary,) = await it.sent()
        kept = await house.message(AGENT, summary.id)
        (got,) = await house.arrived(PEER)
    assert (kept.bcc, got.bcc, got.to) == ((PEER, "dan@example.com"), (), ())
    names = [name for name, _value in got.headers]
    assert sorted(names) == ["Date", "From", "Message-ID", "Subject", "To"]
    assert kept.message_id == got.message_id
    assert re.fullmatch(rf"<{kept.id}\.[\w-]{{8}}@{re.escape(DOMAIN)}>", kept.message_id)
    assert kept.date == house.now() // 1000 * 1000


async def test_a_failure_of_ours_is_temporary_and_sends_nothing(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with port_of(house) as it:
        peer = await it.entered(to_data())
        do = house.desk._do
        errors: dict[str, Exception] = {}

        async def failing(name: str, *given: Any, **how: Any) -> Any:
            if name in errors:
                raise errors[name]
            return await do(name, *given, **how)

        monkeypatch.setattr(house.desk, "_do", failing)
        errors["messages.commit"] = StorageFull("The disk is full.")
        await peer.play(f">> From: {AGENT}\n>> .\n<< 452 4.3.1")
        errors["tenants.authenticate"] = Temporary("No database.")
        await peer.play(f">> MAIL FROM:<{AGENT}>\n<< 451 4.3.0")
        await it.play(f"{BEGIN}>> AUTH PLAIN {b64('', AGENT, it.key)}\n<< 454 4.7.0")
        errors.clear()
        assert await it.sent() == []


async def test_250_comes_after_the_commit(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with port_of(house) as it:
        peer = await it.entered(to_data())
        ask, may_go, asked = house.desk.ask, asyncio.Event(), asyncio.Event()

        async def held(name: str, *given: Any) -> Any:
            if name == "messages.commit":
                asked.set()
                await may_go.wait()
            return await ask(name, *given)

        monkeypatch.setattr(house.desk, "ask", held)
        await peer.say(f"From: {AGENT}\r\n\r\n.\r\n".encode())
        await asked.wait()
        (session,) = it.server.sessions
        cast(SubmissionSession, session)._time_is_over()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):  # the time of the session is over, and it waits for the commit
                await peer.reader.readexactly(1)
        may_go.set()
        await peer.play("<< 250 2.0.0\n<< 421 4.4.2\n<< EOF")
        assert len(await it.sent()) == 1
