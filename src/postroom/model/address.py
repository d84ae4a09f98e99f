"""E-mail addresses: how they are read, compared and shown.

Two spellings are one identity when their `key` is equal: the local part in lower case and NFC, without quotes that it
does not need, the domain without case and with A-labels read as U-labels. What is stored and shown is the spelling
that was given first. Ours, because email-validator refuses `postroom.localhost` and the standard library's parsers
are confused by hostile input (CVE-2023-27043).
"""

import re
import unicodedata
from functools import lru_cache

from postroom.model.errors import InvalidInput
from postroom.model.record import Record

# RFC 5321 4.5.3.1.1, 4.5.3.1.2; RFC 5321 4.1.2 Dot-string, RFC 6531 3.3 adds UTF8-non-ascii.
MAX_LOCAL = 64
MAX_DOMAIN = 255
# Complements: a class that spells out all of Unicode takes 10 ms to compile.
_ATOM = r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]'
_DOT_STRING = re.compile(rf"{_ATOM}+(?:\.{_ATOM}+)*")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f"\\\x7f]|\\[\x20-\x7e])*"')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LETTER = r"[^\x00-/:-@\[-`{-\x7f]"
_INNER = r"[^\x00-,./:-@\[-^`{-\x7f]"
_LABEL = re.compile(rf"{_LETTER}(?:{_INNER}*{_LETTER})?")
_LITERAL = re.compile(r"\[(?:IPv6:[0-9A-Fa-f:.]{2,45}|\d{1,3}(?:\.\d{1,3}){3})\]")
_INBOX_LOCAL = re.compile(r"[A-Za-z0-9_%+\-](?:[A-Za-z0-9._%+\-]*[A-Za-z0-9_%+\-])?")
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')


class Address(Record):
    """One mailbox: `address` as it was written, `name` the display name or None."""

    address: str
    name: str | None = None

    def __str__(self) -> str:
        if not self.name:
            return self.address
        if _SPECIALS.search(self.name):
            escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}" <{self.address}>'
        return f"{self.name} <{self.address}>"

    @property
    def key(self) -> str:
        return address_key(self.address)


def split(address: str) -> tuple[str, str]:
    """Return local part and domain of an address; the domain is empty where there is no ``@``."""
    local, at, domain = address.rpartition("@")
    return (local, domain) if at else (address, "")


def domain_key(domain: str) -> str:
    """Return the form under which two spellings of a domain compare equal: U-labels, folded, NFC."""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower().rstrip(".")
    return ".".join(_u_label(label) for label in domain.rstrip(".").split("."))


def _u_label(label: str) -> str:
    folded = unicodedata.normalize("NFC", label.lower())  # casefold would make one of straße and strasse (IDNA 2008)
    if not folded.startswith("xn--"):
        return folded
    try:
        decoded = folded[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return folded
    # What is no U-label (RFC 5890 2.3.2.1) is another name than what it folds to, and asks another server.
    is_label = not decoded.isascii() and decoded == unicodedata.normalize("NFC", decoded.lower())
    return decoded if is_label else folded


def address_key(address: str) -> str:
    """Return the identity of an address: what two spellings of one mailbox have in common."""
    return _known_key(address) if len(address) <= MAX_DOMAIN else _key(address)


@lru_cache(maxsize=4096)  # the inboxes of this house are in every request and in every mail
def _known_key(address: str) -> str:
    return _key(address)


def _key(address: str) -> str:
    local, domain = split(address)
    bare = _bare(local)
    folded = bare.lower() if bare.isascii() else unicodedata.normalize("NFC", bare.lower())
    return f"{folded}@{domain_key(domain)}"


def _bare(local: str) -> str:
    """Return a local part without quotes that it does not need: RFC 5321 4.1.2 makes both one mailbox."""
    if not local.startswith('"') or not _QUOTED.fullmatch(local):
        return local
    plain = _ESCAPE.sub(r"\1", local[1:-1])
    return plain if _DOT_STRING.fullmatch(plain) else local


def plus_base_key(address: str) -> str | None:
    """Return the key of `agent@host` for `agent+tag@host`, None where there is no tag."""
    local, domain = split(address)
    base, plus, _tag = _bare(local).partition("+")
    return address_key(f"{base}@{domain}") if plus and base else None


def is_address(text: str) -> bool:
    """Tell whether `text` is one bare address that can stand in an SMTP envelope (RFC 5321, RFC 6531)."""
    local, domain = split(text)
    if not local or not domain or len(local.encode("utf-8", "replace")) > MAX_LOCAL:
        return False
    if not (_DOT_STRING.fullmatch(local) or _QUOTED.fullmatch(local)) or _unprintable(text):
        return False
    return is_domain(domain) or bool(_LITERAL.fullmatch(domain))


def is_domain(domain: str) -> bool:
    """Tell whether `domain` is a host name, in U-labels or A-labels (RFC 5890 2.3.2.3 lengths)."""
    if not domain or len(domain) > MAX_DOMAIN or _unprintable(domain):
        return False
    return all(_LABEL.fullmatch(label) and _a_length(label) <= 63 for label in domain.split("."))


def _a_length(label: str) -> int:
    return len(label) if label.isascii() else 4 + len(label.lower().encode("punycode"))


def _unprintable(text: str) -> bool:
    return not text.isascii() and any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs") for c in text)


def check_username(username: str) -> str:
    """Return `username` if it may be the local part of an inbox of ours, or raise InvalidInput."""
    if len(username) > MAX_LOCAL or not _INBOX_LOCAL.fullmatch(username) or ".." in username:
        raise InvalidInput.at(
            "username",
            f"{username!r} cannot be the part before the @.",
            fix="Use 1 to 64 of a-z A-Z 0-9 . _ % + -, no dot first, last or twice in a row.",
        )
    return username


def read_address(text: str, field: str = "address") -> Address:
    """Read ``a@b``, ``Name <a@b>`` or ``"Name, Jr." <a@b>`` as a caller of ours writes it; raise InvalidInput."""
    given = text.strip()
    name: str | None = None
    bare = given
    if given.endswith(">"):
        name, _lt, bare = given[:-1].rpartition("<")
        name = _unquote(name.strip())
    if any(c in given for c in "\r\n\0") or not is_address(bare.strip()):
        raise InvalidInput.at(
            field, f"{text[:200]!r} is not an e-mail address.", fix="Write name@example.com or Name <name@example.com>."
        )
    return Address(address=bare.strip(), name=name or None)


def _unquote(name: str) -> str:
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name
