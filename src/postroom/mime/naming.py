"""Finds whom a header asks others to write to: answers, receipts and reports go there although no envelope says so.

Finds rather too many than too few, and judges nobody.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from postroom.mime.addresses import read_addresses
from postroom.mime.limits import Budget
from postroom.model.address import is_address
from postroom.model.message import ParsedMessage

# RFC 5322 3.6.2 and 3.6.3, RFC 8098 2.1, and those of no standard that clients heed; with all that end like them.
_FIELDS = frozenset(
    {
        *("to", "cc", "x-mailing-list", "registered-mail-reply-requested-by"),
        *("generate-delivery-report", "original-recipient"),
    }
)
_ENDS = ("-to", "-cc")  # Reply-To, Mail-Followup-To, Errors-To, Mail-Copies-To, Resent-Cc and who knows which
_ANSWERED = "in-reply-to"
_WIDE = str.maketrans("\uff20\ufe6b", "@@")  # to programs that fold what they read (UAX 15) these are an @
_LISTS = "list-"  # List-Post, List-Owner and their like lead to addresses as well (RFC 2369)
_LIST_ID = "list-id"  # before its bracket stands what the list is called (RFC 2919 3): no program writes there
_URL = re.compile(r"<([^<>]*+)>?|([^\s<>,]++)")
_APART_IN_URL = re.compile(r"[?&=,;:]")
_APART = re.compile(r'[^\s<>(),;:"\\\[\]]+')


def named(parsed: ParsedMessage) -> tuple[str, ...]:
    """Return the addresses in To, Cc and the fields that say where answers, receipts and reports shall go, each once.

    What looks like an address and cannot be read as one is among them as it stands.
    """
    found = [one.address for one in (*parsed.to, *parsed.cc, *parsed.reply_to)]
    for name, value in parsed.headers:
        lower = name.lower()
        if lower in _FIELDS or (lower.endswith(_ENDS) and not lower.endswith(_ANSWERED)):
            found += _in_field(value)
        if lower.startswith(_LISTS):
            found += _in_urls(value.rpartition("<")[2] if lower == _LIST_ID else value)
    return tuple(dict.fromkeys(found))


def _in_field(value: str) -> Iterator[str]:
    value = value.translate(_WIDE)
    found = [one.address for one in read_addresses([value], Budget())]
    yield from found
    inside = "\0".join(found)
    for piece in _APART.findall(value):
        address = piece.strip("'.")
        if "@" in address and (address not in inside or is_address(address)):
            yield address


def _in_urls(value: str) -> Iterator[str]:
    for one in _URL.finditer(value):
        url = "".join((one[1] or one[2] or "").split())  # RFC 2369 2: white space within counts for nothing
        start = url.lower().find("mailto:")  # RFC 6068
        if start >= 0 or "://" not in url:
            said = unquote(url[max(start, 0) :]).translate(_WIDE)
            yield from (piece for piece in _APART_IN_URL.split(said) if "@" in piece)
