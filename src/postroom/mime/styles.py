"""What the declarations that hold for an element say about whether a reader can see its text. Knows no selector."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from postroom.mime.colours import INHERITED, colour
from postroom.mime.css import Declaration, declarations, split

_NUMBER = re.compile(r"([+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:e[+-]?[0-9]{1,2})?)([a-z]{1,6}|%)?(?![\w.])")
_NUMBERS = re.compile(rf"(?<![\w.#]){_NUMBER.pattern}")
_OFFSETS = ("left", "top", "right", "bottom", "inset", "text-indent", "margin", "margin-left", "margin-top")
_MOVES = ("transform", "-webkit-transform", "-ms-transform", "translate", "scale")
_FILTERS = ("filter", "-webkit-filter", "-ms-filter")
_SIZES = {"height": "max-height", "width": "max-width"}
_PIXELS = {
    None: 1.0,
    "px": 1.0,
    "q": 0.94,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "ch": 8.0,
    "pt": 1.33,
    "pc": 16.0,
    "cm": 37.8,
}
_PIXELS |= {"mm": 3.78, "in": 96.0, "%": 0.16, "vw": 12.8, **dict.fromkeys(("deg", "grad", "rad", "turn"), 0.0)}
_UNIT = 8.0  # pixels of any other, as of a hundredth of a window's height
_RELATIVE = ("em", "ex", "ch", "%")
_FAR = (-500.0, 4000.0)  # pixels off the screen
_BESIDE = -100.0  # hundredths of what it stands in, for a box that is placed; of itself, it takes five times as many
_SMALL_AS_ABOVE = frozenset((*INHERITED, "smaller", "larger"))
_NOTHING = frozenset(("none", "transparent", "initial", *INHERITED))
_ALL_OF_IT = "-webkit-text-fill-color"
# Properties by which a text is hidden or shown; others are passed over before anything is kept of them.
READ = frozenset(
    (
        *("display", "visibility", "opacity", "content-visibility", "mso-hide", "overflow", "overflow-x", "overflow-y"),
        *("clip", "clip-path", "-webkit-clip-path", "font-size", "line-height", "zoom", "color", _ALL_OF_IT),
        *("background-color", "background-image", "background-clip", "-webkit-background-clip", "animation-name"),
        *_OFFSETS,
        *_MOVES,
        *_FILTERS,
        *_SIZES,
        *_SIZES.values(),
    )
)
_LONGEST = 1_000  # characters of a value that are read; a longer one of what hides by itself counts as unknown
_STANDS_FOR = {"font": "font-size", "background": "background-color", "animation": "animation-name"}
# What is no known value of these hides: of the others, it leaves what is around as it is.
_IN_DOUBT = frozenset(("display", "visibility", "opacity", "content-visibility", "font-size"))
_SLASH = re.compile(r" *+/ *+")
_FUNCTIONS = ("calc(", "-webkit-calc(", "min(", "max(", "clamp(")
_REPLACED = 8  # values of a custom property that are tried
_VARIABLE = re.compile(r"var\(\s*+(--[^\s,()]{1,100}+)\s*+(?:,((?:[^()]++|\([^()]*+\))*+))?\)")
Variables = Mapping[str, list[str]]
_UNKNOWN = "<unknown>"  # what a custom property is that nobody has set


class Look(NamedTuple):
    """What a style says; None where it says nothing and the surrounding element's look goes on.

    `unlinked`: hidden where it is no link.
    """

    hides: bool = False
    tiny: bool | None = None
    colour: str | None = None
    background: str | None = None
    unlinked: bool = False


PLAIN = Look()
Said = dict[str, Declaration]


@lru_cache(maxsize=1024)
def look(style: str) -> Look:
    """Return what a style attribute alone says."""
    return judged(cascade([expanded(declarations(style))]))


def expanded(declared: Iterable[Declaration]) -> tuple[Declaration, ...]:
    """Return the declarations that count here, of those that stand for several the ones that they stand for."""
    found: list[Declaration] = []
    for one in declared:
        name = _STANDS_FOR.get(one.name, one.name)
        if name not in READ:
            continue
        value = one.value
        if len(value) > _LONGEST:
            value = _UNKNOWN if name in _IN_DOUBT else value[:_LONGEST]
        elif one.name == "font" and "var(" not in value:
            value = _size_of_font(value)
        found.append(Declaration(name, value, one.important))
    return tuple(found)


def cascade(declared: Iterable[Iterable[Declaration]]) -> Said:
    """Return what is declared in the end, by property: the later wins, and !important over all that is not."""
    said: Said = {}
    for one in (one for block in declared for one in block):
        known = said.get(one.name)
        if known is None or one.important or not known.important:
            said[one.name] = one
    return said


def judged(said: Said, variables: Variables | None = None, keyframes: Iterable[str] = ()) -> Look:
    """Return what declarations say. `keyframes` are names of animations that hide. A variable of several values, or
    of none, hides where one of them would."""
    if not said:
        return PLAIN
    values = {name: one.value for name, one in said.items()}
    if not any("var(" in value for value in values.values()):
        return _judged(values, keyframes)
    looks = [_judged(way, keyframes) for way in _ways(values, variables or {})]
    hiding = next((one for one in looks if one.hides), None) or next((one for one in looks if one.tiny), None)
    return hiding or looks[0]


def _ways(values: dict[str, str], variables: Variables) -> Iterable[dict[str, str]]:
    """Give the declarations with each variable as each of its values: the first of all, then the second of all."""
    for number in range(_REPLACED):
        way = {name: _resolved(value, variables, number) for name, value in values.items()}
        known = {name: value for name, value in way.items() if _UNKNOWN not in value}
        yield known | dict.fromkeys(_IN_DOUBT & (way.keys() - known.keys()), _UNKNOWN)


def _resolved(value: str, variables: Variables, number: int) -> str:
    def known(found: re.Match[str]) -> str:
        values = variables.get(found[1], [])
        if len(values) > _REPLACED:
            return _UNKNOWN
        return values[min(number, len(values) - 1)] if values else found[2] or _UNKNOWN

    for _ in range(4):  # a variable may be of variables
        if "var(" not in value or len(value) > 1000:
            break
        value = _VARIABLE.sub(known, value).strip()
    return _UNKNOWN if "var(" in value else value


def variables(sheets: Iterable[Iterable[Declaration]]) -> dict[str, list[str]]:
    """Return the values of the custom properties (CSS Variables 1), wherever they were set."""
    found: dict[str, list[str]] = {}
    for one in (one for sheet in sheets for one in sheet):
        if one.name.startswith("--"):
            values = found.setdefault(one.name, [])
            if one.value not in values and len(values) <= _REPLACED:
                values.append(one.value)
    return found


def _judged(said: dict[str, str], keyframes: Iterable[str]) -> Look:
    hides = _hides(said) or _is_animated_away(said.get("animation-name"), keyframes)
    # Outlook alone hides what says so, and honest mail says it of the links that it draws anew for Outlook.
    unlinked = said.get("mso-hide") == "all"
    return Look(hides, _tiny(said.get("font-size")), _colour(said), _background(said), unlinked)


def _is_animated_away(value: str | None, keyframes: Iterable[str]) -> bool:
    return value is not None and any(name in value.replace(",", " ").split() for name in keyframes)


def _hides(said: dict[str, str]) -> bool:
    return (
        said.get("display") in ("none", _UNKNOWN)
        or said.get("visibility") in ("hidden", "collapse", _UNKNOWN)
        or said.get("content-visibility") in ("hidden", _UNKNOWN)
        or _is_faint(said)
        or _zero_size(said)
        or _clipped(said)
        or _is_moved_away(said)
    )


def _is_faint(said: dict[str, str]) -> bool:
    opacity = said.get("opacity")
    if opacity is not None and (opacity == _UNKNOWN or _share(opacity) <= 0.05):
        return True
    if _size(said.get("zoom"), 1.0) == 0:
        return True
    filters = "".join(said.get(name, "").replace(" ", "") for name in _FILTERS)
    shares = [words.partition(")")[0] for words in filters.split("opacity(")[1:]]
    return any(_share(share.removeprefix("opacity=")) <= 0.05 for share in shares if share) or "opacity=0)" in filters


def _share(value: str) -> float:
    return _size(value.rstrip("%"), 1.0) / (100 if value.endswith("%") else 1)


def _zero_size(said: dict[str, str]) -> bool:
    """A box of no size hides what is in it when it is told to, or when there is nothing left in both directions."""
    clips = any(said.get(name, "").startswith(("hidden", "clip")) for name in ("overflow", "overflow-x", "overflow-y"))
    zero = [name for name in _SIZES if _size(said.get(name), 99.0) <= 1]
    most = [name for name in _SIZES.values() if _size(said.get(name), 99.0) <= 1]
    flat = clips and said.get("line-height") is not None and _size(said["line-height"], 99.0) == 0
    beside = clips and said.get("text-indent", "").endswith("%") and _size(said["text-indent"], 0.0) >= 16
    return bool(most) or len(zero) == 2 or (clips and bool(zero)) or flat or beside


def _clipped(said: dict[str, str]) -> bool:
    clip = said.get("clip", "").replace(" ", "").replace("px", "").replace(",", "")
    if clip in ("rect(0000)", "rect(1111)"):
        return True
    path = (said.get("clip-path") or said.get("-webkit-clip-path", "")).replace(", ", ",")
    numbers = _numbers(path)
    if path.startswith("inset("):
        return any(_share(number) >= 0.5 for number in numbers if number.endswith("%"))
    if path.startswith(("circle(", "ellipse(")):
        return not numbers or _size(numbers[0], 1.0) == 0
    return path.startswith("polygon(") and len({_size(number, 0.0) for number in numbers}) <= 1


def _is_moved_away(said: dict[str, str]) -> bool:
    if any(_is_far(number, _BESIDE) for name in _OFFSETS for number in _numbers(said.get(name, ""))):
        return True
    moves = [f"{name}({said[name]})" for name in _MOVES if name in said]
    if any(_is_far(number, 5 * _BESIDE) for move in moves for number in _numbers(move)):
        return True
    scales = [words.partition(")")[0] for move in moves for words in move.split("scale")[1:]]
    is_flat = any(_size(number, 1.0) == 0 for scale in scales for number in _numbers(scale))
    return is_flat or any("matrix(0,0,0,0" in move.replace(" ", "") for move in moves)


def _is_far(number: str, beside: float) -> bool:
    if number.endswith("%"):
        return float(number[:-1]) <= beside
    return not _FAR[0] < _size(number, 0.0) < _FAR[1]


def _numbers(value: str) -> list[str]:
    return [found[0] for found in islice(_NUMBERS.finditer(value), 64)]


def _size_of_font(font: str) -> str:
    """Return the size that a `font` says, `medium` where it says none: that is what it sets then."""
    words = [word.partition("/")[0] for word in split(_SLASH.sub("/", font), " ")]
    # A weight is a number as well, and stands before the size (CSS Fonts 4 2.7).
    sizes = [word for word in words if _NUMBER.match(word) or word.startswith(_FUNCTIONS)]
    return sizes[-1] if sizes else "medium"


def _tiny(size: str | None) -> bool | None:
    """Tell whether nobody can read letters of a size; None where they are as large as those around."""
    if size is None or size in _SMALL_AS_ABOVE:
        return None
    if size == _UNKNOWN:
        return True
    size = _size_of_font(size) if " " in size else size
    found = _NUMBER.match(size)
    is_small = _size(size, 16.0) <= 1
    return None if not is_small and found is not None and found[2] in _RELATIVE else is_small


def _size(value: str | None, otherwise: float) -> float:
    """Return a number, or a length in pixels; of a function the least that it may come to."""
    if value is None:
        return otherwise
    found = _NUMBER.match(value)
    if found is not None:
        return float(found[1]) * _PIXELS.get(found[2], _UNIT)
    return _computed(value, otherwise) if "(" in value else otherwise


def _computed(value: str, otherwise: float) -> float:
    """Return what calc(), min(), max() and clamp() (CSS Values 4, 10) may come to at least."""
    name, _, inner = value.partition("(")
    if f"{name}(" not in _FUNCTIONS:
        return otherwise
    numbers = [_size(number, otherwise) for number in _numbers(inner)]
    if not numbers or "(" in inner:
        return otherwise
    if "calc" not in name:
        pick: Callable[[list[float]], float] = min if name == "min" else max
        return pick(numbers[:2] if name == "clamp" else numbers)
    words = inner.rstrip(")").split()
    total = _size(words[0], otherwise) if words else otherwise
    for sign, word in zip(words[1::2], words[2::2], strict=False):
        number = _size(word, 1.0)
        total = {"+": total + number, "-": total - number, "*": total * number}.get(sign, total)
    return total


def _background(said: dict[str, str]) -> str | None:
    value = said.get("background-color")
    if "url(" in said.get("background-image", "") or "gradient" in said.get("background-image", ""):
        return "picture"
    if not value or value in _NOTHING:
        return None
    # A picture or a gradient is not white: what is written on it can be read.
    if "url(" in value or "gradient" in value:
        return "picture"
    return colour(value if "(" in value else value.split()[0])


def _colour(said: dict[str, str]) -> str | None:
    value = said.get(_ALL_OF_IT) or said.get("color")
    if not value or value in INHERITED:
        return None
    clipped = said.get("background-clip") == "text" or said.get("-webkit-background-clip") == "text"
    found = "#000000" if value == "initial" else colour(value)
    # Letters that are cut out of a picture are seen by it.
    return "picture of letters" if found == "transparent" and clipped else found
