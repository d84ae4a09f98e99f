"""The text of a file that came with a message, where it is text or HTML; PDF and office files are not read."""

import asyncio
from typing import TYPE_CHECKING

from postroom.mime.charsets import decode_undeclared
from postroom.mime.html import to_text
from postroom.model.errors import NotFound
from postroom.model.tenant import Actor
from postroom.service.messages import AttachmentRef, Content
from postroom.service.operation import Answer

if TYPE_CHECKING:
    from postroom.service.desk import Desk

MAX_BYTES = 2 * 2**20


def has_text(content_type: str, size: int) -> bool:
    """Tell whether a file of this type and size (bytes) is one whose text is given."""
    return content_type.startswith("text/") and size <= MAX_BYTES


async def attachment_text(desk: "Desk", actor: Actor, given: AttachmentRef) -> Answer[str]:
    """Get the text of an attachment.

    Raises:
        NotFound: there is no such attachment, or it is no text.
    """
    answer = await desk.ask("messages.attachment", actor, given)
    found: Content = answer.result
    if not has_text(found.attachment.content_type, len(found.content)):
        raise NotFound("text", given.attachment_id, fix="Its text is not read; get the file itself.")
    as_text = _page_as_text if found.attachment.content_type == "text/html" else decode_undeclared
    return Answer(await asyncio.to_thread(as_text, found.content), answer.position)


def _page_as_text(content: bytes) -> str:
    return to_text(decode_undeclared(content))
