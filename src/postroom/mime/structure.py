"""The parts of a message as byte ranges (RFC 2046 5.1), found in one pass over the raw bytes. Decodes no content."""

from postroom.mime.headers import Block, read_block
from postroom.mime.limits import MAX_DEPTH, MAX_PARTS, Budget, Raw
from postroom.mime.params import file_name, read_content, read_parameters
from postroom.mime.transfer import encoding
from postroom.mime.words import decode_words, readable_name

_LONGEST_DELIMITER = 1_000  # RFC 2046 5.1.1 says 70 characters
_BLANK = b" \t\r\n"


class Part:
    """One part: its content is ``raw[body:end]``, its number is that of the depth-first walk, 0 the root."""

    __slots__ = (
        "body",
        "boundary",
        "charset",
        "children",
        "content_id",
        "content_type",
        "disposition",
        "encoding",
        "end",
        "filename",
        "number",
        "parameters",
        "start",
    )

    def __init__(self, number: int, block: Block, default: str, budget: Budget) -> None:
        fields = block.first
        self.number = number
        self.start = 0  # of its header block
        self.body = block.body
        self.end = block.body
        self.children: list[Part] = []
        self.content_type, self.parameters, self.charset = read_content(fields.get("content-type", ""), default, budget)
        self.encoding = encoding(fields.get("content-transfer-encoding", ""))
        self.boundary: bytes | None = None
        self.disposition = ""
        self.filename: str | None = None
        self.content_id: str | None = None
        if "content-disposition" in fields or "name" in self.parameters:
            self._name(fields.get("content-disposition", ""), budget)
        if "content-id" in fields:
            self.content_id = _content_id(fields["content-id"])
        if self.content_type[:10] == "multipart/":
            self._bound(budget)

    def _name(self, value: str, budget: Budget) -> None:
        self.disposition, parameters = read_parameters(value, budget)
        given = parameters.get("filename") or self.parameters.get("name")
        self.filename = file_name(decode_words(given, budget)) if given else None

    def _bound(self, budget: Budget) -> None:
        # RFC 2046 5.1.1: a boundary never ends in white space.
        self.boundary = self.parameters.get("boundary", "").rstrip().encode("utf-8", "replace") or None
        if self.boundary is None:
            budget.fault("a multipart without a boundary")
            self.content_type = "text/plain"

    @property
    def is_text(self) -> bool:
        """Tell whether this is plain text that nothing calls a file."""
        return self.content_type == "text/plain" and not self.disposition and self.filename is None

    @property
    def default(self) -> str:
        """The media type of a child that names none (RFC 2046 5.1.5)."""
        return "message/rfc822" if self.content_type == "multipart/digest" else "text/plain"


def _content_id(value: str) -> str | None:
    return readable_name(value).strip("<> ")[:998] or None


def walk(raw: Raw, root_block: Block, budget: Budget) -> list[Part]:
    """Return all parts in depth-first order, the root first; `root_block` is the header block of the message."""
    root = Part(0, root_block, "text/plain", budget)
    root.end = len(raw)
    if root.boundary is None:
        return [root]
    return _Walk(raw, root, budget).run()


class _Walk:
    """The open multiparts from the root inward, and the leaf that is being passed."""

    def __init__(self, raw: Raw, root: Part, budget: Budget) -> None:
        self.raw = raw
        self.budget = budget
        self.parts = [root]
        self.open = [root]
        self.shadowed: list[int | None] = [None]  # for each open multipart, whose boundary it repeats
        self.depth_of: dict[bytes, int] = {root.boundary or b"": 0}
        self.leaf: Part | None = None

    def run(self) -> list[Part]:
        position: int | None = self.parts[0].body
        while position is not None and self.open:
            position = self._step(position)
        self._close(0, len(self.raw))
        for part in self.parts:
            if part.boundary is not None and not part.children:
                self._as_text(part)
        return self.parts

    def _step(self, position: int) -> int | None:
        """Handle the next delimiter at or after the line that begins here; return where to go on, None at the end."""
        raw, depth_of = self.raw, self.depth_of
        start = position if raw[position : position + 2] == b"--" else raw.find(b"\n--", position) + 1
        while start > 0:
            stop = raw.find(b"\n", start, start + _LONGEST_DELIMITER)
            if stop < 0:
                stop = min(start + _LONGEST_DELIMITER, len(raw))
            line = raw[start + 2 : stop].rstrip(_BLANK)
            if line in depth_of:
                return self._part(depth_of[line], start, min(stop + 1, len(raw)))
            if line[-2:] == b"--" and line[:-2] in depth_of:
                self._close(depth_of[line[:-2]], self._content_end(start))
                return stop
            start = raw.find(b"\n--", start) + 1
        return None

    def _part(self, depth: int, delimiter: int, start: int) -> int | None:
        """Begin a part of the multipart at `depth`; RFC 2046 5.1.2: what is open inside of it ends here."""
        self._close(depth + 1, self._content_end(delimiter))
        if len(self.parts) >= MAX_PARTS:
            self.budget.fault(f"more than {MAX_PARTS} parts")
            self._close(0, self._content_end(delimiter))
            return None
        parent = self.open[depth]
        block = read_block(self.raw, start, len(self.raw), self.budget)
        part = Part(len(self.parts), block, parent.default, self.budget)
        part.start = start
        self.parts.append(part)
        parent.children.append(part)
        if part.boundary is not None and len(self.open) >= MAX_DEPTH:
            self.budget.fault(f"more than {MAX_DEPTH} multiparts inside each other")
            part.boundary = None
        if part.boundary is None:
            self.leaf = part
        else:
            self.shadowed.append(self.depth_of.get(part.boundary))
            self.depth_of[part.boundary] = len(self.open)
            self.open.append(part)
        return part.body

    def _content_end(self, delimiter: int) -> int:
        """Return the end of what stands before a delimiter: the line break before it is the delimiter's own."""
        before = self.raw[max(delimiter - 2, 0) : delimiter]
        return delimiter - (2 if before == b"\r\n" else before.endswith(b"\n"))

    def _close(self, depth: int, end: int) -> None:
        """End the leaf and every multipart from `depth` inward at the offset `end`."""
        if self.leaf is not None:
            self.leaf.end = max(end, self.leaf.body)
            self.leaf = None
        while len(self.open) > depth:
            part = self.open.pop()
            part.end = max(end, part.body)
            before = self.shadowed.pop()
            boundary = part.boundary or b""
            if before is None:
                self.depth_of.pop(boundary, None)
            else:
                self.depth_of[boundary] = before

    def _as_text(self, part: Part) -> None:
        self.budget.fault("a multipart whose boundary never comes")
        part.boundary = None
        part.content_type = "text/plain"
