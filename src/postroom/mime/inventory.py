"""All that the bytes of a message say, part by part, and what stands outside of its parts. Asks nobody, never raises.

`parse` chooses what a reader shows; a person who decides whether a message may leave is shown the rest of it too.
"""

from collections.abc import Iterator

from postroom.mime import charsets, transfer
from postroom.mime.headers import read_block
from postroom.mime.limits import MAX_HEADER_BYTES, Budget, Raw
from postroom.mime.structure import Part, walk
from postroom.model.inventory import Inventory, WirePart

MAX_TEXT = 1_000_000  # characters of all parts, and of what stands outside of them
_ENCODED = 4  # bytes that are read for a character: what is spelled by more of them is cut earlier
_BLANK = b" \t\r\n"
_READ = ("text/", "message/")


def inventory(raw: Raw) -> Inventory:
    """Return every field, part and text of a message (RFC 5322, RFC 2046); texts end after a million characters."""
    budget = Budget()
    try:
        block = read_block(raw, 0, len(raw), budget)
        header = block.shown(budget)
        parts = walk(raw, block, budget)
        outside = b"".join(_outside(raw, parts))
        shown = _clean(charsets.decode_undeclared(outside[: MAX_TEXT * _ENCODED])).strip()
        return Inventory(
            size=len(raw),
            header=header,
            parts=tuple(_shown(raw, parts)),
            outside=shown[:MAX_TEXT] or None,
            outside_is_cut=len(shown) > MAX_TEXT or len(outside) > MAX_TEXT * _ENCODED,
            problem=budget.sentence,
        )
    except Exception as error:
        # As in `parse`: an error of ours must be told to who decides, and not stop the decision.
        return header_inventory(raw, f"The message could not be read ({type(error).__name__}).")


def header_inventory(raw: Raw, problem: str) -> Inventory:
    """Return the header fields alone, with `problem`: what else the message says is not known."""
    budget = Budget()
    header = read_block(raw, 0, len(raw), budget).shown(budget)
    return Inventory(size=len(raw), header=header, parts=(), problem=problem)


def _shown(raw: Raw, parts: list[Part]) -> Iterator[WirePart]:
    left = MAX_TEXT
    for part in parts:
        if part.boundary is not None and not part.number:
            continue  # its header is the message's
        text, is_cut = _text(raw, part, left) if part.content_type.startswith(_READ) else (None, False)
        left -= len(text or "")
        yield WirePart(
            content_type=part.content_type,
            filename=part.filename,
            disposition=part.disposition or None,
            size=transfer.decoded_size(raw, part.body, part.end, part.encoding),
            head=_lines(raw[part.start : min(part.body, part.start + MAX_HEADER_BYTES)]) if part.number else None,
            text=text,
            is_cut=is_cut,
        )


def _text(raw: Raw, part: Part, room: int) -> tuple[str, bool]:
    """Return what a part says, at most `room` characters of it, and whether it says more."""
    end = min(part.end, part.body + room * _ENCODED)
    if end < part.end:
        end = max(raw.rfind(b"\n", part.body, end) + 1, part.body)  # a character in two would be read as two others
    text = _clean(charsets.decode(transfer.decode(raw, part.body, end, part.encoding), part.charset))
    return text[:room], end < part.end or len(text) > room


def _outside(raw: Raw, parts: list[Part]) -> Iterator[bytes]:
    """Yield the lines that belong to no header block and no part, but for the delimiters (RFC 2046 5.1.1)."""
    boundaries = {b"--" + part.boundary for part in parts if part.boundary is not None}
    delimiters = boundaries | {boundary + b"--" for boundary in boundaries}
    position, left = parts[0].body, MAX_TEXT * _ENCODED + 1
    edges = [(part.start, part.body if part.boundary is not None else part.end) for part in parts[1:]]
    if parts[0].boundary is None:
        edges = [(parts[0].body, parts[0].end)]
    for start, end in (*edges, (len(raw), len(raw))):
        for line in raw[position : min(max(start, position), position + left)].splitlines(keepends=True):
            if (said := line.rstrip(_BLANK)) and said not in delimiters:
                left -= len(line)
                yield line
        position = max(position, end)


def _lines(block: bytes) -> str:
    return _clean(charsets.decode_undeclared(block)).strip("\n")


def _clean(text: str) -> str:
    """Return text with one kind of line end and nothing that JSON could not spell."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
