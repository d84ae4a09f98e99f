"""What a person allows when allowing a group of tools: the permissions of each. It offers no tool."""

from collections.abc import Iterable

_CORE = frozenset(
    {
        *(f"inbox_{verb}" for verb in ("read", "create", "update", "delete")),
        *(f"message_{verb}" for verb in ("read", "reply", "send", "update", "delete")),
        *(f"draft_{verb}" for verb in ("read", "create", "update", "delete", "send")),
        # What the server hid for the agent's own safety (blocked, unauthenticated) stays hidden.
        *("label_spam_read", "label_trash_read"),
    }
)
PERMISSIONS: dict[str, frozenset[str]] = {
    "core": _CORE,
    "domains": frozenset(f"domain_{verb}" for verb in ("read", "create", "update", "delete")),
    "threads": frozenset({"message_read", "message_update"}),
    "work": frozenset({"inbox_read", "message_read", "message_update", "message_send"}),
    "webhooks": frozenset(f"webhook_{verb}" for verb in ("read", "create", "update", "delete")),
    "lists": frozenset(f"list_entry_{verb}" for verb in ("read", "create", "delete")),
    "metrics": frozenset({"metrics_read"}),
    "admin": frozenset(
        {
            *(f"api_key_{verb}" for verb in ("read", "create", "update", "delete")),
            *(f"pod_{verb}" for verb in ("read", "create", "update", "delete")),
        }
    ),
}
DEFAULT = ("core", "domains")
ALL = tuple(PERMISSIONS)
BEYOND_INBOX = ("domains",)  # of no use to a key of one inbox
ON_REQUEST = ("admin",)  # no metadata speak of it: a client that asks for all that it reads of does not ask for keys
SAYS = {
    "core": "read, write and organize mail, drafts and inboxes",
    "domains": "domains of one's own; not with a single inbox",
    "threads": "search and label conversations",
    "work": "mail as work: claim, answer, hand back",
    "webhooks": "tell other servers of events",
    "lists": "who may write and be written to",
    "metrics": "numbers",
    "admin": "API keys and pods",
}


def told(offered: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes that metadata speak of, of a server that offers these toolsets."""
    listed = tuple(offered)
    return tuple(name for name in listed if name not in ON_REQUEST) or listed


def permissions_of(toolsets: Iterable[str], mine: frozenset[str] | None) -> frozenset[str]:
    """Return the permissions of toolsets that are known, of those that `mine` has (None: all)."""
    wanted = frozenset().union(*(PERMISSIONS.get(name, frozenset()) for name in toolsets))
    return wanted if mine is None else wanted & mine
