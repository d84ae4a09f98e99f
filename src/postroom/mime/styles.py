"""What inline styles and simple style rules say about whether a reader can see a text. Parses no HTML."""

import re
from functools import lru_cache
from typing import NamedTuple

_MAX_CSS = 100_000  # characters
_MAX_RULES = 500
_MAX_DECLARATIONS = 60
_SELECTOR = re.compile(r"[a-z0-9]*(?:[.#][\w-]+)?")
_NUMBER = re.compile(r"(-?[0-9]{0,6}(?:\.[0-9]{1,6})?)(px|pt|em|rem|ex|ch|cm|mm|in|%|vw|vh)?(?![\w.])")
_OFFSETS = ("left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top")
_PIXELS = {"em": 16.0, "rem": 16.0, "ex": 8.0, "ch": 8.0, "pt": 1.33, "cm": 37.8, "mm": 3.78, "in": 96.0, "%": 0.16}
_COLOURS = {"white": "#ffffff", "snow": "#ffffff", "ghostwhite": "#ffffff", "black": "#000000"}
_FAR = -500.0  # pixels off the screen
_NEAR_WHITE = 0xF8


class Look(NamedTuple):
    """What a style says; None where it says nothing and the surrounding element's look goes on."""

    hides: bool = False
    tiny: bool | None = None
    colour: str | None = None
    background: str | None = None


PLAIN = Look()


@lru_cache(maxsize=1024)
def look(style: str) -> Look:
    """Return what the declarations of a style attribute (or of rules and attribute, the later one wins) say."""
    said: dict[str, str] = {}
    for declaration in style[:4000].lower().split(";")[:_MAX_DECLARATIONS]:
        name, colon, value = declaration.partition(":")
        if colon:
            said[name.strip()] = value.partition("!")[0].strip()
    return Look(_hides(said), _tiny(said), _colour(said.get("color")), _background(said))


def _hides(said: dict[str, str]) -> bool:
    return (
        said.get("display") == "none"
        or said.get("visibility") in ("hidden", "collapse")
        or _pixels(said.get("opacity"), 1.0) <= 0.05
        or _zero_size(said)
        or _clipped(said)
        or any(_pixels(said.get(name), 0.0) <= _FAR for name in _OFFSETS)
    )


def _zero_size(said: dict[str, str]) -> bool:
    """A box of no size hides what is in it when it is told to, or when there is nothing left in both directions."""
    clips = said.get("overflow", "").startswith(("hidden", "clip"))
    zero = [name for name in ("height", "width") if _pixels(said.get(name), 99.0) <= 1]
    most = [name for name in ("max-height", "max-width") if _pixels(said.get(name), 99.0) <= 1]
    return bool(most) or len(zero) == 2 or (clips and bool(zero))


def _clipped(said: dict[str, str]) -> bool:
    clip = said.get("clip", "").replace(" ", "").replace("px", "").replace(",", "")
    path = said.get("clip-path", "").replace(" ", "")
    transform = said.get("transform", "").replace(" ", "")
    return (
        clip in ("rect(0000)", "rect(1111)")
        or path.startswith(("inset(50%", "inset(100%", "circle(0"))
        or transform.startswith(("scale(0)", "scale(0,", "translatex(-9", "translate(-9"))
    )


def _tiny(said: dict[str, str]) -> bool | None:
    size = said.get("font-size")
    if size is None:
        size = next((word.partition("/")[0] for word in said.get("font", "").split() if word[0] in "0123456789."), None)
    if size is None:
        return None
    return _pixels(size, 16.0) <= 1


def _pixels(value: str | None, otherwise: float) -> float:
    found = _NUMBER.match(value) if value else None
    if found is None or found[1] in ("", "-"):
        return otherwise
    return float(found[1]) * _PIXELS.get(found[2], 1.0)


def _background(said: dict[str, str]) -> str | None:
    value = said.get("background-color") or said.get("background")
    if not value or value in ("none", "transparent", "inherit", "initial"):
        return None
    # A picture or a gradient is not white: what is written on it can be read.
    if "url(" in value or "gradient" in value:
        return "picture"
    return _colour(value if "(" in value else value.split()[0])


def _colour(value: str | None) -> str | None:
    return colour(value) if value else None


@lru_cache(maxsize=512)
def colour(value: str) -> str:
    """Return a colour as ``#rrggbb`` where it can be read, near white as white, ``transparent``, or as it stands."""
    text = _COLOURS.get(value.strip().lower(), value.strip().lower())
    if text == "transparent":
        return text
    parts = _channels(text)
    if parts is None:
        return text
    if len(parts) > 3 and parts[3] <= 0.05:
        return "transparent"
    red, green, blue = (int(max(0.0, min(part, 255.0))) for part in parts[:3])
    if min(red, green, blue) >= _NEAR_WHITE:
        return "#ffffff"
    return f"#{red:02x}{green:02x}{blue:02x}"


def _channels(text: str) -> list[float] | None:
    """Return red, green, blue (0 to 255) and, where given, alpha (0 to 1)."""
    digits = text.removeprefix("#")
    if len(digits) in (3, 4, 6, 8) and all(c in "0123456789abcdef" for c in digits):
        wide = "".join(c + c for c in digits) if len(digits) < 6 else digits
        found = [float(int(wide[at : at + 2], 16)) for at in range(0, len(wide), 2)]
        return [*found[:3], *[alpha / 255 for alpha in found[3:]]]
    if not text.startswith(("rgb(", "rgba(")):
        return None
    words = text.partition("(")[2].rstrip(")").replace(",", " ").replace("/", " ").split()
    try:
        return [float(word.rstrip("%")) * (2.55 if word.endswith("%") else 1) for word in words[:4]][:4] or None
    except ValueError:
        return None


def rules(css: str) -> dict[str, str]:
    """Return the declarations of simple selectors (``p``, ``.x``, ``#x``, ``p.x``) of a style sheet.

    Rules within @media are left out: they say how another screen looks.
    """
    found: dict[str, str] = {}
    position = 0
    css = _uncommented(css[:_MAX_CSS].lower())
    for _ in range(_MAX_RULES):
        start = css.find("{", position)
        if start < 0:
            break
        selectors = css[position:start].rpartition(";")[2].strip()
        position = css.find("}", start) + 1 or len(css)
        if selectors.startswith("@"):
            position = _block_end(css, start)
            continue
        for selector in selectors.split(",")[:50]:
            name = selector.strip()
            if name and _SELECTOR.fullmatch(name):
                found[name] = f"{found.get(name, '')};{css[start + 1 : position - 1]}"[-4000:]
    return found


def _uncommented(css: str) -> str:
    kept = []
    first, *further = css.replace("<!--", "").replace("-->", "").split("/*")
    kept.append(first)
    kept.extend(piece.partition("*/")[2] for piece in further)
    return "".join(kept)


def _block_end(css: str, start: int) -> int:
    depth = 0
    for brace in re.finditer("[{}]", css[start:]):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return start + brace.end()
    return len(css)
