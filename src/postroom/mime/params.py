"""Values with parameters (Content-Type, Content-Disposition): RFC 2045 5.1 with RFC 2231, and safe file names."""

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from postroom.mime.charsets import decode
from postroom.mime.limits import MAX_FILENAME, MAX_PARAMETERS, Budget
from postroom.mime.words import decode_words, readable_name

_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+("(?:[^"\\]|\\.)*+"?|[^;]*+)', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_TYPE = re.compile(r"[a-z0-9!#$&^_.+\-]{1,127}/[a-z0-9!#$&^_.+\-]{1,127}")  # RFC 6838 4.2
_SECTION = re.compile(r"([^*]+)\*(?:([0-9]{1,3})(\*)?)?")
_CACHED = 120


def read_parameters(value: str, budget: Budget) -> tuple[str, dict[str, str]]:
    """Return the first word of a value in lower case and its parameters, names in lower case, values decoded."""
    if len(value) <= _CACHED and "*" not in value and "=?" not in value:
        return _plain(value)
    head, found = _split(value, budget)
    return head, _joined(found, budget)


def read_content(value: str, default: str, budget: Budget) -> tuple[str, dict[str, str], str]:
    """Return media type, parameters and charset of a Content-Type; `default`: the type where it names none."""
    if len(value) <= _CACHED and "*" not in value and "=?" not in value:
        return _plain_content(value, default)
    return _content(*read_parameters(value, budget), default)


@lru_cache(maxsize=512)
def _plain_content(value: str, default: str) -> tuple[str, dict[str, str], str]:
    return _content(*_plain(value), default)


def _content(word: str, parameters: dict[str, str], default: str) -> tuple[str, dict[str, str], str]:
    charset = (parameters.get("charset") or "").split("(")[0].strip(" \t\"'")
    return _media_type(word, default), parameters, charset


@lru_cache(maxsize=512)
def _plain(value: str) -> tuple[str, dict[str, str]]:
    return _split(value, Budget())


def _split(value: str, budget: Budget) -> tuple[str, dict[str, str]]:
    head, semicolon, _ = value.partition(";")
    words = head.split(None, 1)
    found: dict[str, str] = {}
    if semicolon:
        for count, parameter in enumerate(_PARAMETER.finditer(value, len(head))):
            if count >= MAX_PARAMETERS:
                budget.fault(f"more than {MAX_PARAMETERS} parameters of a field")
                break
            found.setdefault(parameter[1].lower(), _unquoted(parameter[2].strip()))
    return (words[0].lower() if words else ""), found


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    inner = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    # Only these two: a lone backslash is more often a path of Windows than a quoted-pair.
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def _joined(found: dict[str, str], budget: Budget) -> dict[str, str]:
    """Join continuations and percent-encoded values (RFC 2231 3, 4); an extended value wins over a plain one."""
    joined: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in found.items():
        part = _SECTION.fullmatch(name)
        if part is None:
            joined[name] = decode_words(value, budget)
        else:
            encoded = part[2] is None or part[3] is not None
            sections.setdefault(part[1], {})[int(part[2] or 0)] = (value, encoded)
    for name, pieces in sections.items():
        joined[name] = _continued(pieces)
    return joined


def _continued(pieces: dict[int, tuple[str, bool]]) -> str:
    charset = ""
    data = bytearray()
    for number in sorted(pieces):
        value, encoded = pieces[number]
        if encoded and number == 0 and value.count("'") >= 2:
            charset, _language, value = value.split("'", 2)
        data += unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace")
    return decode(bytes(data), charset)


def _media_type(word: str, default: str) -> str:
    """Return the media type in lower case; `default` where there is none, text/plain for nonsense (RFC 2045 5.2)."""
    if not word:
        return default
    return word if _TYPE.fullmatch(word) else "text/plain"


def file_name(text: str | None) -> str | None:
    """Return a name without path, controls and bidirectional controls, at most 255 characters, or None."""
    if not text:
        return None
    name = readable_name(text.replace("\\", "/").rpartition("/")[2]).strip("/ ")
    if name in ("", ".", ".."):
        return None
    if len(name) <= MAX_FILENAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 20:
        return name[:MAX_FILENAME]
    return f"{stem[: MAX_FILENAME - len(ending) - 1]}.{ending}"
