"""The new content of a mail as lines that hold something: what codes and links are looked for in. Judges nothing."""

import re

from selectolax.lexbor import LexborHTMLParser

from postroom.mime.html_cost import is_affordable
from postroom.mime.quote import extract_text
from postroom.mime.quote_html import extract_html

MAX_HTML = 256_000  # characters
MAX_LINE = 600
STRONG_MARK = "\ue000"  # stands before what HTML shows in bold
_MAX_TEXT = 48_000  # characters of a body that are read; a code stands near the top
_MAX_LINES = 1_200
# Characters that show nothing: preheaders are padded with them.
_INVISIBLE = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF, 0xAD, 0x34F])
_SOURCE_BREAK = re.compile(r"[\r\n\t]+")
_BLOCK = re.compile(r"<(?=[/a-z])(?=/?(?:p|div|tr|td|th|br|li|h[1-6]|table|ul|hr|blockquote|center)[\s/>])", re.I)
_BOLD = re.compile(r"<(?:b|strong|code|h1|h2|h3)(?=[\s>])[^<>]{0,400}>", re.I)
_HIDDEN_TAGS = ["style", "script", "head", "title", "template", "noscript", "svg"]


def text_lines(text: str | None) -> list[str]:
    """Return the lines of the new part of a plain text, at most 1,200 of at most 600 characters, none blank."""
    return _tidy(extract_text(text)[:_MAX_TEXT]) if text else []


def html_lines(html: str | None) -> list[str]:
    """Return the same of HTML of at most 256,000 characters, `STRONG_MARK` before what it shows in bold."""
    if not html or len(html) > MAX_HTML or not is_affordable(html):
        return []
    flat = _SOURCE_BREAK.sub(" ", extract_html(html))
    marked = _BOLD.sub(rf"\g<0>{STRONG_MARK}", _BLOCK.sub("\n<", flat))
    tree = LexborHTMLParser(marked)
    tree.strip_tags(_HIDDEN_TAGS)
    return _tidy(tree.body.text()[:_MAX_TEXT]) if tree.body is not None else []


def _tidy(text: str) -> list[str]:
    """Return the lines that hold something, trimmed, long ones cut, digits that stand one a line put together."""
    if not text.isascii():
        text = text.translate(_INVISIBLE)
    lines: list[str] = []
    single: list[str] = []
    for raw in text.split("\n"):
        line = raw.strip()
        if not line:
            continue
        if len(line) <= 2 and line.strip(STRONG_MARK).isdigit():
            single.append(line.strip(STRONG_MARK))
            continue
        if single:
            lines.append("".join(single))
            single = []
        lines.extend(line[i : i + MAX_LINE] for i in range(0, len(line), MAX_LINE))
        if len(lines) > _MAX_LINES:
            break
    return [*lines[:_MAX_LINES], "".join(single)] if single else lines[:_MAX_LINES]
