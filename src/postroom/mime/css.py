"""Reads style sheets and style attributes into rules and declarations (CSS Syntax 3), each character once.

Says nothing of what they mean to a reader, and matches no selector.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_CSS = 400_000  # characters of the style sheets of a page
_MAX_RULES = 5_000  # selectors of a style sheet
_DEPTH = 32  # blocks in blocks that are told apart; what is deeper is read as if it stood there
_SELECTOR = 1_000  # characters of a selector that nesting puts together
_SCREEN = 1280.0  # pixels: the width of the window that a mail is read in
# An address without quotes holds what it holds, quotes and semicolons as well (CSS Syntax 3, 4.3.6).
_URL = r"""url\((?!\s*+["'])(?:[^)\\]++|\\.)*+\)?"""
_STRING = r"""\"(?:[^"\\\n]++|\\.)*+\"?|'(?:[^'\\\n]++|\\.)*+'?"""
_SPECIAL = re.compile(rf"{_URL}|{_STRING}|\\.|[(){{}}\[\];,]", re.S | re.I)
_COMMENT = re.compile(rf"({_URL}|{_STRING}|\\.)|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|<!--|-->", re.S | re.I)
_ESCAPE = re.compile(rf"({_STRING})|\\([0-9a-f]{{1,6}})(?:\r\n|\s)?|\\([g-z_-])", re.S | re.I)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_IMPORTANT = re.compile(r"!\s*+important\s*+\Z")
# At-rules whose block holds no rule for what stands in the page.
_OTHER = frozenset(
    (
        *("font-face", "page", "property", "counter-style", "font-feature-values", "font-palette-values"),
        *("color-profile", "view-transition", "position-try", "viewport", "-ms-viewport"),
    )
)
_FEATURE = re.compile(r"\(\s*+([a-z-]{1,40})\s*+(:|<=?|>=?)\s*+([a-z0-9.]{1,20})\s*+\)")
_LENGTH = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(px|em|rem)")


class Declaration(NamedTuple):
    """A property (lower case), its value (lower case, white space trimmed), and whether it is !important."""

    name: str
    value: str
    important: bool


class Rule(NamedTuple):
    """A selector as it stands and what it declares. `doubtful`: whether it holds here cannot be told."""

    selector: str
    declarations: tuple[Declaration, ...]
    doubtful: bool


class _Block(NamedTuple):
    """An open block: of a rule where `selectors` are some, of an at-rule where there are none."""

    selectors: tuple[str, ...]
    holds: bool | None
    keyframes: str | None
    pieces: list[str]


def uncommented(css: str) -> str:
    """Return CSS without its comments and without the marks of HTML ones (CSS Syntax 3, 4.3.2 and 4.3.14)."""
    return _COMMENT.sub(lambda m: m[1] or "", css) if "/*" in css or "--" in css else css


def unescaped(css: str) -> str:
    """Return CSS in which no letter, digit or hyphen is escaped outside of strings (CSS Syntax 3, 4.3.7)."""
    return _ESCAPE.sub(_character, css) if "\\" in css else css


def _character(found: re.Match[str]) -> str:
    string, code, letter = found.groups()
    if string is not None or code is None:
        return string if string is not None else letter
    number = int(code, 16)
    character = chr(number) if number < 0x110000 else ""
    # What would mean something by itself stays escaped, as its writer wanted.
    return character if character.isalnum() or character in ("-", "_") else found[0]


def split(css: str, separator: str) -> list[str]:
    """Return what stands between the separators that are in no string and no bracket."""
    if not any(mark in css for mark in "\"'([{\\"):
        return css.split(separator)
    pieces, begun = [], 0
    closers: list[str] = []
    for found in _SPECIAL.finditer(css):
        mark = found[0]
        if mark == separator and not closers:
            pieces.append(css[begun : found.start()])
            begun = found.end()
        elif mark in _CLOSERS:
            closers.append(_CLOSERS[mark])
        elif closers and mark == closers[-1]:
            closers.pop()
    return [*pieces, css[begun:]]


def declarations(style: str) -> Iterator[Declaration]:
    """Give the declarations of a style attribute or of a rule's block, in order."""
    for piece in split(unescaped(uncommented(style)).lower(), ";"):
        name, colon, value = piece.partition(":")
        if colon:
            value = value.strip()
            plain = _IMPORTANT.sub("", value) if "!" in value else value
            yield Declaration(name.strip(), plain.rstrip(), plain is not value and plain != value)


class Sheet:
    """A style sheet, read: its rules that hold, or may hold, on a screen, and what its keyframes declare by name.

    Rules within at-rules and within rules (CSS Nesting 1) are among them. `is_whole`: there was not too much of it.
    """

    def __init__(self, css: str, holds: bool | None = True) -> None:
        """Read at most 400,000 characters. `holds` is of the sheet itself; None: nobody can tell."""
        self.rules: list[Rule] = []
        self.keyframes: dict[str, list[Declaration]] = {}
        self.is_whole = len(css) <= MAX_CSS
        self._opened = 0
        self._blocks = [_Block((), holds, None, [])]
        self._excess = 0  # blocks too deep to be told apart
        self._read(uncommented(css[:MAX_CSS]))

    def _read(self, css: str) -> None:
        begun = 0
        closers: list[str] = []
        for found in _SPECIAL.finditer(css):
            mark = found[0]
            if closers:
                if mark == closers[-1]:
                    closers.pop()
                elif mark in _CLOSERS:
                    closers.append(_CLOSERS[mark])
            elif mark in ("(", "["):
                closers.append(_CLOSERS[mark])
            elif mark in ("{", "}", ";"):
                self._mark(mark, css[begun : found.start()])
                begun = found.end()
        # At the end all that is open is closed (CSS Syntax 3, 5.4.8).
        self._mark(";", css[begun:])
        while len(self._blocks) > 1:
            self._close()

    def _mark(self, mark: str, before: str) -> None:
        if mark == "{":
            self._open(before.strip())
            return
        if before.strip():
            self._blocks[-1].pieces.append(before)
        if mark == "}" and self._excess:
            self._excess -= 1
        elif mark == "}" and len(self._blocks) > 1:
            self._close()

    def _open(self, prelude: str) -> None:
        above = self._blocks[-1]
        if len(self._blocks) > _DEPTH:
            self._excess += 1
            return
        if prelude.startswith("@"):
            self._blocks.append(_at_rule(above, unescaped(prelude).lower()))
            return
        listed = [one.strip() for one in split(prelude, ",")]
        room = max(0, _MAX_RULES - self._opened)
        self.is_whole = self.is_whole and len(listed) <= room
        self._opened += len(listed)
        selectors = tuple(_nested(above.selectors, one) for one in listed[:room] if one)
        self._blocks.append(_Block(selectors, above.holds, above.keyframes, []))

    def _close(self) -> None:
        block = self._blocks.pop()
        declared = tuple(declarations(";".join(block.pieces))) if block.pieces and block.holds is not False else ()
        if not declared:
            return
        if block.keyframes is not None:
            self.keyframes.setdefault(block.keyframes, []).extend(declared)
            return
        self.rules += [Rule(selector, declared, block.holds is None) for selector in block.selectors]


def _at_rule(above: _Block, prelude: str) -> _Block:
    name, _, condition = prelude[1:].replace("(", " (", 1).partition(" ")
    if name.endswith("keyframes"):
        return _Block((), above.holds, condition.strip(" \"'"), [])
    if name in _OTHER:
        return _Block((), False, None, [])
    holds = media_holds(condition) if name == "media" else None
    if above.holds is not True:
        holds = False if above.holds is False else holds and None
    return _Block(above.selectors, holds, None, [])


def _nested(above: tuple[str, ...], selector: str) -> str:
    """Return the selector of a rule in a rule (CSS Nesting 1, 2); itself, which matches no less, where it grows."""
    if not above:
        return selector
    parent = above[0] if len(above) == 1 else f":is({', '.join(above)})"
    whole = selector.replace("&", parent) if "&" in selector else f"{parent} {selector}"
    return whole if len(whole) <= _SELECTOR else selector.replace("&", "").strip() or "*"


def media_holds(condition: str) -> bool | None:
    """Tell whether a media query (Media Queries 4) holds in a wide window on a light screen; None: nobody can tell."""
    said = {_query_holds(" ".join(query.split())) for query in split(condition.lower(), ",")}
    return True if True in said else None if None in said else False


def _query_holds(query: str) -> bool | None:
    words = query.removeprefix("only ")
    if negated := words.startswith("not "):
        words = words[4:]
    kind, _, rest = ("all", "", words) if words.startswith("(") else words.partition(" and ")
    said = {None if " or " in rest else True, kind.strip() in ("all", "screen", "")}
    said |= {_feature_holds(feature.strip()) for feature in rest.split(" and ") if feature.strip()}
    holds = False if False in said else None if None in said else True
    return not holds if negated and holds is not None else holds


def _feature_holds(feature: str) -> bool | None:
    found = _FEATURE.fullmatch(feature)
    if found is None:
        return None
    name, sign, value = found.groups()
    if name == "prefers-color-scheme":
        return value == "light"
    length = _LENGTH.fullmatch(value)
    name = name.replace("device-", "")
    if length is None or name not in ("width", "min-width", "max-width"):
        return None
    bound = float(length[1]) * (1.0 if length[2] == "px" else 16.0)
    least = name == "min-width" or sign.startswith(">")
    if name == "width" and sign == ":":
        return bound == _SCREEN
    return bound <= _SCREEN if least else bound >= _SCREEN
