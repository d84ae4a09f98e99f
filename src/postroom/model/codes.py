"""What a mail asks its reader to type or to open: one-time codes and action links, as records without behaviour."""

from typing import Literal

from postroom.model.record import Record

LinkKind = Literal["magic_link", "verify", "reset", "invite", "other"]


class Code(Record):
    """A one-time code. `reason` says in a short sentence which words in which field speak for it."""

    code: str  # as to be typed: separators removed, plain digits
    shown: str  # as the mail has it
    reason: str


class Link(Record):
    """A link that does something for the reader. `url` is http or https, `text` the words that it is shown under."""

    url: str
    text: str | None
    kind: LinkKind
    reason: str
