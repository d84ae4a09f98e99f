"""Reads the one file of a multipart/form-data body (RFC 7578) piece by piece; small fields may stand before it."""

from collections.abc import AsyncIterator
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from postroom.model.errors import InvalidInput, TooLarge

_MAX_FIELD = 4_096  # bytes of a field or of a part's header
_MAX_PARTS = 20


class Form:
    """A body as it is read. After `open`, `fields` has what stands before the file, `file` how its part calls it."""

    def __init__(self, stream: AsyncIterator[bytes], content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:  # RFC 2046 5.1.1
            raise _unreadable()
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.content_type: str | None = None
        self._stream = stream
        self._pieces: list[bytes] = []
        self._header: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._field: str | None = None
        self._state, self._parts, self._text = "before", 0, b""
        on: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }
        self._parser = MultipartParser(boundary, on)

    async def open(self) -> None:
        """Read up to the file. Raises InvalidInput: there is none."""
        while self._state == "before":
            if not await self._read():
                raise InvalidInput.at("file", "is missing.", fix="Send a part that has a filename.")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file. Raises InvalidInput: the body ends within it."""
        while True:
            for piece in self._pieces:
                yield piece
            self._pieces.clear()
            if self._state == "after":
                return
            if not await self._read():
                raise _unreadable()

    async def _read(self) -> bool:
        piece = await anext(self._stream, b"")
        while piece == b"":
            following = await anext(self._stream, None)
            if following is None:
                return False
            piece = following
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise _unreadable() from error
        return True

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise TooLarge(f"The form has over {_MAX_PARTS} parts.", fix="Send the file alone.")
        self._header, self._field, self._text = {}, None, b""

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name = _bounded(self._name + data[start:end])

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value = _bounded(self._value + data[start:end])

    def _end_header(self) -> None:
        self._header[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end_headers(self) -> None:
        _kind, options = parse_options_header(self._header.get(b"content-disposition", b""))
        if self._state == "before" and b"filename" in options:
            self._state = "within"
            self.filename = options[b"filename"].decode("utf-8", "replace")
            self.content_type = self._header.get(b"content-type", b"").decode("latin-1") or None
        else:
            self._field = options.get(b"name", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field is not None:
            self._text = _bounded(self._text + data[start:end])
        else:
            self._pieces.append(data[start:end])

    def _end(self) -> None:
        if self._field is not None:
            self.fields.setdefault(self._field, self._text.decode("utf-8", "replace"))
        else:
            self._state = "after"


def _bounded(value: bytes) -> bytes:
    if len(value) > _MAX_FIELD:
        raise TooLarge(
            f"A field of the form is over {_MAX_FIELD} bytes.", fix="Send the file in a part with a filename."
        )
    return value


def _unreadable() -> InvalidInput:
    return InvalidInput("The body is not multipart/form-data.", fix="Send the bytes of the file as the body.")
