"""Full-text search in SQLite's FTS5: index in batches, search newest first, forget.

The inbox, the pod and the organization are tokens of every row, so that a search never walks mail of others. unicode61
does not segment Chinese, Japanese, Thai and the like: their runs are indexed as overlapping pairs of letters and asked
for as a phrase. It takes accents off Latin letters alone: here they are taken off Greek ones, and off Cyrillic ones
where they are no letter of their own (ё is sought as е; й is not и).
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from postroom.model.errors import InvalidInput
from postroom.model.message import HIDDEN
from postroom.store.transaction import Transaction

# Hiragana to CJK ideographs, compatibility ideographs, Hangul is spaced and needs none of this; Thai, Lao, Khmer do.
_UNSPACED = r"\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_RUN = re.compile(f"[{_UNSPACED}]+")
_WORD = re.compile(r"\w+")
_MARK = re.compile("[\u0300-\u036f]")
_DECOMPOSED = re.compile("[^\u0300-\u036f][\u0300-\u036f]+")
_STRESSED = "\u0400\u0401\u040d\u0450\u0451\u045d"  # Cyrillic
_PHRASE = re.compile(r'"([^"]*)"|(\S+)')
MAX_BODY = 256 * 1024
MAX_TERMS = 32

_ADD = "INSERT INTO message_search(rowid, inbox, subject, people, body) VALUES (:seq, :inbox, :subject, :people, :body)"
_FORGET = (
    "INSERT INTO message_search(message_search, rowid, inbox, subject, people, body)"
    " VALUES ('delete', :seq, :inbox, :subject, :people, :body)"
)
_NEWEST = "SELECT coalesce(max(id), 0) FROM message_search_docsize"
_SHOWN = "".join(f" AND instr(message.labels, '\"{label}\"') = 0" for label in HIDDEN)
# An inbox that is in the trash says nothing.
_LIVES = " AND NOT EXISTS (SELECT 1 FROM trash WHERE trash.id = message.inbox_id)"
_FIND = (
    "SELECT message_search.rowid FROM message_search JOIN message ON message.seq = message_search.rowid"
    " WHERE message_search MATCH :query AND message_search.rowid < :below"
    f" AND message.timestamp >= :since AND message.timestamp < :until{_SHOWN}{_LIVES}"
    " ORDER BY message_search.rowid DESC LIMIT :n OFFSET :skip"
)
_COUNT = f"SELECT count(*) FROM ({_FIND})"
MOST_COUNTED = 10_000  # each costs a look at its message
# The messages of the thread come first: each is a look into the index.
_IN_THREAD = (
    "SELECT 1 FROM message CROSS JOIN message_search ON message_search.rowid = message.seq"
    " WHERE message.thread_id = :thread_id AND message.seq >= :above AND message_search MATCH :query"
    f" AND message.timestamp >= :since AND message.timestamp < :until{_SHOWN} LIMIT 1"
)

# Row number, the ids of inbox, pod and organization with spaces between, subject, people, body.
Words = tuple[int, str, str | None, str, str]


def _pairs(run: str) -> str:
    return " ".join(run[i : i + 2] for i in range(len(run) - 1)) if len(run) > 1 else run


def _normal(text: str) -> str:
    """Return text as it is indexed and as it is sought: the same letters in one spelling, unspaced runs in pairs."""
    if text.isascii():
        return text
    if _MARK.search(text):
        # Letter by letter: the time that NFC takes grows with the square of a run of marks.
        text = _DECOMPOSED.sub(lambda m: unicodedata.normalize("NFC", m[0][:4]), text)
    accented, plain = _accents()
    for letter in set(accented.findall(text)):  # a third cheaper than a substitution
        text = text.replace(letter, plain[letter])
    return _RUN.sub(lambda m: f" {_pairs(m[0])} ", text)


@cache
def _accents() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return what finds a letter with an accent, or one that no letter could be joined with; and what becomes of it."""
    letters = (*map(chr, (*range(0x370, 0x400), *range(0x1F00, 0x2000))), *_STRESSED)
    bases = {c: unicodedata.normalize("NFD", c)[0] for c in letters if c.isalpha()}
    plain = {c: base for c, base in bases.items() if base != c} | dict.fromkeys(map(chr, range(0x300, 0x370)), "")
    plain["ς"] = "σ"  # the index takes Σ and ς for two letters
    return re.compile(f"[{''.join(sorted(plain))}]"), plain


def _row(words: Words) -> dict[str, str | int]:
    seq, owners, subject, people, body = words
    return {
        "seq": seq,
        "inbox": " ".join(map(_token, owners.split())),
        "subject": _normal(subject or ""),
        "people": _normal(people),
        "body": _normal(body[:MAX_BODY]),
    }


def index(transaction: Transaction, batch: Iterable[Words]) -> None:
    """Add messages to the index."""
    for words in batch:
        transaction.sql(_ADD, **_row(words))


def newest(transaction: Transaction) -> int:
    """Return the highest row number in the index: what is above waits for it, for messages go in in their order."""
    return int(transaction.sql(_NEWEST).fetchone()[0])


def forget(transaction: Transaction, words: Words) -> None:
    """Take a message out of the index; `words` must be what was put in."""
    transaction.sql(_FORGET, **_row(words))


def find(
    transaction: Transaction, owner: str, query: str, *, below: int, since: int, until: int, n: int, skip: int = 0
) -> Sequence[int]:
    """Return the row numbers of at most `n` messages that have all words of `query`, newest first, after `skip` others.

    `owner` is the id of an inbox, a pod or an organization. What lists leave out is never found. Words match as
    prefixes, "quoted words" as a phrase. Raises InvalidInput for a query without a word.
    """
    match = _match(owner, query)
    rows = transaction.sql(_FIND, query=match, below=below, since=since, until=until, n=n, skip=skip).fetchall()
    return [row[0] for row in rows]


def count(transaction: Transaction, owner: str, query: str, *, below: int, since: int, until: int, most: int) -> int:
    """Return how many messages `find` finds, at most `most`."""
    match = _match(owner, query)
    found = transaction.sql(_COUNT, query=match, below=below, since=since, until=until, n=most, skip=0)
    return int(found.fetchone()[0])


def is_in_newer(
    transaction: Transaction, owner: str, query: str, *, thread_id: str, above: int, since: int, until: int
) -> bool:
    """Tell whether `query` finds a message of a thread whose row number is at least `above`."""
    match = _match(owner, query)
    found = transaction.sql(_IN_THREAD, query=match, thread_id=thread_id, above=above, since=since, until=until)
    return found.fetchone() is not None


def is_unspaced(text: str) -> bool:
    """Tell whether a text has letters of a script that sets no spaces between words."""
    return _RUN.search(text) is not None


def _match(owner: str, query: str) -> str:
    return f"inbox : {_token(owner)} AND ({_expression(query)})"


def _token(owner: str) -> str:
    return owner.partition("_")[2]


def _expression(query: str) -> str:
    terms = [t for text, phrase in asked(query) for t in _terms(text, phrase=phrase)]
    if not terms:
        raise InvalidInput.at("q", f"{query[:100]!r} has no word to search for.", fix="Give at least one word.")
    return "{subject people body} : (" + " AND ".join(terms[:MAX_TERMS]) + ")"


def asked(query: str) -> list[tuple[str, bool]]:
    """Return what a query asks for, piece by piece, and whether each is a phrase that stood in quotation marks."""
    return [(m[1] or m[2] or "", m[1] is not None) for m in _PHRASE.finditer(query)]


def _terms(text: str, *, phrase: bool) -> list[str]:
    words = _WORD.findall(_normal(text))
    if not words:
        return []
    # An address or a number with dots is several tokens of unicode61 that stand side by side.
    return [f'"{" ".join(words)}"' + ("" if phrase else " *")]
