"""The new content of a reply: quoted history and the lines that introduce it go, signature and forwarded mail stay.

Text is read line by line, at most 400 characters of each, so that time grows with length alone; HTML is judged by the
marks of mail programs, and never parsed where its tree would cost more than a bounded time.
"""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from postroom.mime import quote_patterns as p

_LOOK = 400  # characters of a line, or of an attribution over several lines
_WRAP = 6  # lines of one attribution
_CANDIDATES = 300  # lines that are looked at as an attribution; a reply has a handful
_WRAPPED_AT = 60  # a quoted line of this length may go on in the next line without its ">"
_HEADER_WINDOW = 8
_NAME = 120  # characters of a name before the address of who wrote
_FRAME = " -*_>\u202a\u202b\u202c\u200f\t"
# A line without any of these is new text, whatever it says.
_STROKES = ("--", "__", "==", "**", "##")
_MARKS = (":", ">", "：", "wrote", "작성", *_STROKES)
_FIELD = 50  # the name of a header field, or "Begin forwarded message:", ends within these characters
_ENDINGS = (":", "：", "-", "wrote", "작성", "*", "_", ">", "\u202c", "\u200f")
MAX_HTML = 2_000_000  # characters
_STEPS = 4_000_000  # tags times depth: what the tree builder walks; 18 ns each
_FEW_TAGS = 2_000
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,20})")
# Void elements, and those that end by themselves when the next of the kind begins (HTML 13.1.2.4).
_FLAT = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
        *("p", "li", "td", "tr", "th", "tbody", "thead", "tfoot", "dd", "dt", "option"),
    )
)


def extract_text(text: str) -> str:
    """Return the new content of a plain text body, without trailing blank lines.

    Quoted lines and attributions go, wherever they stand; from an original-message separator or a block of header
    fields on, all goes. Signatures and forwarded messages stay. A text that holds nothing else is returned whole.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if not _suspicious(text):
        return text.rstrip()
    kept = _Reader(text.split("\n")).read()
    first = next((i for i, line in enumerate(kept) if line.strip()), 0)
    return "\n".join(kept[first:]).rstrip() or text.rstrip()


def _suspicious(text: str) -> bool:
    if ">" in text or "：" in text or ":\n" in text or text.endswith(":"):
        return True
    return p.SUSPECT.search("\n" + text) is not None


class _Reader:
    """One pass over the lines of a text; `kept` is what has been found to be new so far."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.kept: list[str] = []
        self.budget = _CANDIDATES
        self.gap = False

    def read(self) -> list[str]:
        for i, line in enumerate(self.lines):
            if not line or line.isspace():
                self._blank(line)
            elif not (any(mark in line for mark in _MARKS) or self._is_wrapped_quote(i)):
                self.kept.append(line)
                self.gap = False
            elif _is_forward_line(line):
                return self.kept + self.lines[i:]
            elif self._history_begins(i):
                self._drop_rules()
                return self.kept
            elif not self._left_out(i):
                self.kept.append(line)
                self.gap = False
            elif self._ends_here(i):
                return self.kept
        return self.kept

    def _blank(self, line: str) -> None:
        if not (self.gap and self.kept and not self.kept[-1].strip()):
            self.kept.append(line)

    def _left_out(self, i: int) -> bool:
        start = self._attribution(i)
        if start is not None:
            del self.kept[len(self.kept) - (i - start) :]
        elif not (_is_quoted(self.lines[i]) or self._is_wrapped_quote(i)):
            return False
        self.gap = True
        return True

    def _ends_here(self, i: int) -> bool:
        """Tell whether the line left out is an attribution whose history follows without ``>``."""
        quoted = _is_quoted(self.lines[i]) and self.lines[i].strip() != ">:"
        if quoted or self._is_wrapped_quote(i) or self._quote_follows(i):
            return False
        self._drop_rules()
        return True

    def _drop_rules(self) -> None:
        while self.kept and (not self.kept[-1].strip() or p.RULE.match(self.kept[-1][:_LOOK])):
            self.kept.pop()

    def _is_wrapped_quote(self, i: int) -> bool:
        """Tell whether a line is the rest of the quoted line above it, broken by a program that wraps late."""
        if not 0 < i < len(self.lines) - 1 or not self.lines[i][:1].islower():
            return False
        above, below = self.lines[i - 1], self.lines[i + 1]
        return len(above) >= _WRAPPED_AT and _is_quoted(above) and _is_quoted(below)

    def _quote_follows(self, i: int) -> bool:
        following = (line for line in self.lines[i + 1 : i + 4] if line.strip())
        return _is_quoted(next(following, ""))

    def _attribution(self, i: int) -> int | None:
        """Return the line where the attribution that ends at line `i` starts, None if none ends there."""
        line = self.lines[i][:_LOOK].strip()
        if not line.endswith(_ENDINGS) or (_is_quoted(line) and line != ">:") or self.budget <= 0:
            return None
        self.budget -= 1
        if len(self.lines[i]) > _LOOK:
            return None
        loose = self._quote_follows(i)
        joined: dict[int, str] = {}
        tail = ""
        for start in self._upward(i):
            tail = f"{self.lines[start].strip()} {tail}"
            if len(tail) > _LOOK:
                break
            joined[start] = tail
        for rule in (_begins_with_date, _names_writer):
            for start, words in joined.items():
                if rule(words, loose):
                    return start
        return i if loose and p.VERB_AT_END.search(line[-60:]) else None

    def _upward(self, i: int) -> Iterator[int]:
        """Yield the lines from `i` upward that can belong to one attribution."""
        for start in range(i, max(-1, i - _WRAP), -1):
            line = self.lines[start]
            if not line.strip() or (start != i and _is_quoted(line)):
                return
            yield start

    def _history_begins(self, i: int) -> bool:
        line = self.lines[i][:_LOOK]
        if _may_separate(line) and (p.ORIGINAL.match(line) or p.ABOVE.match(line)):
            return True
        if self.budget <= 0 or not _may_be_field(line) or not p.HEADER_FROM.match(line):
            return False
        self.budget -= 1
        return is_header_block(self.lines[i : i + _HEADER_WINDOW])


def _may_separate(line: str) -> bool:
    return any(mark in line for mark in _STROKES)


def _may_be_field(line: str) -> bool:
    return ":" in line[:_FIELD] or "：" in line[:_FIELD]


def _is_forward_line(line: str) -> bool:
    return (_may_separate(line) or _may_be_field(line)) and p.FORWARD.match(line[:_LOOK]) is not None


def _is_quoted(line: str) -> bool:
    return line.startswith(">") or (line[:1].isspace() and line.lstrip().startswith(">"))


def is_attribution(line: str, *, loose: bool) -> bool:
    """Tell whether `line`, unwrapped and at most 400 characters, says who wrote what follows, and when.

    `loose`: a quote follows, so less is asked of it.
    """
    return _begins_with_date(line, loose) or _names_writer(line, loose)


def _begins_with_date(line: str, loose: bool) -> bool:
    line = line.strip(_FRAME)
    if not p.START.match(line):
        return False
    dated = p.DAY.search(line) is not None
    if p.ADDRESS_AT_END.search(line) and dated and p.CLOCK.search(line):
        return True
    if not (dated or p.ADDRESS.search(line) or (loose and p.CLOCK.search(line))):
        return False
    return p.VERB.search(line) is not None


def _names_writer(line: str, loose: bool) -> bool:
    line = line.strip(_FRAME)
    where = line.find("@")
    return 0 < where < _NAME and p.VERB_AT_END.search(line[-60:]) is not None and p.ADDRESS.search(line) is not None


def is_header_block(lines: list[str]) -> bool:
    """Tell whether lines that begin with a From field are the header that Outlook and others put above history.

    Two more fields are asked for, and a subject or an address among them: a timetable has From and To as well.
    """
    subject = other = 0
    address = "@" in lines[0][:_LOOK]
    for line in lines[1:]:
        head = line[:_LOOK]
        if p.HEADER_SUBJECT.match(head):
            subject += 1
        elif p.HEADER_OTHER.match(head):
            other += 1
        elif not head.strip() and subject + other:
            break
        address = address or "@" in head
    return subject + other >= (1 if address else 2) and bool(subject or address)


# What mail programs mark their history with. `_AND_ON`: all that follows in the document is history too.
_QUOTES = (
    ".gmail_quote, .gmail_attr, blockquote, .yahoo_quoted, .moz-cite-prefix, .protonmail_quote, .zmail_extra, "
    ".tutanota_quote, .front-blockquote, #mail-editor-reference-message-container, #isReplyContent"
)
_AND_ON = (
    "#divRplyFwdMsg, #appendonsend, #ms-outlook-mobile-reference-message, .OutlookMessageHeader, "
    "[style*='border-top'], hr, #stopSpelling"
)
_CERTAIN = ("divRplyFwdMsg", "appendonsend", "ms-outlook-mobile-reference-message")
_HTML_MARKERS = (
    "lockquote",
    "LOCKQUOTE",
    "_quote",
    "gmail_attr",
    "moz-cite",
    "divRplyFwdMsg",
    "appendonsend",
    "OutlookMessageHeader",
    "border-top",
    "zmail_extra",
    "<hr",
    "<HR",
    "reference-message",
    "quoted",
    "isReplyContent",
)
_CITED = frozenset({"gmail_quote", "cite", "protonmail_quote", "tutanota_quote", "front-blockquote"})
_INLINE = frozenset(("a", "b", "i", "u", "em", "strong", "span", "font", "bdo"))
_QUOTE_BOXES = 200  # quotes looked at
_LEVELS = 100  # how far up a forwarded message is looked for
_SIBLINGS = 12
_NODES = 80  # nodes walked to read how an element begins
_RULES = 40  # rules and bordered boxes looked at


def extract_html(html: str) -> str:
    """Return the new content of an HTML body, by the marks that mail programs leave on quoted history.

    Returned as it is: without a mark, over 2,000,000 characters, nested too deep to build a tree of, or nothing but
    history.
    """
    if len(html) > MAX_HTML or not any(mark in html for mark in _HTML_MARKERS) or not is_affordable(html):
        return html
    tree = LexborHTMLParser(html)
    if tree.body is None:
        return html
    removed = _remove_from_mark_on(tree) + _remove_quotes(tree)
    body = tree.body
    if not removed or (not body.text().strip() and body.css_first("img") is None):
        return html
    if "<html" in html or "<HTML" in html:
        return tree.html or html
    return body.inner_html or html


def is_affordable(html: str) -> bool:
    """Tell whether building a tree costs a bounded time: it walks the open elements at each tag (HTML 13.2.4.2)."""
    if html.count("<") <= _FEW_TAGS:
        return True
    tags = depth = deepest = 0
    opened: dict[str, int] = {}
    for closing, name in _TAG.findall(html):
        name = name.lower()
        tags += 1
        if name in _FLAT:
            continue
        if not closing:
            opened[name] = opened.get(name, 0) + 1
            depth += 1
            deepest = max(deepest, depth)
        elif opened.get(name):
            opened[name] -= 1
            depth -= 1
    return tags * (deepest + 1) <= _STEPS


def _remove_from_mark_on(tree: LexborHTMLParser) -> int:
    for node in tree.css(_AND_ON)[:_RULES]:
        if node.id in _CERTAIN or _opens_history(node):
            _cut(node)
            return 1
    return 0


def _opens_history(node: LexborNode) -> bool:
    """Tell whether a rule, or a box with a border on top, is followed by a block of header fields."""
    first = _next_element(node) if node.tag == "hr" else node
    if first is None:
        return False
    opening = _opening(first)
    if not opening or any(p.FORWARD.match(line) for line in opening[:1]):
        return False
    return p.HEADER_FROM.match(opening[0]) is not None and is_header_block(opening[:_HEADER_WINDOW])


def _next_element(node: LexborNode) -> LexborNode | None:
    following = node.next
    while following is not None and following.tag == "-text" and not (following.text() or "").strip():
        following = following.next
    return following


def _opening(node: LexborNode) -> list[str]:
    """Return the first lines of an element, fields of a header each on its own where `<br>` or `<b>` begins one."""
    lines = [""]
    for seen, part in enumerate(node.traverse(include_text=True)):
        if seen > _NODES or len(lines) > _HEADER_WINDOW * 2:
            break
        if part.tag == "-text":
            lines[-1] += " ".join((part.text_content or "")[:_LOOK].split()) + " "
        elif part.tag in ("br", "p", "div", "tr", "b", "strong"):
            lines.append("")
    return [line[:_LOOK].strip() for line in lines if line.strip()]


def _cut(node: LexborNode) -> None:
    """Remove `node` and all that follows it in the document, and boxes that this leaves empty."""
    parent = node.parent
    _remove_following(node)
    node.decompose()
    while parent is not None and parent.tag not in ("body", "html"):
        outer = parent.parent
        _remove_following(parent)
        if not _has_content(parent):
            parent.decompose()
        parent = outer


def _remove_following(node: LexborNode) -> None:
    following = node.next
    while following is not None:
        after = following.next
        following.decompose()
        following = after


def _has_content(node: LexborNode) -> bool:
    return bool(node.text().strip()) or node.css_first("img") is not None


def _remove_quotes(tree: LexborHTMLParser) -> int:
    found = {node.mem_id: node for node in tree.css(_QUOTES)[:_QUOTE_BOXES]}
    forwards = {key for key, node in found.items() if _is_forward(node)}
    # Gmail puts answers between the quotes into the box of the quotes: that one goes only when it has been emptied.
    shared = {key for key, node in found.items() if "gmail_quote" in _classes(node) and node.css_first("blockquote")}
    shared = {key for key in shared if found[key].tag != "blockquote"}
    removed = 0
    # From the end, so that what is inside goes before what holds it: a node of a destroyed tree must not be touched.
    for key, node in reversed(found.items()):
        if _is_within(node, forwards) or (key in shared and _has_content(node)):
            continue
        attribution = _attribution_above(node)
        if node.tag == "blockquote" and not (attribution or _is_cited(node)):
            continue
        for part in attribution:
            # One that is, or holds, a box that was found comes up later by itself.
            if not _holds(part, found):
                part.decompose()
        node.decompose()
        removed += 1
    return removed


def _holds(node: LexborNode, found: dict[int, LexborNode]) -> bool:
    return any(seen > _NODES or part.mem_id in found for seen, part in enumerate(node.traverse(include_text=True)))


def _classes(node: LexborNode) -> set[str]:
    return set((node.attributes.get("class") or "").split())


def _is_forward(node: LexborNode) -> bool:
    return any(p.FORWARD.match(line) for line in _opening(node)[:2])


def _is_within(node: LexborNode, boxes: set[int]) -> bool:
    at: LexborNode | None = node if boxes else None
    for _ in range(_LEVELS):
        if at is None:
            return False
        if at.mem_id in boxes:
            return True
        at = at.parent
    return False


def _is_cited(node: LexborNode) -> bool:
    return node.attributes.get("type") == "cite" or bool(_CITED & _classes(node))


def _attribution_above(node: LexborNode) -> list[LexborNode]:
    """Return the nodes of the line before a quote when that line is an attribution, else nothing."""
    line: list[LexborNode] = []
    at = node.prev
    for _ in range(_SIBLINGS):
        if at is None:
            break
        blank = at.tag in ("br", "-comment") or (at.tag == "-text" and not (at.text_content or "").strip())
        inline = at.tag == "-text" or at.tag in _INLINE
        if line and (at.tag == "br" or not inline):
            break
        if line or not blank:
            line.append(at)
            if not inline:
                break
        at = at.prev
    words = " ".join("".join(_words(part) for part in reversed(line)).split())
    return line if words and len(words) <= _LOOK and is_attribution(words, loose=True) else []


def _words(node: LexborNode) -> str:
    text = node.text_content if node.tag == "-text" else " ".join(_opening(node))
    return (text or "")[: _LOOK + 1]
