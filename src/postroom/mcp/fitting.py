"""Holds results to the characters that a host shows a model: of people, files and labels, what is too many is counted.

Ids stay whole. What is not crowded comes back as it is.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

RESULT_CHARS = 20_000  # what a host shows a model without cutting it
# Of the data, without blanks between their parts: those, and what the words have of their own, take the rest.
DATA_CHARS = 18_000
# What of a result is counted where there is too much of it, and where the count stands.
_COUNTED = {
    **dict.fromkeys(("to", "cc", "bcc", "recipients"), "more_recipients"),
    **{
        name: f"more_{name}"
        for name in ("senders", "reply_to", "captured", "attachments", "labels", "metadata", "permissions", "allowed")
    },
}
_CUT = ("subject", "preview", "display_name", "filename", "content_type", "reason", "send_error")
S = TypeVar("S", bound=BaseModel)


class _Level(NamedTuple):
    """How much is left: items of what is counted, characters of what is cut."""

    items: int
    chars: int


_LEVELS = (_Level(50, 200), _Level(20, 200), _Level(5, 120), _Level(2, 60), _Level(1, 40), _Level(0, 20))


def room_for(limit: int, default: int = 10) -> int:
    """Return the characters of data for a page: who asks for more items than the default asks for a longer answer."""
    return DATA_CHARS * max(limit, default) // default


def size_of(data: Mapping[str, Any]) -> int:
    """Return how many characters data have as JSON without blanks."""
    return len(to_json(data).decode())


def fits(data: Mapping[str, Any], room: int) -> bool:
    """Tell whether data have at most `room` characters as JSON."""
    return size_of(data) <= room


def held(data: dict[str, Any], room: int = DATA_CHARS) -> dict[str, Any]:
    """Return data of at most `room` characters: as they are, or with less and less of what may be counted or cut."""
    for level in _LEVELS:
        if fits(data, room):
            break
        data = _squeezed(data, level)
    return data


def fitted(shape: S, room: int = DATA_CHARS) -> S:
    """Return a record of at most `room` characters as JSON, as it is where it has no more."""
    if len(shape.model_dump_json(by_alias=True, exclude_none=True)) <= room:
        return shape
    return type(shape).model_validate(held(shape.model_dump(mode="json", by_alias=True, exclude_none=True), room))


def first_that_fit(items: Sequence[Any], room: int) -> int:
    """Return how many of some items, from the first on, have at most `room` characters as JSON together."""
    for number, item in enumerate(items):
        room -= len(json.dumps(item, ensure_ascii=False)) + 2
        if room < 0:
            return number
    return len(items)


def beginning(text: str, room: int) -> str:
    """Return the beginning of a text that has at most `room` characters as JSON, where some take two or more."""
    piece = text[: max(room, 0)]
    while (over := len(json.dumps(piece, ensure_ascii=False)) - 2 - max(room, 0)) > 0:
        # A character takes six at most: so many less is never too short by much, and half of them at once ends soon.
        piece = piece[: len(piece) - max(1, over // 6)]
    return piece


def and_more(shown: Sequence[str], more: int | None, none: str = "") -> str:
    """Return what is shown of a list, with how many more there are; `none` where it is empty."""
    left = [f"{more} more"] if more else []
    return " and ".join([*([", ".join(shown)] if shown else []), *left]) or none


def _squeezed(data: dict[str, Any], level: _Level) -> dict[str, Any]:
    less: dict[str, Any] = {}
    counted: dict[str, int] = {}
    for name, value in data.items():
        if (count := _COUNTED.get(name)) is not None and isinstance(value, list | dict):
            counted[count] = counted.get(count, 0) + max(0, len(value) - level.items)
        less[name] = _less(name, value, level)
    return {**less, **{count: data.get(count, 0) + left for count, left in counted.items() if left}}


def _less(name: str, value: Any, level: _Level) -> Any:
    most = level.items if name in _COUNTED else None
    if isinstance(value, list):
        return [_squeezed(item, level) if isinstance(item, dict) else item for item in value[:most]]
    if isinstance(value, dict):
        return dict(list(value.items())[:most]) if most is not None else _squeezed(value, level)
    is_long = name in _CUT and isinstance(value, str) and len(value) > level.chars
    return value[: level.chars - 1] + "…" if is_long else value
