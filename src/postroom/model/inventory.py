"""All that the bytes of a message say, for a person who decides about it: nothing is chosen, joined or left out."""

from postroom.model.record import Record


class WirePart(Record):
    """A part, or a multipart that holds those after it, in the order of the bytes; a message that is one part has one
    without a `head`.
    """

    content_type: str
    filename: str | None
    disposition: str | None  # as it is named there
    size: int  # decoded, bytes
    head: str | None  # its own header block as it stands
    text: str | None  # of text and of messages inside; None: a file
    is_cut: bool = False  # the text goes on


class Inventory(Record):
    """A message as it is on the wire."""

    size: int  # bytes
    header: tuple[tuple[str, str], ...]  # every field: unfolded and decoded, in order, repeated ones repeated
    parts: tuple[WirePart, ...]
    outside: str | None = None  # text before, between and behind the parts, which some readers show
    outside_is_cut: bool = False
    problem: str | None = None  # a sentence: what could not be read
