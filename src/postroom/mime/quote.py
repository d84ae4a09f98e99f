"""The new content of a reply: quoted history and the lines that introduce it go, signature and forwarded mail stay.

Text is read line by line, at most 400 characters of each, so that time grows with length alone. HTML is not read here.
"""

from collections.abc import Iterator, Sequence

from postroom.mime import quote_patterns as p

LOOK = 400  # characters of a line, or of an attribution over several lines
_WRAP = 6  # lines of one attribution
_CANDIDATES = 300  # lines that are looked at as an attribution; a reply has a handful
_WRAPPED_AT = 60  # a quoted line of this length may go on in the next line without its ">"
HEADER_WINDOW = 8
_NAME = 120  # characters of a name before the address of who wrote
_RULED = "-_=*#> \t"
_FRAME = " -*_>\u202a\u202b\u202c\u200f\t"
# A line without any of these is new text, whatever it says.
_STROKES = ("--", "__", "==", "**", "##")
_MARKS = (":", ">", "：", "wrote", "작성", *_STROKES)
_ABOVE = 2 + min(map(len, p.ABOVE_WORDS)) + 2  # characters of the shortest such line
_FIELD = 50  # the name of a header field, or "Begin forwarded message:", ends within these characters
_ENDINGS = (":", "：", "-", "wrote", "작성", "*", "_", ">", "\u202c", "\u200f")


def extract_text(text: str) -> str:
    """Return the new content of a plain text body, without trailing blank lines.

    Quoted lines and attributions go, wherever they stand; from an original-message separator or a block of header
    fields on, all goes. Signatures and forwarded messages stay. A text that holds nothing else is returned whole.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if not _suspicious(text):
        return text.rstrip()
    kept = _Reader(text).read()
    first = next((i for i, line in enumerate(kept) if line.strip()), 0)
    return "\n".join(kept[first:]).rstrip() or text.rstrip()


def _suspicious(text: str) -> bool:
    if ">" in text or "：" in text or text.endswith(":"):
        return True
    if ":" in text and p.LINE_ENDS_IN_COLON.search(text):
        return True
    return p.SUSPECT.search(f"\n{text}") is not None


class _Reader:
    """One pass over the lines of a text; `kept` is what has been found to be new so far."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.marks = [mark for mark in _MARKS if mark[0] in text and mark in text]
        self.beside_quotes = [mark for mark in self.marks if mark != ">"]
        self.kept: list[str] = []
        self.budget = _CANDIDATES
        self.gap = False

    def read(self) -> list[str]:
        for i, line in enumerate(self.lines):
            if not line or line.isspace():
                self._blank(line)
            elif line[0] == ">" and not holds_any(line, self.beside_quotes):
                self.gap = True
            elif not (holds_any(line, self.marks) or self._is_wrapped_quote(i)):
                self.kept.append(line)
                self.gap = False
            elif (rest := self._judge(i)) is not None:
                return rest
        return self.kept

    def _judge(self, i: int) -> list[str] | None:
        """Keep or leave out a line that may be more than new text; return all that is new where it ends the reading."""
        line = self.lines[i]
        if line.strip(_RULED):  # strokes alone separate nothing
            if _is_forward_line(line):
                return self.kept + self.lines[i:]
            if self._history_begins(i):
                self._drop_rules()
                return self.kept
        if self._left_out(i):
            return self.kept if self._ends_here(i) else None
        self.kept.append(line)
        self.gap = False
        return None

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
        while self.kept and (not self.kept[-1].strip() or p.RULE.match(self.kept[-1][:LOOK])):
            self.kept.pop()

    def _is_wrapped_quote(self, i: int) -> bool:
        """Tell whether a line is the rest of the quoted line above it, broken by a program that wraps late."""
        if not 0 < i < len(self.lines) - 1 or len(self.lines[i - 1]) < _WRAPPED_AT:
            return False
        above, line, below = self.lines[i - 1 : i + 2]
        return line[:1].islower() and _is_quoted(above) and _is_quoted(below)

    def _quote_follows(self, i: int) -> bool:
        following = (line for line in self.lines[i + 1 : i + 4] if line.strip())
        return _is_quoted(next(following, ""))

    def _attribution(self, i: int) -> int | None:
        """Return the line where the attribution that ends at line `i` starts, None if none ends there."""
        if self.budget <= 0:
            return None
        line = self.lines[i][:LOOK].strip()
        if not line.endswith(_ENDINGS) or (_is_quoted(line) and line != ">:"):
            return None
        self.budget -= 1
        if len(self.lines[i]) > LOOK:
            return None
        loose = self._quote_follows(i)
        joined: dict[int, str] = {}
        tail = ""
        for start in self._upward(i):
            tail = f"{self.lines[start].strip()} {tail}"
            if len(tail) > LOOK:
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
        line = self.lines[i][:LOOK]
        if _may_separate(line) and (p.ORIGINAL.match(line) or _is_reply_above(line)):
            return True
        if self.budget <= 0 or not _may_be_field(line) or not p.HEADER_FROM.match(line):
            return False
        self.budget -= 1
        return is_header_block(self.lines[i : i + HEADER_WINDOW])


def holds_any(line: str, marks: Sequence[str]) -> bool:
    """Tell whether one of `marks` stands in `line`."""
    for mark in marks:  # noqa: SIM110  a third of what any() takes, at each line of each mail
        if mark in line:
            return True
    return False


def _may_separate(line: str) -> bool:
    return holds_any(line, _STROKES)


def _is_reply_above(line: str) -> bool:
    return len(line) >= _ABOVE and holds_any(line.lower(), p.ABOVE_WORDS) and p.ABOVE.match(line) is not None


def _may_be_field(line: str) -> bool:
    return ":" in line[:_FIELD] or "：" in line[:_FIELD]


def _is_forward_line(line: str) -> bool:
    return (_may_separate(line) or _may_be_field(line)) and p.FORWARD.match(line[:LOOK]) is not None


def _is_quoted(line: str) -> bool:
    return line[:1] == ">" or (line[:1].isspace() and line.lstrip()[:1] == ">")


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
    address = "@" in lines[0][:LOOK]
    for line in lines[1:]:
        head = line[:LOOK]
        if p.HEADER_SUBJECT.match(head):
            subject += 1
        elif p.HEADER_OTHER.match(head):
            other += 1
        elif not head.strip() and subject + other:
            break
        address = address or "@" in head
    return subject + other >= (1 if address else 2) and bool(subject or address)
