"""The digest by which two deliveries of one message are known for the same: BLAKE2b without what transport added."""

import hashlib
import re

from postroom.mime.headers import Block
from postroom.mime.limits import Raw

_TRACE = (
    *("Received", "Received-SPF", "X-Received", "Return-Path", "Delivered-To", "X-Original-To", "DKIM-Signature"),
    "Authentication-Results",
)
_LOWER = frozenset(name.lower() for name in _TRACE)
_NAMES = rb"(?:" + "|".join(_TRACE).encode() + rb"|ARC-[!-9;-~]*+)[ \t]*+:"
_FIRST = re.compile(rb"(?:" + _NAMES + rb"[^\n]*+\n(?:[ \t][^\n]*+\n)*+)+", re.IGNORECASE)
# Takes the line end before the field instead of the one behind it: a literal first byte is found quickly.
_NEXT = re.compile(rb"\n" + _NAMES + rb"[^\n]*+(?:\n[ \t][^\n]*+)*+(?=\n)", re.IGNORECASE)

_PIECE = 2047
_SMALL = 64 * 1024


def digest(raw: Raw, block: Block) -> str:
    """Return the hex BLAKE2b-256 (RFC 7693) of `raw` without the trace fields of its header block.

    BLAKE2b, as a processor without instructions for SHA takes 8 us for 5 KB of it and 13 us for SHA-256.
    """
    hasher = hashlib.blake2b(digest_size=32, usedforsecurity=False)
    if block.complete and not _has_trace(block):
        _add(hasher, raw)
        return hasher.hexdigest()
    first = _FIRST.match(raw, 0, block.stop)
    position = first.end() if first else 0
    with memoryview(raw) as view:
        for trace in _NEXT.finditer(raw, position, block.stop):
            with view[position : trace.start()] as kept:
                _add(hasher, kept)
            position = trace.end()
        with view[position:] as rest:
            _add(hasher, rest)
    return hasher.hexdigest()


def _add(hasher: hashlib.blake2b, data: Raw | memoryview) -> None:
    """Hash `data`, a small message in pieces for which hashlib does not let go of the interpreter.

    From 2,048 bytes on it does, and a busy database thread then takes a turn: 100 us that 8 us of work wait for.
    """
    if len(data) > _SMALL:
        hasher.update(data)
        return
    for start in range(0, len(data), _PIECE):
        hasher.update(data[start : start + _PIECE])


def _has_trace(block: Block) -> bool:
    return not _LOWER.isdisjoint(block.first) or "\narc-" in "\n".join(("", *block.first))
