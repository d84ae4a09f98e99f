"""An operation: one thing that Postroom can do for whoever may ask, described once; and what a handler may touch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from postroom.mime.encode import ascii_domain
from postroom.model.tenant import Actor
from postroom.store.secret import Secret
from postroom.store.transaction import Transaction

T = TypeVar("T")


class Input(BaseModel):
    """Base of all inputs: unknown fields are refused, never dropped; field descriptions are what every face shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# Of a field that may be absent: the command line takes it by its place all the same.
BY_PLACE: dict[str, Any] = {"by_place": True}


# Of a field that /v0, whose fields are another's, does not take.
OURS: dict[str, Any] = {"ours": True}


class Nothing(Input):
    """No argument."""


@dataclass(frozen=True)
class House:
    """What of the settings the services need. `domain` is where inboxes are made, `secret` seals what no copy
    of the database may tell.
    """

    domain: str
    secret: Secret
    max_message_bytes: int = 50 * 2**20
    inbox_limit: int = 100_000  # of one organization, as is the next
    domain_limit: int = 1_000
    key_rate: float = 2_000  # requests a second of one family of keys; 0: no limit
    key_burst: int = 20_000  # and at once

    @property
    def message_id_domain(self) -> str:
        """The domain in A-labels: after the @ of the Message-IDs that we make, and what SMTP greets with."""
        return ascii_domain(self.domain)


@dataclass(frozen=True)
class Context:
    """What a handler may touch: who asks, the open transaction, the moment (UTC milliseconds), the settings.

    `seen` is told by handlers that show bodies: it is not empty where one came from outside.
    """

    actor: Actor
    tx: Transaction
    now: int
    house: House
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A result and the position in the log at which it was true: nothing at or before it is news any more."""

    result: T
    position: int


ANYONE = "anyone"  # the scope of what every key may do, whatever its permissions


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A row of the table. `mode`: `read` and `write` handlers are plain functions `(Context, input)` inside one
    transaction; an `own` handler is a coroutine `(Desk, Actor, input)` that calls the desk again around what must wait
    and returns an `Answer`.
    """

    name: str  # "messages.reply": the group, then the verb
    handler: Callable[..., Any]
    input: type[BaseModel]
    scope: str  # the permission that a key must have, or ANYONE; "" = Postroom itself alone
    mode: Literal["read", "write", "own"] = "read"
    destroys: bool = False
    idempotent: bool = False
    least: Literal["org", "pod", "inbox"] = "inbox"  # a key that is confined to less is always refused
    alone: bool = False  # writes in a transaction of its own: FTS5 writes out what it gathered at every savepoint
    internal: bool = False  # a step of another operation or of a worker: no face names it
    quick: bool = False  # reads few rows by their keys: may be done without a hop to a thread (store/pace.py)

    def reaches_far_enough(self, actor: Actor) -> bool:
        """Tell whether a key is not confined to less than this takes."""
        reach = actor.reach
        return (reach.inbox_id is None or self.least == "inbox") and (reach.pod_id is None or self.least != "org")

    def is_open_to(self, actor: Actor) -> bool:
        """Tell whether the permissions and the reach of a key let it ask for this."""
        return (self.scope == ANYONE or actor.may(self.scope)) and self.reaches_far_enough(actor)

    @property
    def summary(self) -> str:
        """The first sentence of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().split("\n")[0]
