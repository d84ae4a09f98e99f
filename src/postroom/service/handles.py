"""Files that are handed in once and attached by their handle: streamed to disk, never whole in memory, kept for a day.

A handle is of one inbox: no other can attach what it names.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from postroom.mime import compose as mime
from postroom.model.errors import Forbidden, InvalidInput, NotFound, TooLarge
from postroom.model.ids import new_id
from postroom.model.inbox import Inbox
from postroom.model.message import Raw
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.model.upload import UploadedFile
from postroom.service.inboxes import InboxRef, find_inbox
from postroom.service.operation import Answer, Context, Input
from postroom.service.receive import RAW_IN_ROW
from postroom.store.blobs import Spool
from postroom.store.queries import uploads as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LIFE_MS = 86_400_000
MAX_FILES = 1_000  # of an inbox at a time
MAX_BYTES = 2 * 2**30  # of them together
UPLOAD_S = 300.0
IDLE_S = 30.0  # between two pieces
_PIECE = 256 * 1024  # bytes that are written at once
_ANY_OF = ("message_send", "draft_create", "draft_update")


class HandIn(InboxRef):
    """A file as it comes: `pieces` gives its bytes in order."""

    filename: str | None = Field(default=None, max_length=255, description="The name that recipients see.")
    content_type: str = Field(
        default="application/octet-stream",
        max_length=255,
        pattern=r"^[!-~]+/[!-~]+(; ?[!-~]+)*$",
        description="Its type.",
    )
    pieces: Any = Field(exclude=True, repr=False, description="The bytes.")
    seconds: float = Field(default=UPLOAD_S, description="How long it may take.")


class HandleRef(Input):
    handle: str = Field(description="The file (upl_…), as it was given when it was handed in.")
    inbox_id: str | None = Field(default=None, description="The inbox that it was handed in for; any when absent.")


class NewUpload(InboxRef):
    """A file that is on the disk, or in `content` where it is small."""

    filename: str | None
    content_type: str
    size: int
    sha256: str
    content: bytes | None = Field(repr=False)


class Found(Record):
    """A file, and where its bytes are."""

    file: UploadedFile
    raw: Raw = Field(repr=False)


class Share(Input):
    """How many rows to treat in one transaction."""

    limit: int = 500


class _Kept(Record):
    """What came: `part` is where it lies."""

    size: int
    sha256: str
    part: Path


async def hand_in(desk: "Desk", actor: Actor, given: HandIn) -> Answer[UploadedFile]:
    """Take in a file that messages of an inbox can attach by its handle for 24 hours.

    Raises:
        TooLarge: it is over the limit of a message, or the inbox has too many.
        InvalidInput: it came too slowly; or its name cannot stand in a message.
    """
    mime.check_value("filename", given.filename or "")
    inbox: Inbox = await desk.call("attachments.begin", actor, InboxRef(inbox_id=given.inbox_id))
    spool = Spool(desk.rooms.blobs.new_part())
    try:
        async with asyncio.timeout(given.seconds):
            kept = await _take(spool, given.pieces, desk.house.max_message_bytes)
        is_small = kept.size <= RAW_IN_ROW
        content = await asyncio.to_thread(kept.part.read_bytes) if is_small else None
        if not is_small:
            await asyncio.to_thread(desk.rooms.blobs.adopt, kept.part, kept.sha256)
    except TimeoutError:
        raise InvalidInput(
            "The file came too slowly.", fix="Send it again over a faster line, or less of it."
        ) from None
    finally:
        await asyncio.to_thread(spool.close)
    new = NewUpload(
        inbox_id=inbox.inbox_id,
        filename=given.filename,
        content_type=given.content_type,
        size=kept.size,
        sha256=kept.sha256,
        content=content,
    )
    return await desk.ask("attachments.add", actor, new)


async def _take(spool: Spool, pieces: AsyncIterator[bytes], limit: int) -> _Kept:
    digest, size, waiting = hashlib.sha256(), 0, bytearray()
    iterator = aiter(pieces)
    while True:
        async with asyncio.timeout(IDLE_S):
            piece = await anext(iterator, None)
        size += len(piece or b"")
        if size > limit:
            raise TooLarge(f"The file is over {limit // 2**20} MiB.", fix="Send less, or a link to the file.")
        waiting += piece or b""
        if len(waiting) >= _PIECE or piece is None:
            await asyncio.to_thread(spool.write, waiting, digest)
            waiting.clear()
        if piece is None:
            return _Kept(size=size, sha256=digest.hexdigest(), part=spool.path)


def begin(context: Context, given: InboxRef) -> Inbox:
    """Find the inbox that a file is for, if there is room for one more."""
    inbox = find_inbox(context, given.inbox_id)
    check_may_attach(context.actor)
    _check_room(context, inbox, 0)
    return inbox


def add(context: Context, given: NewUpload) -> UploadedFile:
    """Keep a file whose bytes are on the disk, or go into its row."""
    inbox = find_inbox(context, given.inbox_id)
    check_may_attach(context.actor)
    _check_room(context, inbox, given.size)
    file = UploadedFile(
        handle=new_id("upl", context.now),
        org_id=inbox.org_id,
        pod_id=inbox.pod_id,
        inbox_id=inbox.inbox_id,
        inbox_address=inbox.address,
        filename=given.filename,
        content_type=given.content_type,
        size=given.size,
        sha256=given.sha256,
        created_at=context.now,
        expires_at=context.now + LIFE_MS,
    )
    row = {**file.model_dump(exclude={"handle"}), "id": file.handle, "content": given.content}
    context.tx.insert(queries.ADD, {**row, "blob": given.sha256 if given.content is None else None})
    return file


def get(context: Context, given: HandleRef) -> UploadedFile:
    """Say what file a handle names."""
    check_may_attach(context.actor)
    inbox = None if given.inbox_id is None else find_inbox(context, given.inbox_id)
    found = context.tx.one(queries.BY_ID, id=given.handle.strip(), now=context.now)
    if found is None or (inbox is not None and found.inbox_id != inbox.inbox_id):
        raise NotFound("file", given.handle, fix="A handle is of one inbox and lives 24 hours: hand the file in again.")
    return found


def delete(context: Context, given: HandleRef) -> UploadedFile:
    """Delete a file that was handed in; messages that were sent with it keep theirs."""
    file = get(context, given)
    context.tx.run(queries.DELETE, id=file.handle)
    return file


def find(context: Context, given: HandleRef) -> Found:
    """Say where the bytes of a file are."""
    file = get(context, given)
    raw = context.tx.one(queries.CONTENT, id=file.handle)
    assert raw is not None  # read in one transaction
    return Found(file=file, raw=raw)


def sweep(context: Context, given: Share) -> bool:
    """Forget files whose time is over; tell whether there may be more."""
    return context.tx.run(queries.SWEEP, now=context.now, n=given.limit) == given.limit


def check_may_attach(actor: Actor) -> None:
    """Let pass who may send or write drafts. Raises Forbidden."""
    if not any(actor.may(permission) for permission in _ANY_OF):
        raise Forbidden("This key lacks the permission message_send.", fix=f"Use a key that has one of {_ANY_OF}.")


def _check_room(context: Context, inbox: Inbox, size: int) -> None:
    number, held = context.tx.one(queries.HELD, inbox_id=inbox.inbox_id) or (0, 0)
    if number >= MAX_FILES or held + size > MAX_BYTES:
        raise TooLarge(
            f"The inbox {inbox.address} has {number} files of {held} bytes waiting to be attached.",
            fix="Delete those that are not needed; each goes by itself after 24 hours.",
        )
