"""Whole messages: bodies, attachments, charsets, limits, hostile input, and the corpora."""

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mime.parse import attachment_content, attachment_contents, parse
from postroom.model.message import ParsedMessage
from tests.mime.hostile import MESSAGES

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "mime"


def _message(body: str, content_type: str = "text/plain; charset=utf-8", further: str = "") -> bytes:
    return f"From: a@example.com\r\nContent-Type: {content_type}\r\n{further}\r\n{body}".encode()


def _multipart(subtype: str, *parts: str) -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return _message(body, f"multipart/{subtype}; boundary=b")


def test_a_plain_message_is_read() -> None:
    raw = (
        b"From: Ann <a@example.com>\r\nTo: b@example.com\r\nSubject: Hi\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <1@example.com>\r\nReferences: <0@example.com>\r\nIn-Reply-To: <0@example.com>\r\n\r\nHello\r\n"
    )
    read = parse(raw)
    assert read.text == "Hello\n"
    assert (read.subject, read.message_id, read.date) == ("Hi", "<1@example.com>", 1795168800000)
    assert (read.references, read.in_reply_to) == (("<0@example.com>",), ("<0@example.com>",))
    assert [str(box) for box in read.from_] == ["Ann <a@example.com>"]
    assert read.headers[:2] == (("From", "Ann <a@example.com>"), ("To", "b@example.com"))
    assert (read.attachments, read.parse_error, read.html) == ((), None, None)
    assert (read.extracted_text or "").strip() == read.preview == "Hello"


def test_line_ends_make_no_difference_to_what_is_read() -> None:
    crlf = _multipart("mixed", "\r\na", "Content-Type: image/png\r\n\r\nxyz")
    assert parse(crlf).model_copy(update={"digest": ""}) == parse(crlf.replace(b"\r\n", b"\n")).model_copy(
        update={"digest": ""}
    )


def test_the_first_of_each_kind_of_an_alternative_is_the_body() -> None:
    html = "Content-Type: text/html\r\n\r\n<p>one</p>"
    read = parse(_multipart("alternative", "\r\none", html, "Content-Type: text/calendar\r\n\r\nBEGIN", "\r\ntwo"))
    assert (read.text, read.html) == ("one", "<p>one</p>")
    assert [a.content_type for a in read.attachments] == ["text/calendar", "text/plain"]


def test_texts_of_a_mixed_are_joined_by_a_blank_line_and_named_ones_are_files() -> None:
    named = 'Content-Type: text/plain; name="a.txt"\r\n\r\nfile'
    attached = "Content-Disposition: attachment\r\n\r\nfile"
    read = parse(_multipart("mixed", "\r\none\r\n", named, attached, "\r\ntwo"))
    assert read.text == "one\n\ntwo"
    assert [(a.part, a.filename, a.disposition) for a in read.attachments] == [
        (2, "a.txt", "attachment"),
        (3, None, "attachment"),
    ]


def test_a_plain_footer_below_a_page_without_plain_twin_belongs_to_the_page() -> None:
    html = "Content-Type: text/html\r\n\r\n<p>Hello</p>"
    footer = "Content-Type: text/plain\r\n\r\n____\r\nlist <list@b.example>\r\n"
    read = parse(_multipart("mixed", html, footer))
    assert (read.text, read.attachments) == (None, ())
    assert read.html == "<p>Hello</p>\n\n<div>____<br>\nlist &lt;list@b.example&gt;</div>"
    assert read.extracted_text == "Hello\n\n____\nlist <list@b.example>"
    assert (read.preview or "").startswith("Hello")


def test_a_plain_footer_below_an_alternative_joins_its_text() -> None:
    parts = "--c\r\n\r\none\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n--c--"
    twins = f"Content-Type: multipart/alternative; boundary=c\r\n\r\n{parts}"
    read = parse(_multipart("mixed", twins, "\r\nfooter"))
    assert (read.text, read.html) == ("one\n\nfooter", "<p>one</p>")


def test_a_message_of_html_alone_has_no_text_but_extracted_text_and_preview() -> None:
    read = parse(_message("<p>Hello <b>you</b></p>", "text/html"))
    assert (read.text, read.preview) == (None, "Hello you")
    assert (read.extracted_text or "").strip() == "Hello you"


def test_an_image_of_a_related_is_inline_and_counted_without_decoding_it() -> None:
    data = bytes(range(256)) * 5
    image = "Content-Type: Image/PNG; name=x\r\nContent-ID: <c1@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    raw = _multipart("related", "Content-Type: text/html\r\n\r\n<img>", image + base64.encodebytes(data).decode())
    (found,) = parse(raw).attachments
    assert (found.content_type, found.content_id, found.disposition) == ("image/png", "c1@x", "inline")
    assert found.size == len(data)
    assert attachment_content(raw, found.part) == data
    with pytest.raises(IndexError):
        attachment_content(raw, 9)


def test_a_message_in_a_message_is_one_attachment() -> None:
    inner = "From: c@example.com\r\nSubject: inner\r\n\r\ninner text"
    raw = _multipart("mixed", "\r\nouter", f"Content-Type: message/rfc822\r\n\r\n{inner}")
    read = parse(raw)
    assert (read.text, [a.content_type for a in read.attachments]) == ("outer", ["message/rfc822"])
    assert attachment_content(raw, 2) == inner.encode()


def test_several_attachments_are_read_as_each_alone_is() -> None:
    inner = "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx"
    raw = _multipart("mixed", "\r\nouter", inner, "Content-Type: image/png\r\n\r\nabc")
    assert attachment_contents(raw, (3, 2, 3)) == [attachment_content(raw, part) for part in (3, 2, 3)]
    assert attachment_contents(raw, ()) == []
    with pytest.raises(IndexError):
        attachment_contents(raw, (2, 9))


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("base64", "QUI=\r\nQ0Q=\r\n", b"ABCD"),
        ("base64", "QU!!JD\r\nR", b"ABC"),
        ("BASE64", "", b""),
        ("quoted-printable", "a=20b=\r\nc=ZZ= \r\nd", b"a bc=ZZd"),
        ("x-uuencode", "begin 644 a\r\n#86)C\r\n`\r\nend\r\n", b"abc"),
        ("8bit", "abc", b"abc"),
        ("nonsense", "abc", b"abc"),
    ],
)
def test_transfer_encodings_are_decoded_and_the_size_agrees(encoding: str, body: str, expected: bytes) -> None:
    raw = _message(body, "application/octet-stream", f"Content-Transfer-Encoding: {encoding}\r\n")
    assert attachment_content(raw, 0) == expected
    assert [a.size for a in parse(raw).attachments] == [len(expected)]


@pytest.mark.parametrize(
    ("charset", "data", "expected"),
    [
        ("iso-8859-1", b"\x80 \xfc", "€ ü"),
        ("gb2312", "中\u20ac".encode("gb18030"), "中€"),
        ("ks_c_5601-1987", "한글".encode("cp949"), "한글"),
        ("x-sjis", "日本".encode("cp932"), "日本"),
        ("iso-2022-jp", "日本".encode("iso2022_jp"), "日本"),
        ("unicode-1-1-utf-7", b"+AOQ-", "ä"),
        ("utf-7", b"+2AA-x", "\ufffdx"),
        ("koi8-r", "мир".encode("koi8-r"), "мир"),
        ("no-such-charset", "ü".encode(), "ü"),
        ("us-ascii", "ü".encode(), "ü"),
        ("utf-8", b"a\xff\x00", "aÿ\ufffd"),
        ("zlib", b"x", "x"),
        ("punycode", b"a-", "a-"),
        ("", b"\xfc", "ü"),
    ],
)
def test_charsets_are_read_as_senders_mean_them(charset: str, data: bytes, expected: str) -> None:
    raw = f'Content-Type: text/plain; charset="{charset}"\r\n\r\n'.encode() + data
    assert parse(raw).text == expected


def test_flowed_text_is_joined() -> None:
    raw = _message("a \r\nb\r\n> c \r\n> d\r\n-- \r\nsig\r\n", "text/plain; format=flowed")
    assert parse(raw).text == "a b\n> c d\n-- \nsig\n"
    assert parse(_message("a \r\nb\r\n", "text/plain; format=flowed; delsp=yes")).text == "ab\n"


def test_trace_fields_do_not_change_the_digest() -> None:
    plain = b"From: a@b.example\r\nSubject: x\r\n\r\nbody\r\n"
    traced = (
        b"Return-Path: <a>\r\nReceived: from x\r\n\tby y\r\nFrom: a@b.example\r\nARC-Seal: i=1\r\n"
        b"Received-SPF: pass\r\n"
        b"DKIM-Signature: v=1;\r\n b=abc\r\nSubject: x\r\nauthentication-results: z\r\n\r\nbody\r\n"
    )
    assert parse(plain).digest == parse(traced).digest
    assert parse(plain).digest != parse(plain.replace(b"x\r\n", b"y\r\n")).digest
    assert parse(b"\r\nReceived: x\r\n").digest != parse(b"\r\n").digest


@pytest.mark.parametrize("size", [10, 2047, 2048, 65_536, 65_537, 200_000])
def test_the_digest_is_blake2b_of_what_is_left_at_every_size(size: int) -> None:
    body = bytes(i % 251 for i in range(size))
    plain = b"X-A: " + b"x" * size + b"\r\nSubject: x\r\n\r\n" + body
    traced = plain.replace(b"Subject", b"X-received: a\r\n\tb\r\nSubject")
    expected = hashlib.blake2b(plain, digest_size=32).hexdigest()
    assert [parse(raw).digest for raw in (plain, traced, b"RECEIVED-SPF: c\r\n" + traced)] == [expected] * 3


def test_a_parsed_message_is_the_one_that_its_fields_would_make() -> None:
    read = parse(b"From: A <a@b.example>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\nSubject: x\r\n\r\nbody\r\n")
    checked = ParsedMessage.model_validate_json(read.model_dump_json())
    assert read == checked
    assert (read.model_fields_set, read.model_dump_json()) == (checked.model_fields_set, checked.model_dump_json())
    changed = read.model_copy(update={"subject": "y"})
    assert (changed.subject, read.subject, parse(b"").subject) == ("y", "x", None)


def test_the_preview_folds_white_space_however_much_there_is() -> None:
    words = "word " * 60
    for gap in (" ", "\n\n", " " * 90, "\t \u3000" * 20):
        body = f"  Hello{gap}there{gap}{words}"
        assert parse(_message(body, "text/plain; charset=utf-8")).preview == " ".join(body.split())[:200]


def test_what_is_cut_is_named_in_one_sentence() -> None:
    read = parse(MESSAGES["5,000 parts"])
    assert read.parse_error == "Not read in full: more than 1000 parts."
    assert "50 multiparts" in (parse(MESSAGES["nesting of 1,000"]).parse_error or "")
    many = parse(MESSAGES["8,000 recipients"])
    assert (len(many.from_ + many.to), many.parse_error) == (2000, "Not read in full: more than 2000 addresses.")


def test_a_long_newsletter_is_no_error() -> None:
    raw = _message("<table><tr><td>News</td></tr></table>" * 5000, "text/html")
    assert parse(raw).parse_error is None


def test_a_boundary_of_an_outer_multipart_ends_the_inner_ones() -> None:
    inner = "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\none"
    assert parse(_multipart("mixed", inner, "\r\ntwo")).text == "one\n\ntwo"


def test_a_multipart_without_parts_is_read_as_text() -> None:
    read = parse(_message("lonely", "multipart/mixed; boundary=b"))
    assert (read.text, read.attachments) == ("lonely", ())
    assert read.parse_error is not None


@pytest.mark.parametrize("label", sorted(MESSAGES))
def test_a_hostile_message_costs_little(label: str) -> None:
    began = time.process_time()
    read = parse(MESSAGES[label])
    assert time.process_time() - began <= 2
    assert "could not be read" not in (read.parse_error or "")
    assert [box.address for box in read.from_] in (["a@example.com"], ["a@b.c"], [])


@given(st.binary(max_size=2000))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_never_raise(raw: bytes) -> None:
    assert "could not be read" not in (parse(raw).parse_error or "")


_PIECES = st.sampled_from(
    b'Content-Type: |multipart/mixed; boundary=b|\r\n|\n|--b|--|From: |<a@b>|"|(|=?utf-8?q?|?=|text/html|=|\xff'
    b"|References: | |;|Content-Transfer-Encoding: base64|message/rfc822|name*0*=utf-8''%|Date: |\r|charset=utf-7|+2AA-"
    b"|<div style='color:#fff'>".split(b"|")
)


@given(st.lists(_PIECES, max_size=60))
@settings(max_examples=300, deadline=None)
def test_pieces_of_mail_in_any_order_never_raise_and_sizes_agree(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    read = parse(memoryview(raw))
    assert "could not be read" not in (read.parse_error or "")
    assert ParsedMessage.model_validate_json(read.model_dump_json()) == read
    assert all(len(attachment_content(raw, a.part)) == a.size for a in read.attachments)


_WORDS = st.text(
    st.characters(codec="ascii", min_codepoint=33, max_codepoint=126, exclude_characters="="), min_size=1, max_size=20
)


@given(_WORDS, st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=50), max_size=20))
@settings(deadline=None)
def test_a_simple_message_reads_back_what_was_written(subject: str, lines: list[str]) -> None:
    text = "\n".join(lines)
    raw = f"Subject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".encode()
    read = parse(raw + text.replace("\n", "\r\n").encode())
    assert (read.subject, read.text) == (subject, text)


def _samples() -> list[Path]:
    return sorted(p for p in CORPUS.rglob("*") if p.is_file() and p.suffix != ".json") if CORPUS.is_dir() else []


def test_every_message_of_the_corpus_is_read_and_its_sizes_agree() -> None:
    samples = _samples()
    if not samples:
        pytest.skip("shared/corpora/mime is not beside the checkout")
    for path in samples:
        raw = path.read_bytes()
        read = parse(raw)
        assert "could not be read" not in (read.parse_error or ""), path.name
        assert all(len(attachment_content(raw, a.part)) == a.size for a in read.attachments), path.name
        assert ParsedMessage.model_validate_json(read.model_dump_json()) == read, path.name


def _expected(field: Any) -> list[tuple[str | None, str]]:
    if not isinstance(field, dict):
        return []
    value = field["Address"]
    boxes = value.get("List") or [box for group in value.get("Group", []) for box in group["addresses"]]
    return [(box["name"], box["address"]) for box in boxes if box["address"]]


def test_the_corpus_agrees_with_the_parses_beside_it() -> None:
    pairs = [(p, p.with_suffix(".json")) for p in _samples() if p.with_suffix(".json").exists()]
    if not pairs:
        pytest.skip("shared/corpora/mime/mail-parser is not beside the checkout")
    agree = {"from": 0, "to": 0, "subject": 0, "attachments": 0}
    for path, beside in pairs:
        expected = json.loads(beside.read_text())
        fields: dict[str, Any] = {}
        for field in expected["parts"][0]["headers"]:
            fields.setdefault(str(field["name"]), field["value"])
        read = parse(path.read_bytes())
        subject = fields.get("subject")
        agree["from"] += [(b.name, b.address) for b in read.from_] == _expected(fields.get("from"))
        agree["to"] += [(b.name, b.address) for b in read.to] == _expected(fields.get("to"))
        agree["subject"] += ((subject or {}).get("Text") if isinstance(subject, dict) else None) == (
            read.subject or None
        )
        agree["attachments"] += len(read.attachments) == len(expected["attachments"])
    assert (len(pairs), agree) == (107, {"from": 107, "to": 101, "subject": 102, "attachments": 90})
