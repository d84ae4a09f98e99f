"""Content-Transfer-Encoding (RFC 2045 6): a part's bytes decoded, or only counted. Tolerant of junk, never raises."""

import binascii
import re
from collections.abc import Iterator

from postroom.mime.limits import Raw

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_JUNK = bytes(c for c in range(256) if c not in _ALPHABET)
_CHUNK = 1 << 18
_MAX_RUNS = 10_000
_RUN = re.compile(rb"[^=]+")
_BROKEN_SOFT_BREAK = re.compile(rb"=[ \t]++(?=\r?\n)")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\n]*\n", re.MULTILINE)
_NAMES = {
    "base64": "base64",
    "b64": "base64",
    "quoted-printable": "quoted-printable",
    "quoted_printable": "quoted-printable",
    "quotedprintable": "quoted-printable",
    "qp": "quoted-printable",
    "x-uuencode": "uuencode",
    "uuencode": "uuencode",
    "x-uue": "uuencode",
    "uue": "uuencode",
}


def encoding(value: str) -> str:
    """Return ``base64``, ``quoted-printable``, ``uuencode`` or ``""`` (as it is) for a Content-Transfer-Encoding."""
    if not value or value in ("7bit", "8bit"):
        return ""
    words = value.replace(";", " ").split(None, 1)
    return _NAMES.get(words[0].lower().strip("\"'"), "") if words else ""


def decode(raw: Raw, start: int, end: int, encoded: str) -> bytes:
    """Return the decoded bytes of ``raw[start:end]``."""
    data = raw[start:end]
    if encoded == "base64":
        return _base64(data)
    if encoded == "quoted-printable":
        return _quoted_printable(data)
    return b"".join(_uu_lines(data)) if encoded == "uuencode" else data


def decoded_size(raw: Raw, start: int, end: int, encoded: str) -> int:
    """Return the length that `decode` gives, in pieces: no decoded copy of a large part is made."""
    if encoded == "base64":
        return _base64_size(raw, start, end)
    if encoded == "quoted-printable":
        return sum(len(_quoted_printable(raw[a:b])) for a, b in _whole_lines(raw, start, end))
    if encoded == "uuencode":
        return sum(len(line) for line in _uu_lines(raw[start:end]))
    return end - start


def _base64(data: bytes) -> bytes:
    """Decode runs between padding one by one: some senders encode, and pad, line by line."""
    kept = data.translate(None, _JUNK)
    if b"=" not in kept.rstrip(b"="):
        return _run(kept.rstrip(b"="))
    runs = (found[0] for found, _ in zip(_RUN.finditer(kept), range(_MAX_RUNS), strict=False))
    return b"".join(_run(run) for run in runs)


def _run(run: bytes) -> bytes:
    whole = run[: len(run) - (len(run) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _base64_size(raw: Raw, start: int, end: int) -> int:
    total = run = runs = 0
    for at in range(start, end, _CHUNK):
        first, *further = raw[at : min(at + _CHUNK, end)].translate(None, _JUNK).split(b"=")
        run += len(first)
        for piece in further:
            total += run * 3 // 4
            runs += run > 0
            run = len(piece)
            if runs >= _MAX_RUNS:
                return total
    return total + run * 3 // 4


def _quoted_printable(data: bytes) -> bytes:
    if b"= " in data or (b"\t" in data and b"=\t" in data):
        data = _BROKEN_SOFT_BREAK.sub(b"=", data)  # RFC 2045 6.7 (3): white space at a line's end was added on the way
    return binascii.a2b_qp(data)


def _whole_lines(raw: Raw, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = raw.find(b"\n", min(start + _CHUNK, end), end) + 1 or end
        yield start, stop
        start = stop


def _uu_lines(data: bytes) -> Iterator[bytes]:
    begin = _UU_BEGIN.search(data)
    position = begin.end() if begin else 0
    while position < len(data):
        stop = data.find(b"\n", position) + 1 or len(data)
        line = data[position:stop].rstrip(b"\r\n")
        if line == b"end":
            return
        position = stop
        yield _uu_line(line)


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some encoders leave a wrong number of pad characters behind: the length is what the first one says.
        wanted = ((line[0] - 32) & 63) * 4 // 3 + 2 if line else 0
        try:
            return binascii.a2b_uu(line[:wanted])
        except binascii.Error:
            return b""
