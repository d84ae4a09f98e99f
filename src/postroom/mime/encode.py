"""How words become 7-bit bytes: folded fields, encoded words, parameters and transfer encodings. Knows syntax only:
which fields a message has, and whether a value may stand in one, is decided in compose.py.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator

from postroom.model.errors import InvalidInput

CRLF = b"\r\n"
FOLD_AT = 76  # RFC 5322 2.1.1 asks for 78, RFC 2047 2 for 76 where encoded words are: one limit does for both
MAX_LINE = 998
_WORD_OVERHEAD = len("=?utf-8?q??=")
_MAX_WORD = 75  # RFC 2047 2
_MIN_WORD = 20  # the shortest room in which any character fits
_MAX_CONTENT_TYPE = 255

_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 5 (3)
_Q = tuple("_" if b == 0x20 else chr(b) if b in _Q_SAFE else f"={b:02X}" for b in range(256))
_ATTR_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")  # RFC 2231 7
_PCT = tuple(chr(b) if b in _ATTR_SAFE else f"%{b:02X}" for b in range(256))
_ASCII = bytes(range(128))

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_FOLDABLE = re.compile(r" *[^ ]+")
_TOKEN = r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+"  # RFC 2045 5.1
_MEDIA_TYPE = re.compile(rf"({_TOKEN}/{_TOKEN})[ \t]*")
_PARAMETER = re.compile(rf';[ \t]*({_TOKEN})=({_TOKEN}|"(?:[ !#-\[\]-~]|\\[ -~])*")[ \t]*')


def field(name: str, tokens: Iterable[str]) -> str:
    """Return one header field of `tokens` joined by spaces, folded before a token where the line grows past 76.

    The first token stays beside the name, however long: a line of nothing but the name confuses readers.
    """
    lines: list[str] = []
    line = f"{name}:"
    for number, token in enumerate(tokens):
        if number and len(line) + 1 + len(token) > FOLD_AT:
            lines.append(line)
            line = ""
        line = f"{line} {token}"
    return "\r\n".join([*lines, line])


def unstructured(name: str, value: str) -> str:
    """Return a field of free text (RFC 5322 2.2.1), folded; encoded words (RFC 2047) where it cannot stand as it is.

    `value` holds no control characters. Space around it means nothing in a header and is left out.
    """
    value = value.strip(" ")
    if not value.isascii() or "=?" in value:
        return field(name, encoded_words(value, FOLD_AT - len(name) - 2))
    if len(name) + 2 + len(value) <= FOLD_AT:
        return f"{name}: {value}"
    tokens = _FOLDABLE.findall(value)
    if max(map(len, tokens)) > MAX_LINE - len(name) - 2:
        return field(name, encoded_words(value, FOLD_AT - len(name) - 2))
    return field(name, [tokens[0], *(token[1:] for token in tokens[1:])])


def encoded_words(text: str, first_room: int) -> list[str]:
    """Return `text` as encoded words (RFC 2047) of at most 75 characters, no character split between two.

    `first_room` is what the first line has left; a field name that leaves less than a word needs gets a longer line.
    """
    data = text.encode("utf-8")
    q_length = sum(len(_Q[b]) for b in data)
    as_q = q_length <= (len(data) + 2) // 3 * 4
    room = max(_MIN_WORD, min(_MAX_WORD, first_room)) - _WORD_OVERHEAD
    words: list[str] = []
    chunk = bytearray()
    used = 0
    for char in text:
        raw = char.encode("utf-8")
        cost = sum(len(_Q[b]) for b in raw) if as_q else len(raw)
        if chunk and (used + cost > room if as_q else (used + cost + 2) // 3 * 4 > room):
            words.append(_word(bytes(chunk), as_q))
            chunk.clear()
            used = 0
            room = FOLD_AT - 1 - _WORD_OVERHEAD
        chunk += raw
        used += cost
    words.append(_word(bytes(chunk), as_q))
    return words


def _word(data: bytes, as_q: bool) -> str:
    if as_q:
        return f"=?utf-8?q?{''.join([_Q[b] for b in data])}?="
    return f"=?utf-8?b?{binascii.b2a_base64(data, newline=False).decode()}?="


def phrase(name: str, first_room: int) -> list[str]:
    """Return a display name as tokens of a field: atoms, a quoted string, or encoded words (RFC 5322 3.2.5)."""
    name = name.strip(" ")
    if not name.isascii() or "=?" in name or len(name) > FOLD_AT - 2:
        return encoded_words(name, first_room)
    if _ATOMS.fullmatch(name):
        return [name]
    return [quoted(name)]


def quoted(text: str) -> str:
    """Return printable ASCII as a quoted string (RFC 5322 3.2.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def ascii_domain(domain: str) -> str:
    """Return a domain with its U-labels as A-labels (RFC 5890 2.3.2.1): lower case, NFC, Punycode."""
    return domain if domain.isascii() else ".".join(map(_a_label, domain.split(".")))


def _a_label(label: str) -> str:
    # No casefold: IDNA 2008 tells "ß" from "ss".
    folded = unicodedata.normalize("NFC", label.lower())
    return folded if folded.isascii() else "xn--" + folded.encode("punycode").decode("ascii")


def parameter(name: str, value: str) -> list[str]:
    """Return a MIME parameter as tokens of a field, without semicolons: quoted, or extended (RFC 2231 3, 4).

    `value` holds no control characters. A long one is continued in numbered sections, no character split.
    """
    if value.isascii() and not any(c in value for c in '"\\%') and len(name) + len(value) <= FOLD_AT - 5:
        return [f'{name}="{value}"']
    sections = list(_sections(value, FOLD_AT - len(name) - 8))
    if len(sections) == 1:
        return [f"{name}*=utf-8''{sections[0]}"]
    sections[0] = "utf-8''" + sections[0]
    return [f"{name}*{n}*={text}" for n, text in enumerate(sections)]


def _sections(value: str, room: int) -> Iterator[str]:
    text, left = "", room - len("utf-8''")
    for char in value:
        piece = "".join([_PCT[b] for b in char.encode("utf-8")])
        if text and len(piece) > left:
            yield text
            text, left = "", room
        text += piece
        left -= len(piece)
    yield text


def parse_content_type(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Read ``type/subtype; name=value`` (RFC 2045 5.1): the type in lower case, the parameters as given.

    Raises InvalidInput where it does not parse to its end, or a charset is not a token.
    """
    text = text.strip("; \t")
    found = _MEDIA_TYPE.match(text) if len(text) <= _MAX_CONTENT_TYPE else None
    parameters: list[tuple[str, str]] = []
    at = found.end() if found else 0
    while found and (more := _PARAMETER.match(text, at)):
        parameters.append((more[1].lower(), more[2]))
        at = more.end()
    charsets = [value for name, value in parameters if name == "charset"]
    if not found or at != len(text) or not all(re.fullmatch(_TOKEN, value.strip('"')) for value in charsets):
        raise InvalidInput.at(
            "content_type", f"{text[:200]!r} is not a media type.", fix="Write type/subtype, as application/pdf."
        )
    return found[1].lower(), parameters


def normalise_newlines(text: str) -> str:
    """Return `text` with every line end as CRLF, the last line ended too; empty text stays empty."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and text[-1] != "\n":
        text += "\n"
    return text.replace("\n", "\r\n")


def encode_text(text: str) -> tuple[str, bytes]:
    """Return transfer encoding and bytes for a text body of CRLF lines: 7bit, quoted-printable or base64 (RFC 2045 6).

    The smaller of the last two is taken: each byte above ASCII costs two more in the one, every three one in the other.
    """
    data = text.encode("utf-8")
    if is_seven_bit(data):
        return "7bit", data
    unsafe = len(data.translate(None, _ASCII))
    if 2 * unsafe <= len(data) // 3:
        return "quoted-printable", binascii.b2a_qp(data, istext=True)
    return "base64", base64_lines(data) + CRLF


def is_seven_bit(data: bytes) -> bool:
    """Tell whether bytes of CRLF lines may stand as they are (RFC 2045 2.7): ASCII, no NUL, no line over 998."""
    return data.isascii() and b"\0" not in data and max(map(len, data.split(CRLF))) <= MAX_LINE


def base64_lines(data: bytes) -> bytes:
    """Return base64 (RFC 2045 6.8) in lines of 76, the last one not ended."""
    encoded = binascii.b2a_base64(data, newline=False)
    return CRLF.join([encoded[i : i + FOLD_AT] for i in range(0, len(encoded), FOLD_AT)])
