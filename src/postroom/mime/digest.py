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


def _any_of(names: tuple[str, ...]) -> str:
    """Return a pattern of names in any case, by first letter: a set is looked up, a word has to be tried."""
    by_letter = {letter: [name[1:] for name in names if name[0] == letter] for letter in {name[0] for name in names}}
    return "|".join(f"[{letter}{letter.lower()}](?i:{'|'.join(rest)})" for letter, rest in sorted(by_letter.items()))


_NAMES = f"(?:{_any_of((*_TRACE, 'ARC-[!-9;-~]*+'))})[ \\t]*+:".encode()
_FIRST = re.compile(rb"(?:" + _NAMES + rb"[^\n]*+\n(?:[ \t][^\n]*+\n)*+)+")
# Takes the line end before the field instead of the one behind it: a literal first byte is found quickly.
_NEXT = re.compile(rb"\n" + _NAMES + rb"[^\n]*+(?:\n[ \t][^\n]*+)*+(?=\n)")

_EMPTY = hashlib.blake2b(digest_size=32, usedforsecurity=False)
_PIECE = 2047
_SMALL = 64 * 1024


def digest(raw: Raw, block: Block) -> str:
    """Return the hex BLAKE2b-256 (RFC 7693) of `raw` without the trace fields of its header block.

    BLAKE2b, as a processor without instructions for SHA takes 8 us for 5 KB of it and 13 us for SHA-256.
    """
    hasher = _EMPTY.copy()  # a quarter of the price of a new one
    if block.complete and not _has_trace(block):
        _add(hasher, raw, 0, len(raw))
        return hasher.hexdigest()
    first = _FIRST.match(raw, 0, block.stop)
    position = first.end() if first else 0
    for trace in _NEXT.finditer(raw, position, block.stop):
        _add(hasher, raw, position, trace.start())
        position = trace.end()
    _add(hasher, raw, position, len(raw))
    return hasher.hexdigest()


def _add(hasher: hashlib.blake2b, raw: Raw, start: int, stop: int) -> None:
    """Hash ``raw[start:stop]``, what is small in pieces for which hashlib does not let go of the interpreter.

    From 2,048 bytes on it does, and a busy database thread then takes a turn: 100 us that 8 us of work wait for.
    """
    if stop - start > _SMALL:
        with memoryview(raw) as view, view[start:stop] as large:
            hasher.update(large)
        return
    for at in range(start, stop, _PIECE):
        hasher.update(raw[at : min(at + _PIECE, stop)])


def _has_trace(block: Block) -> bool:
    return not _LOWER.isdisjoint(block.first) or "\narc-" in "\n".join(("", *block.first))
