"""What every path of sending takes: the words of a message and whom they are for. It sends nothing."""

from pydantic import Field

from postroom.service.idempotency import Keyed
from postroom.service.messages import Strings
from postroom.service.operation import OURS, Input
from postroom.service.uploads import AttachmentToSend


class Worded(Input):
    """What a message says and to whom."""

    to: Strings = Field(default=(), description="Recipients: name@host or Name <name@host>.")
    cc: Strings = Field(default=(), description="Copies go to these.")
    bcc: Strings = Field(default=(), description="Hidden copies.")
    reply_to: Strings = Field(default=(), description="Answers go here.")
    text: str | None = Field(default=None, description="As plain text.")
    html: str | None = Field(default=None, description="As HTML.")
    labels: Strings = Field(default=(), description="Labels of your own.")
    attachments: tuple[AttachmentToSend, ...] = Field(default=(), description="Files to attach.")
    headers: dict[str, str] = Field(default_factory=dict, description="Further header fields.")
    track_opens: bool = Field(default=False, description="Note when HTML is opened; by domains with tracking.")
    attachment_limit: int | None = Field(
        default=None, gt=0, description="At most so many bytes of files.", json_schema_extra=OURS
    )


class Written(Worded, Keyed):
    """What every path of sending takes."""
