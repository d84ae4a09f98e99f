"""Header blocks, encoded words, addresses, dates, ids and parameters as they are read from strangers' mail."""

import pytest

from postroom.mime.addresses import read_addresses
from postroom.mime.dates import read_date
from postroom.mime.headers import read_block
from postroom.mime.limits import MAX_FIELDS, MAX_HEADER_BYTES, Budget
from postroom.mime.message_ids import message_id, references
from postroom.mime.params import file_name, read_parameters
from postroom.mime.words import decode_words


def _boxes(value: str) -> list[tuple[str | None, str]]:
    return [(box.name, box.address) for box in read_addresses([value], Budget())]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@example.com", [(None, "a@example.com")]),
        ("<a@example.com>", [(None, "a@example.com")]),
        ("Ann Lee <a@example.com>", [("Ann Lee", "a@example.com")]),
        ('"Lee, Ann" <a@example.com>, b@example.com', [("Lee, Ann", "a@example.com"), (None, "b@example.com")]),
        ('"Joe \\"J\\" Q" <j@q.example>', [('Joe "J" Q', "j@q.example")]),
        ("a@example.com (Ann Lee)", [("Ann Lee", "a@example.com")]),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [("Pete", "pete@silly.test")]),
        (
            "Group: a@b.example, C <c@d.example>; e@f.example",
            [(None, "a@b.example"), ("C", "c@d.example"), (None, "e@f.example")],
        ),
        ("undisclosed-recipients:;", []),
        ("<@one.example,@two.example:a@three.example>", [(None, "a@three.example")]),
        ('"john doe"@example.com', [(None, '"john doe"@example.com')]),
        ("=?utf-8?q?Doe,_J=C3=B6?= <a@b.example>", [("Doe, Jö", "a@b.example")]),
        ('"=?utf-8?b?SsO2?=" <a@b.example>', [("Jö", "a@b.example")]),
        ("Jörg <jörg@müller.example>", [("Jörg", "jörg@müller.example")]),
        ("jdoe@test   . example", [(None, "jdoe@test.example")]),
        ("MAILER-DAEMON", []),
        ("Daemon <MAILER-DAEMON>", [("Daemon", "MAILER-DAEMON")]),
    ],
)
def test_a_list_of_mailboxes_is_read(value: str, expected: list[tuple[str | None, str]]) -> None:
    assert _boxes(value) == expected


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ('"victim@bank.example" <evil@x.example>', "evil@x.example"),
        ('"Victim <victim@bank.example>" <evil@x.example>', "evil@x.example"),
        ("victim@bank.example <evil@x.example>", "evil@x.example"),
        ("<victim@bank.example> <evil@x.example>", "evil@x.example"),
        ("=?utf-8?q?=3Cvictim=40bank.example=3E?= <evil@x.example>", "evil@x.example"),
        ("(<victim@bank.example>) evil@x.example", "evil@x.example"),
    ],
)
def test_cve_2023_27043_the_address_is_never_taken_from_the_name(value: str, address: str) -> None:
    assert [box.address for box in read_addresses([value], Budget())] == [address]


@pytest.mark.parametrize(
    "value", ["alice@a.example)bob@b.example", '"a@b.example"', "a@b@c.example", "<a b@c.example>"]
)
def test_what_could_be_two_addresses_is_none(value: str) -> None:
    assert _boxes(value) == []


def test_a_name_holds_no_line_breaks_and_no_bidirectional_controls() -> None:
    assert _boxes("=?utf-8?q?A=0D=0ABcc:_b=E2=80=AEx?= <a@b.example>") == [("A Bcc: bx", "a@b.example")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?utf-8?q?a?= =?utf-8?q?b?= c", "ab c"),
        ("x =?utf-8?b?w7w=?= y", "x ü y"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        ("=?utf-8*de?q?=C3=BC?=", "ü"),
        ("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?x-unknown-charset?q?=C3=BC?=", "ü"),
        ("=?utf-8?q?with space?=", "with space"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
    ],
)
def test_encoded_words_are_decoded(value: str, expected: str) -> None:
    assert decode_words(value, Budget()) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Fri, 20 Nov 2026 10:00:00 +0000", 1795168800000),
        ("20 Nov 2026 11:00:00 +0100 (CET)", 1795168800000),
        ("Fri, 20 Nov 26 05:00 EST", 1795168800000),
        ("Fri Nov 20 10:00:00 2026", 1795168800000),
        ("Fri, 20 Nov 2026 10:00:00 +0000 (UTC)", 1795168800000),
        ("Fri, 20 Nov 2026 02:30:00 -0730", 1795168800000),
        ("Fri, 20 Nov 2026 10:00:60 +0000", 1795168859000),
        ("Thu, 1 Jan 1970 00:00:07 +0000", 7000),
        ("Fri, 20 Nov 2026 10:00:00 +0000" + " " * 300, 1795168800000),
        ("Fri, 20 Nov 2026 24:00:00 +0000", None),
        ("Fri, 20 Nov 2026 10:60:00 +0000", None),
        ("Fri, 31 Feb 2026 10:00:00 +0000", None),
        ("Fri, 20 Nov 2026 99:00:00 +0000", None),
        ("yesterday", None),
        ("1 " * 10_000, None),
    ],
)
def test_a_date_is_milliseconds_or_nothing(value: str, expected: int | None) -> None:
    assert read_date(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@b>", "<a@b>"),
        ("a@b", "<a@b>"),
        ("<a@b> (comment)", "<a@b>"),
        ("(<x@y>) <a@b>", "<a@b>"),
        ("<a b@c>", None),
        ("<a\x07@c>", None),
        ("<>", None),
        ("", None),
        ("<" + "a" * 998 + "@b>", None),
    ],
)
def test_an_unsafe_message_id_counts_as_absent(value: str, expected: str | None) -> None:
    assert message_id(value) == expected


def test_references_keep_the_first_and_the_last() -> None:
    kept = references([" ".join(f"<{n}@x>" for n in range(500))])
    assert len(kept) == 100
    assert (kept[0], kept[19], kept[20], kept[-1]) == ("<0@x>", "<19@x>", "<420@x>", "<499@x>")


def test_references_are_read_from_junk() -> None:
    assert references(["Your message of today <a@b><c@d>, e@f"]) == ("<a@b>", "<c@d>")
    assert references(["a@b c@d"]) == ("<a@b>", "<c@d>")


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        ('text/plain; charset="utf-8"', "charset", "utf-8"),
        ("a/b; name*0*=utf-8''%C3%BC; name*1=\"b\"; name*2*=%20c", "name", "üb c"),
        ("a/b; name=plain; name*=utf-8'en'%E2%82%AC.txt", "name", "€.txt"),
        ('a/b; name="=?utf-8?q?=C3=BC?=.txt"', "name", "ü.txt"),
        ('a/b; name="a;b\\"c"', "name", 'a;b"c'),
        ("a/b; name=my file.pdf", "name", "my file.pdf"),
        ('a/b; name="unterminated', "name", "unterminated"),
    ],
)
def test_parameters_are_read(value: str, name: str, expected: str) -> None:
    assert read_parameters(value, Budget())[1][name] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("..", None),
        ("/", None),
        ("a\r\nb\x00.txt", "a b .txt"),
        ("cod\u202etxt.exe", "codtxt.exe"),
        ("a" * 300 + ".txt", "a" * 251 + ".txt"),
    ],
)
def test_a_file_name_has_no_path_and_no_controls(given: str, expected: str | None) -> None:
    assert file_name(given) == expected


def _fields(raw: bytes) -> list[tuple[str, str]]:
    return read_block(raw, 0, len(raw), Budget()).fields


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_folded_fields_are_unfolded_with_either_line_end(end: bytes) -> None:
    raw = end.join([b"Subject: a", b"\tb", b"X-Y : c", b"", b"body"])
    assert _fields(raw) == [("Subject", "a b"), ("X-Y", "c")]


def test_raw_8_bit_is_utf_8_or_latin() -> None:
    assert _fields("A: ü\n\n".encode()) == [("A", "ü")]
    assert _fields(b"A: \xfc\nB: \xc3\xbc\n\n") == [("A", "ü"), ("B", "ü")]


def test_a_text_without_header_is_all_body() -> None:
    raw = b"just text\n\nmore"
    block = read_block(raw, 0, len(raw), Budget())
    assert (block.fields, block.body) == ([], 0)


def test_what_goes_beyond_the_limits_is_cut_and_named() -> None:
    budget = Budget()
    raw = b"a: b\n" * (MAX_FIELDS + 1) + b"\n"
    assert len(read_block(raw, 0, len(raw), budget).fields) == MAX_FIELDS
    long = b"a: " + b"b" * (MAX_HEADER_BYTES + 1) + b"\n\nbody"
    block = read_block(long, 0, len(long), budget)
    assert long[block.body :] == b"body"
    assert budget.sentence is not None
    assert "2000 header fields" in budget.sentence
    assert "256 KiB" in budget.sentence
