"""Colours of HTML and CSS as six digits, so that two can be held against each other. Knows no element."""

import colorsys
import re
from functools import lru_cache

_NEAR_WHITE = 0xF8
_ALIKE = 12  # of 255 in each channel: nobody reads a text that stands out so little
_ALPHA = 0.05
# The colours of HTML 4 6.5, and of CSS Color 4 6.1 those that are white to a reader and those seen most.
_NAMES = {
    "aqua": "#00ffff",
    "black": "#000000",
    "blue": "#0000ff",
    "fuchsia": "#ff00ff",
    "gray": "#808080",
    "grey": "#808080",
    "green": "#008000",
    "lime": "#00ff00",
    "maroon": "#800000",
    "navy": "#000080",
    "olive": "#808000",
    "purple": "#800080",
    "red": "#ff0000",
    "silver": "#c0c0c0",
    "teal": "#008080",
    "white": "#ffffff",
    "yellow": "#ffff00",
    "snow": "#fffafa",
    "ghostwhite": "#f8f8ff",
    "whitesmoke": "#f5f5f5",
    "mintcream": "#f5fffa",
    "ivory": "#fffff0",
    "azure": "#f0ffff",
    "floralwhite": "#fffaf0",
    "aliceblue": "#f0f8ff",
    "honeydew": "#f0fff0",
    "seashell": "#fff5ee",
    "lightyellow": "#ffffe0",
    "lightgray": "#d3d3d3",
    "lightgrey": "#d3d3d3",
    "gainsboro": "#dcdcdc",
    "darkgray": "#a9a9a9",
    "darkgrey": "#a9a9a9",
    "dimgray": "#696969",
    "dimgrey": "#696969",
    "orange": "#ffa500",
    "pink": "#ffc0cb",
    "brown": "#a52a2a",
    "cyan": "#00ffff",
    "magenta": "#ff00ff",
    "gold": "#ffd700",
    "tomato": "#ff6347",
    "darkblue": "#00008b",
    "darkred": "#8b0000",
    "darkgreen": "#006400",
    "lightblue": "#add8e6",
    "skyblue": "#87ceeb",
    "steelblue": "#4682b4",
}
# What takes the colour of the element around it says nothing of its own.
INHERITED = frozenset(("inherit", "unset", "currentcolor", "revert", "revert-layer"))
_NUMBER = re.compile(r"-?[0-9]{0,6}(?:\.[0-9]{1,9})?")


@lru_cache(maxsize=512)
def colour(value: str) -> str:
    """Return a colour as ``#rrggbb`` where it can be read, near white as white, ``transparent``, or as it stands."""
    text = value.strip().lower()
    text = _NAMES.get(text, text)
    if text == "transparent":
        return text
    parts = _channels(text[:200])
    if parts is None:
        return text
    if len(parts) > 3 and parts[3] <= _ALPHA:
        return "transparent"
    red, green, blue = (round(max(0.0, min(part, 255.0))) for part in parts[:3])
    if min(red, green, blue) >= _NEAR_WHITE:
        return "#ffffff"
    return f"#{red:02x}{green:02x}{blue:02x}"


def are_alike(one: str, other: str) -> bool:
    """Tell whether a reader could not tell two colours, as `colour` returns them, from each other."""
    if one == other:
        return True
    if not (len(one) == len(other) == 7 and one[0] == other[0] == "#"):
        return False
    return all(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) <= _ALIKE for at in (1, 3, 5))


def _channels(text: str) -> list[float] | None:
    """Return red, green, blue (0 to 255) and, where given, alpha (0 to 1)."""
    digits = text.removeprefix("#")
    if len(digits) in (3, 4, 6, 8) and all(c in "0123456789abcdef" for c in digits):
        wide = "".join(c + c for c in digits) if len(digits) < 6 else digits
        found = [float(int(wide[at : at + 2], 16)) for at in range(0, len(wide), 2)]
        return [*found[:3], *[alpha / 255 for alpha in found[3:]]]
    name, opened, rest = text.partition("(")
    if not opened:
        return None
    words = rest.rstrip(") ").replace(",", " ").replace("/", " / ").split()
    return _of_function(name, words)


def _of_function(name: str, words: list[str]) -> list[float] | None:
    parts = [word for word in words if word != "/"]
    # CSS Color 4 4.1: in all of them the alpha is the fourth, or stands behind a slash.
    alpha = [_part(parts[3], 1.0)] if len(parts) > 3 and name != "color" else []
    alpha = [_part(words[words.index("/") + 1], 1.0)] if "/" in words[:-1] else alpha
    if name in ("rgb", "rgba") and len(parts) >= 3:
        return [*(_part(part, 255.0) for part in parts[:3]), *alpha]
    if name in ("hsl", "hsla") and len(parts) >= 3:
        hue = _part(parts[0], 360.0) / 360
        red, green, blue = colorsys.hls_to_rgb(hue % 1, _whole(parts[2]), _whole(parts[1]))
        return [red * 255, green * 255, blue * 255, *alpha]
    # Of the others no more is read than that nothing can be seen.
    return [0.0, 0.0, 0.0, 0.0] if alpha and alpha[0] <= _ALPHA else None


def _whole(part: str) -> float:
    """Return a share that stands in hundredths, with or without its mark (CSS Color 4 7), as 0 to 1."""
    return max(0.0, min(_part(part.rstrip("%") + "%", 1.0), 1.0))


def _part(part: str, full: float) -> float:
    """Return a number, or the percentage of `full`; 0 where it is neither."""
    found = _NUMBER.match(part)
    if found is None or found[0] in ("", "-"):
        return 0.0
    return float(found[0]) * (full / 100 if part.endswith("%") else 1.0)
