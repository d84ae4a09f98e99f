"""The dialogue: what is said to whom, and whom we keep mail for."""

import asyncio
import logging
from email.message import EmailMessage
from pathlib import Path

import aiosmtpd
import aiosmtplib
import pytest

from postroom.model.errors import Busy, Conflict, InvalidInput, Refused, StorageFull, TooLarge
from postroom.mta.inbound import InboundLimits, Verdict
from tests.mta.dialogue import BEGIN, TO_DATA, Peer
from tests.mta.reception import FakeReception, running


def play(folder: Path, dialogue: str, reception: FakeReception | None = None, **limits: float) -> FakeReception:
    """Act out one dialogue and return the reception; no file may be left."""

    async def run() -> FakeReception:
        async with running(folder, InboundLimits(**limits), reception) as it:  # type: ignore[arg-type]
            peer = await it.play(dialogue)
            peer.close()
            await it.quiet()
            assert it.spooled() == []
            return it.reception

    return asyncio.run(run())


def test_the_private_names_that_we_use_are_those_of_aiosmtpd_1_4_6() -> None:
    assert aiosmtpd.__version__ == "1.4.6"


def test_ehlo_advertises_what_we_can_and_neither_auth_nor_starttls(tmp_path: Path) -> None:
    async def run() -> str:
        async with running(tmp_path) as it:
            peer = await it.peer()
            await peer.hear("220 mail.here.test ESMTP")
            await peer.say(b"EHLO client.test\r\n")
            reply = await peer.reply()
            return reply

    assert asyncio.run(run()).splitlines() == [
        "250-mail.here.test",
        "250-PIPELINING",
        f"250-SIZE {50 * 2**20}",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250 ENHANCEDSTATUSCODES",
    ]


def test_a_mail_is_kept_with_its_envelope_and_its_dots(tmp_path: Path) -> None:
    seen = play(
        tmp_path,
        BEGIN + TO_DATA + ">>| Subject: x\\r\\n\\r\\n..lead\\r\\n..\\r\\n...\\r\\n.\\r\\n\n<< 250 2.0.0 Ok: kept\n"
        ">> QUIT\n<< 221 2.0.0\n<< EOF",
    )
    body = b"Subject: x\r\n\r\n.lead\r\n.\r\n..\r\n"
    mail = seen.kept[0]
    assert (mail.envelope_from, mail.recipients, mail.helo) == ("a@client.test", ("agent@here.test",), "client.test")
    assert (mail.content, mail.spool, mail.size, mail.client) == (body, None, len(body), "127.0.0.1")
    assert mail.sha256 == ""  # only a file is named by its hash


def test_an_empty_message_ends_with_a_dot_alone(tmp_path: Path) -> None:
    assert play(tmp_path, BEGIN + TO_DATA + ">> .\n<< 250 2.0.0").contents == [b""]


def test_helo_alone_is_enough(tmp_path: Path) -> None:
    seen = play(tmp_path, "<< 220\n>> HELO old.test\n<< 250 mail.here.test\n" + TO_DATA + ">> x\n>> .\n<< 250 2.0.0")
    assert seen.contents == [b"x\r\n"]


def test_the_null_sender_may_write_to_several(tmp_path: Path) -> None:
    seen = play(
        tmp_path,
        BEGIN + ">> MAIL FROM:<>\n<< 250 2.1.0\n>> RCPT TO:<agent1@here.test>\n<< 250\n>> RCPT TO:<agent2@here.test>\n"
        "<< 250\n>> DATA\n<< 354\n>> x\n>> .\n<< 250 2.0.0",
    )
    assert seen.kept[0].envelope_from == ""
    assert seen.kept[0].recipients == ("agent1@here.test", "agent2@here.test")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("RCPT TO:<nobody@here.test>", "550 5.1.1"),
        ("RCPT TO:<v@elsewhere.test>", "550 5.7.1 Relaying denied"),
        ("RCPT TO:<@here.test:v@elsewhere.test>", "550 5.7.1"),
        ("RCPT TO:<@here.test,@x.test:agent@here.test>", "250 2.1.5"),
        ("RCPT TO:<v%elsewhere.test@here.test>", "550 5.1.1"),
        ("RCPT TO:<elsewhere.test!v@here.test>", "550 5.1.1"),
        ("RCPT TO:<elsewhere.test!v>", "553 5.1.3"),
        ('RCPT TO:<"v@elsewhere.test"@here.test>', "550 5.1.1"),
        ('RCPT TO:<"v@elsewhere.test">', "5"),
        ("RCPT TO:<v@elsewhere.test@here.test>", "553 5.1.3"),
        ("RCPT TO:<agent@here.test@elsewhere.test>", "553 5.1.3"),
        ("RCPT TO:<v@[127.0.0.1]>", "550 5.7.1"),
        ("RCPT TO:<v@[IPv6:::1]>", "550 5.7.1"),
        ("RCPT TO:<agent@here.test> NOTIFY=NEVER", "555 5.5.4"),
        ("RCPT TO:<agent>", "553 5.1.3"),
        ("RCPT TO:<a..b@here.test>", "553 5.1.3"),
        ("RCPT TO:<@here.test>", "553 5.1.3"),
        ("RCPT TO:<agent@>", "553 5.1.3"),
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT TO:", "501 5.1.3"),
        ("RCPT", "501 5.1.3"),
        ("RCPT FROM:<agent@here.test>", "501 5.1.3"),
        ("RCPT TO:<agent@here.test>x", "501 5.1.3"),
        ("RCPT TO:<agent@here.test", "501 5.1.3"),
        ("RCPT TO:<größe@here.test>", "553 5.6.7"),
        (f"RCPT TO:<{'a' * 65}@here.test>", "553 5.1.3"),
        ("RCPT TO:<POSTMASTER>", "550 5.7.1"),
        ("rcpt to: <Agent@HERE.test>", "250 2.1.5"),
        ("RCPT TO:agent@here.test", "250 2.1.5"),
        ('RCPT TO:<"agent smith"@here.test>', "250 2.1.5"),
        ("MAIL FROM:<b@client.test>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("VRFY agent@here.test", "252 2"),
        ("EXPN agent@here.test", "252 2"),
        ("NOOP hello", "250 2.0.0 OK"),
        ("RSET", "250 2.0.0 OK"),
        ("RSET now", "501 5.5.4"),
        ("HELP", "214 2.0.0"),
        ("QUIT now", "501 5.5.4"),
        ("EHLO", "501 5.5.4"),
        ("HELO", "501 5.5.4"),
        ("STARTTLS", "502 5.5.1"),
        ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
        ("BDAT 5 LAST", "500 5.5.2"),
        ("", "500 5.5.2"),
        ("NOOP \0", "500 5.5.2"),
        ("x" * 3000, "500 5.5.2"),
        ("x" * 300_000, "500 5.5.2"),
    ],
)
def test_a_line_after_mail_gets_its_reply(tmp_path: Path, line: str, reply: str) -> None:
    play(tmp_path, f"{BEGIN}>> MAIL FROM:<a@client.test>\n<< 250\n>> {line}\n<< {reply}\n>> NOOP\n<< 250 2.0.0")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (f"MAIL FROM:<a@b.test> SIZE={50 * 2**20 + 1}", "552 5.3.4"),
        (f"MAIL FROM:<a@b.test> size={50 * 2**20}", "250 2.1.0"),
        ("MAIL FROM:<a@b.test> SIZE=²", "501 5.5.4"),
        ("MAIL FROM:<a@b.test> SIZE=", "501 5.5.4"),
        ("MAIL FROM:<a@b.test> SIZE=" + "9" * 400, "501 5.5.4"),
        ("MAIL FROM:<a@b.test> BODY=8BITMIME SMTPUTF8 SIZE=3", "250 2.1.0"),
        ("MAIL FROM:<a@b.test> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@b.test> RET=FULL", "555 5.5.4"),
        ("MAIL FROM:<größe@b.test>", "553 5.6.7"),
        ("MAIL FROM:<größe@b.test> SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM:<a b@c.test>", "501 5.5.4"),
        ("MAIL FROM:<a>", "553 5.1.7"),
        ("MAIL FROM:<bounce+" + "x" * 90 + "@b.test>", "250 2.1.0"),
        ("MAIL FROM:<a..b@b.test>", "250 2.1.0"),
        ("MAIL TO:<a@b.test>", "501 5.5.4"),
        ("MAIL", "501 5.5.4"),
        ("RCPT TO:<agent@here.test>", "503 5.5.1"),
    ],
)
def test_a_line_after_ehlo_gets_its_reply(tmp_path: Path, line: str, reply: str) -> None:
    play(tmp_path, f"{BEGIN}>> {line}\n<< {reply}")


def test_mail_before_a_greeting_is_out_of_order(tmp_path: Path) -> None:
    play(tmp_path, "<< 220\n>> MAIL FROM:<a@b.test>\n<< 503 5.5.1")


@pytest.mark.parametrize("end", [r"\n", r"\r\r\n", r"\r\n\n"])
def test_a_command_ends_with_crlf_alone(tmp_path: Path, end: str) -> None:
    play(
        tmp_path,
        f"{BEGIN}>>| NOOP{end}NOOP\\r\\n\n<< {'250' if end.startswith(chr(92) + 'r' + chr(92) + 'n') else '500 5.5.2'}",
    )


def test_a_command_that_is_not_utf8_is_no_command(tmp_path: Path) -> None:
    play(tmp_path, f"{BEGIN}>>| MAIL FROM:<\\xff@b.test>\\r\\n\n<< 500 5.5.2")


def test_commands_sent_together_are_answered_in_order_and_what_follows_the_end_is_heard(tmp_path: Path) -> None:
    seen = play(
        tmp_path,
        BEGIN + ">> MAIL FROM:<a@client.test>\n>> RCPT TO:<agent@here.test>\n>> RCPT TO:<v@elsewhere.test>\n>> DATA\n"
        "<< 250 2.1.0\n<< 250 2.1.5\n<< 550 5.7.1\n<< 354\n"
        ">> one\n>> .\n>> MAIL FROM:<b@client.test>\n>> RCPT TO:<agent2@here.test>\n>> DATA\n"
        "<< 250 2.0.0\n<< 250 2.1.0\n<< 250 2.1.5\n<< 354\n>> two\n>> .\n>> QUIT\n<< 250 2.0.0\n<< 221 2.0.0\n<< EOF",
    )
    assert seen.contents == [b"one\r\n", b"two\r\n"]
    assert [mail.envelope_from for mail in seen.kept] == ["a@client.test", "b@client.test"]


def test_data_that_came_with_its_command_is_data(tmp_path: Path) -> None:
    seen = play(
        tmp_path,
        BEGIN + ">> MAIL FROM:<a@client.test>\n>> RCPT TO:<agent@here.test>\n>> DATA\n>> .x\n>> .\n>> QUIT\n"
        "<< 250\n<< 250\n<< 354\n<< 250 2.0.0\n<< 221",
    )
    assert seen.contents == [b"x\r\n"]


def test_half_a_connection_closed_is_still_answered(tmp_path: Path) -> None:
    async def run() -> list[bytes]:
        async with running(tmp_path) as it:
            peer = await it.play(BEGIN + TO_DATA)
            await peer.say(b"x\r\n.\r\n")
            peer.writer.write_eof()
            await peer.hear("250 2.0.0 Ok: kept")
            await peer.hear_end()
            return it.reception.contents

    assert asyncio.run(run()) == [b"x\r\n"]


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (StorageFull("full"), "452 4.3.1"),
        (Busy("busy"), "451 4.3.0"),
        (OSError(5, "I/O error"), "451 4.3.0"),
        (RuntimeError("a bug"), "451 4.3.0"),
        (Conflict("gone"), "451 4.3.0"),
        (InvalidInput("not\r\n250 this"), "554 5.6.0 not  250 this"),
        (Refused("a rule"), "554 5.6.0 a rule"),
        (TooLarge("too much"), "552 5.3.4 too much"),
    ],
)
@pytest.mark.parametrize("size", [10, 200_000])
def test_mail_that_cannot_be_taken_is_never_answered_250(
    tmp_path: Path, error: Exception, reply: str, size: int
) -> None:
    fake = asyncio.run(_fake(failures={"agent@here.test": error}))
    seen = play(tmp_path, f"{BEGIN}{TO_DATA}>> {'x' * size}\n>> .\n<< {reply}\n>> NOOP\n<< 250", fake)
    assert seen.kept == []


@pytest.mark.parametrize(
    ("error", "reply"), [(StorageFull("x"), "452 4.3.1"), (Busy("x"), "451 4.3.0"), (KeyError("x"), "451 4.3.0")]
)
def test_a_verdict_that_fails_is_temporary(tmp_path: Path, error: Exception, reply: str) -> None:
    fake = asyncio.run(_fake(verdicts={"agent@here.test": error}))
    play(tmp_path, f"{BEGIN}>> MAIL FROM:<>\n<< 250\n>> RCPT TO:<agent@here.test>\n<< {reply}", fake)


def test_postmaster_needs_no_domain(tmp_path: Path) -> None:
    fake = asyncio.run(_fake(verdicts={"postmaster@mail.here.test": Verdict.ACCEPTED}))
    play(tmp_path, f"{BEGIN}>> MAIL FROM:<>\n<< 250\n>> RCPT TO:<postmaster>\n<< 250", fake)


async def _fake(
    verdicts: dict[str, Verdict | Exception] | None = None, failures: dict[str, BaseException] | None = None
) -> FakeReception:
    return FakeReception(verdicts, failures)


def test_one_line_is_logged_a_message_and_it_holds_no_address(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        play(tmp_path, BEGIN + TO_DATA + ">> secret\n>> .\n<< 250 2.0.0\n>> QUIT\n<< 221")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert lines[0].startswith("mail answered client=")
    assert "size=8" in lines[0]
    assert "@" not in lines[0]
    assert "secret" not in lines[0]


def test_a_commit_in_progress_ends_before_the_server_does_and_others_hear_421(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as it:
            idle = await it.play(BEGIN)
            peer = await it.play(BEGIN + TO_DATA)
            it.reception.may_return.clear()
            await peer.say(b"x\r\n.\r\n")
            async with asyncio.timeout(5):
                await it.reception.taking.wait()
            assert it.task is not None
            it.task.cancel()
            await idle.hear("421 4.3.2")
            await idle.hear_end()
            assert not it.task.done()
            it.reception.may_return.set()
            await peer.hear("250 2.0.0 Ok: kept")
            await peer.hear("421 4.3.2")
            await peer.hear_end()
            async with asyncio.timeout(5):
                await asyncio.gather(it.task, return_exceptions=True)
            peer.close()
            idle.close()
            with pytest.raises(OSError):  # noqa: PT011  # which one depends on the system
                await Peer.connect(it.port)

    asyncio.run(run())


def test_aiosmtplib_sends_eight_bit_and_utf8_mail(tmp_path: Path) -> None:
    async def run() -> FakeReception:
        async with running(tmp_path) as it:
            mail = EmailMessage()
            mail["From"] = "ä@client.test"
            mail["To"] = "größe@here.test"
            mail.set_content("grüße\n", cte="8bit")
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=it.port, timeout=5) as client:
                await client.send_message(mail)
            return it.reception

    seen = asyncio.run(run())
    assert seen.kept[0].recipients == ("größe@here.test",)
    assert "grüße".encode() in seen.contents[0]


def test_fifty_clients_at_once_are_all_served(tmp_path: Path) -> None:
    async def send(port: int, number: int) -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=20) as client:
            for turn in range(3):
                await client.sendmail("a@client.test", [f"agent{number}@here.test"], f"{number}-{turn}\r\n")

    async def run() -> list[bytes]:
        async with running(tmp_path) as it:
            await asyncio.gather(*(send(it.port, number) for number in range(50)))
            return it.reception.contents

    assert sorted(asyncio.run(run())) == sorted(f"{n}-{t}\r\n".encode() for n in range(50) for t in range(3))
