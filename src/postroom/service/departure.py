"""What leaves: a composed message ready to be committed, and what became of it. Decides nothing."""

from pydantic import Field

from postroom.model.inbox import Inbox
from postroom.model.message import Incoming, ParsedMessage, Upload
from postroom.model.record import Record
from postroom.service.idempotency import Token
from postroom.service.operation import Input
from postroom.service.settling import Ack


class Wording(Record):
    """What a message was composed of, as a draft keeps it: an answer without quotes, a forward without its files."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str | None
    text: str | None
    html: str | None
    in_reply_to: str | None = None  # public id
    forward_of: str | None = None  # public id
    original_id: str | None = None  # inner id of either
    thread_id: str | None = None
    references: tuple[str, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)
    replaces: bool = False
    files: tuple[Upload, ...] = ()


class Departure(Input):
    """A composed message, ready to be committed. `recipients` is who will be on the wire, Bcc too; `token` is the claim
    that ends with it; `wording` makes it a draft where it is held, None where it is one already.
    """

    inbox: Inbox
    message_id: str
    thread_id: str | None
    incoming: Incoming
    parsed: ParsedMessage
    blob: str | None
    labels: tuple[str, ...]
    bcc: tuple[str, ...]
    recipients: tuple[str, ...]
    token: Token | None = None
    ack: Ack | None = None
    track_opens: bool = False  # the bytes have the pixel
    wording: Wording | None = None


class Sent(Record):
    """A message that was committed to the queue. `captured`: recipients whom the sandbox keeps the mail from.

    `from_`, `to` and `subject` are what it says, where this is its first try.
    """

    id: str
    message_id: str
    thread_id: str
    recipients: tuple[str, ...]
    captured: tuple[str, ...]
    from_: str | None = Field(default=None, exclude=True)
    to: tuple[str, ...] = Field(default=(), exclude=True)
    subject: str | None = Field(default=None, exclude=True)
