"""The new content of an HTML reply, judged by the marks that mail programs leave on quoted history.

Never builds a tree that would cost more than a bounded time.
"""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from postroom.mime import quote_patterns as p
from postroom.mime.html_cost import is_affordable
from postroom.mime.limits import MAX_HTML
from postroom.mime.quote import HEADER_WINDOW, LOOK, holds_any, is_attribution, is_header_block

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
    "reference-message",
    "quoted",
    "isReplyContent",
)
# Each marker holds one of these, fewer to look for in vain, as in most mail it is. A rule is found faster by pattern.
_HINTS = (
    *("quote", "QUOTE", "mail_", "moz-cite", "divRplyFwdMsg", "appendonsend", "OutlookMessageHeader", "border-top"),
    *("reference-message", "isReplyContent"),
)
_RULE = re.compile("<(?:hr|HR)")
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
    if len(html) > MAX_HTML or not _is_marked(html) or not is_affordable(html):
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


def _is_marked(html: str) -> bool:
    return _RULE.search(html) is not None or (holds_any(html, _HINTS) and holds_any(html, _HTML_MARKERS))


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
    return p.HEADER_FROM.match(opening[0]) is not None and is_header_block(opening[:HEADER_WINDOW])


def _next_element(node: LexborNode) -> LexborNode | None:
    following = node.next
    while following is not None and following.tag == "-text" and not (following.text() or "").strip():
        following = following.next
    return following


def _opening(node: LexborNode) -> list[str]:
    """Return the first lines of an element, fields of a header each on its own where `<br>` or `<b>` begins one."""
    lines = [""]
    for seen, part in enumerate(node.traverse(include_text=True)):
        if seen > _NODES or len(lines) > HEADER_WINDOW * 2:
            break
        if part.tag == "-text":
            lines[-1] += " ".join((part.text_content or "")[:LOOK].split()) + " "
        elif part.tag in ("br", "p", "div", "tr", "b", "strong"):
            lines.append("")
    return [line[:LOOK].strip() for line in lines if line.strip()]


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
    return line if words and len(words) <= LOOK and is_attribution(words, loose=True) else []


def _words(node: LexborNode) -> str:
    text = node.text_content if node.tag == "-text" else " ".join(_opening(node))
    return (text or "")[: LOOK + 1]
