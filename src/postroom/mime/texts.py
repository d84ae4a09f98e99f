"""The text of a file: PDF, DOCX, HTML, plain text.

What a file costs is bounded by the process that calls this, not here.
"""

import re
from typing import Literal

from postroom.mime.charsets import decode_undeclared
from postroom.mime.html import Seen, see
from postroom.model.file_text import FileText
from postroom.model.removed import Removed

Kind = Literal["pdf", "docx", "html", "text"]
MAX_TEXT = 1_000_000  # characters
_OF_TYPE: dict[str, Kind] = {
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/html": "html",
    "application/xhtml+xml": "html",
}
# What mail programs call a file of which they know no more than its name.
_UNTYPED = frozenset(("application/octet-stream", "application/x-download", "application/force-download"))
_OF_NAME: dict[str, Kind] = {"pdf": "pdf", "docx": "docx", "html": "html", "htm": "html", "txt": "text"}
# Neither a reader nor a database takes them: control characters but tab and line end, lone surrogates.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Unreadable(Exception):
    """A file whose text cannot be had. Its message is a sentence for whoever asked."""


def kind_of(content_type: str, filename: str | None) -> Kind | None:
    """Return as what a file is read, None where its text is not. Its name is asked where its type says nothing."""
    if content_type in _UNTYPED:
        return _OF_NAME.get((filename or "").rpartition(".")[2].lower())
    return _OF_TYPE.get(content_type) or ("text" if content_type.startswith("text/") else None)


def text_of(kind: Kind, content: bytes) -> FileText:
    """Return the text of a file, at most 1,000,000 characters of it, lines ending in ``\\n``.

    Raises:
        MemoryError, RecursionError: as any file may make it.
    """
    try:
        seen = _read(kind, content)
        whole = seen.text.replace("\r\n", "\n").replace("\r", "\n")
        text = _UNFIT.sub("", whole)
    except Unreadable as error:
        return FileText(text=None, reason=str(error))
    if not text.strip() and kind in ("pdf", "docx"):
        return FileText(text=None, reason="There is no text in it; its pages may be pictures.")
    characters = seen.characters + len(whole) - len(text)
    removed = Removed(characters=characters, blocks=seen.blocks, images=seen.images)
    return FileText(text=text[:MAX_TEXT], is_cut=len(text) > MAX_TEXT, removed=removed)


def _read(kind: Kind, content: bytes) -> Seen:
    # Imported where they are used: starting the server need not pay for a reader of PDF.
    if kind == "pdf":
        from postroom.mime import pdf

        return Seen(pdf.to_text(content))
    if kind == "docx":
        from postroom.mime import docx

        return docx.read(content)
    text = decode_undeclared(content)
    return see(text) if kind == "html" else Seen(text)
