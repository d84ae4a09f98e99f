"""Full-text search in SQLite's FTS5: index in batches, search newest first, forget.

The inbox is a token of every row, so that a search in one inbox never walks another's mail. unicode61 does not segment
Chinese, Japanese, Thai and the like: their runs are indexed as overlapping pairs of letters and asked for as a phrase.
"""

import re
from collections.abc import Iterable, Sequence

from postroom.model.errors import InvalidInput
from postroom.store.transaction import Transaction

# Hiragana to CJK ideographs, compatibility ideographs, Hangul is spaced and needs none of this; Thai, Lao, Khmer do.
_UNSPACED = r"\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_RUN = re.compile(f"[{_UNSPACED}]+")
_WORD = re.compile(r"\w+")
_PHRASE = re.compile(r'"([^"]*)"|(\S+)')
MAX_BODY = 256 * 1024
MAX_TERMS = 32

_ADD = "INSERT INTO message_search(rowid, inbox, subject, people, body) VALUES (:seq, :inbox, :subject, :people, :body)"
_FORGET = (
    "INSERT INTO message_search(message_search, rowid, inbox, subject, people, body)"
    " VALUES ('delete', :seq, :inbox, :subject, :people, :body)"
)
_NEWEST = "SELECT coalesce(max(id), 0) FROM message_search_docsize"
_FIND = (
    "SELECT message_search.rowid FROM message_search JOIN message ON message.seq = message_search.rowid"
    " WHERE message_search MATCH :query AND message_search.rowid < :below"
    " AND message.timestamp >= :since AND message.timestamp < :until"
    " ORDER BY message_search.rowid DESC LIMIT :n"
)

Words = tuple[int, str, str | None, str, str]  # row number, inbox, subject, people, body


def _pairs(run: str) -> str:
    return " ".join(run[i : i + 2] for i in range(len(run) - 1)) if len(run) > 1 else run


def _segmented(text: str) -> str:
    return text if text.isascii() else _RUN.sub(lambda m: f" {_pairs(m[0])} ", text)


def _row(words: Words) -> dict[str, str | int]:
    seq, inbox, subject, people, body = words
    return {
        "seq": seq,
        "inbox": inbox.partition("_")[2],
        "subject": _segmented(subject or ""),
        "people": people,
        "body": _segmented(body[:MAX_BODY]),
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
    transaction: Transaction, inbox_id: str, query: str, *, below: int, since: int, until: int, n: int
) -> Sequence[int]:
    """Return the row numbers of at most `n` messages that have all words of `query`, newest first.

    Words match as prefixes, "quoted words" as a phrase. Raises InvalidInput for a query without a word.
    """
    match = f"inbox : {inbox_id.partition('_')[2]} AND ({_expression(query)})"
    rows = transaction.sql(_FIND, query=match, below=below, since=since, until=until, n=n).fetchall()
    return [row[0] for row in rows]


def _expression(query: str) -> str:
    terms = [t for m in _PHRASE.finditer(query) for t in _terms(m[1] or m[2] or "", phrase=m[1] is not None)]
    if not terms:
        raise InvalidInput.at("q", f"{query[:100]!r} has no word to search for.", fix="Give at least one word.")
    return "{subject people body} : (" + " AND ".join(terms[:MAX_TERMS]) + ")"


def _terms(text: str, *, phrase: bool) -> list[str]:
    words = _WORD.findall(_segmented(text))
    if not words:
        return []
    # An address or a number with dots is several tokens of unicode61 that stand side by side.
    return [f'"{" ".join(words)}"' + ("" if phrase else " *")]
