"""Hidden mail: which labels keep a message out of lists, and who may see it all the same. Changes nothing."""

from collections.abc import Iterable

from pydantic import Field

from postroom.model.errors import Forbidden
from postroom.model.message import HIDDEN
from postroom.service.operation import Context, Input

_ALL = frozenset(HIDDEN)


class WithHidden(Input):
    """What a list takes to show what it leaves out by default."""

    include_spam: bool = Field(default=False, description="Also what is labelled spam.")
    include_blocked: bool = Field(default=False, description="Also what is labelled blocked.")
    include_unauthenticated: bool = Field(default=False, description="Also what is labelled unauthenticated.")
    include_trash: bool = Field(default=False, description="Also what is labelled trash.")


def left_out(context: Context, given: WithHidden, labels: Iterable[str] = ()) -> frozenset[str]:
    """Return the labels whose bearers a list leaves out; to ask for one of `labels` is to include it.

    Raises:
        Forbidden: the key may not see what it asks for.
    """
    asked = {label for label in HIDDEN if getattr(given, f"include_{label}")} | (_ALL & set(labels))
    for label in sorted(asked):
        if not context.actor.may(_permission(label)):
            raise Forbidden(
                f"This key lacks the permission {_permission(label)}.", fix=f"Use a key that has {_permission(label)}."
            )
    return _ALL - asked


def unseen(context: Context) -> tuple[str, ...]:
    """Return the labels whose bearers are absent to who asks, in order."""
    return tuple(label for label in HIDDEN if not context.actor.may(_permission(label)))


def is_visible(context: Context, labels: Iterable[str]) -> bool:
    """Tell whether who asks may see what has these labels; to others it is absent."""
    if context.actor.permissions is None:
        return True
    return all(context.actor.may(_permission(label)) for label in _ALL.intersection(labels))


def check_reads(context: Context) -> None:
    """Let pass who may be shown messages: an answer that shows one is no way around it. Raises Forbidden."""
    if not context.actor.may("message_read"):
        raise Forbidden("This key lacks the permission message_read.", fix="Use a key that has message_read.")


def _permission(label: str) -> str:
    return f"label_{label}_read"
