"""The text of a file that came with a message: PDF, DOCX, HTML, plain text. Read once and kept with the message.

Reading is `extracting`'s, in a process of its own; this decides what is read, and remembers what came of it.
"""

import asyncio
import hashlib
from typing import TYPE_CHECKING

from pydantic import Field

from postroom.mime.html import Seen
from postroom.mime.texts import Kind, kind_of, text_of
from postroom.model.errors import NotFound, Unprocessable
from postroom.model.file_text import FileText
from postroom.model.message import Attachment
from postroom.model.record import Record
from postroom.model.removed import Removed
from postroom.model.tenant import Actor
from postroom.service.messages import AttachmentRef, Content, find_attachment
from postroom.service.operation import Answer, Context
from postroom.service.reading import shown_of
from postroom.store.queries import texts as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_NOTHING = Removed()
VERSION = 3  # of the reading: what another version has kept is read again
_MAX_BYTES: dict[Kind, int] = {"pdf": 20 * 2**20, "docx": 20 * 2**20, "html": 2 * 2**20, "text": 2 * 2**20}


class FindText(AttachmentRef):
    """An attachment and, where its bytes are known, the `digest_of` them."""

    sha256: str | None = None


class KeepText(AttachmentRef):
    """What came of reading an attachment."""

    sha256: str = Field(min_length=64, max_length=64)
    found: FileText


class Sought(Record):
    """An attachment, and its text where that is known."""

    attachment: Attachment
    known: FileText | None


class AttachmentText(Record):
    """The text of an attachment, inert; `is_cut`: only the beginning of it, a million characters."""

    text: str
    is_cut: bool
    removed: Removed = Removed()


def has_text(attachment: Attachment) -> bool:
    """Tell whether an attachment is of a kind whose text is given, and not too large for it."""
    kind = kind_of(attachment.content_type, attachment.filename)
    return kind is not None and attachment.size <= _MAX_BYTES[kind]


async def attachment_text(desk: "Desk", actor: Actor, given: AttachmentRef) -> Answer[AttachmentText]:
    """Get the text of an attachment.

    Raises:
        NotFound: there is no such attachment, or it is of no kind that is read.
        Unprocessable: it has no text that can be read; the message says why.
        Temporary: a failure of ours; try again.
    """
    names = given.model_dump()
    answer = await desk.ask("messages.find_text", actor, FindText(**names))
    sought: Sought = answer.result
    kind = kind_of(sought.attachment.content_type, sought.attachment.filename)
    if kind is None or not has_text(sought.attachment):
        raise NotFound("text", given.attachment_id, fix="Its text is not read; get the file itself.")
    found = sought.known or await _read(desk, actor, given, kind)
    if found.text is None:
        raise Unprocessable(found.reason or "There is no text in it.", fix="Get the file itself.")
    text, removed = await asyncio.to_thread(harmless, found.text, found.removed)
    return Answer(AttachmentText(text=text, is_cut=found.is_cut, removed=removed), answer.position)


def harmless(text: str, before: Removed = _NOTHING) -> tuple[str, Removed]:
    """Return a text as it may be shown, and what was taken out of it, now and `before`."""
    return shown_of(Seen(text, "", before.blocks, before.characters, before.images))


async def _read(desk: "Desk", actor: Actor, given: AttachmentRef, kind: Kind) -> FileText:
    content: Content = await desk.call("messages.attachment", actor, given)
    if kind == "text":  # decoding costs what its size says, and keeping it twice would gain nothing
        return await asyncio.to_thread(text_of, kind, content.content)
    sha256 = await asyncio.to_thread(digest_of, kind, content.content)
    names = given.model_dump()
    sought: Sought = await desk.call("messages.find_text", actor, FindText(**names, sha256=sha256))
    found = sought.known or await desk.rooms.extractor.text(kind, content.content)
    await desk.call("messages.keep_text", actor, KeepText(**names, sha256=sha256, found=found))
    return found


def digest_of(kind: Kind, content: bytes) -> str:
    """Return the SHA-256 (hex) of bytes and of what they are read as: one file says two things as PDF and as HTML."""
    digest = hashlib.sha256(f"{kind}\0".encode())
    digest.update(content)
    return digest.hexdigest()


def find_text(context: Context, given: FindText) -> Sought:
    """Find an attachment, and its text where it was read before: of this message, or of bytes with that digest."""
    located = find_attachment(context, given)
    if given.sha256 is None:
        known = context.tx.one(
            queries.OF_PART, message_seq=located.message.seq, part=located.attachment.part, version=VERSION
        )
    else:
        known = context.tx.one(queries.OF_BYTES, org_id=located.message.org_id, sha256=given.sha256, version=VERSION)
    return Sought(attachment=located.attachment, known=known)


def keep_text(context: Context, given: KeepText) -> None:
    """Keep what came of reading an attachment. Raises NotFound where its message has been deleted since."""
    located = find_attachment(context, given)
    row = {
        "message_seq": located.message.seq,
        "part": located.attachment.part,
        "org_id": located.message.org_id,
        "sha256": given.sha256,
        "version": VERSION,
        **given.found.model_dump(exclude={"removed"}),
        "removed": None if given.found.removed == _NOTHING else given.found.removed.model_dump_json(),
    }
    context.tx.insert(queries.KEEP, row)
