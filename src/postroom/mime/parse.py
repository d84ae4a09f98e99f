"""Raw bytes to a ParsedMessage: pure, bounded, and never raising, whatever the bytes are. Changes nothing, asks nobody.

What cannot be read is left out and named in `parse_error`; the raw message stays the truth.
"""

from collections.abc import Iterable
from html import escape
from io import IncrementalNewlineDecoder

from postroom.mime import charsets, transfer
from postroom.mime.addresses import read_addresses
from postroom.mime.automatic import is_automatic
from postroom.mime.bodies import Bodies, attachments
from postroom.mime.dates import read_date
from postroom.mime.digest import digest
from postroom.mime.flowed import unflow
from postroom.mime.headers import Block, read_block, show
from postroom.mime.html import to_text
from postroom.mime.limits import MAX_EXTRACT, Budget, Raw
from postroom.mime.message_ids import message_id, references
from postroom.mime.quote import extract_text
from postroom.mime.quote_html import extract_html
from postroom.mime.reports import read_report
from postroom.mime.structure import Part, walk
from postroom.model.address import Address
from postroom.model.message import ParsedMessage, plain_text

_PREVIEW = 200
_PREVIEW_SOURCE = 260
_CHARSET = {"charset"}
_NOTHING = dict(ParsedMessage())


def parse(raw: Raw | memoryview) -> ParsedMessage:
    """Return all that the raw bytes of a message (RFC 5322) say; line ends may be CRLF, LF or mixed.

    `text` joins the plain parts, `html` the HTML parts; a plain part below HTML that has no plain twin is in `html`.
    """
    data = bytes(raw) if isinstance(raw, memoryview) else raw
    budget = Budget()
    try:
        return _parse(data, budget)
    except Exception as error:
        # A message is stored whatever it holds: an error of ours in reading it must not refuse or lose mail.
        return parse_headers(data, f"The message could not be read ({type(error).__name__}).")


def parse_headers(raw: Raw, error: str) -> ParsedMessage:
    """Return what the header block alone says, with `error` as parse_error; never raises."""
    budget = Budget()
    try:
        block = read_block(raw, 0, len(raw), budget)
        return _message(block, budget, digest=digest(raw, block), parse_error=error)
    except Exception:
        # As in `parse`: the last resort is a record that holds nothing but the reason.
        return ParsedMessage(parse_error=error)


def attachment_content(raw: Raw, part: int) -> bytes:
    """Return the decoded bytes of the leaf with this number in the walk (a message/rfc822: the inner message's bytes).

    Raises:
        IndexError: there is no such part.
    """
    return attachment_contents(raw, (part,))[0]


def attachment_contents(raw: Raw, parts: Iterable[int]) -> list[bytes]:
    """Return what `attachment_content` does for each of these parts, after one walk over the message."""
    budget = Budget()
    walked = walk(raw, read_block(raw, 0, len(raw), budget), budget)
    wanted = (walked[part] for part in parts)
    return [transfer.decode(raw, part.body, part.end, part.encoding) for part in wanted]


def _parse(raw: Raw, budget: Budget) -> ParsedMessage:
    block = read_block(raw, 0, len(raw), budget)
    parts = walk(raw, block, budget)
    if len(parts) == 1 and parts[0].is_text:
        return _plain_message(raw, block, parts[0], budget)
    bodies = Bodies()
    bodies.collect(parts[0])
    text = _joined(raw, bodies.text)
    html = _page(raw, bodies.html)
    shown = to_text(html) if html and (text is None or text.isspace() or not text) else ""
    new_text = _new_text(text, shown if html is not None else None)
    return _message(
        block,
        budget,
        text=text,
        html=html,
        extracted_text=new_text,
        extracted_html=_new_html(html),
        preview=_preview(new_text, shown),
        attachments=attachments(raw, parts, bodies) if len(parts) > 1 or not (text or html) else (),
        report=read_report(raw, parts[0], budget) if parts[0].content_type == "multipart/report" else None,
        digest=digest(raw, block),
    )


def _plain_message(raw: Raw, block: Block, part: Part, budget: Budget) -> ParsedMessage:
    """Return what `_parse` does for the commonest mail, one text, without asking which of its parts is what."""
    text = _characters(raw, part)
    new_text = _new_text(text, None)
    return _message(
        block,
        budget,
        text=text,
        text_at=_text_at(raw, part, text),
        extracted_text=new_text,
        preview=_preview(new_text, ""),
        digest=digest(raw, block),
    )


def _text_at(raw: Raw, part: Part, text: str) -> int | None:
    """Return the byte from which on the message is `text` as `plain_text` reads it, None where it is not."""
    if part.encoding or part.end != len(raw) or part.content_type != "text/plain":
        return None
    body = raw[part.body :]
    if body.isascii() and part.parameters.keys() <= _CHARSET and charsets.holds_ascii(part.charset):  # most of all mail
        return part.body if text.isascii() else None
    return part.body if plain_text(body) == text else None


def _message(block: Block, budget: Budget, **content: object) -> ParsedMessage:
    first = block.first
    sender = _addresses(block, "sender", budget)
    values = {
        **_NOTHING,
        "in_reply_to": references(block.every("in-reply-to")) if "in-reply-to" in first else (),
        "references": references(block.every("references")) if "references" in first else (),
        # RFC 5322 3.6: one From; a second one is not believed.
        "from_": read_addresses([first["from"]], budget) if "from" in first else (),
        "sender": sender[0] if sender else None,
        "reply_to": _addresses(block, "reply-to", budget),
        "to": _addresses(block, "to", budget),
        "cc": _addresses(block, "cc", budget),
        "bcc": _addresses(block, "bcc", budget),
        "subject": show(first["subject"], budget) if "subject" in first else None,
        "message_id": message_id(first["message-id"]) if "message-id" in first else None,
        "date": read_date(first["date"]) if "date" in first else None,
        "headers": block.shown(budget),
        "automatic": is_automatic(block),
        "parse_error": budget.sentence,
        **content,
    }
    return ParsedMessage.trusted(values)


def _addresses(block: Block, name: str, budget: Budget) -> tuple[Address, ...]:
    return read_addresses(block.every(name), budget) if name in block.first else ()


def _joined(raw: Raw, parts: list[Part]) -> str | None:
    """Return the decoded parts one below the other with a blank line between, None where there is no part."""
    if not parts:
        return None
    first, *further = [_characters(raw, part) for part in parts]
    return "\n\n".join([first.rstrip("\n"), *further]) if further else first


def _page(raw: Raw, parts: list[Part]) -> str | None:
    """Return what `_joined` does as HTML: plain texts among the parts are escaped, a line each."""
    if all(part.content_type == "text/html" for part in parts):
        return _joined(raw, parts)
    words = [(part.content_type, _characters(raw, part)) for part in parts]
    return "\n\n".join(text if kind == "text/html" else _as_html(text) for kind, text in words)


def _as_html(text: str) -> str:
    return f"<div>{escape(text.strip()).replace(chr(10), '<br>' + chr(10))}</div>"


def _characters(raw: Raw, part: Part) -> str:
    text = charsets.decode(transfer.decode(raw, part.body, part.end, part.encoding), part.charset)
    if "\r" in text:
        text = IncrementalNewlineDecoder(None, True).decode(text, True)  # a third of the price of two replacements
    if part.content_type == "text/plain" and part.parameters.get("format", "").lower() == "flowed":
        text = unflow(text, part.parameters.get("delsp", "").lower() == "yes")
    return text


def _new_text(text: str | None, shown: str | None) -> str | None:
    """Return the new part of the text, else of the text that the HTML shows; one too long to be a reply is whole."""
    source = text if text is not None else shown
    return source if source is None or len(source) > MAX_EXTRACT else extract_text(source)


def _new_html(html: str | None) -> str | None:
    return html if html is None or len(html) > MAX_EXTRACT else extract_html(html)


def _preview(new_text: str | None, shown: str) -> str | None:
    source = new_text if new_text and not new_text.isspace() else shown
    preview = " ".join(source[:_PREVIEW_SOURCE].split())
    if len(preview) < _PREVIEW and len(source) > _PREVIEW_SOURCE:
        preview = " ".join(source.lstrip()[: 20 * _PREVIEW].split())
    return preview[:_PREVIEW] or None
