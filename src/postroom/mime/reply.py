"""The words that a reply or a forward starts from: subjects, the quoted original as text and as HTML.

What comes from received mail is cleaned and bounded, never refused. Writes no bytes: that is compose.py's.
"""

import html as markup
from collections.abc import Iterable
from datetime import UTC, datetime

from selectolax.lexbor import LexborHTMLParser

from postroom.mime.compose import DAYS, MAX_VALUE, MONTHS, clean
from postroom.mime.html_cost import is_affordable
from postroom.mime.references import without_forward_prefixes, without_reply_prefixes
from postroom.model.address import Address

MAX_QUOTED = 256 * 1024  # bytes of an original that a reply or a forward repeats
_CUT = "[The rest of the original message is not repeated here.]"
_FORWARDED = "---------- Forwarded message ---------"


def reply_subject(subject: str | None) -> str:
    """Return ``Re: `` and the subject of received mail without the marks of a reply, in any language, that it has."""
    return f"Re: {clean(without_reply_prefixes(clean(subject or '')))}"[:MAX_VALUE].rstrip()


def forward_subject(subject: str | None) -> str:
    """Return ``Fwd: `` and the subject of received mail without the marks of a forward that it has."""
    return f"Fwd: {clean(without_forward_prefixes(clean(subject or '')))}"[:MAX_VALUE].rstrip()


def quote_reply(original_text: str | None, from_: Address | str, date_ms: int | None) -> str:
    """Return an attribution line and the original text behind ``>``, at most 256 KiB of it.

    `date_ms` are UTC milliseconds; the attribution leaves out a date that is None or out of range.
    """
    lines = _at_most(original_text or "").splitlines()
    quoted = [f">{line}" if not line or line[0] == ">" else f"> {line}" for line in lines]
    return "\n".join([_attribution(from_, date_ms), *quoted, ""])


def quote_reply_html(
    original_text: str | None, from_: Address | str, date_ms: int | None, *, original_html: str | None = None
) -> str:
    """Return the same as HTML: a blockquote of class ``gmail_quote``.

    `original_html` is taken when it is given, within 256 KiB and what `is_affordable` allows: closed so that it cannot
    leave the quote, without scripts and style sheets. Otherwise the text is shown, escaped.
    """
    attribution = markup.escape(_attribution(from_, date_ms))
    return (
        f'<div class="gmail_quote"><div class="gmail_attr" dir="ltr">{attribution}</div>\n'
        '<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">\n'
        f"{_original_markup(original_text, original_html)}\n</blockquote></div>\n"
    )


def forward_text(fields: Iterable[tuple[str, str]], original_text: str | None) -> str:
    """Return the block that a forward repeats: a separator, the original's `fields` (name, value) and its text."""
    head = [f"{clean(name)}: {clean(value)}" for name, value in fields]
    return "\n".join([_FORWARDED, *head, "", _at_most(original_text or ""), ""])


def forward_html(
    fields: Iterable[tuple[str, str]], original_text: str | None, *, original_html: str | None = None
) -> str:
    """Return the same as HTML; `original_html` is treated as in `quote_reply_html`."""
    head = "".join(
        f"<b>{markup.escape(clean(name))}:</b> {markup.escape(clean(value))}<br>\n" for name, value in fields
    )
    return (
        f'<div class="gmail_quote"><div class="gmail_attr" dir="ltr">{_FORWARDED}<br>\n{head}</div><br>\n'
        f"{_original_markup(original_text, original_html)}\n</div>\n"
    )


def _attribution(from_: Address | str, date_ms: int | None) -> str:
    try:
        t = datetime.fromtimestamp(date_ms / 1000, UTC) if date_ms is not None else None
    except (ValueError, OverflowError, OSError):
        t = None
    when = f"{DAYS[t.weekday()]}, {t.day} {MONTHS[t.month - 1]} {t.year} at {t:%H:%M} UTC, " if t else ""
    return f"On {when}{clean(str(from_))} wrote:" if t else f"{clean(str(from_))} wrote:"


def _at_most(text: str) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_QUOTED:
        return data.decode("utf-8")
    return f"{data[:MAX_QUOTED].decode('utf-8', 'ignore')}\n{_CUT}"


def _original_markup(text: str | None, page: str | None) -> str:
    if page and len(page.encode("utf-8", "replace")) <= MAX_QUOTED and is_affordable(page):
        return _closed(page)
    if page and not text:
        return f"<p>{_CUT}</p>"
    return "<br>\n".join(markup.escape(line) for line in _at_most(text or "").splitlines())


def _closed(page: str) -> str:
    # Parsed and written again: what the sender closes or opens too often cannot reach our words around it.
    tree = LexborHTMLParser(page.encode("utf-8", "replace").decode("utf-8"))
    tree.strip_tags(["script", "style", "link", "meta", "base", "title", "iframe", "frame", "object", "embed", "form"])
    return (tree.body.inner_html or "") if tree.body else ""
