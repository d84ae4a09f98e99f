"""HTML to Markdown and to HTML without what can act: links keep their addresses, tables and lists their form.

What a reader would not see is left out before anything is written; an image is its alternative text. Fetches nothing.
"""

import re
from html import escape

from postroom.mime.html import Frame, Lines, Node, Page, Seen, see
from postroom.mime.sheets import Sheets

_MAX_ROWS = 500  # of a table that is shown as one
_MAX_CELLS = 40
_INDENT = 8  # lists in lists
_EMPHASIS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "s": "~~", "del": "~~"}
_INLINE = frozenset((*_EMPHASIS, "a", "span", "font", "u", "sub", "sup", "small", "big"))
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_ACTIVE = re.compile(r"[\\`*\[\]<]")
_IN_ADDRESS = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C", "|": "%7C"})
_KEPT = frozenset(
    (
        *("a", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5"),
        *("h6", "hr", "i", "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "td", "th"),
        *("tr", "u", "ul"),
    )
)


def to_markdown(html: str) -> Seen:
    """Return at most 2,000,000 characters of HTML as Markdown, as a reader sees it; what the page says is escaped."""
    return see(html, _MarkdownPage)


def to_clean_html(html: str) -> Seen:
    """Return at most 2,000,000 characters of HTML with plain elements alone; `href` is the one attribute kept.

    Only http, https, mailto and tel are kept as addresses. No script, style, comment, image, or hidden text passes.
    """
    return see(html, _CleanPage)


class _MarkdownLines(Lines):
    """Lines in which a mark may open before the next word."""

    def __init__(self) -> None:
        super().__init__()
        self.opens = ""

    def write(self, text: str) -> None:
        opens, self.opens = self.opens, ""
        super().write(opens + text)

    def close(self, opened: str, closing: str) -> bool:
        """End what `opened` began; False where nothing was written in it, and nothing is."""
        if self.opens.endswith(opened):
            self.opens = self.opens.removesuffix(opened)
            return False
        self.pieces.append(closing)
        return True


class _MarkdownPage(Page):
    """Writes Markdown (CommonMark, with the tables of GitHub's)."""

    def __init__(self, sheets: Sheets) -> None:
        super().__init__(sheets)
        self.out: _MarkdownLines = _MarkdownLines()
        self.counts: list[int] = []  # of the open lists: the number of the next item, 0 in one without numbers
        self.tables: list[int] = []  # of the open tables: how many cells each row has, 0 where it is only layout
        self.true_tables = 0  # how many of them have cells
        self.rows = 0  # written of the table at hand

    def show(self, text: str, frame: Frame) -> None:
        if frame.pre:
            self.out.lines(text.replace("```", "` ` `"))
            return
        shown = _escaped(text)
        self.out.flow(shown.replace("|", "\\|") if self.true_tables else shown)

    def newline(self) -> None:
        if self.true_tables:
            self.out.space = True
        else:
            super().newline()

    def open(self, node: Node, frame: Frame) -> None:
        tag = frame.tag
        if self.true_tables and tag not in ("tr", "td", "th", "thead", "tbody", "tfoot", "table"):
            self.out.space = self.out.space or tag not in _INLINE
            self._open_inline(frame)
            return
        super().open(node, frame)
        if tag in _HEADINGS:
            self.out.mark = _HEADINGS[tag]
        elif tag in ("ul", "ol"):
            self.counts.append(tag == "ol")
        elif tag == "li":
            self.out.mark = self._item()
        elif tag == "table":
            self.tables.append(_columns(node))
            self.true_tables += self.tables[-1] > 0
            self.rows = 0
            self.out.line(2 if self.tables[-1] else 1)
        elif tag == "tr" and self.true_tables:
            self.out.mark = "| "
        elif tag == "pre":
            self.out.write("```")
            self.out.line(1)
        elif tag == "hr":
            self.out.write("---")
            self.out.line(1)
        else:
            self._open_inline(frame)

    def _open_inline(self, frame: Frame) -> None:
        if frame.href:
            self.out.opens += "["
        elif frame.tag in _EMPHASIS and not frame.pre:
            self.out.opens += _EMPHASIS[frame.tag]

    def _item(self) -> str:
        depth = "  " * min(max(len(self.counts) - 1, 0), _INDENT)
        if not self.counts or not self.counts[-1]:
            return f"{depth}- "
        self.counts[-1] += 1
        return f"{depth}{self.counts[-1] - 1}. "

    def close(self, frame: Frame) -> None:
        tag = frame.tag
        if frame.href:
            if not self.out.close("[", f"]({frame.href.translate(_IN_ADDRESS)})"):
                self.out.write(f"[link]({frame.href.translate(_IN_ADDRESS)})")
        elif tag in _EMPHASIS and not frame.pre:
            self.out.close(_EMPHASIS[tag], _EMPHASIS[tag])
        elif self.true_tables:
            self._close_in_table(tag)
        else:
            self._close_block(tag)

    def _close_block(self, tag: str) -> None:
        if tag == "pre":
            self.out.line(1)
            self.out.write("```")
        elif tag in ("ul", "ol") and self.counts:
            self.counts.pop()
        elif tag == "table" and self.tables:
            self.true_tables -= self.tables.pop() > 0
        self.end(tag)

    def _close_in_table(self, tag: str) -> None:
        if tag in ("td", "th"):
            if self.out.mark:
                self.out.write("")
            self.out.pieces.append(" |")
            self.out.space = True
        elif tag == "tr":
            self.rows += 1
            if self.rows == 1:
                self.out.pieces.append("\n|" + " --- |" * max(self.tables))
            self.out.line(1)
        elif tag == "table":
            self.true_tables -= self.tables.pop() > 0
            self.out.line(2)


def _columns(table: Node) -> int:
    """Return how many cells each row of a table has; 0 for a table that lays a page out: it is no table to a reader."""
    rows = table.css("tr")[: _MAX_ROWS + 1]
    if not 2 <= len(rows) <= _MAX_ROWS or len(table.css("table")) > 1:
        return 0
    widths = {len(row.css("td, th")) for row in rows}
    width = widths.pop()
    return width if not widths and 2 <= width <= _MAX_CELLS else 0


def _escaped(text: str) -> str:
    return _ACTIVE.sub(lambda m: "\\" + m[0], text)


class _CleanPage(Page):
    """Writes HTML of a few elements; text and addresses are escaped."""

    def __init__(self, sheets: Sheets) -> None:
        super().__init__(sheets)
        self.parts: list[str] = []

    def show(self, text: str, frame: Frame) -> None:
        self.parts.append(escape(text, quote=False))

    def newline(self) -> None:
        self.parts.append("<br>")

    def open(self, node: Node, frame: Frame) -> None:
        if frame.tag in _KEPT:
            self.parts.append(f'<a href="{escape(frame.href)}">' if frame.href else f"<{frame.tag}>")

    def close(self, frame: Frame) -> None:
        if frame.tag in _KEPT and frame.tag != "hr":
            self.parts.append(f"</{frame.tag}>")

    def written(self) -> str:
        return "".join(self.parts).strip()
