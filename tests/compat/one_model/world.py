"""What there is, as the test knows it: inboxes, messages, webhooks, keys, domains, scheduled drafts, and what of them
lists must show. It asks nothing; identities and sizes are given to it once, by whoever read them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

HIDDEN = frozenset({"spam", "blocked", "unauthenticated", "trash"})
# What Postroom keeps beside the caller's labels, by the documentation of the dialects.
KEPT = HIDDEN | {
    *("received", "sent", "delivered", "bounced", "complained", "delayed", "rejected", "opened"),
    *("draft", "scheduled", "pending_approval", "unread", "unsubscribed", "archived"),
}
Shown = dict[str, Any]


@dataclass(eq=False, kw_only=True)
class Box:
    """An inbox; in the trash it is nowhere but there."""

    id: str
    address: str
    name: str | None
    is_trashed: bool = False
    made: set[str] = field(default_factory=set)  # labels that have a colour


@dataclass(eq=False, kw_only=True)
class Letter:
    """A message in an inbox. `wire` is its Message-ID as other messages name it."""

    box: Box
    id: str
    public: str
    wire: str
    thread: str
    seq: int
    at: int
    size: int
    preview: str | None
    from_: str
    to: tuple[str, ...]
    subject: str
    files: int
    labels: set[str]
    is_deleted: bool = False  # a tool put it into the trash: it can be brought back

    @property
    def is_sent(self) -> bool:
        return "sent" in self.labels

    @property
    def is_hidden(self) -> bool:
        return not HIDDEN.isdisjoint(self.labels)

    def shown(self) -> Shown:
        """Return all that any face tells of it."""
        return {
            "inbox": self.box.id,
            "address": self.box.address,
            "id": self.id,
            "public": self.public,
            "thread": self.thread,
            "from": self.from_,
            "to": self.to,
            "subject": self.subject,
            "preview": self.preview,
            "size": self.size,
            "files": self.files,
            "at": self.at,
            "labels": frozenset(self.labels),
            "own": own(self.labels),
            "direction": "outbound" if self.is_sent else "inbound",
            "read": "unread" not in self.labels,
            "tagged": tagged(self.labels),
        }


@dataclass(eq=False, kw_only=True)
class Hook:
    """A webhook. `box`: the inbox that it was made in; `boxes`: those that it is told of."""

    id: str
    url: str
    events: tuple[str, ...]
    box: Box | None
    boxes: tuple[Box, ...]
    enabled: bool
    maker: str

    def shown(self) -> Shown:
        mine = self.boxes if self.box is None else (self.box,)
        return {
            "id": self.id,
            "url": self.url,
            "events": frozenset(self.events),
            "addresses": frozenset(box.address for box in self.boxes),
            "inboxes": frozenset(box.id for box in mine),
            "inbox": None if self.box is None else self.box.id,
            "address": None if self.box is None else self.box.address,
            "enabled": self.enabled,
            "has_secret": self.maker not in ("inai", "email"),
        }


@dataclass(eq=False, kw_only=True)
class Key:
    id: str
    name: str
    prefix: str
    box: Box | None

    def shown(self) -> Shown:
        address = None if self.box is None else self.box.address
        return {"id": self.id, "name": self.name, "prefix": self.prefix, "address": address}


@dataclass(eq=False, kw_only=True)
class Site:
    """A domain of one's own; `status` is that of the house."""

    id: str
    name: str
    status: str

    def shown(self) -> Shown:
        waits = self.status in ("NOT_STARTED", "PENDING", "VERIFYING")
        failed = {"INVALID": "failed", "FAILED": "failed"}.get(self.status, "verified")
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "inai_status": "PENDING" if waits else self.status,
            "plain_status": "pending" if waits else failed,
        }


@dataclass(eq=False, kw_only=True)
class Draft:
    """A message that is to be sent at a moment. `is_late`: it or its inbox was in the trash then, and it failed."""

    id: str
    box: Box
    to: str
    subject: str
    send_at: int
    changed_at: int
    is_late: bool = False
    is_trashed: bool = False

    def shown(self) -> Shown:
        labels = {"draft"} if self.is_late else {"draft", "scheduled"}
        return {
            "id": self.id,
            "address": self.box.address,
            "to": (self.to,),
            "subject": self.subject,
            "send_at": self.send_at,
            "labels": frozenset(labels),
            "status": "failed" if self.is_late else "scheduled",
        }


@dataclass(eq=False)
class World:
    """All of it. Lists are in the order in which things came; faces show the newest first."""

    boxes: list[Box] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    threads: dict[str, int] = field(default_factory=dict)  # every one that there was, with its number in the store

    @property
    def live(self) -> list[Box]:
        return [box for box in self.boxes if not box.is_trashed]

    @property
    def open_letters(self) -> list[Letter]:
        """Messages of inboxes that are not in the trash, hidden ones too."""
        return [letter for letter in self.letters if not letter.box.is_trashed]

    @property
    def open_drafts(self) -> list[Draft]:
        return [draft for draft in self.drafts if not draft.box.is_trashed and not draft.is_trashed]

    @property
    def trashed_drafts(self) -> list[Draft]:
        return [draft for draft in self.drafts if not draft.box.is_trashed and draft.is_trashed]

    @property
    def open_keys(self) -> list[Key]:
        return [key for key in self.keys if key.box is None or not key.box.is_trashed]

    def reaches(self, address: str) -> Box | None:
        """Return the inbox that mail for an address comes to."""
        return next((box for box in self.live if box.address == address), None)

    def listed(self, box: Box) -> list[Letter]:
        """Return the messages that lists of an inbox show, the newest first."""
        mine = [letter for letter in self.letters if letter.box is box and not letter.is_hidden]
        return sorted(mine, key=lambda letter: (letter.at, letter.seq), reverse=True)

    def labels(self, box: Box) -> list[str]:
        """Return the labels of an inbox that callers made or gave, by name."""
        given = {label for letter in self.letters if letter.box is box for label in own(letter.labels)}
        return sorted(given | box.made)

    def conversation(self, thread: str) -> list[Letter]:
        """Return the messages of a thread, the oldest first."""
        mine = [letter for letter in self.letters if letter.thread == thread]
        return sorted(mine, key=lambda letter: (letter.at, letter.seq))

    def threads_of(self, *boxes: Box) -> list[Shown]:
        """Return the threads that lists of inboxes show, the newest first: one hidden message hides its thread."""
        ids = {letter.thread for letter in self.letters if letter.box in boxes}
        whole = {one: self.conversation(one) for one in ids}
        open_ones = [one for one, letters in whole.items() if not any(letter.is_hidden for letter in letters)]
        newest = sorted(open_ones, key=lambda one: (max(m.at for m in whole[one]), self.threads[one]), reverse=True)
        return [thread_shown(whole[one]) for one in newest]

    def drop_box(self, box: Box) -> None:
        """Forget an inbox with all that it has."""
        self.boxes.remove(box)
        self.letters = [letter for letter in self.letters if letter.box is not box]
        self.hooks = [hook for hook in self.hooks if hook.box is not box]
        self.keys = [key for key in self.keys if key.box is not box]
        self.drafts = [draft for draft in self.drafts if draft.box is not box]


def thread_shown(letters: list[Letter]) -> Shown:
    """Return all that any face tells of a thread, of its messages, the oldest first."""
    first, last = letters[0], letters[-1]
    labels = frozenset[str]().union(*(letter.labels for letter in letters))
    came = [letter.at for letter in letters if not letter.is_sent]
    left = [letter.at for letter in letters if letter.is_sent]
    senders = _once(letter.from_ for letter in letters)
    recipients = _once(one for letter in letters for one in letter.to)
    return {
        "id": first.thread,
        "inbox": first.box.id,
        "address": first.box.address,
        "subject": first.subject,
        "preview": last.preview,
        "labels": labels,
        "own": own(labels),
        "tags": own(labels) - {"inbox"},
        "senders": senders,
        "recipients": recipients,
        "participants": _once((*senders, *recipients)),
        "count": len(letters),
        "last": last.public,
        "last_id": last.id,
        "size": sum(letter.size for letter in letters),
        "at": last.at,
        "came_at": max(came, default=None),
        "left_at": max(left, default=None),
    }


def own(labels: Iterable[str]) -> frozenset[str]:
    """Return the labels that callers gave."""
    return frozenset(label for label in labels if label not in KEPT)


def tagged(labels: set[str]) -> frozenset[str]:
    """Return the labels as the Agent Email dialect has them: `inbox` is where a message is, not what somebody said."""
    inbox = {"inbox"} if "received" in labels and "archived" not in labels else set()
    facts = labels & {"sent", "delivered", "delayed", "bounced", "complained", "rejected", "opened"}
    return frozenset(inbox | facts | (own(labels) - {"inbox"}))


def _once(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given))
