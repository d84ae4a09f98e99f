"""Which tools a connection offers: toolsets, single tools, what is left out, reading alone. It grants no right.

The operator's selection comes first; the headers of a request can only make it smaller, and so does the key.
"""

import difflib
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from postroom.mcp.words import unknown

TOOLSETS = ("core", "domains", "threads", "work", "webhooks", "lists", "metrics", "admin")
DEFAULT_TOOLSETS = ("core", "domains")
_PREFIX = "x-mcp-"
# The names that hosts know from other servers.
HEADERS = {
    "toolsets": "x-mcp-toolsets",
    "tools": "x-mcp-tools",
    "exclude_tools": "x-mcp-exclude-tools",
    "read_only": "x-mcp-readonly",
}
_SETTINGS = {header: name for name, header in HEADERS.items()}
_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")
# What the headers of the request at hand leave of the tools; None: all that the operator offers.
ASKED: "ContextVar[Selection | None]" = ContextVar("ASKED", default=None)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What may be offered. `tools` None: all of the toolsets; names given there are offered whatever their toolset."""

    toolsets: frozenset[str] = frozenset(DEFAULT_TOOLSETS)
    tools: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    read_only: bool = False

    def offers(self, name: str, toolset: str, *, reads: bool) -> bool:
        """Tell whether a tool of this name and toolset is offered; `reads`: it changes nothing."""
        if name in self.excluded or (self.read_only and not reads):
            return False
        return name in self.tools if self.tools is not None else toolset in self.toolsets

    def why_not(self, name: str, toolset: str, *, reads: bool) -> str | None:
        """Return why a tool is not offered; None: it is."""
        if self.offers(name, toolset, reads=reads):
            return None
        if name in self.excluded:
            return "it is left out by name (exclude_tools)"
        if self.read_only and not reads:
            return "only tools that change nothing are (read_only)"
        if self.tools is not None:
            return "only the tools that are named are (tools)"
        return f"its toolset {toolset} is not (toolsets)"


def read_selection(
    toolsets: str | None = None,
    tools: str | None = None,
    exclude_tools: str | None = None,
    read_only: str | None = None,
) -> Selection:
    """Return the selection that comma lists say; `toolsets` may be `all` or `default`, `read_only` yes or no.

    `tools` are those tools and no others, whatever their toolset.

    Raises:
        ValueError: a toolset that there is not, or neither yes nor no; in a sentence that names the near one.
    """
    named = _names(tools)
    return Selection(
        toolsets=_toolsets(toolsets),
        tools=frozenset(named) if named else None,
        excluded=frozenset(_names(exclude_tools)),
        read_only=_flag(read_only),
    )


def from_headers(headers: Mapping[str, str]) -> Selection | None:
    """Return the selection that a request's headers ask for, None where they ask for none.

    They can only make the tools fewer, so none of them is passed over: who misspells one would have more than he asked.

    Raises:
        ValueError: a header of this prefix that there is not, or one that is empty; and what `read_selection` raises.
    """
    given: dict[str, str] = {}
    for header, value in headers.items():
        name = header.lower()
        if not name.startswith(_PREFIX):
            continue
        if name not in _SETTINGS:
            raise ValueError(_no_header(name))
        if not value.strip(" \t,"):
            raise ValueError(f"The header {_spelled(name)} is empty. Leave it out, or say what it is to be.")
        setting = _SETTINGS[name]
        # RFC 9110 5.3: one that stands twice is one list.
        given[setting] = f"{given[setting]},{value}" if setting in given else value
    if not given:
        return None
    # What a header does not speak of, it does not make smaller.
    return read_selection(**{"toolsets": "all", **given})


def _no_header(header: str) -> str:
    """Return the sentence that refuses a header; near is what is so behind the prefix, which all share."""
    known = {one.removeprefix(_PREFIX): _spelled(one) for one in _SETTINGS}
    near = difflib.get_close_matches(header.removeprefix(_PREFIX), known, 1)
    hint = f"Did you mean {known[near[0]]!r}?" if near else f"Known: {', '.join(known.values())}."
    return f"Unknown header {_spelled(header)[:80]!r}. {hint}"


def _spelled(header: str) -> str:
    """Return a header as documents write it."""
    return "-".join("MCP" if part == "mcp" else part.capitalize() for part in header.split("-"))


def offered_toolsets(selection: Selection) -> tuple[str, ...]:
    """Return the toolsets of which a tool is offered."""
    if selection == Selection(toolsets=selection.toolsets):
        return tuple(name for name in TOOLSETS if name in selection.toolsets)
    # All the tools have to be read for it, which takes a start its time.
    from postroom.mcp.face import Hands
    from postroom.mcp.tools import rows

    found = {row.toolset for row in rows(Hands()) if selection.offers(row.name, row.toolset, reads=row.reads)}
    return tuple(name for name in TOOLSETS if name in found)


def check_names(selection: Selection, known: Collection[str]) -> None:
    """Refuse names of tools that there are not. Raises ValueError."""
    for name in sorted((selection.tools or frozenset()) | selection.excluded):
        if name not in known:
            raise ValueError(unknown("tool", name, known))


def _toolsets(given: str | None) -> frozenset[str]:
    chosen: set[str] = set()
    for name in _names(given) or ["default"]:
        if name == "all":
            chosen |= set(TOOLSETS)
        elif name == "default":
            chosen |= set(DEFAULT_TOOLSETS)
        elif name in TOOLSETS:
            chosen.add(name)
        else:
            raise ValueError(unknown("toolset", name, (*TOOLSETS, "all", "default")))
    return frozenset(chosen)


def _names(given: str | None) -> list[str]:
    return [name.strip() for name in (given or "").split(",") if name.strip()]


def _flag(given: str | None) -> bool:
    word = (given or "no").strip().lower()
    if word not in (*_YES, *_NO):
        raise ValueError(f"{word[:40]!r} is neither yes nor no.")
    return word in _YES
