"""The files of drafts: fetched and put on disk before the transaction that names them, so that a restart loses none."""

import asyncio
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from postroom.mime import compose as mime
from postroom.mime import references
from postroom.model.draft import DraftSummary
from postroom.model.errors import Conflict, InvalidInput, TooLarge, disk_error
from postroom.model.ids import new_id
from postroom.model.message import Attachment, Raw, Upload
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service.operation import Context
from postroom.service.receive import RAW_IN_ROW
from postroom.service.uploads import AttachmentToSend, gather
from postroom.store.queries import drafts as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

MAX_FILES = 100


class KeptFile(Record):
    """A file whose bytes are in the blob folder (`blob`), or are to be put into its row."""

    attachment: Attachment
    content: bytes | None
    blob: str | None


async def keep(
    desk: "Desk",
    actor: Actor,
    given: tuple[AttachmentToSend, ...],
    draft: DraftSummary,
    most: int | None = None,
) -> tuple[KeptFile, ...]:
    """Fetch files, of `most` bytes together, and put the large ones on disk, durable when this returns."""
    if len(given) + len(draft.attachments) > MAX_FILES:
        raise TooLarge(f"A draft has at most {MAX_FILES} files.", fix="Take off some.")
    return await keep_uploads(desk, await gather(desk, given, actor, draft.inbox_id, most))


async def keep_uploads(desk: "Desk", uploads: Iterable[Upload]) -> tuple[KeptFile, ...]:
    """Put the large ones of files that are here on disk, durable when this returns."""
    return tuple([await _keep_one(desk, upload) for upload in uploads])


def add_files(context: Context, draft: DraftSummary, files: tuple[KeptFile, ...]) -> None:
    """Write the rows of files."""
    place = {"inbox_id": draft.inbox_id, "draft_id": draft.draft_id}
    for file in files:
        row = {"id": file.attachment.attachment_id, "size": file.attachment.size, **place}
        context.tx.insert(queries.ADD_FILE, {**row, "blob": file.blob, "content": file.content})


async def content_of(desk: "Desk", raw: Raw) -> bytes:
    """Return the bytes of a file. Raises Conflict for one that is not on the disk any more."""
    if raw.blob is None:
        return raw.content or b""
    try:
        return await asyncio.to_thread(desk.rooms.blobs.read, raw.blob)
    except FileNotFoundError:
        raise Conflict("A file of this draft is gone from the disk.", fix="Attach it again.") from None


async def _keep_one(desk: "Desk", upload: Upload) -> KeptFile:
    mime.check_value("attachments", upload.filename or "")
    if upload.content_id is not None and not references.is_safe_message_id(f"<{upload.content_id}>"):
        raise InvalidInput.at("attachments", f"{upload.content_id[:200]!r} cannot be a content id.")
    blob = None
    if len(upload.content) > RAW_IN_ROW:
        blob = await asyncio.to_thread(lambda: hashlib.sha256(upload.content).hexdigest())
        try:
            await asyncio.to_thread(desk.rooms.blobs.write, upload.content, blob)
        except OSError as error:
            raise disk_error(error) from error
    return KeptFile(
        attachment=Attachment(
            attachment_id=new_id("att", desk.clock()),
            part=0,
            filename=upload.filename,
            content_type=upload.content_type,
            size=len(upload.content),
            disposition=upload.disposition,
            content_id=upload.content_id,
        ),
        content=upload.content if blob is None else None,
        blob=blob,
    )
