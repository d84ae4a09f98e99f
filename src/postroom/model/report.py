"""Reports on mail that was sent: a bounce (RFC 3464) or a complaint (RFC 5965), as a message says it, unproved."""

from enum import StrEnum
from typing import Literal

from postroom.model.record import Record


class ReportKind(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class ReportedRecipient(Record):
    """A recipient by all its `addresses` that the report names: as it was sent to, and where it went from there.

    `status` is that of RFC 3463, `diagnostic` the words of the server that said no; both are empty in a complaint.
    """

    addresses: tuple[str, ...]
    action: Literal["failed", "delayed", "complained"]
    status: str = ""
    diagnostic: str = ""


class Report(Record):
    """`message_id` (in angle brackets) is that of the message that it is about."""

    kind: ReportKind
    message_id: str | None
    recipients: tuple[ReportedRecipient, ...]
    feedback_type: str = ""  # RFC 5965 3.1: abuse, fraud, …
