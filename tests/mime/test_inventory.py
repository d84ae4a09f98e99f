"""All that a message says: every field, part and text, and what stands outside of the parts, where nobody may hide."""

from pathlib import Path

import pytest

from postroom.mime import inventory as module
from postroom.mime.inventory import inventory
from postroom.mime.parse import parse
from postroom.model.inventory import Inventory

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"
HEAD = "From: a@example.com\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nX-Case: 7\r\nX-Case: 8\r\n"


def _of(*lines: str) -> Inventory:
    return inventory((HEAD + "\r\n".join([*lines, ""])).encode())


def test_every_field_is_shown_decoded_and_repeated_ones_are_repeated() -> None:
    found = _of("", "Hello.")
    assert found.header == (("From", "a@example.com"), ("Subject", "café"), ("X-Case", "7"), ("X-Case", "8"))
    (part,) = found.parts
    assert (part.content_type, part.head, part.text, part.is_cut) == ("text/plain", None, "Hello.\n", False)
    assert (found.outside, found.problem) == (None, None)


def test_text_before_between_and_behind_the_parts_is_shown_and_delimiters_are_not() -> None:
    found = _of(
        "Content-Type: multipart/mixed; boundary=B",
        "",
        "before",
        "--B",
        "Content-Type: multipart/alternative; boundary=C",
        "X-Inner: yes",
        "",
        "inner before",
        "--C",
        "",
        "one",
        "--C--",
        "inner behind",
        "--B--  ",
        "behind",
    )
    assert found.outside == "before\ninner before\ninner behind\nbehind"
    assert [(part.content_type, part.text) for part in found.parts] == [
        ("multipart/alternative", None),
        ("text/plain", "one"),
    ]
    assert "X-Inner: yes" in (found.parts[0].head or "")


def test_a_second_text_that_no_reader_chooses_is_listed_with_what_it_says() -> None:
    found = _of(
        "Content-Type: multipart/alternative; boundary=B",
        "",
        "--B",
        "",
        "chosen",
        "--B",
        "Content-Description: psst",
        "",
        "not chosen",
        "--B",
        "Content-Type: application/pdf; name=a.pdf",
        "",
        "%PDF",
        "--B",
        "Content-Type: message/rfc822",
        "",
        "Subject: inside",
        "--B--",
    )
    assert [part.text for part in found.parts] == ["chosen", "not chosen", None, "Subject: inside"]
    assert [part.filename for part in found.parts] == [None, None, "a.pdf", None]
    assert found.parts[1].head == "Content-Description: psst"


def test_a_long_text_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT", 10)
    found = _of("Content-Type: multipart/mixed; boundary=B", "", "o" * 60, "--B", "", "1234567890123", "--B", "", "x")
    assert [(part.text, part.is_cut) for part in found.parts] == [("1234567890", True), ("", True)]
    assert (found.outside, found.outside_is_cut) == ("o" * 10, True)


def test_more_parts_than_are_read_are_text_outside_and_a_problem_is_named() -> None:
    found = _of("Content-Type: multipart/mixed; boundary=B", "", *["--B", "", "x"] * 1_100)
    assert len(found.parts) == 999
    assert found.problem is not None
    assert "x" in (found.outside or "")


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\xff\x00", b"Content-Type: multipart/mixed; boundary=B", b"--"])
def test_nothing_is_too_broken(raw: bytes) -> None:
    assert inventory(raw).size == len(raw)


def test_every_text_that_is_parsed_is_in_the_inventory_of_the_corpora() -> None:
    paths = sorted(CORPORA.rglob("*.eml"))[:150]
    if not paths:
        pytest.skip("the corpora are not beside this checkout")
    for path in paths:
        raw = path.read_bytes()
        found, parsed = inventory(raw), parse(raw)
        assert "could not" not in (found.problem or "")
        assert len(found.header) == len(parsed.headers)
        leaves = [part for part in found.parts if not part.content_type.startswith("multipart/")]
        assert len(leaves) >= len(parsed.attachments)
        found.model_dump_json()
