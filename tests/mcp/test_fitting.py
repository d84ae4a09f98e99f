"""What is too long is counted and cut, and what is not stays as it is."""

import json

import pytest

from postroom.mcp.fitting import RESULT_CHARS, and_more, beginning, held, room_for, size_of


@pytest.mark.parametrize("text", ["", "plain", "\n" * 500, '"\\' * 300, "\x01" * 100, "ä" * 200, "a" * 90 + "\n" * 90])
@pytest.mark.parametrize("room", [-1, 0, 1, 10, 100, 1_000])
def test_the_beginning_of_a_text_fits_and_is_the_longest_that_does(text: str, room: int) -> None:
    piece = beginning(text, room)
    assert text.startswith(piece)
    assert len(json.dumps(piece, ensure_ascii=False)) - 2 <= max(room, 0)
    longer = text[: len(piece) + 12]
    assert longer == piece or len(json.dumps(longer, ensure_ascii=False)) - 2 > room


def test_what_fits_comes_back_as_it_is() -> None:
    data = {"to": ["a"], "labels": ["x"] * 60, "subject": "s" * 300}
    assert held(data) is data


def test_what_does_not_fit_is_counted_and_its_ids_stay_whole() -> None:
    one = {"message_id": "m" * 900, "to": ["p" * 100] * 200, "cc": ["c" * 100] * 3, "labels": ["l" * 90] * 50}
    (kept,) = held({"messages": [one]}, 2_000)["messages"]
    assert kept["message_id"] == one["message_id"]
    assert len(kept["to"]) + len(kept["cc"]) + kept["more_recipients"] == 203
    assert len(kept["labels"]) + kept["more_labels"] == 50
    assert size_of({"messages": [kept]}) <= 2_000


def test_who_asks_for_more_items_is_given_more_room() -> None:
    assert room_for(1) == room_for(10) < RESULT_CHARS < room_for(20)


@pytest.mark.parametrize(
    ("shown", "more", "said"),
    [([], None, "none"), (["a"], None, "a"), (["a", "b"], 3, "a, b and 3 more"), ([], 3, "3 more")],
)
def test_a_list_says_how_many_more_there_are(shown: list[str], more: int | None, said: str) -> None:
    assert and_more(shown, more, "none") == said
