"""The header block of a message or part: where it ends, its fields in order, their values unfolded and decoded.

Gives no meaning to a field; what a value says is read by the modules named after it.
"""

import re

from postroom.mime.charsets import decode_undeclared
from postroom.mime.limits import MAX_FIELDS, MAX_HEADER_BYTES, Budget, Raw
from postroom.mime.words import decode_words, one_line

# A line that opens with -- is a delimiter whose blank line before the body was lost; no field name begins so.
_END = re.compile(rb"\n(?:(\r?\n)|--)")
# RFC 5322 2.2: printable name but the colon; white space before the colon is obsolete (4.5) and tolerated. A literal
# first character, which is put before the block, is found four times as fast as the start of a line is.
_FIELD = re.compile(r"\n([!-9;-~]++)[ \t]*+:[ \t]*+([^\n]*+)")
_FOLD = re.compile(r"\n[ \t]++")
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r") + b"\x7f"


class Block:
    """A header block: `fields` are (name, value unfolded, not decoded), `stop` its end and `body` the next offset."""

    __slots__ = ("body", "clean", "complete", "fields", "first", "plain", "stop")

    def __init__(
        self,
        fields: list[tuple[str, str]],
        stop: int,
        body: int,
        *,
        clean: bool = True,
        plain: bool = True,
        complete: bool = True,
    ) -> None:
        self.fields = fields
        self.stop = stop
        self.body = body
        self.clean = clean  # holds no control characters
        self.plain = plain  # nor anything beyond ASCII, nor encoded words: every value is shown as it stands
        self.complete = complete  # nothing was left out
        # By lower-case name; of fields that stand twice the first.
        self.first = {name.lower(): value for name, value in reversed(fields)}

    def every(self, name: str) -> list[str]:
        """Return the values of all fields of this (lower-case) name, in order."""
        value = self.first.get(name)
        if value is None:
            return []
        if len(self.first) == len(self.fields):
            return [value]
        return [value for other, value in self.fields if other.lower() == name]

    def shown(self, budget: Budget) -> tuple[tuple[str, str], ...]:
        """Return the fields as they are shown: encoded words decoded, no control characters."""
        if self.plain:
            return tuple(self.fields)
        if self.clean:
            return tuple(
                [f if "=?" not in f[1] and f[1].isascii() else (f[0], show(f[1], budget)) for f in self.fields]
            )
        return tuple([(name, show(value, budget)) for name, value in self.fields])


def show(value: str, budget: Budget) -> str:
    """Return a value with encoded words decoded and on one line."""
    return one_line(decode_words(value, budget)).strip() if "=?" in value else one_line(value)


def read_block(raw: Raw, start: int, end: int, budget: Budget) -> Block:
    """Read the header block that begins at `start`; offsets are bytes into `raw`."""
    stop, body = _extent(raw, start, end)
    data = raw[start : min(stop, start + MAX_HEADER_BYTES)]
    if stop - start > MAX_HEADER_BYTES:
        budget.fault(f"more than {MAX_HEADER_BYTES // 1024} KiB of header fields")
    text, legacy = _characters(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    text = _FOLD.sub(" ", text)  # RFC 5322 2.2.3; one space for however much there was
    fields = _FIELD.findall(f"\n{text}")
    if not fields and stop > start:
        return Block([], start, start)  # no header at all: what stands there is the body
    complete = len(fields) <= MAX_FIELDS and len(data) == stop - start
    if len(fields) > MAX_FIELDS:
        budget.fault(f"more than {MAX_FIELDS} header fields")
        del fields[MAX_FIELDS:]
    if legacy or " \n" in text or ("\t" in text and "\t\n" in text):
        fields = [(name, _value(value, legacy)) for name, value in fields]
    clean = "\r" not in text and len(data.translate(None, _CONTROLS)) == len(data)
    plain = clean and text.isascii() and "=?" not in text
    return Block(fields, stop, body, clean=clean, plain=plain, complete=complete)


def _extent(raw: Raw, start: int, end: int) -> tuple[int, int]:
    opening = raw[start : start + 2]
    if opening[:1] == b"\n":
        return start, start + 1
    if opening in (b"\r\n", b"--"):
        return start, start + 2 * (opening == b"\r\n")
    found = _END.search(raw, start, end)
    if found is None:
        return end, end
    stop = found.start() + 1
    return stop, found.end() if found[1] else stop


def _characters(data: bytes) -> tuple[str, bool]:
    """Return the block as characters, and whether it is neither ASCII nor UTF-8 (each value is then read by itself)."""
    try:
        return data.decode(), False
    except UnicodeDecodeError:
        return data.decode("latin-1"), True


def _value(value: str, legacy: bool) -> str:
    value = value.rstrip()
    return decode_undeclared(value.encode("latin-1")) if legacy and not value.isascii() else value
