"""What nobody sees is taken out of a text and counted, held against the tables of Unicode; what is needed stays."""

import unicodedata

import pytest

from postroom.model.inert import inert, unseen
from tests.hostile.unseen import UNSEEN, passed

LINES = {"\u2028", "\u2029"}  # they become line ends


def test_every_character_that_nobody_sees_is_taken_out_and_counted() -> None:
    for character in sorted(UNSEEN - LINES - {"\r"}):
        assert inert(f"x{character}y") == "xy", f"{ord(character):04X}"
        assert unseen(f"x{character}y") == 1, f"{ord(character):04X}"


def test_the_list_has_what_the_tables_of_python_have() -> None:
    unseen_kinds = ("Cc", "Cf", "Cs", "Co")
    known = {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in unseen_kinds}
    assert known - UNSEEN == {"\n", "\t"}


def test_what_has_ink_stays() -> None:
    text = "Gr\u00fc\u00dfe, \u0645\u0631\u062d, \u4f60\u597d, \uc548\ub155, \u1f00, \U0001f600, 1\u00a02\u20093\n"
    assert inert(text) == text
    assert unseen(text) == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("\u260e\ufe0e.", "\u260e\ufe0e."),
        ("\u2764\ufe0f\ufe0f\ufe0e", "\u2764\ufe0f"),
        ("\u2764\u200b\ufe0f", "\u2764"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("1\ufe0f2\ufe0e", "12"),
        ("a\ufe0f", "a"),
        ("\ufe0fa", "a"),
        ("\u845b\U000e0100", "\u845b"),
    ],
)
def test_one_variation_selector_stays_behind_what_takes_one(text: str, shown: str) -> None:
    assert inert(text) == shown == inert(shown)
    assert unseen(text) == len(text) - len(shown)


def test_the_oracle_tells_a_gap() -> None:
    assert passed("x\u3164y\U000e0100") == ["3164", "E0100"]
    assert passed("\u2764\ufe0f") == []
    assert passed("\u2764\ufe0f\ufe0f") == ["FE0F"]
