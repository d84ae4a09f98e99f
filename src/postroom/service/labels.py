"""Labels: which are Postroom's, which a caller may give, how they are spelled. It changes no message."""

from collections.abc import Collection, Iterable

from postroom.model.errors import InvalidInput
from postroom.model.message import HIDDEN

SYSTEM_LABELS = frozenset(
    {
        *("received", "sent", "delivered", "bounced", "complained", "delayed", "rejected", "opened"),
        *("draft", "scheduled", "pending_approval"),
    }
)
ARCHIVED = "archived"  # put aside: a message that was received and lacks it is in the inbox
# What Postroom puts on a message beside the caller's own labels, though callers may change some of it.
KEPT_LABELS = SYSTEM_LABELS | frozenset({*HIDDEN, "unread", "unsubscribed", ARCHIVED})
MAX_LABEL = 100
MAX_LABELS = 100


def own_labels(labels: Iterable[str]) -> list[str]:
    """Return those of a message's or a thread's labels that callers gave it."""
    return [label for label in labels if label not in KEPT_LABELS]


def replaced(before: Iterable[str], own: tuple[str, ...]) -> set[str]:
    """Return a message's labels whose caller's own ones are exchanged for `own`: what Postroom keeps there stays.

    Raises:
        InvalidInput: for what is none of the caller's own, or cannot be a label; for too many.
    """
    wanted = check_labels(own, "own_labels")
    if kept := sorted(KEPT_LABELS.intersection(wanted)):
        raise InvalidInput.at("own_labels", f"{kept[0]!r} is kept beside your own labels.", fix="Leave it out.")
    check_number(wanted, "own_labels")
    return {*wanted, *KEPT_LABELS.intersection(before)}


def check_labels(labels: tuple[str, ...], field: str) -> tuple[str, ...]:
    """Return labels as they are kept. Raises InvalidInput for one of the system's or one that cannot be a label."""
    kept = tuple(dict.fromkeys(folded(labels)))
    for label in kept:
        if label in SYSTEM_LABELS:
            raise InvalidInput.at(field, f"{label!r} is set by Postroom alone.", fix="Use a label of your own.")
        if not label or len(label) > MAX_LABEL or not label.isprintable():
            raise InvalidInput.at(field, f"{label[:50]!r} is no label.", fix=f"Use 1 to {MAX_LABEL} characters.")
    return kept


def check_number(labels: Collection[str], field: str) -> None:
    """Refuse more labels of the caller's own than a message has. Raises InvalidInput."""
    if len(labels) > MAX_LABELS:
        raise InvalidInput.at(field, f"a message has at most {MAX_LABELS} labels.")


def folded(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return labels as they are kept."""
    return tuple(label.strip().lower() for label in labels)
