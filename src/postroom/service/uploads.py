"""Files on their way out: decoded from base64, or fetched from an address by the one HTTP client."""

import base64
import binascii
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from postroom.model.errors import InvalidInput, Refused, TooLarge
from postroom.model.message import Upload
from postroom.service.operation import Input

if TYPE_CHECKING:
    from postroom.service.desk import Desk

FETCH_SECONDS = 30.0


class AttachmentToSend(Input):
    content: str | None = Field(default=None, description="The bytes in base64; either this or url.")
    url: str | None = Field(default=None, description="An http or https address to fetch the bytes from.")
    filename: str | None = Field(default=None, max_length=255, description="The name that recipients see.")
    content_type: str | None = Field(default=None, max_length=255, description="Such as application/pdf.")
    content_disposition: Literal["attachment", "inline"] = Field(
        default="attachment", description="inline for a picture that the html shows as cid:content_id."
    )
    content_id: str | None = Field(default=None, max_length=255, description="The id that cid: in the html names.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.content is None) == (self.url is None):
            raise ValueError("give exactly one of content (base64) and url")
        return self


async def gather(desk: "Desk", given: tuple[AttachmentToSend, ...]) -> tuple[Upload, ...]:
    """Return the files with their bytes.

    Raises:
        InvalidInput: base64 that is none.
        Refused: an address that our rules forbid, or that cannot be fetched.
        TooLarge: more than a message holds.
    """
    room = desk.house.max_message_bytes
    uploads: list[Upload] = []
    for number, attachment in enumerate(given):
        upload = await _fetched(desk, attachment, room) if attachment.url is not None else _decoded(attachment, number)
        room -= len(upload.content)
        if room < 0:
            raise too_large(desk.house.max_message_bytes)
        uploads.append(upload)
    return tuple(uploads)


def too_large(limit: int) -> TooLarge:
    """Return the refusal of a message that is over the limit."""
    return TooLarge(f"The message is over {limit // 2**20} MiB.", fix="Send less, or a link to the file.")


def _decoded(given: AttachmentToSend, number: int) -> Upload:
    try:
        content = base64.b64decode("".join((given.content or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput.at(
            f"attachments.{number}.content", "is not base64.", fix="Encode the bytes in base64."
        ) from None
    return _upload(given, content, given.content_type, given.filename)


async def _fetched(desk: "Desk", given: AttachmentToSend, room: int) -> Upload:
    try:
        fetched = await desk.rooms.fetcher.fetch(given.url or "", max_bytes=room, timeout=FETCH_SECONDS)
    except InvalidInput as error:
        raise Refused(f"An attachment cannot be fetched: {error.message}", fix=error.fix) from error
    return _upload(
        given, fetched.content, given.content_type or fetched.content_type, given.filename or fetched.filename
    )


def _upload(given: AttachmentToSend, content: bytes, content_type: str | None, filename: str | None) -> Upload:
    return Upload(
        filename=filename,
        content_type=content_type or "application/octet-stream",
        content=content,
        disposition=given.content_disposition,
        content_id=given.content_id.strip("<>") if given.content_id else None,
    )
