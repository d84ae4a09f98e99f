"""Encoded words of RFC 2047, and what may stand in a decoded header value or name. Knows nothing of fields."""

import binascii
import re

from postroom.mime.charsets import codec, decode
from postroom.mime.limits import MAX_ENCODED_WORDS, Budget

# RFC 2047 2, tolerant of spaces in the text as many senders leave them; no branch can match in two ways.
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*+)\?=")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Directional formatting can make a name read backwards (UTS 39): out of names, kept in subjects of honest RTL mail.
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"\s+")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")


def decode_words(value: str, budget: Budget) -> str:
    """Return `value` with its encoded words decoded; those beyond the budget stay as they are, and are noted."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending = bytearray()  # of adjacent words in one charset: some senders cut inside a character
    charset = ""
    end = 0
    for word in _WORD.finditer(value):
        if budget.words <= 0:
            budget.fault(f"more than {MAX_ENCODED_WORDS} encoded words")
            break
        budget.words -= 1
        between = value[end : word.start()]
        # RFC 2047 6.2: white space between two encoded words is not shown.
        apart = not end or (between != "" and not between.isspace())
        if apart or charset != word[1]:
            out.append(_flush(pending, charset))
            out.append(between if apart else "")
        charset = word[1]
        pending += _word_bytes(word[2], word[3], charset)
        end = word.end()
    out.append(_flush(pending, charset))
    out.append(value[end:])
    return "".join(out)


def _flush(pending: bytearray, charset: str) -> str:
    text = decode(bytes(pending), charset.partition("*")[0]) if pending else ""  # RFC 2231 5: charset*language
    pending.clear()
    return text


def _word_bytes(encoding: str, text: str, charset: str) -> bytes:
    # Raw 8-bit characters within a word were read already: they go back to what the charset will be read by.
    data = text.encode("ascii" if text.isascii() else codec(charset) or "utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(data.replace(b" ", b"_"), header=True)
    if "=" in text or not text.isalnum():
        data = _NOT_BASE64.sub("", text).encode("ascii")
    data = data[: len(data) - (len(data) % 4 == 1)]
    try:
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
    except ValueError:
        return b""


def one_line(text: str) -> str:
    """Return `text` with every control character and line separator turned into a space."""
    return _CONTROLS.sub(" ", text)


def readable_name(text: str) -> str:
    """Return `text` as a name may be shown: no controls, no bidirectional controls, white space folded."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACE.sub(" ", _BIDI.sub("", _CONTROLS.sub(" ", text))).strip()
