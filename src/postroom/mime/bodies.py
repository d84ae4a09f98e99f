"""Which parts of a message are its body and which are files, after RFC 8621 4.1.4. Reads the tree, not the content."""

from typing import Literal

from postroom.mime.limits import Raw
from postroom.mime.structure import Part
from postroom.mime.transfer import decoded_size
from postroom.model.message import Attachment

_TEXT = "text/plain"
_HTML = "text/html"


class Bodies:
    """The parts of the body by what they are read as, in order.

    A plain text after HTML that has no plain twin belongs to what the HTML says (the footer that a mailing list puts
    below a page): it is in `html`, and there is no `text`, instead of a text that holds the footer alone.
    """

    __slots__ = ("html", "inline", "text")

    def __init__(self) -> None:
        self.text: list[Part] = []
        self.html: list[Part] = []
        self.inline: set[int] = set()  # numbers of leaves that stand in a multipart/related

    def collect(self, part: Part, root: bool = True) -> None:
        """Add what is body in `part`; the depth of the tree is bounded by the walk."""
        if part.boundary is None:
            self._leaf(part, root)
        elif part.content_type == "multipart/alternative":
            self._alternative(part)
        elif part.content_type == "multipart/related":
            self.inline.update(child.number for child in part.children)
            for child in part.children[:1]:  # RFC 2387 3.2: the first is the root, the others are what it shows
                self.collect(child, root=False)
        else:
            for child in part.children:
                self.collect(child, root=False)

    def _leaf(self, part: Part, root: bool) -> None:
        # A message that is one part is read even when its Content-Type has a name; one that says attachment is a file.
        if part.disposition not in ("", "inline") or (part.filename and not (root and not part.disposition)):
            return
        if part.content_type == _TEXT:
            (self.html if self.html and not self.text else self.text).append(part)
        elif part.content_type == _HTML:
            self.html.append(part)

    def _alternative(self, part: Part) -> None:
        """Take the first child that gives text and the first that gives HTML (RFC 2046 5.1.4: they say the same)."""
        text: list[Part] = []
        html: list[Part] = []
        for child in part.children:
            inner = Bodies()
            inner.collect(child, root=False)
            text = text or inner.text
            html = html or inner.html
            self.inline |= inner.inline
        self.text += text
        self.html += html


def attachments(raw: Raw, parts: list[Part], bodies: Bodies) -> tuple[Attachment, ...]:
    """Return every leaf that is not body, in the order of the walk."""
    body = {*bodies.text, *bodies.html}
    return tuple([_attachment(raw, p, bodies) for p in parts if p.boundary is None and p not in body])


def _attachment(raw: Raw, part: Part, bodies: Bodies) -> Attachment:
    return Attachment(
        part=part.number,
        filename=part.filename,
        content_type=part.content_type,
        size=decoded_size(raw, part.body, part.end, part.encoding),
        disposition=_disposition(part, bodies),
        content_id=part.content_id,
    )


def _disposition(part: Part, bodies: Bodies) -> Literal["attachment", "inline"]:
    if part.disposition:
        return "inline" if part.disposition == "inline" else "attachment"  # RFC 2183 2.8: unknown = attachment
    return "inline" if part.content_id and part.number in bodies.inline else "attachment"
