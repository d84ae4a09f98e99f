"""Says where the words of a search stand in what it found. The index keeps no text: the messages are looked into.

Bounded: a page of results is looked into up to so many characters, and what lies beyond has no highlight.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from postroom.mime.html import to_text
from postroom.model.message import MessageSummary
from postroom.model.page import Page
from postroom.service import taint
from postroom.service.operation import Context
from postroom.store import search
from postroom.store.queries import messages

_T = TypeVar("_T")
_ROOM = 200_000  # characters of a page of results that are looked into
_MOST = 32 * 1024  # characters of one message
_FRAGMENTS = 3
_AROUND = 80  # characters that a fragment shows at each side of a word
_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")

Highlights = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Hits(Page[_T]):
    """A page of results with, in their order, the fields in which the words were found."""

    highlights: tuple[Highlights, ...] = ()


def highlights(context: Context, query: str, found: Sequence[MessageSummary]) -> tuple[Highlights, ...]:
    """Return for each message its fields `from`, `recipients`, `subject`, `text` that have words of the query.

    A field is a list of fragments with each word between two asterisks at each side.
    """
    pattern = _pattern(query)
    room, shown = _ROOM, []
    for message in found:
        text = _text(context, message, min(room, _MOST)) if room > 0 else ""
        room -= len(text)
        fields = {
            "from": _marked(pattern, (message.from_,)),
            "recipients": _marked(pattern, (*message.to, *message.cc, *message.bcc)),
            "subject": _marked(pattern, (message.subject or "",)),
            "text": _fragments(pattern, text),
        }
        if fields["text"]:  # words of its body: who asks for one after the other reads all of it
            taint.reads(context, message)
        shown.append({name: parts for name, parts in fields.items() if parts})
    return tuple(shown)


def _text(context: Context, message: MessageSummary, most: int) -> str:
    words = context.tx.one(messages.WORDS, seq=message.seq)
    if words is None:
        return ""
    return words.text[:most] if words.text is not None else to_text((words.html or "")[:most])


def _pattern(query: str) -> re.Pattern[str]:
    """Return what finds the words of a query in a folded text, each at its beginning, phrases in their order."""
    terms = []
    for text, phrase in search.asked(query)[: search.MAX_TERMS]:
        words = [re.escape(word) for word in _WORD.findall(_folded(text))]
        if words:
            # Scripts without spaces have no beginnings of words.
            begin = r"(?<!\w)" if words[0].isascii() or not search.is_unspaced(words[0]) else ""
            terms.append(begin + r"\W{1,10}".join(words) + (r"(?!\w)" if phrase else r"\w{0,40}"))
    return re.compile("|".join(sorted(set(terms), key=len, reverse=True)) or r"(?!)")


def _folded(text: str) -> str:
    """Return text without case and accents, as long as it was."""
    return text.lower() if text.isascii() else "".join(map(_letter, text))


@lru_cache(maxsize=4096)
def _letter(one: str) -> str:
    return unicodedata.normalize("NFD", one)[0].lower()[0]


def _marked(pattern: re.Pattern[str], texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(_with_marks(text, spans) for text in texts if (spans := _spans(pattern, text[:_MOST])))


def _spans(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    return [m.span() for m in pattern.finditer(_folded(text))]


def _with_marks(text: str, spans: Sequence[tuple[int, int]], begin: int = 0, end: int | None = None) -> str:
    """Return the part of a text from `begin` to `end` with the spans within it marked."""
    end = len(text) if end is None else end
    parts, at = [], begin
    for first, last in spans:
        if first >= at and last <= end:
            parts += [text[at:first], "**", text[first:last], "**"]
            at = last
    return "".join((*parts, text[at:end]))


def _fragments(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    spans = _spans(pattern, text)
    fragments: list[str] = []
    after = 0
    for first, last in spans:
        if first < after:
            continue  # the fragment before shows it
        if len(fragments) == _FRAGMENTS:
            break
        begin, after = max(after, first - _AROUND), min(len(text), last + _AROUND)
        fragments.append(_SPACE.sub(" ", _with_marks(text, spans, begin, after)).strip())
    return tuple(fragments)
