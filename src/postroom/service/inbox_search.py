"""Finding inboxes by the beginnings of words of their addresses and display names, along an index of those words."""

from typing import NamedTuple

from pydantic import Field

from postroom.model.address import address_key
from postroom.model.errors import InvalidInput
from postroom.model.inbox import Inbox, words_of
from postroom.model.page import Page
from postroom.service import places
from postroom.service.inboxes import within_reach
from postroom.service.operation import Context, Input
from postroom.store.queries import inboxes as queries

_SCAN = 2_000  # words that one page looks at
_WEIGHED = 4  # words of a search, the longest, of which the rarest leads
_RARE = 10  # a word that fewer have is rare, and no other need be counted further
_ENOUGH = 500  # a word is common from here on; it is not counted further
_AFTER_ALL = "\U0010ffff"


class SearchInboxes(Input):
    q: str = Field(min_length=2, max_length=256, description="Beginnings of words of the address or display name.")
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")


def search(context: Context, given: SearchInboxes) -> Page[Inbox]:
    """Find inboxes by the beginnings of words; the one whose exact address is searched for comes first.

    A page may be short, even empty, and have a token: it looks at so many words of the index and no more.
    """
    wanted = words_of(given.q)
    exact = context.tx.one(queries.BY_ADDRESS, address_key=address_key(given.q.strip())) if "@" in given.q else None
    if not wanted:
        return Page(items=())
    walk = _Walk(context, wanted, exact, given)
    if given.page_token:
        return walk.look(_place(given.page_token, wanted), _SCAN)[0]
    # Where all words are common, any of them fills a page at once; to count them would cost more than the page.
    longest = min(wanted, key=lambda word: (-len(word), word))
    page, is_whole = walk.look(_Mark(longest, longest, ""), 1)
    if not is_whole:
        rarest = _rarest(context, wanted)
        page, _is_whole = walk.look(_Mark(rarest, rarest, ""), _SCAN)
    return page


class _Mark(NamedTuple):
    """A place in the index: the word that is walked along, and the row after which to go on."""

    lead: str
    word: str
    seq: str


class _Walk:
    """A search that walks along the index of words; the inbox `exact` stands first on its first page."""

    def __init__(self, context: Context, wanted: frozenset[str], exact: Inbox | None, given: SearchInboxes) -> None:
        self._context = context
        self._wanted = wanted
        self._exact = exact
        self._limit = given.limit
        self._first = [exact] if exact is not None and not given.page_token else []

    def look(self, mark: _Mark, scan: int) -> tuple[Page[Inbox], bool]:
        """Return the page after `mark`, and whether it is full or the last; `scan` rows were looked at otherwise."""
        within, owner = within_reach(self._context)
        query, end = queries.by_word(within), mark.lead + _AFTER_ALL
        found, n, scanned = list(self._first), self._limit + 1, 0
        while scanned < scan:
            rows = self._context.tx.all(query, owner=owner, word=mark.word, seq=mark.seq, end=end, n=n)
            for at, inbox in rows:
                if len(found) == self._limit:
                    return Page(tuple(found), _token(mark)), True
                if self._fits(mark.lead, at, inbox):
                    found.append(inbox)
                mark = _Mark(mark.lead, at, inbox.inbox_id)
            if len(rows) < n:
                return Page(tuple(found)), True
            scanned, n = scanned + len(rows), 100
        return Page(tuple(found), _token(mark)), False

    def _fits(self, lead: str, word: str, inbox: Inbox) -> bool:
        words = words_of(inbox.address, inbox.display_name)
        # An inbox stands in the index once a word: it is shown at the first that fits.
        first = min((w for w in words if w.startswith(lead)), default=word)
        everything = all(any(w.startswith(begin) for w in words) for begin in self._wanted)
        return word == first and everything and (self._exact is None or inbox.inbox_id != self._exact.inbox_id)


def _rarest(context: Context, wanted: frozenset[str]) -> str:
    """Return the word to walk along: of the longest few the one that the fewest inboxes have."""
    longest = sorted(wanted, key=lambda word: (-len(word), word))[:_WEIGHED]
    if len(longest) == 1:
        return longest[0]
    within, owner = within_reach(context)
    query = queries.count_words(within)
    weights: dict[str, int] = {}
    for most in (_RARE, _ENOUGH):
        weights = {
            word: context.tx.one(query, owner=owner, begin=word, end=word + _AFTER_ALL, n=most) or 0 for word in longest
        }
        if min(weights.values()) < most:
            break
    return min(longest, key=weights.__getitem__)


def _token(mark: _Mark) -> str:
    return places.seal("inbox_search", (0, " ".join(mark)))


def _place(token: str, wanted: frozenset[str]) -> _Mark:
    """Return the place that a token says. Raises InvalidInput for one of another search."""
    lead, _space, rest = str(places.opened("inbox_search", token)[1]).partition(" ")
    word, _space, seq = rest.partition(" ")
    if lead not in wanted or not word.startswith(lead):
        raise InvalidInput.at("page_token", "not a token of this search.", fix="Leave it out to begin anew.")
    return _Mark(lead, word, seq)
