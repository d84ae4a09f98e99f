"""Claims: who is at work on which conversation, and until when."""

from enum import StrEnum

from postroom.model.message import MessageSummary
from postroom.model.record import Record
from postroom.model.thread import Thread

NEVER = 2**62  # when a thread is due that nobody shall claim by itself any more


class WorkState(StrEnum):
    """How a conversation with unanswered mail stands. SET_ASIDE: tried in vain too often, until it is put back."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DEFERRED = "deferred"
    SET_ASIDE = "set_aside"


class Work(Record):
    """A row of the queue. Times are UTC milliseconds."""

    thread_id: str
    org_id: str
    pod_id: str
    inbox_id: str
    due_at: int
    token: str | None
    lease_until: int  # 0: nobody holds it
    attempts: int  # claims of it that began and were not ended by an acknowledgement
    reason: str | None  # what the last one who gave it back said
    messages: tuple[str, ...]  # inner ids: what the last claim is about
    updated_at: int

    def state(self, now: int) -> WorkState:
        """Say how it stands at a moment."""
        if self.lease_until > now:
            return WorkState.CLAIMED
        if self.due_at == NEVER:
            return WorkState.SET_ASIDE
        return WorkState.WAITING if self.due_at <= now else WorkState.DEFERRED


class Claim(Record):
    """A conversation that the bearer of `claim_id` alone may answer until `lease_until`, with its unread messages."""

    claim_id: str
    lease_until: int
    attempt: int
    is_last: bool  # given back once more, or left to expire, it is set aside
    thread: Thread
    messages: tuple[MessageSummary, ...]  # oldest first


class WorkItem(Record):
    """A conversation of the queue as a list shows it."""

    thread: Thread
    state: WorkState
    due_at: int | None  # from when on it may be claimed; None: by nobody, until it is put back
    lease_until: int | None
    attempts: int
    reason: str | None
    changed_at: int
