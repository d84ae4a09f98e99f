"""Policies of sending, what they say of one message, and the approvals that held messages wait for. Judges nothing."""

from enum import StrEnum

from postroom.model.inventory import Inventory
from postroom.model.record import Record
from postroom.model.tenant import Actor


class Recipients(StrEnum):
    """Who may be written to at all: anybody, those whom the policy names, nobody."""

    OPEN = "open"
    ALLOWLIST = "allowlist"
    DENY = "deny"


class Need(StrEnum):
    """Which messages wait for a person: none, those to somebody new, those that leave the organization, all."""

    NONE = "none"
    NEW_RECIPIENTS = "new_recipients"
    EXTERNAL = "external"
    ALL = "all"


class Subject(StrEnum):
    """Whose policy it is."""

    ORGANIZATION = "organization"
    POD = "pod"
    INBOX = "inbox"
    KEY = "key"


class Rule(StrEnum):
    """What a message was held or refused by."""

    LISTS = "lists"
    RECIPIENTS = "recipients"
    REPLY_ONLY = "reply_only"
    MAX_MAILS = "max_mails_per_day"
    MAX_RECIPIENTS = "max_recipients_per_day"
    APPROVAL = "approval"
    TAINT = "taint"
    LOOP = "loop"
    AUTOMATIC = "automatic"
    KEY_GONE = "key_gone"


class Taint(StrEnum):
    """How words may come from outside: their writer had just read such, or wrote in a thread that has such mail."""

    READING = "reading"
    THREAD = "thread"


class Policy(Record):
    """A policy of an organization, a pod, an inbox or a key. All that apply to a message hold together.

    `allowed`: the entries of an allowlist, folded: addresses, domains (themselves alone), `*.domain` (all below it).
    `taint`: what was read or is answered from outside makes a message to somebody new wait for a person.
    """

    place: str  # the id of the key, inbox, pod or organization
    subject: Subject
    org_id: str
    pod_id: str | None
    inbox_id: str | None
    name: str | None  # how it is shown: the address of the inbox, the name of the key
    recipients: Recipients
    allowed: tuple[str, ...]
    approval: Need
    reply_only: bool
    max_recipients_per_day: int | None
    max_mails_per_day: int | None
    taint: bool
    elicitation: bool
    created_at: int  # UTC milliseconds, as all times here
    updated_at: int


class Ruling(Record):
    """What the policies say against a message that a person may let go all the same: it is held."""

    rule: Rule
    reason: str  # a sentence that names whose policy it is and, where they matter, the addresses
    elicitation: bool = False  # the person at the agent's own client may be asked


class Held(Record):
    """A message that waits for a person: nothing was sent to anybody."""

    approval_id: str
    draft_id: str
    rule: Rule
    reason: str
    expires_at: int
    elicitation: bool = False  # the person at the agent's own client may be asked

    @property
    def fix(self) -> str:
        """What to do next, a sentence or two."""
        one = self.approval_id
        return (
            f"Do not send it again: it waits as draft {self.draft_id} for approval {one}. A person decides"
            f" (postroom approvals approve {one}, or POST /v1/postroom/approvals/{one}/approve with another key);"
            " changing or deleting the draft takes it back."
        )


class ApprovalState(StrEnum):
    """PENDING until a person decides, its week is over (EXPIRED), or its draft is changed or deleted (VOIDED)."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOIDED = "voided"


class Approval(Record):
    """A question to a person: may this message leave? `digest` binds the answer to what would be on the wire."""

    approval_id: str
    org_id: str
    pod_id: str
    inbox_id: str
    inbox_address: str
    draft_id: str
    draft_version: int
    message: str  # inner id that the message will have
    thread_id: str | None
    state: ApprovalState
    rule: Rule
    reason: str
    subject: str | None
    recipients: tuple[str, ...]
    bcc: tuple[str, ...]
    labels: tuple[str, ...]
    digest: str
    asked_by: tuple[str, ...]  # the key that sent, then those that made it; empty: the local owner
    decided_by: str | None
    comment: str | None
    created_at: int
    expires_at: int
    decided_at: int | None

    @property
    def pending(self) -> bool:
        """Whether it can still be decided."""
        return self.state is ApprovalState.PENDING


class ApprovalInFull(Approval):
    """An approval with the message that it is about; None: it is decided, or its draft was changed."""

    on_the_wire: Inventory | None


def hand(actor: Actor) -> tuple[str, ...]:
    """Return the key by which an actor acts and those that made it, nearest first; empty for the local owner."""
    return () if actor.api_key_id is None else (actor.api_key_id, *actor.made_by)
