"""Checks and completes the header of a message that a mail client composed: fields out, fields in, the body as it is.

What it lets pass reads the same to every parser, and says as its author the inbox that sends it and nobody else.
"""

import re
from typing import NamedTuple

from postroom.mime.compose import MAX_HEADERS, MAX_VALUE, check_value, date_field
from postroom.mime.dates import read_date
from postroom.mime.limits import MAX_FIELDS, MAX_HEADER_BYTES
from postroom.mime.references import is_safe_message_id
from postroom.model.address import address_key, is_address
from postroom.model.errors import InvalidInput, Refused

_CRLF = b"\r\n"
_NAME = re.compile(r"(?!--)([!-9;-~]{1,76}):")  # RFC 5322 2.2; to many a line that opens with -- ends the header
_MAX_AUTHOR = 1_000  # characters of a field that names the author
# RFC 5322 3.6: at most once each; RFC 2045 3 for those of MIME. Which of two counts is read differently everywhere.
_ONCE = frozenset(
    {
        *("from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject", "date"),
        *("mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id"),
    }
)
_AUTHORS = ("from", "sender", "resent-from", "resent-sender")
_LONG = frozenset({*("to", "cc", "reply-to", "references", "in-reply-to", "received", "dkim-signature")})
# Who gets a hidden copy is in nobody's bytes; the others are for the receiving side to write.
_DROPPED = re.compile(r"(?:resent-)?bcc|return-path|authentication-results|(?:arc|x-postroom)-.*")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_COMMENT = re.compile(r'\((?:(?!=\?)[^\0()\\"@<>])*+\)')
# A quoted string is a NUL here, a comment a space. Words stand apart, and what opens as an encoded word ends as one.
_ATEXT = r'[^\0\s"(),:;<>@\[\]\\]'
_WORD = rf"(?:\0|=\?[\w*-]{{1,60}}+\?[BbQq]\?(?:(?!\?){_ATEXT})*+\?=|(?:(?!=\?){_ATEXT})++)"
_SPEC = rf"({_ATEXT}++@{_ATEXT}++)"
_ONE_AUTHOR = re.compile(rf"(?:{_WORD}(?:\s++{_WORD})*+)?+\s*+<\s*+{_SPEC}\s*+>|{_SPEC}")


class _Field(NamedTuple):
    name: str  # lower case
    value: str  # unfolded
    lines: str  # as it stands, with its line ends


def complete(content: bytes, *, sender: str, message_id: str, date: int, utf8: bool) -> bytes:
    """Return a submitted message (CRLF lines) as it may leave from the inbox `sender` (RFC 6409 5.1, 8).

    Bcc and what the receiving side writes is taken out; Message-ID and Date are put in where they are missing or not
    valid, with `message_id` (in angle brackets) and `date` (UTC milliseconds). `utf8`: SMTPUTF8 was asked for.

    Raises:
        Refused: From or Sender is not the inbox, or is missing, or can be read in two ways.
        InvalidInput: the header has a line that is no field, a field twice, or more than a header may hold.
    """
    head, body = _split(content)
    fields = _read(head, utf8)
    _check_authors(fields, sender)
    _check_number(fields)
    kept = [field for field in fields if not _DROPPED.fullmatch(field.name)]
    added = _missing(kept, message_id, date)
    kept = [field for field in kept if field.name not in added]
    lines = [*(field.lines for field in kept), *added.values()]
    return "".join(lines).encode("utf-8") + body


def _split(content: bytes) -> tuple[bytes, bytes]:
    """Return the header with its last line end, and the rest, which begins with the blank line."""
    end = content.find(b"\r\n\r\n")
    head, body = (content, _CRLF) if end < 0 else (content[: end + 2], content[end + 2 :])
    if content.startswith(_CRLF) or not head.endswith(_CRLF):
        raise InvalidInput("The message has no header.", fix="Begin it with From, To and Subject, then a blank line.")
    if len(head) > MAX_HEADER_BYTES:
        raise InvalidInput(f"The header is over {MAX_HEADER_BYTES // 1024} KiB.")
    return head, body


def _read(head: bytes, utf8: bool) -> list[_Field]:
    if not utf8 and not head.isascii():
        raise InvalidInput("The header is not ASCII.", fix="Use encoded words (RFC 2047), or SMTPUTF8.")
    try:
        lines = head.decode().split("\r\n")[:-1]
    except UnicodeDecodeError:
        raise InvalidInput("The header is neither ASCII nor UTF-8.") from None
    if len(lines) > MAX_FIELDS:
        raise InvalidInput(f"The header has more than {MAX_FIELDS} lines.")
    fields: list[list[str]] = []
    for line in lines:
        if line[0] in " \t":
            if not fields or not line.strip(" \t"):
                raise InvalidInput("The header has a folded line that continues nothing.")
            fields[-1].append(line)
        else:
            fields.append([line])
    return [_field(lines) for lines in fields]


def _field(lines: list[str]) -> _Field:
    found = _NAME.match(lines[0])
    if found is None:
        raise InvalidInput(f"{lines[0][:60]!r} is no header field.", fix="Write Name: value, and a blank line after.")
    name = found[1]
    value = "".join([lines[0][found.end() :], *lines[1:]]).replace("\t", " ").strip(" ")
    if name.lower() in _LONG:  # as long as the header lets them be
        for at in range(0, len(value), MAX_VALUE):
            check_value(name, value[at : at + MAX_VALUE])
    else:
        check_value(name, value)
    return _Field(name.lower(), value, "\r\n".join([*lines, ""]))


def _check_authors(fields: list[_Field], sender: str) -> None:
    if not any(field.name == "from" for field in fields):
        raise Refused("The message has no From.", fix=f"Write it from {sender}.")
    for field in fields:
        if field.name in _AUTHORS and _only_address(field.value) != address_key(sender):
            raise Refused(
                f"{field.name.title()} must be {sender}, the inbox that sends, and nothing else.",
                fix=f"Write {field.name.title()}: {sender}.",
            )


def _only_address(value: str) -> str | None:
    """Return the key of the one address that a field names, None where another reader might find another one."""
    if len(value) > _MAX_AUTHOR:
        return None
    found = _ONE_AUTHOR.fullmatch(_COMMENT.sub(" ", _QUOTED.sub("\0", value)).strip())
    spec = (found[1] or found[2]) if found else ""
    return address_key(spec) if is_address(spec) else None


def _check_number(fields: list[_Field]) -> None:
    names = [field.name for field in fields]
    if twice := next((name for name in names if name in _ONCE and names.count(name) > 1), None):
        raise InvalidInput(f"The message has {twice.title()} more than once.", fix="Write it once.")
    if sum(name not in _ONCE and name != "received" for name in names) > MAX_HEADERS:
        raise InvalidInput(f"The message has more than {MAX_HEADERS} further header fields.")


def _missing(fields: list[_Field], message_id: str, date: int) -> dict[str, str]:
    """Return by name the lines of the fields that are not there, or not as they must be."""
    known = {field.name: field.value for field in fields}
    added: dict[str, str] = {}
    if not known.keys() & {"to", "cc"}:
        added["to"] = "To: undisclosed-recipients:;\r\n"
    if read_date(known.get("date", "")) is None:
        added["date"] = f"Date: {date_field(date)}\r\n"
    if not is_safe_message_id(known.get("message-id", "")):
        added["message-id"] = f"Message-ID: {message_id}\r\n"
    return added
