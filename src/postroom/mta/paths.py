"""Reads what stands after MAIL FROM: and RCPT TO:, the path and its parameters, and says what is wrong with them.

It knows no inbox and no state of a dialogue.
"""

import re

from postroom.model.address import is_address
from postroom.mta.data import Fault

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Most addresses there are. Whatever it matches is an address, whatever it does not is looked at more slowly.
_PLAIN = re.compile(rf" *<((?=[^@]{{1,64}}@){_ATEXT}+(?:\.{_ATEXT}+){{0,3}}@{_LABEL}(?:\.{_LABEL}){{0,3}})>")
# RFC 5321 4.1.2: a path, whose source route is ignored (appendix F.2); angle brackets are often forgotten.
_PATH = re.compile(r'<(?:@[^:<>\s"]*:)?("(?:[^"\\]|\\.)*"@[^<>\s"]*|[^<>\s"]*)>(.*)|([^<>\s"]+)(.*)')
# Senders in the wild have longer local parts and stranger dots than RFC 5321 allows; they are only answered, or not.
_SENDER = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,256}@[A-Za-z0-9._-]{1,255}")
_NOT_ASCII = "553 5.6.7 Address is not ASCII and SMTPUTF8 was not asked for"


def read_path(argument: str, keyword: str) -> tuple[str, str, bool] | None:
    """Return the address in ``FROM:<path> parameters``, the parameters, and whether it is a plain ASCII address.

    `keyword` is ``FROM:`` or ``TO:``. None where the argument is not of that form.
    """
    if argument[: len(keyword)].upper() != keyword:
        return None
    plain = _PLAIN.fullmatch(argument, len(keyword))
    if plain is not None:
        return plain[1], "", True
    path = _PATH.fullmatch(argument[len(keyword) :].lstrip(" "))
    if path is None:
        return None
    quoted, after, bare, after_bare = path.groups()
    address, words = (bare, after_bare) if bare is not None else (quoted, after)
    return (address, words.strip(), False) if not words or words[0] == " " else None


def read_parameters(words: str, message_bytes: int) -> tuple[bool, str | None]:
    """Return whether SMTPUTF8 is asked for, and the reply that refuses the words after MAIL FROM:<>, if any."""
    asked = set(words.upper().split())
    utf8 = "SMTPUTF8" in asked
    for word in asked - {"SMTPUTF8", "BODY=7BIT", "BODY=8BITMIME"}:
        name, _, value = word.partition("=")
        if name != "SIZE":
            return utf8, "501 5.5.4 BODY is 7BIT or 8BITMIME" if name == "BODY" else "555 5.5.4 Unknown parameter"
        # RFC 1870 3: up to 20 digits.
        if not (value.isascii() and value.isdigit() and len(value) <= 20):
            return utf8, "501 5.5.4 SIZE is a number of bytes"
        if int(value) > message_bytes:
            return utf8, Fault.TOO_BIG.value
    return utf8, None


def sender_refusal(address: str, utf8: bool) -> str | None:
    """Return the reply that refuses a reverse path, if any; `utf8`: SMTPUTF8 was asked for (RFC 6531)."""
    if not address:
        return None  # the null reverse path, RFC 5321 4.5.5
    if not address.isascii() and not utf8:
        return _NOT_ASCII
    return None if _SENDER.fullmatch(address) or is_address(address) else "553 5.1.7 Not an address"


def recipient_refusal(address: str, words: str, utf8: bool) -> str | None:
    """Return the reply that refuses a forward path and the words after it, if any; `utf8` as for a sender."""
    if words:
        return "555 5.5.4 RCPT TO parameters not recognized"
    if not address.isascii() and not utf8:
        return _NOT_ASCII
    return None if is_address(address) else "553 5.1.3 Not an address"
