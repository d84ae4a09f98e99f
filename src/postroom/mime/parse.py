"""Raw bytes to a ParsedMessage: pure, bounded, and never raising, whatever the bytes are. Changes nothing, asks nobody.

What cannot be read is left out and named in `parse_error`; the raw message stays the truth.
"""

from postroom.mime import charsets, transfer
from postroom.mime.addresses import read_addresses
from postroom.mime.bodies import Bodies, attachments
from postroom.mime.dates import read_date
from postroom.mime.digest import digest
from postroom.mime.flowed import unflow
from postroom.mime.headers import Block, read_block, show
from postroom.mime.html import is_affordable, to_text
from postroom.mime.limits import MAX_EXTRACT, Budget, Raw
from postroom.mime.message_ids import message_id, references
from postroom.mime.quote import extract_html, extract_text
from postroom.mime.structure import Part, walk
from postroom.model.address import Address
from postroom.model.message import ParsedMessage

_PREVIEW = 200
_PREVIEW_SOURCE = 300


def parse(raw: Raw | memoryview) -> ParsedMessage:
    """Return all that the raw bytes of a message (RFC 5322) say; line ends may be CRLF, LF or mixed."""
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
        return _message(block, budget, digest=digest(raw, block.stop), parse_error=error)
    except Exception:
        # As in `parse`: the last resort is a record that holds nothing but the reason.
        return ParsedMessage(parse_error=error)


def attachment_content(raw: Raw, part: int) -> bytes:
    """Return the decoded bytes of the leaf with this number in the walk (a message/rfc822: the inner message's bytes).

    Raises:
        IndexError: there is no such part.
    """
    budget = Budget()
    found = walk(raw, read_block(raw, 0, len(raw), budget), budget)[part]
    return transfer.decode(raw, found.body, found.end, found.encoding)


def _parse(raw: Raw, budget: Budget) -> ParsedMessage:
    block = read_block(raw, 0, len(raw), budget)
    parts = walk(raw, block, budget)
    bodies = Bodies()
    bodies.collect(parts[0])
    text = _joined(raw, bodies.text)
    html = _joined(raw, bodies.html)
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
        digest=digest(raw, block.stop),
    )


def _message(block: Block, budget: Budget, **content: object) -> ParsedMessage:
    fields = block.values
    sender = _addresses(fields, "sender", budget)
    subject = fields.get("subject")
    date = fields.get("date")
    own_id = fields.get("message-id")
    values = {
        "message_id": message_id(own_id[0]) if own_id else None,
        "in_reply_to": references(fields["in-reply-to"]) if "in-reply-to" in fields else (),
        "references": references(fields["references"]) if "references" in fields else (),
        "date": read_date(date[0]) if date else None,
        "subject": show(subject[0], budget) if subject else None,
        # RFC 5322 3.6: one From; a second one is not believed.
        "from_": read_addresses(fields["from"][:1], budget) if "from" in fields else (),
        "sender": sender[0] if sender else None,
        "reply_to": _addresses(fields, "reply-to", budget),
        "to": _addresses(fields, "to", budget),
        "cc": _addresses(fields, "cc", budget),
        "bcc": _addresses(fields, "bcc", budget),
        "headers": block.shown(budget),
        "parse_error": budget.sentence,
        **content,
    }
    return ParsedMessage.model_validate(values)


def _addresses(fields: dict[str, list[str]], name: str, budget: Budget) -> tuple[Address, ...]:
    return read_addresses(fields[name], budget) if name in fields else ()


def _joined(raw: Raw, parts: list[Part]) -> str | None:
    """Return the decoded parts one below the other with a blank line between, None where there is no part."""
    if not parts:
        return None
    first, *further = [_characters(raw, part) for part in parts]
    return "\n\n".join([first.rstrip("\n"), *further]) if further else first


def _characters(raw: Raw, part: Part) -> str:
    text = charsets.decode(transfer.decode(raw, part.body, part.end, part.encoding), part.charset)
    if "\r" in text:
        # Taking the CR out is a third of the price of replacing CRLF, and the same where every CR has its LF.
        paired = text.count("\r\n") == text.count("\r")
        text = text.replace("\r", "") if paired else text.replace("\r\n", "\n").replace("\r", "\n")
    if part.content_type == "text/plain" and part.parameters.get("format", "").lower() == "flowed":
        text = unflow(text, part.parameters.get("delsp", "").lower() == "yes")
    return text


def _new_text(text: str | None, shown: str | None) -> str | None:
    """Return the new part of the text, else of the text that the HTML shows; one too long to be a reply is whole."""
    source = text if text is not None else shown
    return source if source is None or len(source) > MAX_EXTRACT else extract_text(source)


def _new_html(html: str | None) -> str | None:
    if html is None or len(html) > MAX_EXTRACT or not is_affordable(html):
        return html
    return extract_html(html)


def _preview(new_text: str | None, shown: str) -> str | None:
    source = new_text if new_text and not new_text.isspace() else shown
    head = source[:_PREVIEW_SOURCE]
    shown = " ".join(head.split())
    if len(shown) < _PREVIEW and len(source) > len(head):
        shown = " ".join(source.lstrip()[: 20 * _PREVIEW].split())
    return shown[:_PREVIEW] or None
