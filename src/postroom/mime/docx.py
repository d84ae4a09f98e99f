"""The text of a DOCX (ECMA-376-1 17): paragraphs, lists, tables, notes, without what is deleted or hidden.

A ZIP archive of XML: nothing is unpacked to disk, no document type is taken (and so no entity), and what would be
unpacked is counted before it is read.
"""

import posixpath
from io import BytesIO
from typing import ClassVar
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from postroom.mime.html import Seen
from postroom.mime.texts import MAX_TEXT, Unreadable

MAX_XML = 64 * 2**20  # bytes, unpacked
_CHUNK = 64 * 1024
_OLE = b"\xd0\xcf\x11\xe0"
_WORD = ("wordprocessingml/2006/main", "wordprocessingml/main")  # transitional and strict
_OFF = frozenset(("0", "false", "off"))
_BROKEN = "It is no DOCX that can be read."


def to_text(content: bytes) -> str:
    """Return what `read` gives, without what was left out."""
    return read(content).text


def read(content: bytes) -> Seen:
    """Return the text, a line a paragraph, cells of a table with tabs between; little more than MAX_TEXT characters.

    Raises:
        Unreadable: it is no DOCX, is encrypted, or would be too large unpacked.
    """
    if content.startswith(_OLE):  # [MS-OFFCRYPTO] 1.3: an encrypted document is wrapped in the older format
        raise Unreadable("The document is encrypted, or of an older format than DOCX.")
    try:
        with ZipFile(BytesIO(content)) as archive:
            main = _main_part(archive)
            pages = _Pages()
            for name in (main, *(posixpath.join(posixpath.dirname(main), f"{note}notes.xml") for note in _NOTES)):
                _feed(archive, name, pages, needed=name == main)
    except (BadZipFile, expat.ExpatError, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        # RuntimeError: a password; NotImplementedError: a compression that Python lacks; the others: damage.
        raise Unreadable(_BROKEN) from error
    return Seen(pages.text(), "", pages.concealed)


_NOTES = ("foot", "end")


def _main_part(archive: ZipFile) -> str:
    """Return the name of the part that is the document (ECMA-376-2 9.3, relationships of the package)."""
    found: list[str] = []

    def start(_name: str, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith("/officeDocument"):
            found.append(attributes.get("Target", "").lstrip("/"))

    parser = _parser()
    parser.StartElementHandler = start
    _parse(archive, "_rels/.rels", parser)
    if not found:
        raise Unreadable(_BROKEN)
    return found[0]


def _feed(archive: ZipFile, name: str, pages: "_Pages", *, needed: bool) -> None:
    if not needed and name not in archive.NameToInfo:
        return
    parser = _parser()
    parser.StartElementHandler = pages.start
    parser.EndElementHandler = pages.end
    parser.CharacterDataHandler = pages.characters
    try:
        _parse(archive, name, parser)
    except _EnoughError:
        return


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _refuse(*_declaration: object) -> None:
    # ECMA-376-2 9.1.1: parts have none; all expansion of entities begins here.
    raise Unreadable(_BROKEN)


def _parse(archive: ZipFile, name: str, parser: expat.XMLParserType) -> None:
    if name not in archive.NameToInfo:
        raise Unreadable(_BROKEN)
    left = MAX_XML
    with archive.open(name) as part:
        while piece := part.read(_CHUNK):
            left -= len(piece)
            if left < 0:
                raise Unreadable(f"Unpacked it is larger than {MAX_XML // 2**20} MiB.")
            parser.Parse(piece, False)
    parser.Parse(b"", True)


class _EnoughError(Exception):
    """As much text as is given has been read."""


class _Pages:
    """The text read so far, and where in the document the reading is."""

    _SKIPPED: ClassVar = frozenset(("del", "moveFrom", "instrText"))
    _MARKS: ClassVar = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
    _ENDS: ClassVar = {"tc": "\t", "tr": "\n"}

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._skipped = 0  # elements that are open inside of one that is left out
        self._hidden: list[bool] = []  # of the runs that are open, the outermost first
        self._concealed = 0  # how many of them are
        self._cells = 0
        self.concealed = 0  # runs, and stretches of them, that are hidden and have a text
        self._is_in_concealed = False
        self._is_text = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        is_word = space.endswith(_WORD)
        # ECMA-376-3 10: what is in the choice stands in the fallback once more.
        if self._skipped or (local in self._SKIPPED if is_word else local == "Fallback"):
            self._skipped += 1
        elif is_word:
            self._begin(local, next((v for k, v in attributes.items() if k.endswith(" val")), ""))

    def _begin(self, local: str, value: str) -> None:
        if local == "r":
            self._hidden.append(False)
        elif local == "t":
            self._is_text = True
        elif local in ("vanish", "webHidden") and self._hidden:
            self._concealed += (value not in _OFF) - self._hidden[-1]
            self._hidden[-1] = value not in _OFF
        elif local in self._MARKS and self._hidden:  # outside of a run a tab is where one stops
            self._write(self._MARKS[local])
        elif local == "numPr":
            self._write("- ")
        elif local == "tc":
            self._cells += 1

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        space, _, local = name.rpartition(" ")
        if not space.endswith(_WORD):
            return
        if local == "r" and self._hidden:
            self._concealed -= self._hidden.pop()
        elif local == "t":
            self._is_text = False
        elif local == "p":
            self._add(" " if self._cells else "\n")
        elif local in self._ENDS:
            self._cells -= local == "tc"
            self._add(self._ENDS[local])

    def characters(self, text: str) -> None:
        if self._is_text and not self._skipped:
            self._write(text)

    def _write(self, text: str) -> None:
        if not self._concealed:
            self._add(text)
            self._is_in_concealed = False
        elif text.strip():
            self.concealed += not self._is_in_concealed
            self._is_in_concealed = True

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)
        if self._size > MAX_TEXT:
            raise _EnoughError

    def text(self) -> str:
        """Return what was read."""
        lines = "".join(self._pieces).replace(" \t", "\t").split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n")
