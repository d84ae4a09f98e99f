"""Bytes to characters under a declared charset that may be unknown or wrong. Never raises."""

import codecs
from functools import lru_cache

# What mail calls a charset and what senders meant by it: supersets, as the WHATWG Encoding Standard 4.2 has them.
_ALIASES = {
    "": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "utf8": "utf-8",
    "utf-8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "x-ansi": "cp1252",
    "ansi": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "euc-cn": "gb18030",
    "big5": "cp950",
    "x-x-big5": "cp950",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "ks_c_5601-1989": "cp949",
    "euc-kr": "cp949",
    "x-windows-949": "cp949",
    "windows-949": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "cp-850": "cp850",
    "unicode-1-1-utf-7": "utf-7",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-ce": "mac_latin2",
}
# Codecs of Python that are no charset of mail: quadratic on hostile input, or an escape syntax.
_REFUSED = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
_PLAIN = frozenset({"utf-8", "cp1252"})


@lru_cache(maxsize=256)
def codec(charset: str) -> str | None:
    """Return the name of Python's codec for a charset as mail spells it, None where there is none."""
    name = charset.strip(" \t\"'").lower()
    name = _ALIASES.get(name, name)
    if len(name) > 40 or not name.isascii() or "\0" in name:
        return None
    try:
        found = codecs.lookup(name).name.replace("-", "_")
        b"x".decode(name)  # a codec from bytes to bytes is no charset
    except (LookupError, ValueError):
        return None
    return None if found in _REFUSED else name


def decode(data: bytes, charset: str | None) -> str:
    """Return `data` as characters: as declared, else UTF-8, else with U+FFFD for what cannot be read; without NUL."""
    name = codec(charset) if charset else "utf-8"
    text = _strict(data, name) if name else None
    if text is None and name != "utf-8":
        text = _strict(data, "utf-8")
    if text is None:
        text = data.decode("cp1252" if name in (None, "utf-8") else name, "replace")
    # PostgreSQL keeps no NUL, and JSON readers stumble over it.
    return text.replace("\0", "\ufffd") if "\0" in text else text


def holds_ascii(charset: str | None) -> bool:
    """Tell whether ASCII bytes are the characters that they look like: not so where escapes begin with one of them."""
    return not charset or codec(charset) in _PLAIN


def _strict(data: bytes, name: str) -> str | None:
    try:
        text = data.decode(name)
    except (UnicodeError, ValueError):
        return None
    return text if name in _PLAIN or text.isascii() else whole(text)


def whole(text: str) -> str:
    """Return `text` with lone surrogates replaced: UTF-7 lets them through, and nothing can store them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def decode_undeclared(data: bytes) -> str:
    """Return raw 8-bit header bytes as characters: UTF-8 (RFC 6532 3.2), else as the commonest legacy charset."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
