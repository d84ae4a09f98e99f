"""Places in a list: what a page token says, spelled so that nobody is tempted to reckon with it.

A token is a position in an index (time and row number), bound to the kind of list that it came from. It carries no
right: one that was made up is a place in what its bearer may see anyway.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from pydantic import Field

from postroom.model.errors import InvalidInput
from postroom.model.page import Page
from postroom.service.operation import Input
from postroom.store.json import as_json

FIRST = (-1, -1)
LAST = (2**62, 2**62)
# Lists whose rows of one moment are told apart by an id, not by a number.
BY_NAME = frozenset(
    {
        "claims",
        "webhooks",
        "domains",
        "inboxes",
        "inbox_search",
        "pods",
        "keys",
        "lists",
        "policies",
        "approvals",
        "trash",
    }
)
EVER = 2**62  # an upper bound for times and row numbers
SCAN = 500


class ByNumber(Input):
    """What a list takes that has pages by number besides those by a token."""

    offset: int | None = Field(
        default=None, ge=0, le=2**53, description="Leave out so many, and say how many there are; not with page_token."
    )


def seal(listing: str, place: tuple[int, int | str]) -> str:
    """Return the token for `place` in the list that `listing` names."""
    return base64.urlsafe_b64encode(as_json([listing, *place]).encode()).decode().rstrip("=")


def opened(listing: str, token: str) -> tuple[int, int | str]:
    """Return the place that a token says. Raises InvalidInput for one of another kind of list, or that says none."""
    try:
        found, at, seq = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True))
        kinds = (type(at), type(seq)) == (int, str if listing in BY_NAME else int)
        if found == listing and kinds and all(-1 <= n <= EVER for n in (at, seq) if isinstance(n, int)):
            return at, seq
    except (ValueError, binascii.Error, TypeError, RecursionError):
        pass
    raise InvalidInput.at(
        "page_token", "not a token of this list.", fix="Take next_page_token of the page before, or leave it out."
    )


def window(listing: str, token: str | None, *, ascending: bool) -> dict[str, int | str]:
    """Return the parameters `at` and `seq` of a page query: where the last page ended, or the end to begin at."""
    at, seq = opened(listing, token) if token else (FIRST if ascending else LAST)
    return {"at": at, "seq": seq}


T = TypeVar("T")


def turn(
    listing: str,
    token: str | None,
    *,
    ascending: bool,
    limit: int,
    fetch: Callable[[dict[str, int | str], int], list[T]],
    place: Callable[[T], tuple[int, str]],
) -> Page[T]:
    """Return the next page of a list in which an id tells rows of one moment apart; `place` says where a row stands."""
    mark = window(listing, token, ascending=ascending)
    rows = fetch({"at": mark["at"], "seq": str(mark["seq"])}, limit + 1)
    following = seal(listing, place(rows[limit - 1])) if len(rows) > limit else None
    return Page(items=tuple(rows[:limit]), next_page_token=following)


def leap(skip: int, total: int, fetch: Callable[[int], Iterable[T]]) -> Page[T]:
    """Return the page of a list of `total` rows that begins after `skip` of them; `fetch` leaves those out."""
    return Page(items=tuple(fetch(skip)) if skip < total else (), total=total)


def from_end(listing: str, *, ascending: bool) -> dict[str, int | str]:
    """Return the parameters by which a page query begins at the end of a list whose rows are told apart by an id."""
    mark = window(listing, None, ascending=ascending)
    return {"at": mark["at"], "seq": "" if ascending else "~"}


def number(offset: int | None, token: str | None) -> int | None:
    """Return how many rows a page by number leaves out, None for a page by a token.

    Raises:
        InvalidInput: both were given.
    """
    if offset is not None and token is not None:
        raise InvalidInput.at("offset", "exclusive with page_token.", fix="Leave out either.")
    return offset


def span(after: int | None, before: int | None) -> dict[str, int]:
    """Return the times of a list, `since` and `until`, as `walk` and the page queries take them."""
    return {"since": after or 0, "until": EVER if before is None else before}


class Placed(Protocol):
    """A row of a list by time."""

    @property
    def timestamp(self) -> int: ...

    @property
    def seq(self) -> int: ...


P = TypeVar("P", bound=Placed)


def walk(
    listing: str,
    token: str | None,
    *,
    ascending: bool,
    limit: int,
    fetch: Callable[[dict[str, int | str], int], list[P]],
    keep: Callable[[P], bool],
    since: int = -EVER,
    until: int = EVER + 1,
) -> Page[P]:
    """Return the next page of a list by time: the rows that `fetch(place, n)` gives and `keep` lets through.

    Of the times, from `since` on and before `until`, `fetch` need look only to the one at the far end: where the near
    one lies beyond the last page, the walk begins there. An index is entered at one place, not at the later of two.
    Looks at SCAN rows at most: a filter that matches little gives a short page, even an empty one, with a token.
    """
    place = window(listing, token, ascending=ascending)
    mark = (place["at"], place["seq"])
    at, seq = max(mark, (since - 1, EVER)) if ascending else min(mark, (until, -1))
    place = {"at": at, "seq": seq}
    found: list[P] = []
    scanned, n = 0, limit + 1
    while scanned < SCAN:
        rows = fetch(place, n)
        for row in rows:
            if len(found) == limit:
                return Page(items=tuple(found), next_page_token=seal(listing, (found[-1].timestamp, found[-1].seq)))
            if keep(row):
                found.append(row)
        if len(rows) < n:
            return Page(items=tuple(found))
        scanned, n = scanned + len(rows), 100
        place = {"at": rows[-1].timestamp, "seq": rows[-1].seq}
    return Page(items=tuple(found), next_page_token=seal(listing, (int(place["at"]), place["seq"])))
