"""A row of the table of tools, and what tools share: lists that take a bare string, results with text and data."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from postroom.model.tenant import Actor
from postroom.service.catalog import OPERATIONS

Strings = list[str] | str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A tool: the function whose name and signature are its own, the operation whose row gives its hints.

    `says` describes arguments that the operation's input does not have; `described` stands in for that input.
    """

    title: str
    operation: str
    others: tuple[str, ...] = ()  # what it does as well, for other arguments; a key that may do one may use it
    toolset: str = "core"
    function: Callable[..., Awaitable[CallToolResult]]
    outside: bool = False  # shows or sends what comes from outside this server
    leaves: bool = False  # cannot be taken back
    asks: bool = False  # puts a question to the person at the client, which a policy must allow
    waits: bool = False  # waits for what may happen, and says meanwhile that it does; ends when who calls has gone
    changes: bool = False  # is idempotent and no deletion, and changes something all the same
    says: Mapping[str, str] = field(default_factory=dict)
    described: type[BaseModel] | None = None
    unlisted: tuple[str, ...] = ()  # arguments that are taken, and left out of the list for its weight
    nulls: tuple[str, ...] = ()  # arguments whose null says something; of all others it is what was left out
    beyond_inbox: bool = False  # of no use to a key of one inbox, whatever the operation answers it
    names_inbox: bool = False  # its inbox is always named, by a key of that inbox too
    instead: str = ""  # which tools do the same where this one is not offered, a sentence
    elsewhere: Mapping[str, str] = field(default_factory=dict)  # what takes an argument that this one does not

    @property
    def name(self) -> str:
        return str(getattr(self.function, "__name__", ""))

    @property
    def scope(self) -> str:
        """The permission that a key must have."""
        return OPERATIONS[self.operation].scope

    @property
    def reads(self) -> bool:
        """Whether it changes nothing at all."""
        operation = OPERATIONS[self.operation]
        return operation.idempotent and not operation.destroys and not self.changes

    @property
    def speaks(self) -> bool:
        """Whether it may say something before its answer: over HTTP it is given a stream."""
        return self.asks or self.waits

    def may_use(self, actor: Actor) -> bool:
        """Tell whether the permissions and the reach of a key let it use this tool."""
        if not self._reaches_far_enough(actor):
            return False
        return any(OPERATIONS[name].is_open_to(actor) for name in (self.operation, *self.others))

    def _reaches_far_enough(self, actor: Actor) -> bool:
        return not (self.beyond_inbox and actor.reach.inbox_id is not None)

    def why_not(self, actor: Actor) -> str | None:
        """Return why a key may not use this tool, and what is to be asked for; None: it may."""
        operation = OPERATIONS[self.operation]
        if self.may_use(actor):
            return None
        if operation.reaches_far_enough(actor) and self._reaches_far_enough(actor):
            return f"This key may not use {self.name}: it lacks the permission {self.scope}. Ask for a key that has it."
        kind = "organization" if operation.least == "org" else "pod"
        return f"This key may not use {self.name}: it takes a key of a whole {kind}. Ask for one."

    @property
    def description(self) -> str:
        return " ".join((self.function.__doc__ or "").split())


def answer(text: str, data: BaseModel, *, untrusted: bool = False) -> CallToolResult:
    """Return a result: `text` for the model, short, with every id it may need next; `data` for programs."""
    return result(text, data.model_dump(mode="json", by_alias=True, exclude_none=True), untrusted=untrusted)


def result(text: str, data: dict[str, Any], *, untrusted: bool = False) -> CallToolResult:
    """Return a result whose data is ready for JSON, of the shape that the tool's output schema says.

    `untrusted`: it shows what somebody wrote whom nobody verified; its `_meta` says so to the host.
    """
    meta = {"postroom/untrusted": True} if untrusted else None
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data, _meta=meta)


def listed(given: Strings | None) -> list[str] | None:
    """Return a list of strings for one that may be a bare string."""
    return [given] if isinstance(given, str) else given


def more(token: str | None) -> str:
    """Return the line that says how to go on, empty at the end."""
    return f"\nMore: call again with page_token={token!r}." if token else ""


def past_end(offset: int, size: int) -> str:
    """Return the line that says that a piece begins past the end of what has `size` characters, else nothing."""
    return f"\noffset {offset} is past its end: it has {size} characters." if offset >= size > 0 else ""


def at(position: int) -> str:
    """Return the line that says at which position a result was true."""
    return f"\nposition: {position}"
