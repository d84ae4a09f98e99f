"""Which tools may be named to whoever calls: no sentence sends a model to a tool that is not offered to it.

It decides nothing: the server says for each call what is offered.
"""

import re
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass

_NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")


@dataclass(frozen=True, slots=True)
class Offering:
    """The names of all tools, and whether one of them is offered to whoever calls."""

    names: Collection[str]
    has: Callable[[str], bool]


# Of the call at hand; None: nothing is known of it, and all is said.
OFFERING: ContextVar[Offering | None] = ContextVar("OFFERING", default=None)


def if_offered(words: str, otherwise: str = "") -> str:
    """Return words of ours that name tools, where every tool that they name is offered; else `otherwise`."""
    offering = OFFERING.get()
    if offering is None:
        return words
    named = {name for name in _NAME.findall(words) if name in offering.names}
    return words if all(map(offering.has, named)) else otherwise
