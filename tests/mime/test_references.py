"""What joins messages: ids, chains and base subjects."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mime.references import (
    base_subject,
    candidates,
    chain,
    has_reply_prefix,
    is_safe_message_id,
    shorten,
)


@pytest.mark.parametrize(
    ("message_id", "safe"),
    [
        ("<a@b>", True),
        ("<no-at-sign>", True),
        (f"<{'a' * 248}>", True),
        (f"<{'a' * 249}>", False),
        ("<>", False),
        ("a@b", False),
        ("<a b@c>", False),
        ("<a@b>\r\n", False),
        ("<a@b>\n", False),
        ("<<a@b>>", False),
        ("<ä@b>", False),
        ("", False),
    ],
)
def test_a_safe_message_id_is_printable_ascii_in_angle_brackets(message_id: str, safe: bool) -> None:
    assert is_safe_message_id(message_id) is safe


def test_the_parent_is_looked_for_by_in_reply_to_and_then_by_references_from_the_right() -> None:
    assert candidates(("<p@x>",), ("<1@x>", "<2@x>", "<p@x>")) == ("<p@x>", "<2@x>", "<1@x>")


def test_at_most_fifty_ids_are_looked_for() -> None:
    many = tuple(f"<{n}@x>" for n in range(10_000))
    found = candidates(("<p@x>",), many)
    assert len(found) == 50
    assert found[:2] == ("<p@x>", "<9999@x>")
    assert len(candidates(many, many)) == 50


def test_a_reply_carries_the_references_of_its_parent_and_the_parent() -> None:
    assert chain("<3@x>", ("<1@x>", "<2@x>"), ("<2@x>",)) == ("<1@x>", "<2@x>", "<3@x>")


def test_a_parent_without_references_gives_its_only_in_reply_to() -> None:
    assert chain("<3@x>", (), ("<2@x>",)) == ("<2@x>", "<3@x>")
    assert chain("<3@x>", (), ("<1@x>", "<2@x>")) == ("<3@x>",)


def test_unsafe_and_repeated_ids_are_left_out_of_a_chain() -> None:
    assert chain("<3@x>", ("<1@x>", "bad", "<3@x>", "<1@x>"), ()) == ("<1@x>", "<3@x>")
    assert chain(None, ("<1@x>",), ()) == ("<1@x>",)
    assert chain("bad id", (), ()) == ()


def test_a_long_chain_keeps_the_first_and_the_last_nineteen() -> None:
    kept = shorten(f"<{n}@x>" for n in range(100))
    assert kept == ("<0@x>", *(f"<{n}@x>" for n in range(81, 100)))
    assert len(shorten(f"<{n}@x>" for n in range(20))) == 20


@pytest.mark.parametrize(
    "subject",
    ["Re: a", "RE: a", "re[2]: a", "Re(3): a", "AW: a", "Antw: a", "SV: a", "Odp: a", "回复：a", "[list] Re: a", "R: a",
     "Re : a", "Re: Fwd: a", "RES: a", "Ynt: a", "رد: a", "Ответ: a", "Re^2: a", " Re:a"],
)  # fmt: skip
def test_a_reply_prefix_is_known_in_many_languages(subject: str) -> None:
    assert has_reply_prefix(subject)
    assert base_subject(subject) == "a"


@pytest.mark.parametrize(
    "subject", ["a", "Fwd: Re: a", "Report: a", "re a", "Regarding: a", "", None, "[re] a", "WG: a"]
)
def test_other_subjects_have_no_reply_prefix(subject: str | None) -> None:
    assert not has_reply_prefix(subject)


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("Hello   World", "hello world"),
        ("Re: [list] Re: Hello (fwd) (FWD) ", "hello"),
        ("[Fwd: Re: Hello]", "hello"),
        ("[Fwd: [Fwd: Hello] (fwd)]", "hello"),
        ("[a] [b]", "[b]"),
        ("Re: [a]", "[a]"),
        ("[a] Re:", ""),
        ("[fwd: ]", ""),
        ("(fwd)", ""),
        ("", ""),
        (None, ""),
        ("Re: Straße", "strasse"),
    ],
)
def test_the_base_subject_is_that_of_rfc_5256(subject: str | None, base: str) -> None:
    assert base_subject(subject) == base


@pytest.mark.parametrize(
    "part", ["[a]", "[fwd:", "(fwd)", "re: ", "re[[", "[", "re [a]", " ", "re[", "R\u0301e: ", "[fwd:]"]
)
def test_no_subject_takes_long(part: str) -> None:
    started = time.process_time()
    for subject in (part * 20_000, part * 20_000 + "]" * 20_000, part * 20_000 + "x"):
        base_subject(subject)
        has_reply_prefix(subject)
    assert time.process_time() - started < 2


@settings(deadline=None)
@given(st.text())
def test_a_base_subject_has_no_prefix_left_to_a_reply(subject: str) -> None:
    base = base_subject(subject)
    assert base_subject(f"Re: {subject}") in (base, base_subject(f"Re: {base}"))
