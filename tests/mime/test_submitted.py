"""Composed messages on their way out: one author whatever a parser makes of it, no hidden recipient, fields put in."""

import email
import email.policy
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mime.parse import parse
from postroom.mime.submitted import complete
from postroom.model.errors import InvalidInput, Refused

AGENT = "agent@here.test"
AT = 1_795_000_000_000


def completed(*header: str, body: str = "Hello.\r\n", utf8: bool = False) -> bytes:
    raw = "".join(f"{line}\r\n" for line in header).encode() + b"\r\n" + body.encode()
    return complete(raw, sender=AGENT, message_id="<msg_1@here.test>", date=AT, utf8=utf8)


WHOLE = (f"From: {AGENT}", "To: b@x.test", "Date: Sat, 21 Nov 2026 10:00:00 +0100", "Message-ID: <own@c.test>")


def test_a_message_that_lacks_nothing_leaves_as_it_came() -> None:
    raw = "\r\n".join([*WHOLE, "X-Odd:  two  spaces ", "Subject: a\r\n b", "", "Body\r\n.\r\n"]).encode()
    assert complete(raw, sender=AGENT, message_id="<m@h>", date=AT, utf8=False) == raw


@pytest.mark.parametrize(
    "author",
    [
        AGENT,
        "AGENT@HERE.TEST",
        f"<{AGENT}>",
        f"The Agent <{AGENT}>",
        f'"Agent, \\"the\\" <ceo@bank.test>" <{AGENT}>',
        f"=?utf-8?q?Gr=C3=B6=C3=9Fe?= <{AGENT}>",
        f"{AGENT} (Full Name)",
        f"\r\n Agent\r\n\t<{AGENT}>",
    ],
)
def test_the_inbox_may_name_itself_in_any_way(author: str) -> None:
    assert f"From: {author}\r\n".encode() in completed(f"From: {author}", *WHOLE[1:])


AUTHORS = [
    "ceo@bank.test",
    f"{AGENT}, ceo@bank.test",
    f"ceo@bank.test, {AGENT}",
    f"ceo@bank.test <{AGENT}>",
    f"<ceo@bank.test> <{AGENT}>",
    f"{AGENT} <ceo@bank.test>",
    f'"{AGENT}" <ceo@bank.test>',
    f"({AGENT}) ceo@bank.test",
    f"a(<{AGENT}>",
    f"group: {AGENT};",
    f"<@x.test:{AGENT}>",
    f"ceo@bank.test\\ <{AGENT}>",
    f'"a"b" <{AGENT}>',
    "agent@here.test@bank.test",
    "agent+tag@here.test",
    "agent@here.test.",
    f"{AGENT};",
    "agent",
    "",
    f"<{AGENT}",
    f"{'x' * 1000} <{AGENT}>",
    '"\\' * 400,
    f'{AGENT}""',
    f'"<{AGENT}>',
    f'(a "b) <ceo@bank.test>" c) <{AGENT}>',
    f'=?utf-8?q?"?="<{AGENT}>',
    f"=?utf-8?q?x <{AGENT}>",
    f"(=?utf-8?q?x) <{AGENT}>",
]


@pytest.mark.parametrize("author", AUTHORS)
@pytest.mark.parametrize("field", ["From", "Sender", "Resent-From", "Resent-Sender"])
def test_another_author_or_one_that_reads_two_ways_is_refused(field: str, author: str) -> None:
    header = [f"{field}: {author}", *(WHOLE[1:] if field == "From" else WHOLE)]
    started = time.process_time()
    with pytest.raises(Refused, match=field):
        completed(*header)
    assert time.process_time() - started < 1


def test_no_author_is_refused() -> None:
    with pytest.raises(Refused, match="no From"):
        completed(*WHOLE[1:])


@pytest.mark.parametrize("name", ["From", "To", "Cc", "Subject", "Date", "Message-ID", "References", "Content-Type"])
def test_a_field_that_counts_stands_once(name: str) -> None:
    line = next((line for line in WHOLE if line.startswith(f"{name}:")), f"{name}: x")
    with pytest.raises(InvalidInput, match="more than once"):
        completed(*dict.fromkeys((*WHOLE, line)), line.swapcase().replace(AGENT.upper(), AGENT))


@pytest.mark.parametrize(
    "line",
    [
        "no field",
        "Two words: x",
        "Space : x",
        ": x",
        "--edge: x",
        f"{'N' * 77}: x",
        "X-Nul: \x01",
        "X-Del: \x7f",
        f"X-Long: {'x' * 8001}",
        "X-Folded: x\r\n \r\n y",
        "X-Raw: é",
        "Größe: x",
    ],
)
def test_a_line_that_no_header_may_have_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput):
        completed(*WHOLE, line)


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\r\nFrom: agent@here.test\r\n", b" From: x\r\n\r\n", b"just words\r\n"]
)
def test_a_message_without_a_header_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        complete(raw, sender=AGENT, message_id="<m@h>", date=AT, utf8=True)


def test_a_header_of_too_many_fields_or_bytes_is_refused() -> None:
    completed(*WHOLE, *(f"X-{n}: x" for n in range(100)))
    for lines in ([f"X-{n}: x" for n in range(101)], ["A:b"] * 60_000, ["References: " + "<a@b> " * 50_000]):
        started = time.process_time()
        with pytest.raises(InvalidInput):
            completed(*WHOLE, *lines)
        assert time.process_time() - started < 1


def test_utf8_stands_in_a_header_where_smtputf8_was_asked_for() -> None:
    assert "Subject: Größe\r\n".encode() in completed(*WHOLE, "Subject: Größe", utf8=True)
    with pytest.raises(InvalidInput, match="SMTPUTF8"):
        completed(*WHOLE, "Subject: Größe")


def test_hidden_recipients_and_words_of_the_receiving_side_are_taken_out() -> None:
    out = ("Bcc: c@x.test,\r\n d@x.test", "bcc: e@x.test", "Resent-Bcc: f@x.test", "Return-Path: <g@x.test>")
    more = ("Authentication-Results: here.test; dkim=pass", "X-Postroom-Origin: local", "ARC-Seal: i=1")
    assert completed(*out, WHOLE[0], *more, *WHOLE[1:], "X-Own: 1") == completed(*WHOLE, "X-Own: 1")


@pytest.mark.parametrize("given_id", [None, "Message-ID: none", "Message-ID: <a b@c>", "Message-ID:", "Date: soon"])
def test_what_is_missing_or_not_valid_is_put_in(given_id: str | None) -> None:
    parsed = parse(completed(f"From: {AGENT}", *([given_id] if given_id else [])))
    assert (parsed.message_id, parsed.date) == ("<msg_1@here.test>", AT)
    assert [name for name, _value in parsed.headers] == ["From", "To", "Date", "Message-ID"]


def test_a_message_that_ends_with_its_header_gets_an_empty_body() -> None:
    raw = f"From: {AGENT}\r\nSubject: x\r\n".encode()
    assert complete(raw, sender=AGENT, message_id="<m@h>", date=AT, utf8=False).endswith(b"Message-ID: <m@h>\r\n\r\n")


_PIECES = st.sampled_from(
    [
        *("agent@here.test", "ceo@bank.test", "<agent@here.test>", "<ceo@bank.test>", "=?utf-8?q?", "?=", "\r\n "),
        *'<>"(),;:\\ \t@a',
    ]
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(_PIECES, max_size=8).map("".join), st.sampled_from(["", "<agent@here.test>"]))
def test_whatever_passes_has_the_inbox_as_its_only_author_to_every_parser(start: str, end: str) -> None:
    try:
        raw = completed(f"From: {start}{end}", *WHOLE[1:])
    except (InvalidInput, Refused):
        return
    assert [a.address for a in parse(raw).from_] == [AGENT]
    read = email.message_from_bytes(raw, policy=email.policy.default)["From"]
    assert [a.addr_spec for a in read.addresses] == [AGENT]
