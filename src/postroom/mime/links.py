"""Links in the new content of a mail that do something for its reader: judged by their words, path and secrets.

Opens nothing, never reads quoted history, and looks at a bounded part of a long mail.
"""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from postroom.mime.codes_words import ACTIONS
from postroom.mime.html_cost import is_affordable
from postroom.mime.new_lines import MAX_HTML, text_lines
from postroom.mime.quote_html import extract_html
from postroom.model.codes import Link, LinkKind

MAX_LINKS = 10
MAX_URL = 2048
_SHOWN = 200  # characters of the words of a link
_MAX_ANCHORS = 200
_THRESHOLD = 4.0
_URL = re.compile(r"https?://[^\s<>\"\u3000-\u303f\uff00-\uffef]{1,2100}", re.I)
_TRAILING = ".,;:!?'\")]}>*_"
_TOKENISH = re.compile(r"[?&#][^=&#]{1,40}=[^&#]{16,}|/(?=[A-Za-z_~-]{0,60}\d)[A-Za-z0-9_.~-]{16,}|=[0-9a-fA-F-]{10,}")
_SECRET_NAME = re.compile(r"[?&#](?:[a-z]{0,20}_)?(?:token|otp|jwt|ticket|hash|signature|key|code|oobcode)=", re.I)
_HOST_TEXT = re.compile(r"(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?:[/:?#]\S{0,2048})?", re.I)
_SEPARATORS = re.compile(r"[/?&=#._+-]+")


def find_links(text: str | None, html: str | None) -> tuple[Link, ...]:
    """Return the links of a mail that do something for its reader, best first, at most ten, each address once.

    Only http and https, at most 2,048 characters. Links to unsubscribe are none. `reason` warns where the text of
    a link names another host than the link goes to.
    """
    best: dict[str, tuple[float, Link]] = {}
    for url, shown, words, field in (*_html_links(html), *_text_links(text)):
        scored = _judge_link(url, shown, words, field)
        if scored is not None and (url not in best or scored[0] > best[url][0]):
            best[url] = scored
    ranked = sorted(best.values(), key=lambda entry: -entry[0])
    return tuple(link for _score, link in ranked[:MAX_LINKS])


def _text_links(text: str | None) -> Iterator[tuple[str, str | None, str, str]]:
    above = ""
    count = 0
    for line in text_lines(text):
        matches = list(_URL.finditer(line))
        words = _URL.sub(" ", line).strip()
        for match in matches:
            count += 1
            url = _clean_url(match[0])
            if url is not None and count <= _MAX_ANCHORS:
                yield url, None, words if len(words) > 3 else above, "text"
        above = words or above


def _html_links(html: str | None) -> Iterator[tuple[str, str | None, str, str]]:
    if not html or len(html) > MAX_HTML or "<" not in html or not is_affordable(html):
        return
    tree = LexborHTMLParser(extract_html(html))
    for anchor in tree.css("a[href]")[:_MAX_ANCHORS]:
        url = _clean_url(anchor.attributes.get("href") or "")
        if url is None:
            continue
        shown = _anchor_text(anchor)
        names_nothing = not ACTIONS.find(shown)
        yield url, shown or None, f"{_text_before(anchor)} {shown}" if names_nothing else shown, "HTML"


def _anchor_text(anchor: LexborNode) -> str:
    words = "".join((part.text_content or "")[:_SHOWN] for part in _text_nodes(anchor))
    return " ".join(words.split())[:_SHOWN]


def _text_nodes(node: LexborNode) -> Iterator[LexborNode]:
    for seen, part in enumerate(node.traverse(include_text=True)):
        if seen > 30:
            return
        if part.tag == "-text":
            yield part


def _text_before(anchor: LexborNode) -> str:
    """Return the words that stand before a link in its own block, for links that are called "here"."""
    before = anchor.prev
    parts: list[str] = []
    for _ in range(4):
        if before is None:
            break
        parts.append(_anchor_text(before) if before.tag != "-text" else (before.text_content or "")[-_SHOWN:])
        before = before.prev
    return " ".join(" ".join(reversed(parts)).split())[-_SHOWN:]


def _clean_url(raw: str) -> str | None:
    url = unescape(raw[: MAX_URL + 200].strip()) if "&" in raw else raw[: MAX_URL + 200].strip()
    while url and url[-1] in _TRAILING and not (url[-1] == ")" and "(" in url):
        url = url[:-1]
    if len(url) > MAX_URL or not url.lower().startswith(("http://", "https://")) or not _host(url):
        return None
    return None if any(character <= " " or character == "\x7f" for character in url) else url


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _judge_link(url: str, shown: str | None, words: str, field: str) -> tuple[float, Link] | None:
    path = url.split("/", 3)[3] if url.count("/") >= 3 else ""
    in_words = _action(words[-2 * _SHOWN :])
    in_path = _action(_SEPARATORS.sub(" ", path[:300]))
    if "drop" in (in_words and in_words[0], in_path and in_path[0]):
        return None
    secret = bool(_TOKENISH.search("/" + path)) or bool(_SECRET_NAME.search("/" + path))
    score = (3.0 if in_words else 0.0) + (2.0 if in_path else 0.0) + (2.0 if secret else 0.0)
    named = in_words or in_path
    if named is None:
        if not _SECRET_NAME.search(path) or not _TOKENISH.search("/" + path):
            return None
        return 1.0, Link(
            url=url, text=shown, kind="other", reason=f"carries a token, in the {field}" + _warning(url, shown)
        )
    # A page to log in on is no magic link: that one carries a secret.
    if score < _THRESHOLD or (named[0] == "magic_link" and not secret):
        return None
    reason = f'"{named[1]}" {"beside it" if in_words else "in its path"} in the {field}{_warning(url, shown)}'
    return score, Link(url=url, text=shown, kind=_LINK_KINDS[named[0]], reason=reason)


_LINK_KINDS: dict[str, LinkKind] = {
    "reset": "reset",
    "invite": "invite",
    "verify": "verify",
    "magic_link": "magic_link",
}
_RANK = ("drop", "reset", "invite", "magic_link", "verify")


def _action(words: str) -> tuple[str, str] | None:
    """Return kind and words of the action that a text names; the more telling one where it names several."""
    found = {kind: words[start:end] for start, end, kind in ACTIONS.find(words)}
    return next(((kind, found[kind]) for kind in _RANK if kind in found), None)


def _warning(url: str, shown: str | None) -> str:
    named = _HOST_TEXT.fullmatch(shown or "")
    if named is None:
        return ""
    host, claimed = _host(url), named[1].lower().removeprefix("www.")
    if host == claimed or host.endswith(f".{claimed}"):
        return ""
    return f"; its text names another host: {claimed}"
