"""A page of a list: its items and the token that fetches the next, a position in an index and never an offset."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """`items` in the list's order; `next_page_token` is None at the end."""

    items: tuple[T, ...]
    next_page_token: str | None = None
