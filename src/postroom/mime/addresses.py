"""Address lists as strangers write them (RFC 5322 3.4, 4.4, RFC 6532); our own callers' are read by the model.

The address of a mailbox is what stands in its last angle brackets outside quotes and comments, never what a quoted or
encoded name holds (CVE-2023-27043). One pass over tokens, linear in any input.
"""

import re
from functools import lru_cache

from postroom.mime.limits import MAX_ADDRESS, MAX_ADDRESS_TOKENS, MAX_ADDRESSES, MAX_NAME, Budget
from postroom.mime.words import decode_words, readable_name
from postroom.model.address import Address

# The commonest spelling: a name of plain words, or quoted without escapes, and one address.
_PLAIN = re.compile(
    r"(?:([A-Za-z0-9][A-Za-z0-9 _'\-]*+)|\"([^\"\\=\x00-\x1f\x7f-\uffff]*+)\")?\s*"
    r"<([A-Za-z0-9._+=\-/]+@[A-Za-z0-9.\-]+)>"
)
_BARE = re.compile(r"[A-Za-z0-9._+=\-/]+@[A-Za-z0-9.\-]+")
_TOKEN = re.compile(
    r'(?P<quoted>"(?:[^"\\]|\\.)*+")'
    r"|(?P<word>=\?[^?\s<>\"]{1,60}\?[bBqQ]\?[^?<>\"]{0,1000}\?=)"
    r'|<(?P<angle>(?:@[^<>:"]*+:)?(?:[^<>",\\]|"(?:[^"\\]|\\.)*+")*+)>?'
    r"|(?P<mark>[(),;:])"
    r'|(?P<space>\s++|\\.?|[>"])'
    r'|(?P<atom>[^\s"<>(),;:\\]+)',
    re.DOTALL,
)
_MARK = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff<>,;]")
_CACHED = 320


def read_addresses(values: list[str], budget: Budget) -> tuple[Address, ...]:
    """Return the mailboxes of all values in order; groups are opened, what holds no address is left out."""
    if len(values) == 1 and len(values[0]) <= _CACHED:
        found = _cached(values[0])
    else:
        found = tuple(box for value in values for box in _read(value, budget))
    if len(found) > budget.addresses:
        budget.fault(f"more than {MAX_ADDRESSES} addresses")
        found = found[: budget.addresses]
    budget.addresses -= len(found)
    return found


@lru_cache(maxsize=2048)
def _cached(value: str) -> tuple[Address, ...]:
    plain = _PLAIN.fullmatch(value)
    if plain:
        return (Address(address=plain[3], name=(plain[1] or plain[2] or "").strip() or None),)
    if _BARE.fullmatch(value):
        return (Address(address=value),)
    return tuple(_read(value, Budget()))


class _Mailbox:
    """What has been seen of one mailbox between two commas."""

    __slots__ = ("angle", "comments", "words")

    def __init__(self) -> None:
        self.words: list[tuple[str, bool]] = []  # text, and whether white space stood before it
        self.angle: str | None = None
        self.comments: list[str] = []

    def add(self, text: str, spaced: bool) -> None:
        self.words.append((text, spaced))

    def phrase(self) -> str:
        return "".join((" " if spaced else "") + _unquoted(text) for text, spaced in self.words).strip()

    def take(self, budget: Budget) -> Address | None:
        """Return the mailbox, None where it has no address."""
        address = _clean(self.angle) if self.angle is not None else None
        name = self.phrase()
        if address is None:
            address, name = self._without_angle()
        if address is None:
            return None
        name = name or " ".join(self.comments)
        shown = readable_name(decode_words(name, budget))[:MAX_NAME] if name else None
        return Address(address=address, name=shown or None)

    def _without_angle(self) -> tuple[str | None, str]:
        """Read ``a@b`` or the last of several words when it is the only address: anything else is a guess."""
        groups: list[str] = []
        for text, spaced in self.words:
            joins = groups and (not spaced or text[0] in "@." or groups[-1][-1] in "@.")
            if joins:
                groups[-1] += text
            else:
                groups.append(text)
        addresses = [group for group in groups if _outside_quotes_at(group)]
        if len(addresses) != 1 or addresses[0] is not groups[-1]:
            return None, ""
        return _clean(addresses[0], bare=True), " ".join(_unquoted(group) for group in groups[:-1])


def _outside_quotes_at(text: str) -> bool:
    return "@" in (text[text.rfind('"') + 1 :] if text.startswith('"') else text)


def _read(value: str, budget: Budget) -> list[Address]:
    found: list[Address] = []
    box = _Mailbox()
    spaced = False
    comments = True
    position = 0
    for _ in range(MAX_ADDRESS_TOKENS):
        token = _TOKEN.match(value, position)
        if token is None or len(found) > budget.addresses:
            break  # at the end: every other character begins a token
        position = token.end()
        kind, text = token.lastgroup, token[0]
        if kind == "mark" and text in ",;":
            _put(found, box.take(budget))
            box = _Mailbox()
        elif kind == "mark" and text == ":":
            box = _Mailbox()  # RFC 5322 3.4: what stood before was the name of a group
        elif kind == "mark" and text == "(" and comments:
            end = _comment_end(value, position)
            comments = end is not None  # one that never ends is a stray parenthesis, and so are all after it
            box.comments.append(_ESCAPE.sub(r"\1", value[position : end - 1]) if end is not None else "")
            position = end or position
        else:
            _extend(box, token, spaced)
        spaced = kind == "space" or kind == "mark"
    else:
        budget.fault(f"an address field of more than {MAX_ADDRESS_TOKENS} words")
    _put(found, box.take(budget))
    return found


def _extend(box: _Mailbox, token: re.Match[str], spaced: bool) -> None:
    if token.lastgroup == "angle":
        box.angle = token["angle"] if token["angle"].strip() else box.angle
    elif token.lastgroup in ("quoted", "word", "atom"):
        box.add(token[0], spaced)


def _put(found: list[Address], address: Address | None) -> None:
    if address is not None:
        found.append(address)


def _comment_end(value: str, position: int) -> int | None:
    """Return the offset behind the comment whose opening parenthesis stands before `position` (RFC 5322 3.2.2)."""
    depth = 1
    for mark in _MARK.finditer(value, position):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    return None


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return _ESCAPE.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]


def _clean(text: str, bare: bool = False) -> str | None:
    """Return the address in angle brackets, or None; without ``@`` (MAILER-DAEMON) only one word that is not bare."""
    text = text.strip()
    if text.startswith("@") and ":" in text:
        text = text.rpartition(":")[2].strip()  # RFC 5322 4.4: an obsolete route
    if "(" in text and not text.startswith('"'):
        text = _uncommented(text)
    local, at, domain = text.rpartition("@")
    if at:
        text = f"{local.strip()}@{''.join(domain.split())}"
    quoted = len(local) > 2 and local.startswith('"') and local.rstrip().endswith('"')
    checked = domain.strip() if quoted else text
    if not text or len(text) > MAX_ADDRESS or _FORBIDDEN.search(checked) or (quoted and not local.isprintable()):
        return None
    if at and "@" in local and not quoted:
        return None
    return text if (local.strip() and domain.strip()) or not (at or bare) else None


def _uncommented(text: str) -> str:
    """Return `text` without its comments; more of them than a hand has fingers is no address."""
    for _ in range(5):
        start = text.find("(")
        end = _comment_end(text, start + 1) if start >= 0 else None
        if end is None:
            break
        text = text[:start] + text[end:]
    return text.strip()
