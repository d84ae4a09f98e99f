"""Messages: as parsed from bytes, as kept, as listed, and as asked to be composed."""

from functools import lru_cache
from io import IncrementalNewlineDecoder
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json

from postroom.model.address import Address
from postroom.model.record import Record
from postroom.model.report import Report

# How a message came to its inbox: over SMTP, from an inbox of this server, from a file, or written here.
Origin = Literal["smtp", "local", "import", "sent"]
# Labels that keep a message out of lists, and out of every search.
HIDDEN = ("spam", "blocked", "unauthenticated", "trash")


def plain_text(body: bytes) -> str:
    """Return what bytes say that are UTF-8 with CRLF line ends; a character that is cut off at the end is left out."""
    return IncrementalNewlineDecoder(None, True).decode(body.decode("utf-8", "ignore"), True)


class Attachment(Record):
    """A part of a message that is a file. `part` is its number in the walk over the raw bytes (0 = the root)."""

    attachment_id: str = ""  # given when the message is stored
    part: int
    filename: str | None
    content_type: str
    size: int  # decoded, bytes
    disposition: Literal["attachment", "inline"]
    content_id: str | None  # without angle brackets


class ParsedMessage(Record):
    """What the raw bytes say, nothing looked up. None = the message has no such part or field.

    `message_id`, `in_reply_to` and `references` carry their angle brackets and are in the order of the header.
    `timestamp` and labels are not here: they are ours, not the sender's.
    """

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    date: int | None = None  # UTC milliseconds of the Date field
    subject: str | None = None
    from_: tuple[Address, ...] = ()
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()  # unfolded and decoded, in order, repeated ones repeated
    text: str | None = None
    text_at: int | None = None  # the byte from which on the raw bytes are `text`, as `plain_text` reads them
    html: str | None = None
    extracted_text: str | None = None
    extracted_html: str | None = None
    preview: str | None = None
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False  # a program wrote it, by what its header says (RFC 3834)
    report: Report | None = None  # of a multipart/report: what it says of a message that was sent
    digest: str = ""  # BLAKE2b-256 (hex) of the raw bytes without trace fields: rule of deduplication
    parse_error: str | None = None  # a sentence; the message is stored and served raw all the same


class MessageSummary(Record):
    """A message as a list shows it: no bodies. `message_id` is the public one, in angle brackets."""

    seq: int  # its number in the store: the order within one millisecond
    id: str  # inner id, msg_…
    message_id: str
    thread_id: str
    org_id: str
    pod_id: str
    inbox_id: str
    inbox_address: str
    labels: tuple[str, ...]
    timestamp: int  # our clock: arrival, or the send
    from_: str
    reply_to: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str | None
    preview: str | None
    attachments: tuple[Attachment, ...]
    in_reply_to: str | None
    size: int  # raw bytes
    parse_error: str | None
    created_at: int
    updated_at: int
    origin: Origin
    tainted: bool = False  # an inbox of ours wrote it, of what came from outside


_SHORT = 500  # characters of a list column that are remembered: a stranger may name 2,000 recipients


def strings(text: str) -> tuple[str, ...]:
    """Return what a list of strings in JSON says; the same labels and addresses stand in row after row."""
    if text == "[]":
        return ()
    return _known_strings(text) if len(text) <= _SHORT else tuple(from_json(text))


@lru_cache(maxsize=4096)
def _known_strings(text: str) -> tuple[str, ...]:
    return tuple(from_json(text))


class MessageLine(NamedTuple):
    """A message as a page of a list has it: read as a MessageSummary is.

    Its lists are kept as the JSON texts that they are stored as until somebody asks: a face that answers in JSON hands
    them on, and a page of twenty costs half.
    """

    seq: int
    id: str
    inbox_id: str
    inbox_address: str
    thread_id: str
    message_id: str
    labels_json: str
    timestamp: int
    from_: str
    reply_to_json: str
    to_json: str
    cc_json: str
    bcc_json: str
    subject: str | None
    preview: str | None
    attachments_json: str
    in_reply_to: str | None
    size: int
    created_at: int
    updated_at: int
    origin: Origin
    tainted: int  # 0 or 1

    @property
    def labels(self) -> tuple[str, ...]:
        return strings(self.labels_json)

    @property
    def reply_to(self) -> tuple[str, ...]:
        return strings(self.reply_to_json)

    @property
    def to(self) -> tuple[str, ...]:
        return strings(self.to_json)

    @property
    def cc(self) -> tuple[str, ...]:
        return strings(self.cc_json)

    @property
    def bcc(self) -> tuple[str, ...]:
        return strings(self.bcc_json)

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        if self.attachments_json == "[]":
            return ()
        return tuple(Attachment(**file) for file in from_json(self.attachments_json))

    def as_json(self) -> dict[str, Any]:
        """Return it ready for JSON, its lists read."""
        return {name.removesuffix("_json"): self._value(name) for name in self._fields} | {
            "tainted": bool(self.tainted)
        }

    def _value(self, name: str) -> Any:
        value = getattr(self, name)
        return from_json(value) if name.endswith("_json") else value


Listed = MessageSummary | MessageLine  # a message without its bodies


class Message(MessageSummary):
    """A message with its bodies and what else the reading of one message shows."""

    text: str | None
    html: str | None
    extracted_text: str | None
    extracted_html: str | None
    references: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    date: int | None
    threaded_by: Literal["in_reply_to", "references", "subject"] | None  # why it joined its thread; None: it began it
    envelope_from: str | None  # None: we wrote it
    automatic: bool = False  # a program wrote it, by its header or its null return path: no answer is expected


class Raw(Record):
    """Where the bytes of a message are: `content` (up to 64 KiB), or the SHA-256 of a file in the blob folder."""

    content: bytes | None
    blob: str | None
    size: int


class Upload(Record):
    """A file to be attached to a message that we compose."""

    filename: str | None = None
    content_type: str = "application/octet-stream"
    content: bytes
    disposition: Literal["attachment", "inline"] = "attachment"
    content_id: str | None = None  # without angle brackets


class Outgoing(Record):
    """All that stands in a message that we write. There is no Bcc here: it is in nobody's bytes."""

    message_id: str  # with angle brackets
    date: int
    from_: Address
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: tuple[Upload, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()  # further fields, in order; reserved names are refused


class Incoming(Record):
    """A message as it came over the wire, before anything is known of it.

    The bytes are what came after DATA with dots unstuffed: `content`, or for a larger one the file `spool`, which
    whoever takes the message moves or deletes. `envelope_from` is empty for the null reverse path.
    """

    envelope_from: str
    recipients: tuple[str, ...]
    content: bytes | None
    spool: Path | None
    size: int
    sha256: str  # hex, of the bytes; may be empty where `content` is given
    origin: Origin = "smtp"
    client: str | None = None  # the peer's IP address
    helo: str | None = None

    @classmethod
    def over_smtp(
        cls,
        *,
        envelope_from: str,
        recipients: tuple[str, ...],
        content: bytes | None,
        spool: Path | None,
        size: int,
        sha256: str,
        client: str | None,
        helo: str | None,
    ) -> "Incoming":
        """Make one of values that the SMTP server has checked: to validate them again costs 5 % of its work."""
        return cls.trusted(
            {
                "envelope_from": envelope_from,
                "recipients": recipients,
                "content": content,
                "spool": spool,
                "size": size,
                "sha256": sha256,
                "origin": "smtp",
                "client": client,
                "helo": helo,
            }
        )
