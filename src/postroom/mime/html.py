"""HTML to the text that a reader sees, and the text that is hidden from one. Sanitizes nothing, fetches nothing."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from postroom.mime.colours import are_alike, colour
from postroom.mime.flat import Piece, pieces, sheets_of
from postroom.mime.html_cost import is_affordable
from postroom.mime.limits import MAX_HTML
from postroom.mime.sheets import Sheets
from postroom.mime.styles import Look

_MAX_NODES = 60_000
_DROPPED = frozenset(
    (
        *("head", "script", "style", "template", "title", "svg", "math", "iframe", "object", "noframes"),
        *("noembed", "select", "datalist"),
    )
)
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li"),
        *("main", "nav", "ol", "option", "pre", "section", "summary", "table", "tbody", "tfoot", "thead"),
        *("tr", "ul"),
    )
)
_COLOURED_BY = {"font": "color", "body": "text"}
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6"})
_LINK = ("http://", "https://", "mailto:", "tel:")
# Tag characters render as nothing and spell ASCII all the same.
_INVISIBLE = re.compile("[\U000e0000-\U000e007f]+")
_SPACES = " \t\n\r\f\v"


def to_text(html: str) -> str:
    """Return the text of at most 2,000,000 characters of HTML as a reader sees it, lines ending in ``\\n``.

    Blocks make lines, quotes begin with ``> ``, list items with ``- ``, a link keeps its address as ``text (https://x)``
    and an image its alternative text.
    """
    return seen_and_hidden(html)[0]


def hidden_text(html: str) -> str:
    """Return the text that the HTML hides from a reader by style, attribute or comment, white space folded."""
    return seen_and_hidden(html)[1]


def seen_and_hidden(html: str) -> tuple[str, str]:
    """Return what `to_text` and `hidden_text` give, in one reading."""
    seen = see(html)
    return seen.text, seen.hidden


class Seen(NamedTuple):
    """What a reader sees of a page, and what was left out of it: texts, how many blocks, characters, remote images."""

    text: str
    hidden: str = ""
    blocks: int = 0
    characters: int = 0
    images: int = 0


def see(html: str, kind: "type[Page] | None" = None) -> Seen:
    """Read at most 2,000,000 characters of HTML once; `kind` writes what is seen, text when it is absent."""
    html = html[:MAX_HTML]
    kind = kind or Page
    sheets, nodes = _read(html)
    page = kind(sheets)
    for node in islice(nodes, _MAX_NODES):
        page.enter(node)
    page.leave(1)
    whole = page.written()
    text = _INVISIBLE.sub("", whole)
    hidden = " ".join(" ".join(page.hidden).split())
    # A style sheet of which a part was left unread counts: what it hides stands in the text.
    blocks = len(page.blocks) + (not page.sheets.are_whole)
    return Seen(text, hidden, blocks, len(whole) - len(text), page.images)


def _read(html: str) -> "tuple[Sheets, Iterator[Node]]":
    lowered = html.lower()
    has_sheets = "<style" in lowered or "var(" in lowered
    if not is_affordable(html):
        styled = LexborHTMLParser(sheets_of(html)) if has_sheets else None
        return Sheets(styled, is_of_page=False), pieces(html)
    tree = LexborHTMLParser(html)
    nodes = iter(()) if tree.root is None else tree.root.traverse(include_text=True)
    return Sheets(tree if has_sheets else None), nodes


Node = LexborNode | Piece


class Frame(NamedTuple):
    """An open element: how it looks to a reader and what its end does."""

    node: int
    tag: str
    dropped: bool = False
    hidden: bool = False
    tiny: bool = False
    colour: str = "#000000"
    background: str = "#ffffff"
    pre: bool = False
    href: str = ""
    begun: int = 0  # how many pieces were out when it began
    unseen: bool = False
    hider: int = 0  # the outermost element that hides it


class Page:
    """The elements from the root to where the reading is, and the text read so far, seen and unseen."""

    def __init__(self, sheets: Sheets) -> None:
        self.sheets = sheets
        self.frames = [Frame(0, "")]
        self.out = Lines()
        self.hidden: list[str] = []
        self.blocks: set[int] = set()  # outermost hidden elements, and comments, that have a text
        self.images = 0  # that a reader's program would fetch

    def written(self) -> str:
        """Return what was seen, all elements ended."""
        return self.out.text()

    def enter(self, node: Node) -> None:
        parent = node.parent
        above = parent.mem_id if parent is not None else 0
        while len(self.frames) > 2 and self.frames[-1].node != above:
            self.leave(len(self.frames) - 1)
        tag = node.tag or ""
        if tag == "-text":
            self._text(node.text_content or "")
        elif tag == "br":
            self._break()
        elif tag == "-comment":
            self._comment(node)
        elif tag[:1] not in ("-", "!", "_"):
            self._element(node, tag)

    def leave(self, count: int) -> None:
        """End the innermost elements until `count` are left."""
        while len(self.frames) > count:
            frame = self.frames.pop()
            if not (frame.dropped or frame.unseen):
                self.close(frame)

    def close(self, frame: Frame) -> None:
        """Write the end of an element that is seen."""
        if frame.href and self.out.said(frame.begun) not in (frame.href, frame.href.partition(":")[2]):
            self.out.write(f" ({frame.href})" if len(self.out.pieces) > frame.begun else frame.href)
        self.end(frame.tag)

    def end(self, tag: str) -> None:
        """Write the white space that the end of an element makes."""
        if tag in _PARAGRAPHS:
            self.out.line(2)
        elif tag in _BLOCKS:
            self.out.line(1)
            self.out.depth -= tag == "blockquote"
        elif tag in ("td", "th"):
            self.out.space = True

    def _text(self, text: str) -> None:
        frame = self.frames[-1]
        if frame.dropped:
            return
        if frame.unseen:
            self._hide(text)
        else:
            self.show(text, frame)

    def show(self, text: str, frame: Frame) -> None:
        """Write a text that is seen."""
        if frame.pre:
            self.out.lines(text)
        else:
            self.out.flow(text)

    def _hide(self, text: str) -> None:
        self.hidden.append(text)
        if text.strip():
            self.blocks.add(self.frames[-1].hider)

    def _break(self) -> None:
        frame = self.frames[-1]
        if not (frame.dropped or frame.unseen):
            self.newline()

    def newline(self) -> None:
        """Write a line end that stands in the page."""
        self.out.newline()

    def _comment(self, node: Node) -> None:
        text = node.comment_content or ""
        # Conditional comments are how honest mail talks to Outlook.
        if not text.lstrip().startswith(("[if", "[endif", "<![endif")):
            self.hidden.append(text)
            if text.strip():
                self.blocks.add(node.mem_id)

    def _element(self, node: Node, tag: str) -> None:
        frame = self._frame(node, tag, self.frames[-1])
        self.frames.append(frame)
        if tag == "img":
            self._image(node.attributes, frame)
        elif not (frame.dropped or frame.unseen):
            self.open(node, frame)

    def open(self, node: Node, frame: Frame) -> None:
        """Write the beginning of an element that is seen."""
        if frame.tag in _PARAGRAPHS:
            self.out.line(2)
        elif frame.tag in _BLOCKS:
            self.out.line(1)
            self.out.depth += frame.tag == "blockquote"
            self.out.mark = "- " if frame.tag == "li" else self.out.mark

    def _image(self, attributes: dict[str, str | None], frame: Frame) -> None:
        self.images += (attributes.get("src") or "").strip().lower().startswith(("http:", "https:", "//"))
        words = attributes.get("alt") or ""
        if frame.dropped or not words.strip():
            return
        # Nobody sees the words of a picture of one pixel.
        tiny = any((attributes.get(side) or "").strip().rstrip("px") in ("0", "1") for side in ("width", "height"))
        if tiny or frame.unseen:
            self.hidden.append(words)
            self.blocks.add(frame.node)
        else:
            self.show(words, frame._replace(pre=False))

    def _frame(self, node: Node, tag: str, above: Frame) -> Frame:
        attributes = node.attributes
        if tag in _DROPPED or above.dropped:
            return above._replace(node=node.mem_id, tag=tag, dropped=True, href="")
        look = self._look(node, tag, attributes)
        href = _href(attributes) if tag == "a" else ""
        hidden = above.hidden or look.hides or _is_shut(tag, attributes) or (look.unlinked and not (href or above.href))
        tiny = above.tiny if look.tiny is None else look.tiny
        own, background = look.colour or above.colour, look.background or above.background
        unseen = hidden or tiny or own == "transparent" or are_alike(own, background)
        return Frame(
            node=node.mem_id,
            tag=tag,
            hidden=hidden,
            tiny=tiny,
            colour=own,
            background=background,
            pre=above.pre or tag == "pre",
            href=href,
            begun=len(self.out.pieces),
            unseen=unseen,
            hider=(above.hider or node.mem_id) if unseen else 0,
        )

    def _look(self, node: Node, tag: str, attributes: dict[str, str | None]) -> Look:
        seen = self.sheets.look(node.mem_id, tag, attributes)
        told = _COLOURED_BY.get(tag)
        own = attributes.get(told) if told and not seen.colour else None
        ground = attributes.get("bgcolor") if not seen.background else None
        if not own and not ground:
            return seen
        return seen._replace(
            colour=colour(own) if own else seen.colour, background=colour(ground) if ground else seen.background
        )


def _is_shut(tag: str, attributes: dict[str, str | None]) -> bool:
    """Tell whether programs show an element to nobody (HTML 15.3.1)."""
    return "hidden" in attributes or "popover" in attributes or (tag == "dialog" and "open" not in attributes)


def _href(attributes: dict[str, str | None]) -> str:
    href = "".join((attributes.get("href") or "").split())
    return href[:2000] if href.lower().startswith(_LINK) else ""


class Lines:
    """Text being written: white space folds, blocks ask for line ends, and those come before the next word."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.ends = 0  # line ends asked for since the last word
        self.space = False
        self.depth = 0  # of quotes
        self.mark = ""  # stands before the next word of the line

    def line(self, count: int) -> None:
        self.ends = max(self.ends, count)

    def newline(self) -> None:
        self.ends = min(self.ends + 1, 2)

    def flow(self, text: str) -> None:
        words = text.split()
        if not words:
            self.space = self.space or text != ""
            return
        self.space = self.space or text[0] in _SPACES
        self.write(" ".join(words))
        self.space = text[-1] in _SPACES

    def lines(self, text: str) -> None:
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n")):
            if number:
                self.newline()
            if line.strip():
                self.write(line.rstrip())

    def write(self, text: str) -> None:
        quote = "> " * min(self.depth, 8)
        if not self.pieces:
            self.pieces.append(quote + self.mark)
        elif self.ends:
            self.pieces.append(("\n" + quote.rstrip()) * (self.ends - 1) + "\n" + quote + self.mark)
        elif self.space or self.mark:
            self.pieces.append(" " + self.mark)
        self.pieces.append(text)
        self.ends, self.space, self.mark = 0, False, ""

    def said(self, begun: int) -> str:
        """Return what was written since `begun` pieces were out, at most as far as an address reaches."""
        return "".join(self.pieces[begun : begun + 20]).strip("\n> -")

    def text(self) -> str:
        return "".join(self.pieces).strip("\n")
