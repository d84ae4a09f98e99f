"""The digest by which two deliveries of one message are known for the same: SHA-256 without what transport added."""

import hashlib
import re

from postroom.mime.limits import Raw

_NAMES = (
    rb"(?:Received(?:-SPF)?|X-Received|Return-Path|Delivered-To|X-Original-To|DKIM-Signature|ARC-[!-9;-~]*+"
    rb"|Authentication-Results)[ \t]*+:"
)
_FIRST = re.compile(rb"(?:" + _NAMES + rb"[^\n]*+\n(?:[ \t][^\n]*+\n)*+)+", re.IGNORECASE)
# Takes the line end before the field instead of the one behind it: a literal first byte is found quickly.
_NEXT = re.compile(rb"\n" + _NAMES + rb"[^\n]*+(?:\n[ \t][^\n]*+)*+(?=\n)", re.IGNORECASE)


def digest(raw: Raw, header_end: int) -> str:
    """Return the hex SHA-256 of `raw` without its trace fields; `header_end`: offset behind the last header line."""
    first = _FIRST.match(raw, 0, header_end)
    position = first.end() if first else 0
    hasher = hashlib.sha256()
    with memoryview(raw) as view:
        for trace in _NEXT.finditer(raw, position, header_end):
            with view[position : trace.start()] as kept:
                hasher.update(kept)
            position = trace.end()
        with view[position:] as rest:
            hasher.update(rest)
    return hasher.hexdigest()
