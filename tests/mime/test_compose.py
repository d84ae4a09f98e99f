"""The bytes of a message: what is in them, what can never be, and that others read from them what was meant."""

import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import collapse_rfc2231_value, getaddresses
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mime.compose import check_headers, clean, compose
from postroom.model.address import Address
from postroom.model.errors import InvalidInput
from postroom.model.message import Outgoing, Upload

NOON = 1_795_255_200_000  # Sat, 21 Nov 2026 10:00:00 UTC
AGENT = Address(address="agent@postroom.example", name="Agent")
ANNA = Address(address="anna@example.com")

UNFIT = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"}
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="".join(UNFIT)), max_size=200)
bodies = st.text(st.characters(exclude_categories=["Cs"]), max_size=500)
filenames = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(UNFIT)), min_size=1, max_size=255
)


def outgoing(**given: object) -> Outgoing:
    fields: dict[str, object] = {"message_id": "<1@postroom.example>", "date": NOON, "from_": AGENT, "to": (ANNA,)}
    return Outgoing.model_validate(fields | given)


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def read_strictly(raw: bytes) -> Message:
    return email.message_from_bytes(raw, policy=email.policy.compat32)


def assert_sound(raw: bytes) -> None:
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
    assert raw.endswith(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\0" not in raw
    assert not re.search(rb"^bcc:", raw.partition(b"\r\n\r\n")[0], re.IGNORECASE | re.MULTILINE)


def names(raw: bytes) -> list[str]:
    return [name for name, _value in read_strictly(raw).items()]


def text_of(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8")


def normal(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"{text}\n" if text and not text.endswith("\n") else text


def test_a_text_mail_is_written_in_the_order_of_the_house() -> None:
    raw = compose(
        outgoing(
            cc=(Address(address="carl@example.com"),),
            reply_to=(AGENT,),
            subject="Hi",
            text="Hello\nthere",
            in_reply_to="<0@x>",
            references=("<0@x>",),
            headers=(("X-Thing", "1"),),
        )
    )
    assert raw == (
        b"From: Agent <agent@postroom.example>\r\nReply-To: Agent <agent@postroom.example>\r\nTo: anna@example.com\r\n"
        b"Cc: carl@example.com\r\nSubject: Hi\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <1@postroom.example>\r\nIn-Reply-To: <0@x>\r\nReferences: <0@x>\r\nMIME-Version: 1.0\r\n"
        b"X-Thing: 1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        b"Hello\r\nthere\r\n"
    )


def test_a_message_without_visible_recipients_says_so() -> None:
    raw = compose(outgoing(to=()))
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in raw
    assert_sound(raw)


def test_long_references_keep_the_first_and_the_last_nineteen_and_are_folded() -> None:
    raw = compose(outgoing(references=tuple(f"<{n}@references.example.com>" for n in range(60))))
    ids = (read_strictly(raw)["References"] or "").split()
    assert ids == ["<0@references.example.com>", *(f"<{n}@references.example.com>" for n in range(41, 60))]
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_an_unsafe_id_in_references_is_left_out() -> None:
    raw = compose(outgoing(references=("<a b>", "<1@x>", "<2@x>\r\nBcc: e@f"), in_reply_to="<x>\r\nBcc: e@f"))
    assert read_strictly(raw)["References"] == "<1@x>"
    assert "In-Reply-To" not in names(raw)
    assert_sound(raw)


@pytest.mark.parametrize("message_id", ["a@b", "<a@b>\r\nBcc: e@f", "<a b>", ""])
def test_a_message_id_of_ours_must_be_safe(message_id: str) -> None:
    with pytest.raises(InvalidInput):
        compose(outgoing(message_id=message_id))


@settings(max_examples=60, deadline=None)
@given(subject=values, name=values, header=values)
def test_any_subject_name_and_header_is_read_back_equal(subject: str, name: str, header: str) -> None:
    raw = compose(
        outgoing(subject=subject, to=(Address(address="a@b.example", name=name), ANNA), headers=(("X-Any", header),))
    )
    assert_sound(raw)
    assert raw.isascii()
    assert max(map(len, raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 998
    message = read(raw)
    assert str(message["Subject"]) == subject.strip(" ")
    assert str(message["X-Any"]) == header.strip(" ")
    first, second = getaddresses([read_strictly(raw)["To"].replace("\r\n", "")])
    assert (str(make_header(decode_header(first[0]))), first[1]) == (name.strip(" "), "a@b.example")
    assert second == ("", "anna@example.com")


@settings(max_examples=60, deadline=None)
@given(text=bodies, html=bodies)
def test_any_text_and_html_is_read_back_equal(text: str, html: str) -> None:
    raw = compose(outgoing(text=text, html=html))
    assert_sound(raw)
    assert raw.isascii()
    parts = {
        p.get_content_type(): text_of(p).replace("\r\n", "\n")
        for p in read_strictly(raw).walk()
        if not p.is_multipart()
    }
    assert parts.get("text/plain", "") == normal(text)
    assert parts.get("text/html", "") == normal(html)


@settings(max_examples=50, deadline=None)
@given(filename=filenames, content=st.binary(max_size=500))
def test_any_filename_and_content_is_read_back_equal(filename: str, content: bytes) -> None:
    raw = compose(outgoing(text="See the file.", attachments=(Upload(filename=filename, content=content),)))
    assert_sound(raw)
    assert raw.isascii()
    _text, file = cast(list[Message], read_strictly(raw).get_payload())
    named = file.get_param("filename", "", header="content-disposition")
    assert collapse_rfc2231_value(named or "") == filename.strip(" ")
    assert file.get_payload(decode=True) == content
    assert max(map(len, raw.split(b"\r\n"))) <= 78


@settings(max_examples=50, deadline=None)
@given(text=bodies, subject=st.text(max_size=100), name=st.text(max_size=100))
def test_whatever_is_given_there_is_a_message_or_an_error_for_the_caller(text: str, subject: str, name: str) -> None:
    try:
        raw = compose(outgoing(text=text, subject=subject, from_=Address(address="a@b.example", name=name)))
    except InvalidInput:
        return
    assert_sound(raw)


@pytest.mark.parametrize(
    "value", ["a\nb", "a\rb", "a\r\n\r\nb", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "a" * 8_001]
)
def test_what_cannot_stand_in_a_header_is_refused_wherever_it_is_given(value: str) -> None:
    for fields, field in (
        ({"subject": value}, "subject"),
        ({"from_": Address(address="a@b.example", name=value)}, "from"),
        ({"cc": (Address(address="a@b.example", name=value),)}, "cc"),
        ({"headers": (("X-A", value),)}, "headers"),
        ({"attachments": (Upload(filename=value, content=b""),)}, "filename"),
    ):
        with pytest.raises(InvalidInput) as caught:
            compose(outgoing(**fields))
        assert caught.value.problems[0].path == (field,)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidInput):
        check_headers([("X-A", "\ud800")])
    with pytest.raises(InvalidInput):
        compose(Outgoing.model_construct(**{**outgoing().__dict__, "text": "\udfff"}))


@pytest.mark.parametrize(
    "name",
    ["From", "sender", "REPLY-TO", "To", "Cc", "Bcc", "bCC", "Subject", "Date", "Message-ID", "In-Reply-To",
     "References", "MIME-Version", "Content-Type", "content-anything", "Received", "Return-Path",
     "DKIM-Signature", "ARC-Seal", "Authentication-Results", "Resent-To", "X-Postroom-Id",
     "", "a b", "a:", "X-A\r\nBcc", "X-A\n", "Ä", "a" * 77],
)  # fmt: skip
def test_a_reserved_or_malformed_field_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_headers([("X-Fine", "1"), (name, "x")])
    assert caught.value.problems[0].path == ("headers",)


def test_other_fields_pass_and_at_most_a_hundred() -> None:
    fields = (("List-Unsubscribe", "<mailto:a@b>"), ("X-From", "1"), ("Auto-Submitted", "auto-replied"))
    assert check_headers(fields) == fields
    with pytest.raises(InvalidInput):
        check_headers([("X-A", "1")] * 101)


def test_a_field_with_a_token_longer_than_a_line_may_be_is_encoded() -> None:
    raw = compose(outgoing(headers=(("X-Long", "x" * 8_000), ("a" * 76, "y" * 980), ("b" * 76, "ü" * 50))))
    assert_sound(raw)
    message = read(raw)
    assert (message["X-Long"], message["a" * 76], message["b" * 76]) == ("x" * 8_000, "y" * 980, "ü" * 50)


@pytest.mark.parametrize(
    "address", ["a@b\r\nBcc: c@d", "a b@c.example", "nobody", "a@b@c", "<a@b>", "a@b, c@d", "a@" + "ü." * 120 + "x"]
)
def test_what_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compose(outgoing(to=(Address(address=address),)))
    assert caught.value.problems[0].path == ("to",)


def test_a_domain_beyond_ascii_is_written_in_a_labels() -> None:
    raw = compose(outgoing(to=(Address(address="anna@Bücher.example", name="Änne"),)))
    assert b"\r\nTo: =?utf-8?b?w4RubmU=?= <anna@xn--bcher-kva.example>\r\n" in raw


def test_a_local_part_beyond_ascii_is_written_in_utf_8() -> None:
    raw = compose(outgoing(to=(Address(address="änne@bücher.example", name="Änne"),)))
    assert "\r\nTo: =?utf-8?b?w4RubmU=?= <änne@bücher.example>\r\n".encode() in raw
    assert_sound(raw)


def test_a_thousand_recipients_are_folded() -> None:
    people = tuple(
        Address(address=f"a{n}@example.com", name=f"Öne, {n}" if n % 2 else f"No. {n}") for n in range(1_000)
    )
    raw = compose(outgoing(to=people))
    assert_sound(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    field = re.search(rb"\nTo: (.*\n(?: .*\n)*)", raw)
    assert field
    assert field[0].count(b"@") == 1_000


def shape(part: Message) -> object:
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        return (part.get_content_subtype(), [shape(p) for p in cast(list[Message], part.get_payload())])
    return part.get_content_type()


def test_the_structure_follows_what_there_is() -> None:
    inline = Upload(content=b"i", content_type="image/png", disposition="inline", content_id="logo@x")
    loose = Upload(content=b"l", content_type="image/gif", disposition="inline", content_id="other@x")
    file = Upload(content=b"f", content_type="application/pdf", filename="a.pdf")
    page = '<p>Hi <img src="cid:logo@x">'
    alternative = ("alternative", ["text/plain", ("related", ["text/html", "image/png"])])
    for fields, wanted in (
        ({}, "text/plain"),
        ({"text": "a"}, "text/plain"),
        ({"html": page}, "text/html"),
        ({"text": "a", "html": page}, ("alternative", ["text/plain", "text/html"])),
        ({"html": page, "attachments": (inline,)}, ("related", ["text/html", "image/png"])),
        ({"text": "a", "html": page, "attachments": (inline,)}, alternative),
        ({"attachments": (file,)}, ("mixed", ["text/plain", "application/pdf"])),
        (
            {"text": "a", "html": page, "attachments": (file, inline, loose)},
            ("mixed", [alternative, "application/pdf", "image/gif"]),
        ),
    ):
        raw = compose(outgoing(**fields))
        assert shape(read_strictly(raw)) == wanted
        assert_sound(raw)


def test_an_attached_message_is_not_encoded() -> None:
    inner = b"From: a@b\nSubject: inner\n\nHello\n"
    raw = compose(outgoing(attachments=(Upload(content=inner, content_type="message/rfc822", filename="x.eml"),)))
    assert b"Content-Transfer-Encoding: 7bit\r\n\r\nFrom: a@b\r\nSubject: inner\r\n\r\nHello\r\n" in raw
    assert shape(read_strictly(raw)) == ("mixed", ["text/plain", "message/rfc822"])
    assert_sound(raw)


@pytest.mark.parametrize("inner", ["Subject: ü\r\n\r\n".encode(), b"a" * 999, b"a\0b", b"a\rb\r\n", b"a\nb\r\n"])
@pytest.mark.parametrize("media_type", ["message/rfc822", "message/delivery-status", "multipart/mixed; boundary=x"])
def test_an_attached_message_that_needs_an_encoding_becomes_a_file(inner: bytes, media_type: str) -> None:
    raw = compose(outgoing(attachments=(Upload(content=inner, content_type=media_type),)))
    part = cast(list[Message], read_strictly(raw).get_payload())[1]
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == inner
    assert part.get_filename() == ("message.eml" if media_type == "message/rfc822" else None)
    assert_sound(raw)


@pytest.mark.parametrize(
    "content_type",
    ["", "text", "text/", "/plain", "text/plain\r\nBcc: a@b", "text/plain; a", "text/plain; charset=", "tëxt/plain",
     'text/plain; charset="a b"', "a/b/c", 'a/b; c="d', "a" * 250 + "/bcdefg"],
)  # fmt: skip
def test_a_content_type_that_does_not_parse_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compose(outgoing(attachments=(Upload(content=b"", content_type=content_type),)))
    assert caught.value.problems[0].path == ("content_type",)


def test_parameters_of_a_content_type_are_kept() -> None:
    given = 'Text/Calendar; method=REQUEST; charset="utf-8"; x="a;b\\"c";'
    raw = compose(outgoing(attachments=(Upload(content=b"x", content_type=given, filename="a.ics"),)))
    part = cast(list[Message], read_strictly(raw).get_payload())[1]
    assert part.get_content_type() == "text/calendar"
    assert (part.get_param("method"), part.get_param("charset"), part.get_param("x")) == ("REQUEST", "utf-8", 'a;b"c')


def test_a_content_id_that_breaks_out_is_refused() -> None:
    with pytest.raises(InvalidInput):
        compose(outgoing(attachments=(Upload(content=b"", content_id="a>\r\nBcc: <b"),)))


def test_a_boundary_that_occurs_in_a_body_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = [b"\xaa" * 12, b"\xbb" * 12]
    monkeypatch.setattr("postroom.mime.compose.random_bytes", lambda _size: draws.pop(0))
    raw = compose(outgoing(text="--=_" + "aa" * 12 + "--", html="x"))
    assert read_strictly(raw).get_boundary() == "=_" + "bb" * 12


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("plain\n", "7bit"), ("x" * 998, "7bit"), ("x" * 999, "quoted-printable"),
     ("a bit of grün\n" * 9, "quoted-printable"),
     ("日本語のメール\n", "base64"), ("a\0b", "quoted-printable")],
)  # fmt: skip
def test_the_smaller_encoding_is_taken(text: str, encoding: str) -> None:
    raw = compose(outgoing(text=text))
    assert read_strictly(raw)["Content-Transfer-Encoding"] == encoding
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= (998 if encoding == "7bit" else 76)
    assert_sound(raw)


def test_text_of_received_mail_is_cleaned() -> None:
    assert clean(" a\r\n\tb\0c\u2028d\ud800 ") == "a b c d"
    assert len(clean("x" * 20_000)) == 8_000
