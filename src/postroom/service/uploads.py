"""Files on their way out: decoded from base64, fetched from an address by the one HTTP client, or had here already: by
the handle that they were handed in for, or as an attachment of a message.
"""

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from postroom.mime.compose import clean
from postroom.model.errors import InvalidInput, Refused, TooLarge
from postroom.model.message import Attachment, Upload
from postroom.model.tenant import Actor
from postroom.service import handles
from postroom.service.operation import OURS, Input

if TYPE_CHECKING:
    from postroom.service.desk import Desk

FETCH_SECONDS = 30.0


class AttachmentToSend(Input):
    content: str | None = Field(default=None, description="The bytes in base64; either this or url.")
    url: str | None = Field(default=None, description="An http or https address to fetch the bytes from.")
    handle: str | None = Field(default=None, description="A file handed in before (upl_…).", json_schema_extra=OURS)
    message_id: str | None = Field(
        default=None, description="A message whose attachment_id it is.", json_schema_extra=OURS
    )
    attachment_id: str | None = Field(default=None, description="With message_id.", json_schema_extra=OURS)
    inbox_id: str | None = Field(
        default=None, description="The inbox of message_id, when it is another.", json_schema_extra=OURS
    )
    filename: str | None = Field(default=None, max_length=255, description="The name that recipients see.")
    content_type: str | None = Field(default=None, max_length=255, description="Such as application/pdf.")
    content_disposition: Literal["attachment", "inline"] = Field(
        default="attachment", description="inline for a picture that the html shows as cid:content_id."
    )
    content_id: str | None = Field(default=None, max_length=255, description="The id that cid: in the html names.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        ours = (self.handle, self.message_id, self.attachment_id, self.inbox_id)
        if ours == (None,) * 4 and (self.content is None) == (self.url is None):
            raise ValueError("give exactly one source of its bytes, such as content (base64) or url")
        given = [source for source in (self.content, self.url, self.handle, self.attachment_id) if source is not None]
        if len(given) != 1 or (self.message_id is None) is not (self.attachment_id is None):
            raise ValueError("give exactly one of content (base64), url, handle, and message_id with attachment_id")
        return self


async def gather(
    desk: "Desk", given: tuple[AttachmentToSend, ...], actor: Actor, inbox_id: str, most: int | None = None
) -> tuple[Upload, ...]:
    """Return the files with their bytes, as far as `actor` may have them, for a message of an inbox (inner id).

    `most`: so many bytes they may have together, where that is less than a message holds.

    Raises:
        InvalidInput: base64 that is none.
        Refused: an address that our rules forbid, or that cannot be fetched.
        NotFound: a handle of another inbox, or past its time; no such attachment; out of reach too.
        Forbidden: the key may not read the message that has it.
        TooLarge: more than a message holds.
    """
    limit = min(desk.house.max_message_bytes, most or desk.house.max_message_bytes)
    room = limit
    uploads: list[Upload] = []
    for number, attachment in enumerate(given):
        if attachment.url is not None:
            upload = await _fetched(desk, attachment, room)
        elif attachment.content is not None:
            upload = _decoded(attachment, number)
        else:
            upload = await _had(desk, attachment, actor, inbox_id)
        room -= len(upload.content)
        if room < 0:
            raise too_large(limit) if most is None else files_too_large(limit)
        uploads.append(upload)
    return tuple(uploads)


def too_large(limit: int) -> TooLarge:
    """Return the refusal of a message that is over the limit."""
    return TooLarge(f"The message is over {limit // 2**20} MiB.", fix="Send less, or a link to the file.")


def files_too_large(limit: int) -> TooLarge:
    """Return the refusal of files that are over the limit together."""
    return TooLarge(f"The attachments are over {limit // 2**20} MiB.", fix="Send less, or a link to the file.")


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


async def _had(desk: "Desk", given: AttachmentToSend, actor: Actor, inbox_id: str) -> Upload:
    if given.handle is not None:
        found: handles.Found = await desk.call(
            "attachments.find", actor, {"handle": given.handle, "inbox_id": inbox_id}
        )
        name, kind = given.filename or found.file.filename, given.content_type or found.file.content_type
        return _upload(given, await _bytes_of(desk, found), kind, name)
    place = {"inbox_id": given.inbox_id or inbox_id, "message_id": given.message_id}
    content = await desk.call("messages.attachment", actor, {**place, "attachment_id": given.attachment_id})
    file: Attachment = content.attachment
    return _upload(given, content.content, given.content_type or file.content_type, given.filename or _safe(file))


async def _bytes_of(desk: "Desk", found: handles.Found) -> bytes:
    if found.raw.blob is None:
        return found.raw.content or b""
    return await asyncio.to_thread(desk.rooms.blobs.read, found.raw.blob)


def _safe(file: Attachment) -> str | None:
    """Return the name of a received file as we may write it."""
    return None if file.filename is None else clean(file.filename)


def _upload(given: AttachmentToSend, content: bytes, content_type: str | None, filename: str | None) -> Upload:
    return Upload(
        filename=filename,
        content_type=content_type or "application/octet-stream",
        content=content,
        disposition=given.content_disposition,
        content_id=given.content_id.strip("<>") if given.content_id else None,
    )
