"""One-time codes in the new content of a mail: found by shape, judged by the words beside them.

Never reads quoted history, opens nothing, and looks at a bounded part of a long mail.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from postroom.mime.codes_words import LABELS
from postroom.mime.new_lines import MAX_LINE, STRONG_MARK, html_lines, text_lines
from postroom.model.codes import Code

MAX_CODES = 3
_MAX_CANDIDATES = 40  # a mail with more numbers than that is not about one of them

# The digits of other scripts as ours.
_PLAIN = {zero + n: 48 + n for zero in (0xFF10, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50) for n in range(10)} | {
    **dict.fromkeys([0xA0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000, 0x09], 32),
    **dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFF0D], 45),
    0xFF1A: 58,
}
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
_MAX_SUPPORT = 2.0  # what a subject and a second mention can add at most
_ELSEWHERE = frozenset({"meet", "till"})
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
    title = _Field("subject", [(subject or "")[:MAX_LINE]])
    backing = 1.0 if any(label.kind in ("strong", "code") for label in title.labels(0)) else 0.0
    fields = [title, _Field("text", text_lines(text)), _Field("HTML", html_lines(html))]
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
        self.bold = [STRONG_MARK in line for line in lines]
        self.shown = [line.replace(STRONG_MARK, "") for line in lines]
        self.lines = [line if line.isascii() else line.translate(_PLAIN) for line in self.shown]
        self._labels: dict[int, list[_Label]] = {}
        self._kinds: dict[int, frozenset[str]] = {}
        self._other: dict[int, bool] = {}

    def labels(self, line: int) -> list[_Label]:
        """Return the words on a line that say what a number beside them is; none where there is no such line."""
        if not 0 <= line < len(self.lines):
            return []
        if line not in self._labels:
            self._labels[line] = _compounds(self.lines[line])
        return self._labels[line]

    def kinds(self, line: int) -> frozenset[str]:
        """Return of what kinds the words on a line are."""
        if line not in self._kinds:
            self._kinds[line] = frozenset(label.kind for label in self.labels(line))
        return self._kinds[line]

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
        if label.kind not in _WEIGHT:
            return None
        score = _WEIGHT[label.kind] - penalty + self._looks(at, label.kind)
        if _is_year(at.code) and not (where == "before it" and at.start - label.end <= 12):
            score -= 3
        if score + _MAX_SUPPORT < _THRESHOLD or (label.kind != "strong" and self._is_about_other(at.line)):
            return None
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

    def _is_about_other(self, line: int) -> bool:
        """Tell whether the lines around a line sell, invite to a call, or are what a till prints."""
        if line not in self._other:
            near = range(line - 1, line + 2)
            wide = range(line - 4, line + 5)
            self._other[line] = any("promo" in self.kinds(i) for i in near) or any(
                not _ELSEWHERE.isdisjoint(self.kinds(i)) for i in wide
            )
        return self._other[line]

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


def _compounds(line: str) -> list[_Label]:
    """Return the labels of a line; an act and the word for a code right behind it name a code as one compound does."""
    labels: list[_Label] = []
    for start, end, kind in LABELS.find(line):
        last = labels[-1] if labels else None
        if last is not None and last.kind == "act" and kind == "code" and line[last.end : start] in (" ", "-"):
            labels[-1] = _Label(last.start, end, "strong", line[last.start : end])
        else:
            labels.append(_Label(start, end, kind, line[start:end]))
    return labels


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
