"""The only module that composes the bytes of a message.

What a caller of ours gives is refused when it cannot stand in a header; what comes from received mail is cleaned.
It never writes a Bcc field, and never decides who may be written to.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from postroom.mime import encode
from postroom.mime.references import is_safe_message_id, shorten
from postroom.model.address import Address, is_address, split
from postroom.model.errors import InvalidInput
from postroom.model.ids import random_bytes
from postroom.model.message import Outgoing, Upload

MAX_HEADERS = 100
MAX_VALUE = 8_000
MAX_FILENAME = 255

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# C0, DEL, C1, the line separators of Unicode, lone surrogates.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 2.2: printable, no colon
_RESERVED = re.compile(
    r"from|sender|reply-to|to|cc|bcc|subject|date|message-id|in-reply-to|references|mime-version|received|return-path"
    r"|authentication-results|(?:content|dkim|arc|resent|x-postroom)-.*",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Part:
    """A MIME entity: its Content-* fields, and the pieces of its body, kept apart so that a large one is not copied."""

    fields: list[str]
    body: list[bytes]


def compose(outgoing: Outgoing) -> bytes:
    """Return the message as bytes: CRLF lines of at most 998, ASCII except where a local part is not (RFC 6532).

    Raises InvalidInput, naming the field, for what cannot stand in a message: see `check_value`, `check_headers`.
    """
    fields = [
        *_originator_fields(outgoing),
        encode.unstructured("Subject", check_value("subject", outgoing.subject)),
        f"Date: {date_field(outgoing.date)}",
        *_identification_fields(outgoing),
        "MIME-Version: 1.0",
        *(encode.unstructured(name, value) for name, value in check_headers(outgoing.headers)),
    ]
    root = _structure(outgoing)
    head = "\r\n".join([*fields, *root.fields, "", ""])
    end = b"" if root.body[-1].endswith(encode.CRLF) or not root.body[-1] else encode.CRLF
    return b"".join([head.encode("utf-8"), *root.body, end])


def check_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return further header fields as they may be sent, at most 100, or raise InvalidInput at ``headers``.

    Refused: a name outside RFC 5322 2.2 or longer than 76, a name that we or the MTAs write ourselves (From, Received,
    Content-*, DKIM-*, ... in any case), and a value that `check_value` refuses.
    """
    given = tuple(headers)
    if len(given) > MAX_HEADERS:
        raise InvalidInput.at("headers", f"{len(given)} fields are more than {MAX_HEADERS}.")
    for name, value in given:
        if not _FIELD_NAME.fullmatch(name):
            raise InvalidInput.at(
                "headers",
                f"{name[:100]!r} cannot be the name of a field.",
                fix="Use 1 to 76 of ! to ~ without a colon.",
            )
        if _RESERVED.fullmatch(name):
            raise InvalidInput.at("headers", f"{name} is written by Postroom.", fix="Leave it out, or use X-….")
        check_value("headers", value)
    return given


def check_value(field: str, value: str) -> str:
    """Return `value` if it may stand in a header, or raise InvalidInput at `field`.

    Refused: control characters (CR and LF among them), U+2028, U+2029, lone surrogates, more than 8,000 characters.
    """
    if len(value) > MAX_VALUE:
        raise InvalidInput.at(field, f"{len(value)} characters are more than {MAX_VALUE}.")
    if found := _UNFIT.search(value):
        raise InvalidInput.at(
            field,
            f"U+{ord(found[0]):04X} cannot stand in a header.",
            fix="Leave out line breaks and control characters.",
        )
    return value


def clean(text: str) -> str:
    """Return text of received mail as it may stand in a header: control characters are spaces, runs of spaces one."""
    return " ".join(filter(None, _UNFIT.sub(" ", text[:MAX_VALUE]).split(" ")))


# --- header fields -------------------------------------------------------------------------------------------------


def _originator_fields(outgoing: Outgoing) -> Iterator[str]:
    yield _mailboxes("From", "from", (outgoing.from_,))
    if outgoing.reply_to:
        yield _mailboxes("Reply-To", "reply_to", outgoing.reply_to)
    if outgoing.to:
        yield _mailboxes("To", "to", outgoing.to)
    if outgoing.cc:
        yield _mailboxes("Cc", "cc", outgoing.cc)
    if not outgoing.to and not outgoing.cc:
        yield "To: undisclosed-recipients:;"


def _mailboxes(name: str, given_as: str, addresses: Sequence[Address]) -> str:
    tokens: list[str] = []
    for address in addresses:
        tokens += _mailbox(given_as, address, encode.FOLD_AT - len(name) - 2 if not tokens else encode.FOLD_AT - 1)
        tokens[-1] += ","
    tokens[-1] = tokens[-1][:-1]
    return encode.field(name, tokens)


def _mailbox(given_as: str, address: Address, room: int) -> list[str]:
    # RFC 5322 3.4; a local part that is not ASCII keeps its domain in U-labels beside it (RFC 6532 3.2).
    local, domain = split(address.address)
    in_ascii = encode.ascii_domain(domain)
    if not is_address(address.address) or len(in_ascii) > 255:
        raise InvalidInput.at(given_as, f"{address.address[:200]!r} is not an e-mail address.")
    spec = f"{local}@{in_ascii if local.isascii() else domain}"
    if not address.name or not address.name.strip(" "):
        return [spec]
    return [*encode.phrase(check_value(given_as, address.name), room), f"<{spec}>"]


def _identification_fields(outgoing: Outgoing) -> Iterator[str]:
    if not is_safe_message_id(outgoing.message_id):
        raise InvalidInput.at(
            "message_id", f"{outgoing.message_id[:200]!r} is not a message id.", fix="Write <id@host>."
        )
    yield f"Message-ID: {outgoing.message_id}"
    if outgoing.in_reply_to and is_safe_message_id(outgoing.in_reply_to):
        yield f"In-Reply-To: {outgoing.in_reply_to}"
    if references := shorten(outgoing.references):
        yield encode.field("References", references)


def date_field(at: int) -> str:
    """Return a moment (UTC milliseconds) as it stands in a Date field (RFC 5322 3.3)."""
    # Not strftime: its names follow the locale.
    t = datetime.fromtimestamp(at / 1000, UTC)
    return (
        f"{DAYS[t.weekday()]}, {t.day:02} {MONTHS[t.month - 1]} {t.year:04} "
        f"{t.hour:02}:{t.minute:02}:{t.second:02} +0000"
    )


# --- structure -----------------------------------------------------------------------------------------------------


def _structure(outgoing: Outgoing) -> _Part:
    # RFC 2046 5.1, RFC 2387: mixed(alternative(text, related(html, inline)), files), leaving out what has one part.
    related, mixed = _sort_uploads(outgoing)
    bodies: list[_Part] = []
    if outgoing.text or not outgoing.html:
        bodies.append(_text_part("text", "plain", outgoing.text or ""))
    if outgoing.html:
        page = _text_part("html", "html", outgoing.html)
        bodies.append(
            _multipart("related", [page, *map(_file_part, related)], '; type="text/html"') if related else page
        )
    body = bodies[0] if len(bodies) == 1 else _multipart("alternative", bodies)
    return _multipart("mixed", [body, *map(_file_part, mixed)]) if mixed else body


def _sort_uploads(outgoing: Outgoing) -> tuple[list[Upload], list[Upload]]:
    related: list[Upload] = []
    mixed: list[Upload] = []
    for upload in outgoing.attachments:
        shown = upload.disposition == "inline" and upload.content_id and _shows(outgoing.html or "", upload.content_id)
        (related if shown else mixed).append(upload)
    return related, mixed


def _shows(page: str, content_id: str) -> bool:
    # RFC 2392 2: a cid: address is percent-encoded; many writers leave that out.
    return f"cid:{content_id}" in page or f"cid:{quote(content_id, safe='@!$*+-._')}" in page


def _text_part(field: str, subtype: str, text: str) -> _Part:
    try:
        encoding, data = encode.encode_text(encode.normalise_newlines(text))
    except UnicodeEncodeError as error:
        raise InvalidInput.at(field, "It holds a lone surrogate, which is not a character.") from error
    return _Part(
        [f"Content-Type: text/{subtype}; charset=utf-8", f"Content-Transfer-Encoding: {encoding}"],
        [data],
    )


def _file_part(upload: Upload) -> _Part:
    media_type, parameters = encode.parse_content_type(upload.content_type)
    filename = upload.filename
    embedded = _as_embedded(upload.content) if media_type.startswith("message/") else None
    if media_type.startswith("multipart/") or (media_type.startswith("message/") and embedded is None):
        # RFC 2046 5.1, 5.2.1: neither may be encoded, and these bytes cannot stand as they are.
        filename = filename or ("message.eml" if media_type == "message/rfc822" else None)
        media_type, parameters = "application/octet-stream", []
    encoding, data = ("7bit", embedded) if embedded is not None else ("base64", encode.base64_lines(upload.content))
    fields = [
        encode.field("Content-Type", _joined(media_type, [f"{n}={v}" for n, v in parameters if n != "name"])),
        encode.field("Content-Disposition", _joined(upload.disposition, _filename(filename))),
        f"Content-Transfer-Encoding: {encoding}",
    ]
    if upload.content_id:
        if not is_safe_message_id(f"<{upload.content_id}>"):
            raise InvalidInput.at("attachments", f"{upload.content_id[:200]!r} cannot be a content id.")
        fields.append(f"Content-ID: <{upload.content_id}>")
    return _Part(fields, [data])


def _as_embedded(content: bytes) -> bytes | None:
    # The bytes of a message with CRLF lines, if they can be sent without an encoding; LF files are read as such.
    breaks = content.count(b"\r\n")
    if not content.count(b"\r"):
        content = content.replace(b"\n", encode.CRLF)
    elif not breaks == content.count(b"\r") == content.count(b"\n"):
        return None
    return content if encode.is_seven_bit(content) else None


def _filename(given: str | None) -> list[str]:
    filename = (given or "").strip(" ")
    if not filename:
        return []
    if len(filename) > MAX_FILENAME or _UNFIT.search(filename):
        raise InvalidInput.at(
            "filename",
            f"{filename[:200]!r} cannot be the name of a file.",
            fix=f"Use at most {MAX_FILENAME} characters, none of them a line break or control character.",
        )
    return encode.parameter("filename", filename)


def _joined(value: str, parameters: Sequence[str]) -> list[str]:
    return [f"{token};" for token in (value, *parameters)[:-1]] + [(value, *parameters)[-1]]


def _multipart(subtype: str, parts: Sequence[_Part], parameter: str = "") -> _Part:
    pieces = [piece for part in parts for piece in part.body]
    boundary = _boundary(pieces)
    delimiter = f"--{boundary}"
    body: list[bytes] = []
    for part in parts:
        body.append("\r\n".join([delimiter, *part.fields, "", ""]).encode("utf-8"))
        body += part.body
        body.append(encode.CRLF)
    body.append(f"{delimiter}--\r\n".encode())
    return _Part([f'Content-Type: multipart/{subtype}{parameter};\r\n boundary="{boundary}"'], body)


def _boundary(pieces: Sequence[bytes]) -> str:
    # "=_" occurs in neither quoted-printable nor base64 (RFC 2045 6.7); bodies as 7bit are why we look all the same.
    while True:
        boundary = f"=_{random_bytes(12).hex()}"
        if not any(boundary.encode() in piece for piece in pieces):
            return boundary
