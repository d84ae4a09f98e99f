"""HTML that would cost too much as a tree, read from its first character to its last (HTML 13.2.5, in short).

Gives pieces with the names that the nodes of a tree have, for the same readers; closes fewer elements by itself.
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape

from postroom.mime.html_cost import ATTRIBUTES, FLAT

_VOID = FLAT - frozenset(("p", "li", "td", "tr", "th", "tbody", "thead", "tfoot", "dd", "dt", "option"))
# What stands in them is no markup (HTML 13.2.5.2 to 13.2.5.4).
_RAW = ("script", "style", "title", "textarea", "noembed", "noframes", "iframe", "xmp", "noscript")
_ENDS = {name: re.compile(f"</{name}", re.I) for name in _RAW}
_STYLE = re.compile(r"<style\b", re.I)
_MARKUP = re.compile(rf"<(?:(!--)|([!?])|(/?)([a-z][a-z0-9:-]*+)({ATTRIBUTES})>?)", re.I)
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++)))?""")


class Piece:
    """An element that begins (`tag` its name), a text (`-text`), or a comment (`-comment`)."""

    __slots__ = ("attributes", "comment_content", "mem_id", "parent", "tag", "text_content")

    def __init__(
        self,
        number: int,
        parent: "Piece | None",
        tag: str,
        said: str = "",
        attributes: Mapping[str, str | None] | None = None,
    ) -> None:
        self.mem_id = number
        self.parent = parent
        self.tag = tag
        self.attributes = dict(attributes or {})
        self.text_content = said
        self.comment_content = said

    def css(self, _selector: str) -> list["Piece"]:
        """Return nothing: what is in an element is not known when it begins."""
        return []


def sheets_of(html: str) -> str:
    """Return the style elements of HTML, and nothing else of it."""
    found = []
    position = 0
    while (begun := _STYLE.search(html, position)) is not None:
        end = _ENDS["style"].search(html, begun.end())
        position = end.end() if end else len(html)
        found.append(f"{html[begun.start() : end.start() if end else position]}</style>")
    return "".join(found)


def pieces(html: str) -> Iterator[Piece]:
    """Give the pieces of HTML in order, each with the element that it stands in. Linear in the length."""
    return _Reader(html).pieces()


class _Reader:
    """The elements that are open where the reading is."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._number = 1
        self._open = [Piece(1, None, "html")]
        self._counts: dict[str, int] = {}

    def pieces(self) -> Iterator[Piece]:
        yield self._open[0]
        position = 0
        while (found := _MARKUP.search(self._html, position)) is not None:
            if found.start() > position:
                yield self._piece("-text", unescape(self._html[position : found.start()]))
            position = found.end()
            comment, bogus, closing, name, attributes = found.groups()
            if comment or bogus:
                end, size = self._html.find("-->" if comment else ">", position), 3 if comment else 1
                if comment:
                    yield self._piece("-comment", self._html[position : end if end >= 0 else None])
                position = end + size if end >= 0 else len(self._html)
            elif closing:
                self._end(name.lower())
            else:
                opened = self._begin(name.lower(), attributes)
                yield opened
                if name.lower() in _ENDS:
                    end_tag = _ENDS[name.lower()].search(self._html, position)
                    raw = self._html[position : end_tag.start() if end_tag else None]
                    position += len(raw)
                    yield self._piece("-text", raw)
        yield self._piece("-text", unescape(self._html[position:]))

    def _piece(self, tag: str, said: str = "", attributes: Mapping[str, str | None] | None = None) -> Piece:
        self._number += 1
        return Piece(self._number, self._open[-1], tag, said, attributes)

    def _begin(self, name: str, attributes: str) -> Piece:
        # An element that repeats in place ends the one before it, and a paragraph ends with the next block.
        if self._open[-1].tag in FLAT and (self._open[-1].tag == name or name == "div"):
            self._end(self._open[-1].tag)
        found = self._piece(name, "", _attributes(attributes) if attributes.strip() else None)
        if name not in _VOID:
            self._open.append(found)
            self._counts[name] = self._counts.get(name, 0) + 1
        return found

    def _end(self, name: str) -> None:
        if not self._counts.get(name):
            return
        while (last := self._open.pop()).tag != name:
            self._counts[last.tag] -= 1
        self._counts[name] -= 1


def _attributes(given: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, *values in _ATTRIBUTE.findall(given):
        found.setdefault(name.lower(), unescape("".join(values)))
    return found
