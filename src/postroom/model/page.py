"""A page of a list: its items, and the token that fetches the next, a position in an index; or how many there are."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """`items` in the list's order; `next_page_token` is None at the end.

    `total` is how many the whole list has, of a page that was asked for by its number: such a page has no token.
    """

    items: tuple[T, ...]
    next_page_token: str | None = None
    total: int | None = None
