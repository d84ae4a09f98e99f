"""Lists of an inbox by the number of the page: what stands there, and how many the whole list has.

It finds no inbox and judges no permission: who calls it has done both.
"""

from dataclasses import dataclass
from typing import Any

from postroom.model.errors import InvalidInput
from postroom.model.message import HIDDEN, MessageLine
from postroom.model.page import Page
from postroom.model.thread import Thread
from postroom.service import places, totals
from postroom.service.labels import ARCHIVED
from postroom.service.operation import Context
from postroom.store.queries import numbered as queries
from postroom.store.queries.labels import Marks

_ALL = frozenset(HIDDEN)
_UNREAD = frozenset({"unread"})
_MARKS = frozenset({"unread", ARCHIVED})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A page of the messages of an inbox (inner id): `limit` from the place `offset` on, of those that have all
    `labels` and none of `lacking` and `hidden`, from `since` on and before `until` (UTC milliseconds; None: no end),
    and whose sender has the text `sender`, in any case of the letters a to z.
    """

    inbox_id: str
    limit: int
    offset: int
    ascending: bool
    labels: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    hidden: frozenset[str] = _ALL
    since: int | None = None
    until: int | None = None
    sender: str | None = None

    @property
    def is_of_received(self) -> bool:
        """Tell whether it is of what was received and is shown, or of what of it is unread, read, not archived."""
        is_counted = "received" in self.labels and _UNREAD.issuperset({*self.labels} - {"received"})
        is_counted = is_counted and _MARKS.issuperset(self.lacking) and not {*self.labels} & {*self.lacking}
        return is_counted and (self.since, self.until, self.sender, self.hidden) == (None, None, None, _ALL)

    @property
    def is_filtered(self) -> bool:
        """Tell whether no counter knows how many there are."""
        bounds = (self.since, self.until, self.sender)
        return bool(self.labels or self.lacking or bounds != (None, None, None) or self.hidden not in (_ALL, set()))


def messages(context: Context, wanted: Wanted) -> Page[MessageLine]:
    """Return a page of messages by time with the total of the list."""
    known = totals.of_inbox(context, wanted.inbox_id)
    hidden = sorted(wanted.hidden) if known.hidden_messages else []
    lacking = (*dict.fromkeys((*wanted.lacking, *hidden)),)
    if max(len(wanted.labels), len(wanted.lacking)) > queries.MAX_LABELS:
        raise InvalidInput.at("labels", f"a page by number is of at most {queries.MAX_LABELS} labels.")
    filtered = queries.Filter(len(wanted.labels), len(lacking), wanted.sender is not None)
    given = _parameters(wanted, lacking)
    if wanted.is_of_received:
        received = known.messages - known.hidden_messages - totals.of_outgoing(context, wanted.inbox_id)
        total = _of_received(wanted, received, totals.of_marks(context, wanted.inbox_id))
    elif wanted.is_filtered:
        total = context.tx.one(queries.message_count(filtered), **given) or 0
    else:
        total = known.messages - (known.hidden_messages if wanted.hidden else 0)
    query = queries.message_page(filtered, wanted.ascending)
    return places.leap(wanted.offset, total, lambda skip: context.tx.all(query, **given, skip=skip, n=wanted.limit))


def _of_received(wanted: Wanted, received: int, marks: Marks) -> int:
    """Return how many of what was received a page is of, by what is known of marks."""
    seen = marks.seen - (marks.seen_archived if ARCHIVED in wanted.lacking else 0)
    rest = received - (marks.archived if ARCHIVED in wanted.lacking else 0)
    if "unread" in wanted.lacking:
        return seen
    return rest - seen if "unread" in wanted.labels else rest


def threads(context: Context, wanted: Wanted) -> Page[Thread]:
    """Return a page of threads by time with the total of the list; each names its newest message.

    Raises:
        InvalidInput: it is filtered: there is nothing to count the threads by.
    """
    if wanted.is_filtered:
        raise InvalidInput.at("offset", "a list of threads with a filter has no total.", fix="Use page_token.")
    known = totals.of_inbox(context, wanted.inbox_id)
    hides = bool(wanted.hidden) and known.hidden_threads > 0
    total = known.threads - (known.hidden_threads if hides else 0)
    query = queries.thread_page(hides, wanted.ascending)

    def fetch(skip: int) -> list[Thread]:
        found = context.tx.all(query, inbox_id=wanted.inbox_id, skip=skip, n=wanted.limit)
        return [thread.model_copy(update={"last_id": message}) for thread, message in found]

    return places.leap(wanted.offset, total, fetch)


def _parameters(wanted: Wanted, lacking: tuple[str, ...]) -> dict[str, Any]:
    given: dict[str, Any] = {"inbox_id": wanted.inbox_id}
    given |= {f"label_{number}": label for number, label in enumerate(wanted.labels)}
    given |= {f"lacking_{number}": label for number, label in enumerate(lacking)}
    if wanted.sender is not None:
        given["sender"] = f"%{_plain(wanted.sender)}%"
    return {**given, **places.span(wanted.since, wanted.until)}


def _plain(text: str) -> str:
    """Return a text as LIKE takes it for itself."""
    return "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in text.lower())
