"""Tells by the header whether a program wrote a message that nobody expects an answer to. Holds and answers nothing."""

import re

from postroom.mime.headers import Block

_MARKS = frozenset({"auto-submitted", "precedence"})
_MANY = frozenset({"bulk", "junk", "auto_reply"})
_COMMENT = re.compile(r"\([^()]*+\)")


def is_automatic(block: Block) -> bool:
    """Tell whether a message says that a program wrote it: RFC 3834 5 (`no` alone is a person's).

    Precedence is in no standard, but in the mail of programs that are older than the field that is (RFC 3834 2). What a
    list hands on (RFC 2919, RFC 2369, `Precedence: list`) people wrote, mostly, and an answer to it is a part of it.
    """
    if _MARKS.isdisjoint(block.first):
        return False
    said = {_word(value) for value in block.every("auto-submitted")} - {"", "no"}
    return bool(said) or not _MANY.isdisjoint(_word(value) for value in block.every("precedence"))


def _word(value: str) -> str:
    """Return the first word of a value, without parameters and comments."""
    return _COMMENT.sub(" ", value).partition(";")[0].strip().partition(" ")[0].lower()
