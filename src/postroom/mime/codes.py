"""One-time codes and action links in the new content of a mail: found by shape, judged by the words beside them.

Never reads quoted history, opens nothing, and looks at a bounded part of a long mail.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from postroom.mime.codes_words import ACTIONS, LABELS
from postroom.mime.quote import extract_html, extract_text, is_affordable
from postroom.model.codes import Code, Link, LinkKind

MAX_CODES = 3
MAX_LINKS = 10
MAX_URL = 2048
_SHOWN = 200  # characters of the words of a link
_MAX_TEXT = 48_000  # characters of a body that are read; a code stands near the top
_MAX_HTML = 256_000
_MAX_LINE = 600
_MAX_LINES = 1_200
_MAX_CANDIDATES = 120
_MAX_ANCHORS = 200

# Characters that show nothing (preheaders are padded with them), and the digits of other scripts as ours.
_INVISIBLE = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF, 0xAD, 0x34F])
_PLAIN = {zero + n: 48 + n for zero in (0xFF10, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50) for n in range(10)} | {
    **dict.fromkeys([0xA0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000, 0x09], 32),
    **dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFF0D], 45),
    0xFF1A: 58,
}
_STRONG_MARK = "\ue000"  # put before what HTML shows in bold, taken out again
_NOT_PROSE = re.compile(r"(?:https?://|www\.)[!-~]{1,2048}|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255}", re.I)
_RUN = re.compile(r"(?<![A-Za-z0-9_])\d(?:[ .,:/-]?\d|  \d)*")
_SHAPE = re.compile(
    r"\d{4,10}|\d{3}[ -]\d{3}(?:[ -]\d{3})?|\d{4}[ -]\d{4}|\d{2}[ -]\d{2}[ -]\d{2}|\d(?: {1,2}\d){3,9}|\d(?:-\d){3,7}"
)
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?=[A-Za-z]{0,9}[0-9-])[A-Za-z0-9]{3,10}(?:-[A-Za-z0-9]{3,5})?(?![A-Za-z0-9_-])"
)
_DIGIT_OR_DASH = re.compile(r"[0-9-]")
_PREFIX = re.compile(r"(?<![A-Za-z0-9_-])[A-Z]{1,2}-$")
_MONEY = r"[$€£¥₹₽₺₩฿]|USD|EUR|GBP|CHF|JPY|CNY|INR|TRY|PLN|BRL|RUB|SAR|AED|zł|kr|R\$|Rs\.?|ريال|درهم|جنيه"
_UNIT = (
    r"%|°|px|pt|kg|km|mg|ml|mb|gb|kb|min\b|mins\b|minute|minuti|minuut|minut|sec|hour|hrs|days|day\b|Uhr|Tage|Minuten|Stunden|"
    r"heures|jours|horas|días|dias|ore\b|giorni|uur|dagen|руб|мин|час|дн|г\.|года|году|TL\b|元|块|円|원|年|月|日|時|时|分|秒|個|个|"
    r"年|년|월|일|시|분|초|개|दिन|मिनट|रुपये|دقيق|ساع|يوم|people|users|items|points|lines|likes|views|Leser|words|"
    r"personnes|articles|dakika|gün|lira|th\b|st\b|nd\b|rd\b"
)
_LEFT_DECOY = re.compile(
    rf"(?:[+#*(]|n[°º]|№|\b[Nn]r\.?|\b[Nn]o\.|{_MONEY}|\d\))\s?$|(?:[A-Z0-9]{{3,}}-|[A-Za-z0-9_/\\=&])$"
)
_RIGHT_DECOY = re.compile(rf"\s?(?:{_MONEY}|{_UNIT})|[A-Za-z_@/\\=&]|[-.,:]\w|#", re.I)
_CITY = re.compile(r"(?:, [A-Z]{2} $|^\s?(?:[A-Z]{2} )?(?!Is|It|Do|If|Th|Us|En)[A-ZÄÖÜÉ][a-zäöüßéèçãñ]{2,})")
_SENTENCE_END = re.compile(r"[.!?] |[。！？]")
_NUMBER = re.compile(r"\d{4,}")
_WEIGHT = {"strong": 6.0, "code": 4.0, "act": 2.0}
_TRIMMINGS = 24  # characters of ornament around a code that stands alone
_THRESHOLD = 4.0
_NEAR = 90  # characters between a word and what it speaks of
_FOLLOWERS = 2.5  # how much less than the best a further code may have


class _Label(NamedTuple):
    start: int
    end: int
    kind: str
    words: str


class _Candidate(NamedTuple):
    line: int
    start: int
    end: int
    code: str
    shown: str


class _Verdict(NamedTuple):
    score: float
    label: _Label
    where: str


def find(subject: str | None, text: str | None, html: str | None) -> tuple[Code, ...]:
    """Return the one-time codes of a mail, best first, at most three.

    `text` and `html` are bodies as words, of any length; 48,000 characters of the new content of each are read.
    """
    title = _Field("subject", [(subject or "")[:_MAX_LINE]])
    backing = 1.0 if any(label.kind in ("strong", "code") for label in title.labels(0)) else 0.0
    fields = [title, _Field("text", _text_lines(text)), _Field("HTML", _html_lines(html))]
    best: dict[str, tuple[float, Code]] = {}
    for field in fields:
        for candidate in field.candidates():
            verdict = field.judge(candidate)
            if verdict is None:
                continue
            score = verdict.score + (0.0 if field is title else backing)
            known = best.get(candidate.code)
            if known is not None:
                score = max(score, known[0]) + 0.5
            if known is None or score > known[0] + 0.5:
                reason = f'"{verdict.label.words}" {verdict.where} in the {field.name}'
                best[candidate.code] = score, Code(code=candidate.code, shown=candidate.shown, reason=reason)
    ranked = sorted((entry for entry in best.values() if entry[0] >= _THRESHOLD), key=lambda entry: -entry[0])
    return tuple(code for score, code in ranked[:MAX_CODES] if score >= ranked[0][0] - _FOLLOWERS)


class _Field:
    """The lines of one field that hold something, in two spellings of equal length: as shown, and with plain digits."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self.bold = [_STRONG_MARK in line for line in lines]
        self.shown = [line.replace(_STRONG_MARK, "") for line in lines]
        self.lines = [line if line.isascii() else line.translate(_PLAIN) for line in self.shown]
        self._labels: dict[int, list[_Label]] = {}

    def labels(self, line: int) -> list[_Label]:
        """Return the words on a line that say what a number beside them is; none where there is no such line."""
        if not 0 <= line < len(self.lines):
            return []
        if line not in self._labels:
            text = self.lines[line]
            self._labels[line] = [_Label(start, end, kind, text[start:end]) for start, end, kind in LABELS.find(text)]
        return self._labels[line]

    def candidates(self) -> Iterator[_Candidate]:
        count = 0
        for i, line in enumerate(self.lines):
            prose = line
            if "@" in line or "://" in line or "www." in line:
                prose = _NOT_PROSE.sub(lambda match: "\ufffd" * len(match[0]), line)
            for start, end, code in _shapes(prose):
                if not _is_decoy(prose, start, end, code):
                    yield _Candidate(i, start, end, code, self.shown[i][start:end])
                    count += 1
            if count > _MAX_CANDIDATES:
                return

    def judge(self, at: _Candidate) -> _Verdict | None:
        """Return how sure we are that a candidate is a code, None where the words speak against it or are missing."""
        found = self._nearest(at)
        if found is None:
            return None
        label, penalty, where = found
        if label.kind not in _WEIGHT or (label.kind != "strong" and self._sells_or_meets(at)):
            return None
        score = _WEIGHT[label.kind] - penalty + self._looks(at, label.kind)
        if _is_year(at.code) and not (where == "before it" and at.start - label.end <= 12):
            score -= 3
        return _Verdict(score, label, where)

    def _looks(self, at: _Candidate, kind: str) -> float:
        size = len(at.code)
        score = 2.0 if self._alone(at) else 0.0
        score += 1.0 if self.bold[at.line] else 0.0
        if not at.code.isdigit():
            score -= 0.5 if at.code.isupper() else 2.0
        elif size == 6:
            score += 1.0
        elif size > 8:
            score -= 1.5
        return score - (2.0 if kind == "act" and size > 8 else 0.0)

    def _alone(self, at: _Candidate) -> bool:
        line = self.lines[at.line]
        rest = line[: at.start] + line[at.end :]
        if len(rest) > _TRIMMINGS:
            return False
        return sum(character.isalnum() for character in rest) <= 2

    def _sells_or_meets(self, at: _Candidate) -> bool:
        near = (label.kind for i in range(at.line - 1, at.line + 2) for label in self.labels(i))
        wide = (label.kind for i in range(at.line - 4, at.line + 5) for label in self.labels(i))
        return "promo" in near or "meet" in wide

    def _nearest(self, at: _Candidate) -> tuple[_Label, float, str] | None:
        line = self.lines[at.line]
        before = self._last_free(at.line, at.start)
        if before is not None and at.start - before.end <= _NEAR:
            gap = line[before.end : at.start]
            return before, 1.5 if _SENTENCE_END.search(gap) else 0.0, "before it"
        named = next(
            (label for label in self.labels(at.line) if label.kind == "strong" and label.end <= at.start), None
        )
        if named is not None and line[: at.start].rstrip().endswith(":"):
            return named, 2.0, "before it"
        after = next((label for label in self.labels(at.line) if label.start >= at.end), None)
        if after is not None and after.start - at.end <= _NEAR:
            gap = line[at.end : after.start]
            if not (_SENTENCE_END.search(gap) or _NUMBER.search(gap)):
                return after, 0.5, "after it"
        return None if _is_year(at.code) and not self._alone(at) else self._from_other_lines(at)

    def _from_other_lines(self, at: _Candidate) -> tuple[_Label, float, str] | None:
        alone = 0.0 if self._alone(at) else 2.0
        for up in (1, 2, 3):
            above = self._last_free(at.line - up, None)
            # A line that is about something else says nothing of a number two lines further down.
            if above is not None and (up == 1 or above.kind != "no"):
                return above, 0.5 * up + alone, "above it"
        below = next(iter(self.labels(at.line + 1)), None)
        return (below, 1.0 + alone, "below it") if below is not None and below.kind in ("strong", "code") else None

    def _last_free(self, line: int, end: int | None) -> _Label | None:
        """Return the last label before `end` that is still free: each number takes the one before it."""
        if not 0 <= line < len(self.lines):
            return None
        text = self.lines[line]
        numbers = [match.start() for match in _NUMBER.finditer(text, 0, len(text) if end is None else end)]
        for label in reversed(self.labels(line)):
            if end is not None and label.end > end:
                continue
            if numbers and numbers[-1] >= label.end:
                numbers.pop()
                continue
            return label
        return None


def _shapes(line: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and what is to be typed for everything in a line that has the shape of a code."""
    if not _DIGIT_OR_DASH.search(line):
        return
    for match in _RUN.finditer(line):
        start, end = match.span()
        if _SHAPE.fullmatch(match[0]):
            prefix = _PREFIX.search(line, max(0, start - 3), start)
            yield prefix.start() if prefix else start, end, re.sub(r"\D", "", match[0])
    for match in _TOKEN.finditer(line):
        code = match[0].replace("-", "")
        digits = sum(character.isdigit() for character in code)
        # Letters alone count only as two groups of capitals, as device codes are printed.
        grouped = "-" in match[0] and match[0].isupper()
        if 5 <= len(code) <= 10 and digits < len(code) and (grouped or (digits and "-" not in match[0])):
            yield match.start(), match.end(), code


def _is_decoy(line: str, start: int, end: int, code: str) -> bool:
    left, right = line[max(0, start - 12) : start], line[end : end + 12]
    if _LEFT_DECOY.search(left) or _RIGHT_DECOY.match(right):
        return True
    return len(code) == 5 and code.isdigit() and bool(_CITY.search(left) or _CITY.match(right))


def _is_year(code: str) -> bool:
    return len(code) == 4 and code.isdigit() and 1900 <= int(code) <= 2099


def _text_lines(text: str | None) -> list[str]:
    return _tidy(extract_text(text)[:_MAX_TEXT]) if text else []


_SOURCE_BREAK = re.compile(r"[\r\n\t]+")
_BLOCK = re.compile(r"<(?=/?(?:p|div|tr|td|th|br|li|h[1-6]|table|ul|hr|blockquote|center)[\s/>])", re.I)
_BOLD = re.compile(r"<(?:b|strong|code|h1|h2|h3)(?=[\s>])[^<>]{0,400}>", re.I)
_HIDDEN_TAGS = ["style", "script", "head", "title", "template", "noscript", "svg"]


def _html_lines(html: str | None) -> list[str]:
    if not html or len(html) > _MAX_HTML or not is_affordable(html):
        return []
    flat = _SOURCE_BREAK.sub(" ", extract_html(html))
    marked = _BOLD.sub(rf"\g<0>{_STRONG_MARK}", _BLOCK.sub("\n<", flat))
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
        if len(line) <= 2 and line.strip(_STRONG_MARK).isdigit():
            single.append(line.strip(_STRONG_MARK))
            continue
        if single:
            lines.append("".join(single))
            single = []
        lines.extend(line[i : i + _MAX_LINE] for i in range(0, len(line), _MAX_LINE))
        if len(lines) > _MAX_LINES:
            break
    return [*lines[:_MAX_LINES], "".join(single)] if single else lines[:_MAX_LINES]


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
    for line in _text_lines(text):
        matches = list(_URL.finditer(line))
        words = _URL.sub(" ", line).strip()
        for match in matches:
            count += 1
            url = _clean_url(match[0])
            if url is not None and count <= _MAX_ANCHORS:
                yield url, None, words if len(words) > 3 else above, "text"
        above = words or above


def _html_links(html: str | None) -> Iterator[tuple[str, str | None, str, str]]:
    if not html or len(html) > _MAX_HTML or "<" not in html or not is_affordable(html):
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
