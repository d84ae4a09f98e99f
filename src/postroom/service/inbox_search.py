"""Finding inboxes by the beginnings of words of their addresses and display names, along an index of those words."""

from collections.abc import Callable

from pydantic import Field

from postroom.model.address import address_key
from postroom.model.inbox import Inbox, words_of
from postroom.model.page import Page
from postroom.service import places
from postroom.service.inboxes import within_reach
from postroom.service.operation import Context, Input
from postroom.store.queries import inboxes as queries

_SCAN = 2_000  # words that one page looks at
_WEIGHED = 4  # words of a search, the longest, of which the rarest leads
_ENOUGH = 500  # a word is common from here on; it is not counted further
_Keep = Callable[[str, Inbox], bool]
_AFTER_ALL = "\U0010ffff"


class SearchInboxes(Input):
    q: str = Field(min_length=2, max_length=256, description="Beginnings of words of the address or display name.")
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the page before.")


def search(context: Context, given: SearchInboxes) -> Page[Inbox]:
    """Find inboxes by the beginnings of words; the one whose exact address is searched for comes first.

    A page may be short, even empty, and have a token: it looks at so many words of the index and no more.
    """
    wanted = words_of(given.q)
    exact = context.tx.one(queries.BY_ADDRESS, address_key=address_key(given.q.strip())) if "@" in given.q else None
    if not wanted:
        return Page(items=())
    lead = _rarest(context, wanted)
    found = [] if exact is None or given.page_token else [exact]

    def keep(word: str, inbox: Inbox) -> bool:
        words = words_of(inbox.address, inbox.display_name)
        # An inbox stands in the index once a word: it is shown at the first that fits.
        first = min((w for w in words if w.startswith(lead)), default=word)
        everything = all(any(w.startswith(begin) for w in words) for begin in wanted)
        return word == first and everything and (exact is None or inbox.inbox_id != exact.inbox_id)

    return _walk(context, given, lead, found, keep)


def _walk(context: Context, given: SearchInboxes, lead: str, found: list[Inbox], keep: _Keep) -> Page[Inbox]:
    within, owner = within_reach(context)
    query = queries.by_word(within)
    word, seq = _place(given.page_token) or (lead, "")
    end, n, scanned = lead + _AFTER_ALL, given.limit + 1, 0
    while scanned < _SCAN:
        rows = context.tx.all(query, owner=owner, word=max(word, lead), seq=seq, end=end, n=n)
        for at, inbox in rows:
            if len(found) == given.limit:
                return Page(items=tuple(found), next_page_token=_token(word, seq))
            if keep(at, inbox):
                found.append(inbox)
            word, seq = at, inbox.inbox_id
        if len(rows) < n:
            return Page(items=tuple(found))
        scanned, n = scanned + len(rows), 100
    return Page(items=tuple(found), next_page_token=_token(word, seq))


def _rarest(context: Context, wanted: frozenset[str]) -> str:
    """Return the word to walk along: of the longest few the one that the fewest inboxes have."""
    longest = sorted(wanted, key=lambda word: (-len(word), word))[:_WEIGHED]
    if len(longest) == 1:
        return longest[0]
    within, owner = within_reach(context)
    query = queries.count_words(within)

    def weight(word: str) -> int:
        return context.tx.one(query, owner=owner, begin=word, end=word + _AFTER_ALL, n=_ENOUGH) or 0

    return min(longest, key=weight)


def _token(word: str, seq: str) -> str:
    return places.seal("inbox_search", (0, f"{word} {seq}"))


def _place(token: str | None) -> tuple[str, str] | None:
    if not token:
        return None
    word, _space, seq = str(places.opened("inbox_search", token)[1]).partition(" ")
    return word, seq
