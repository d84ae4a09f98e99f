"""What a message asks for or carries besides its text: facts to be told, none of which is ever answered by itself."""

from typing import Literal

from postroom.model.record import Record

# How one leaves the list that a message is of: by a POST that its headers offer, by mail, or on a page that a person
# has to open.
Way = Literal["one_click", "mailto", "web"]


class Moment(Record):
    """A time of a calendar: as it is given (2026-03-01 09:00, or a date alone) with its zone, and in UTC.

    `at` is UTC milliseconds, None where the zone is unknown or none is given, and for a date alone.
    """

    given: str
    zone: str | None
    at: int | None


class Invite(Record):
    """An event of a calendar that a message carries. `method` is what is asked: REQUEST, CANCEL, REPLY, …

    One of whole days begins with a date alone and ends with its last.
    """

    method: str | None
    summary: str | None
    begins: Moment | None
    ends: Moment | None
    where: str | None
    organizer: str | None
    attendees: tuple[str, ...]
    is_repeated: bool


class Unsubscribe(Record):
    """How one leaves a list: the way, and the address that it leads to."""

    way: Way
    address: str


class Facts(Record):
    """What of it a message has; all that stands here was written by its sender."""

    automatic: bool = False  # a program wrote it, and nobody waits for an answer (RFC 3834)
    list_id: str | None = None
    unsubscribe: tuple[Unsubscribe, ...] = ()  # the best way first
    receipt_to: str | None = None  # who asks to be told that it was read (RFC 8098 2.1)
    protection: tuple[str, ...] = ()  # such as `signed (S/MIME)`; nothing was verified and nothing decrypted
    invites: tuple[Invite, ...] = ()
