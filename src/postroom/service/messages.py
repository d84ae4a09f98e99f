"""Messages: list, get, search, label, and the bytes of one and of its attachments."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Generic, NamedTuple, TypeVar

from pydantic import BeforeValidator, Field

from postroom.model.delivery import Delivery
from postroom.model.errors import InvalidInput, NotFound
from postroom.model.event import EventType
from postroom.model.message import Attachment, Listed, Message, MessageLine, MessageSummary, Raw
from postroom.model.page import Page
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service import highlights as marks
from postroom.service import numbered, places, taint, work
from postroom.service.contacts import Contact
from postroom.service.contacts import find as find_contact
from postroom.service.hidden import WithHidden, check_reads, is_visible, left_out
from postroom.service.inboxes import InboxRef, find_inbox, owner_of
from postroom.service.labels import SYSTEM_LABELS, check_labels, check_number, folded, replaced
from postroom.service.operation import BY_PLACE, OURS, Answer, Context
from postroom.store import search as index
from postroom.store.json import as_json
from postroom.store.queries import deliveries, inboxes, threads, trash
from postroom.store.queries import events as log
from postroom.store.queries import messages as queries
from postroom.store.query import Query

if TYPE_CHECKING:
    from postroom.service.desk import Desk

# The years 1 to 9999: what can be shown again.
_DAWN, _DUSK = -62_135_596_800_000, 253_402_300_799_999


def listed(value: object) -> object:
    """Return a list of one for a bare string."""
    return [value] if isinstance(value, str) else value


def _moment(value: object) -> object:
    """Take RFC 3339 text or UTC milliseconds; a time without a zone is UTC."""
    if not isinstance(value, str):
        return value
    try:
        given = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is no RFC 3339 time, such as 2026-11-21T10:00:00Z") from None
    return int((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp() * 1000)


M = TypeVar("M", bound=MessageSummary)
Strings = Annotated[tuple[str, ...], BeforeValidator(listed, json_schema_input_type=str | tuple[str, ...])]
Moment = Annotated[int, Field(ge=_DAWN, le=_DUSK), BeforeValidator(_moment, json_schema_input_type=datetime)]


class ListMessages(WithHidden, places.ByNumber, InboxRef):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    labels: Strings = Field(default=(), description="With all these labels.")
    without_labels: Strings = Field(default=(), description="With none of these labels.", json_schema_extra=OURS)
    before: Moment | None = Field(default=None, description="Only before this time (RFC 3339).")
    after: Moment | None = Field(default=None, description="Only at or after this time (RFC 3339).")
    ascending: bool = Field(default=False, description="Oldest first.")
    from_: Strings = Field(default=(), alias="from", description="Whose sender contains all these.")
    to: Strings = Field(default=(), description="Whose to, cc or bcc contain all these.")
    subject: Strings = Field(default=(), description="Whose subject contains all these.")


class MessageRef(InboxRef):
    message_id: str = Field(description="Its Message-ID, or its ref (m12-3kq8).")


class AttachmentRef(MessageRef):
    attachment_id: str = Field(description="The attachment, as its message lists it.")


class SearchMessages(places.ByNumber):
    inbox_id: str | None = Field(
        default=None, description="Its address; all inboxes when absent.", json_schema_extra=BY_PLACE
    )
    q: str = Field(min_length=1, max_length=500, description='Words to find; "quoted words" are found as a phrase.')
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    before: Moment | None = Field(default=None, description="Only before this time (RFC 3339).")
    after: Moment | None = Field(default=None, description="Only at or after this time (RFC 3339).")
    highlight: bool = Field(default=False, description="Say also where the words were found.")


class UpdateMessage(MessageRef):
    add_labels: Strings = Field(default=(), description="Labels to add.")
    remove_labels: Strings = Field(default=(), description="Labels to take off, such as unread.")
    own_labels: Strings | None = Field(
        default=None, description="Labels of your own: these and no others.", json_schema_extra=OURS
    )
    shown: bool = Field(
        default=False, description="The answer is to show the message: needs message_read.", json_schema_extra=OURS
    )


class Since(InboxRef):
    """What came into an inbox after a position; None: nothing, but the position of now."""

    after: int | None = None
    from_: Strings = ()
    subject: Strings = ()


class Opened(Record):
    """A message with how its deliveries stand (of what we sent)."""

    message: Message
    deliveries: tuple[Delivery, ...]


class Introduced(Opened):
    """A message with what is known of its sender."""

    contact: Contact


class Content(Record):
    """The bytes of an attachment, and of which message it is (`id` and `inbox_id` are inner ids)."""

    attachment: Attachment
    org_id: str
    inbox_id: str
    id: str
    message_id: str
    content: bytes


class Located(Record):
    """An attachment, and the message that it is of."""

    message: MessageSummary
    attachment: Attachment


class LatestNews(Record):
    """The first match after a position; where there is none, how much came into the inbox in the last ten minutes."""

    inbox_id: str  # inner id
    message: Message | None
    recent: int


def list_(context: Context, given: ListMessages) -> Page[MessageLine]:
    """List the messages of an inbox, newest first."""
    inbox = find_inbox(context, given.inbox_id)
    if places.number(given.offset, given.page_token) is not None:
        return _numbered(context, given, inbox.inbox_id)
    query = queries.page(given.ascending, bool(given.labels))
    label = {"label": folded(given.labels)[0]} if given.labels else {}
    span = places.span(given.after, given.before)

    def fetch(place: dict[str, int | str], n: int) -> list[MessageLine]:
        return context.tx.all(query, inbox_id=inbox.inbox_id, **label, **span, **place, n=n)

    return places.walk(
        "messages",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=fetch,
        keep=_filter(given, left_out(context, given, folded(given.labels))),
        **span,
    )


def _numbered(context: Context, given: ListMessages, inbox_id: str) -> Page[MessageLine]:
    if given.to or given.subject or len(given.from_) > 1:
        raise InvalidInput.at("offset", "a page by number is filtered by labels, times and one from.")
    labels = tuple(dict.fromkeys(folded(given.labels)))
    wanted = numbered.Wanted(
        inbox_id=inbox_id,
        limit=given.limit,
        offset=given.offset or 0,
        ascending=given.ascending,
        labels=labels,
        lacking=tuple(dict.fromkeys(folded(given.without_labels))),
        hidden=left_out(context, given, labels),
        since=given.after,
        until=given.before,
        sender=given.from_[0] if given.from_ else None,
    )
    return numbered.messages(context, wanted)


def get(context: Context, given: MessageRef) -> Opened:
    """Get one message with its bodies."""
    message = _find(context, given, _WHOLE)
    taint.shows(context, message)
    sent = context.tx.all(deliveries.OF_MESSAGE, message_id=message.id) if "sent" in message.labels else ()
    return Opened.trusted({"message": message, "deliveries": tuple(sent)})


def introduce(context: Context, given: MessageRef) -> Introduced:
    """Get one message with its bodies, and what is known of who sent it."""
    opened = get(context, given)
    message = opened.message
    contact = find_contact(context, message.inbox_id, message.from_)
    return Introduced(message=message, deliveries=opened.deliveries, contact=contact)


def get_raw(context: Context, given: MessageRef) -> Raw:
    """Say where the bytes of a message are."""
    summary = find_message(context, given)
    taint.reads(context, summary)
    raw = context.tx.one(queries.RAW, seq=summary.seq)
    if raw is None:
        raise NotFound("message", given.message_id)
    return raw


async def raw(desk: "Desk", actor: Actor, given: MessageRef) -> Answer[bytes]:
    """Get the bytes of a message as they came over the wire."""
    answer = await desk.ask("messages.find_raw", actor, given)
    found: Raw = answer.result
    if found.blob is not None:
        return Answer(await asyncio.to_thread(desk.rooms.blobs.read, found.blob), answer.position)
    return Answer(found.content or b"", answer.position)


def find_attachment(context: Context, given: AttachmentRef) -> Located:
    """Say what an attachment of a message is, without its bytes."""
    message = find_message(context, given)
    taint.reads(context, message)
    return find_listed(message, given.attachment_id)


def find_listed(message: MessageSummary, attachment_id: str) -> Located:
    """Return the attachment of a message that an id names. Raises NotFound."""
    listed = {a.attachment_id: a for a in message.attachments}
    if (wanted := listed.get(attachment_id)) is None:
        known = ", ".join(listed) or "none"
        raise NotFound("attachment", attachment_id, fix=f"This message has: {known}.")
    return Located(message=message, attachment=wanted)


async def attachment(desk: "Desk", actor: Actor, given: AttachmentRef) -> Answer[Content]:
    """Get an attachment of a message, decoded."""
    located: Located = await desk.call("messages.find_attachment", actor, given)
    message, wanted = located.message, located.attachment
    answer = await desk.ask("messages.find_raw", actor, _message_ref(given))
    raw: Raw = answer.result
    source = desk.rooms.blobs.path(raw.blob) if raw.blob is not None else (raw.content or b"")
    content = await desk.rooms.parser.attachment(source, wanted.part)
    found = Content(
        attachment=wanted,
        org_id=message.org_id,
        inbox_id=message.inbox_id,
        id=message.id,
        message_id=message.message_id,
        content=content,
    )
    return Answer(found, answer.position)


def search(context: Context, given: SearchMessages) -> Page[MessageSummary]:
    """Search an inbox, or all within reach, for words, newest first; what lists leave out is never found."""
    owner = owner_of(context, given.inbox_id)[1]
    if (skip := places.number(given.offset, given.page_token)) is not None:
        return _numbered_search(context, given, owner, skip)
    below = places.opened("search", given.page_token)[1] if given.page_token else places.EVER
    seqs = index.find(
        context.tx,
        owner,
        given.q,
        below=int(below),
        since=given.after or 0,
        until=places.EVER if given.before is None else given.before,
        n=given.limit + 1,
    )
    items = [m for seq in seqs[: given.limit] if (m := context.tx.one(queries.BY_SEQ, seq=seq)) is not None]
    token = places.seal("search", (0, seqs[given.limit - 1])) if len(seqs) > given.limit else None
    if not given.highlight:
        return Page(items=tuple(items), next_page_token=token)
    found = marks.highlights(context, given.q, items)
    return marks.Hits(items=tuple(items), next_page_token=token, highlights=found)


def _numbered_search(context: Context, given: SearchMessages, owner: str, skip: int) -> Page[MessageSummary]:
    until = places.EVER if given.before is None else given.before
    span = {"below": places.EVER, "since": given.after or 0, "until": until}
    total = index.count(context.tx, owner, given.q, **span, most=index.MOST_COUNTED)

    def fetch(skip: int) -> list[MessageSummary]:
        seqs = index.find(context.tx, owner, given.q, **span, n=given.limit, skip=skip)
        return [m for seq in seqs if (m := context.tx.one(queries.BY_SEQ, seq=seq)) is not None]

    return places.leap(skip, total, fetch)


def update(context: Context, given: UpdateMessage) -> MessageSummary:
    """Add and remove labels; taking off unread marks a message as read."""
    if given.shown:
        check_reads(context)
    message = find_message(context, given)
    after = _after(message, given)
    return set_labels(context, message, after) if after != set(message.labels) else message


def _after(message: MessageSummary, given: UpdateMessage) -> set[str]:
    """Return the labels of a message after a change."""
    if given.own_labels is None:
        return changed_by(given.add_labels, given.remove_labels)(message)
    if given.add_labels or given.remove_labels:
        raise InvalidInput.at("own_labels", "exclusive with add_labels and remove_labels.", fix="Leave out either.")
    return replaced(message.labels, given.own_labels)


def changed_by(add: tuple[str, ...], remove: tuple[str, ...]) -> Callable[[MessageSummary], set[str]]:
    """Return what gives a message's labels after a change; one that is added and removed is removed.

    Raises:
        InvalidInput: for labels of the system, for what is none, for no change; when it is used: for too many.
    """
    added, removed = set(check_labels(add, "add_labels")), set(check_labels(remove, "remove_labels"))
    if not added and not removed:
        raise InvalidInput("Nothing to change.", fix="Give add_labels or remove_labels.")

    def change(message: MessageSummary) -> set[str]:
        after = (set(message.labels) | added) - removed
        check_number(after - SYSTEM_LABELS, "add_labels")
        return after

    return change


def set_labels(context: Context, message: MessageSummary, labels: set[str]) -> MessageSummary:
    """Give a message exactly these labels, with the index, its thread and the events that follow."""
    changed = relabel(context, message, labels)
    follow_labels(context, message.thread_id)
    return changed


def follow_labels(context: Context, thread_id: str) -> None:
    """Give a thread the labels of its messages."""
    of_thread = context.tx.all(threads.LABELS_OF_MESSAGES, thread_id=thread_id)
    union = sorted({label for one in of_thread for label in one})
    context.tx.run(threads.SET_LABELS, key=thread_id, labels=as_json(union), updated_at=context.now)
    work.forget_read(context, thread_id, union)


def relabel(context: Context, message: MessageSummary, labels: set[str]) -> MessageSummary:
    """Give a message exactly these labels, with the index and the events; its thread is the caller's to follow."""
    before, ordered = set(message.labels), tuple(sorted(labels))
    context.tx.run(queries.SET_LABELS, key=message.seq, labels=as_json(ordered), updated_at=context.now)
    place = {"inbox_id": message.inbox_id, "timestamp": message.timestamp, "message_seq": message.seq}
    for label in before - labels:
        context.tx.run(queries.REMOVE_LABEL, label=label, **place)
        _label_event(context, EventType.LABEL_REMOVED, message, label)
    for label in labels - before:
        context.tx.insert(queries.ADD_LABEL, {"label": label, **place})
        _label_event(context, EventType.LABEL_ADDED, message, label)
    if "trash" in before - labels:  # whoever takes it off brings the message back
        context.tx.run(trash.REMOVE, id=message.id)
    if not work.is_to_do(before):
        work.note(context, message, message.thread_id, labels)
    return message.model_copy(update={"labels": ordered, "updated_at": context.now})


def since(context: Context, given: Since) -> LatestNews:
    """Look for the first message that came after a position and matches."""
    inbox = find_inbox(context, given.inbox_id)
    after = context.tx.position() if given.after is None else given.after
    while events := context.tx.all(
        log.OF_INBOX, inbox_id=inbox.inbox_id, type=EventType.MESSAGE_RECEIVED.value, after=after, n=100
    ):
        for event in events:
            summary = context.tx.one(queries.BY_ID, id=event.data["message"])
            if summary is not None and _named(summary, given):
                full = context.tx.one(queries.FULL, seq=summary.seq)
                taint.reads(context, summary)
                return LatestNews(inbox_id=inbox.inbox_id, message=full, recent=0)
        after = events[-1].position
    recent = context.tx.one(queries.COUNT_SINCE, inbox_id=inbox.inbox_id, since=context.now - 600_000) or 0
    return LatestNews(inbox_id=inbox.inbox_id, message=None, recent=recent)


def short_ref(message: Listed) -> str:
    """Return a message's short id, `m12-3kq8`: its row number, and letters that no other of that row has."""
    return f"m{message.seq}-{message.id[-4:]}"


def row_of(wanted: str) -> int | None:
    """Return the row number in a short form, None for text that is none."""
    number, dash, letters = wanted[1:].partition("-")
    is_short = wanted[:1] == "m" and dash and len(letters) == 4 and number.isdecimal() and number.isascii()
    return int(number) if is_short and len(number) < 19 else None


def find_message(context: Context, given: MessageRef) -> MessageSummary:
    """Return the message that a public or inner id names. Raises NotFound, out of reach too."""
    return _find(context, given, _SUMMARIES)


def find_by_id(context: Context, message_id: str) -> MessageSummary:
    """Return the message with an inner id, in whatever inbox. Raises NotFound, out of reach too.

    Mail of an inbox that is deleted stays on the disk for a while, and that of one in the trash for longer.
    """
    found = context.tx.one(queries.BY_ID, id=message_id)
    lives = found is not None and context.tx.one(inboxes.BY_ID, inbox_id=found.inbox_id) is not None
    if found is None or not lives or not is_visible(context, found.labels):
        raise NotFound("message", message_id, fix="List the messages to see their ids.")
    return found


def _find(context: Context, given: MessageRef, by: "_By[M]") -> M:
    inbox = find_inbox(context, given.inbox_id)
    found = _look_up(context, inbox.inbox_id, given.message_id, by)
    if found is None:
        raise NotFound("message", given.message_id, fix=f"List the messages of {inbox.address} to see their ids.")
    return found


def look_up(context: Context, inbox_id: str, message_id: str) -> MessageSummary | None:
    """Return the message of an inbox (inner id) that an id names: public, short or inner; None where it is unseen."""
    return _look_up(context, inbox_id, message_id, _SUMMARIES)


def _look_up(context: Context, inbox_id: str, message_id: str, by: "_By[M]") -> M | None:
    wanted = message_id.strip()
    found = None
    if wanted.startswith("msg_"):
        found = context.tx.one(by.id, id=wanted)
        found = found if found is not None and found.inbox_id == inbox_id else None
    elif (seq := row_of(wanted)) is not None:
        found = context.tx.one(by.seq, seq=seq)
        # A row number may be given anew after a deletion: the letters are of this message alone.
        found = found if found is not None and (found.inbox_id, short_ref(found)) == (inbox_id, wanted) else None
    else:
        for spelling in (wanted, f"<{wanted}>"):
            found = found or context.tx.one(by.public_id, inbox_id=inbox_id, public_id=spelling)
    return found if found is not None and is_visible(context, found.labels) else None


class _By(NamedTuple, Generic[M]):
    """The queries that find one message, each by one kind of id."""

    id: Query[M]
    seq: Query[M]
    public_id: Query[M]


_SUMMARIES = _By(queries.BY_ID, queries.BY_SEQ, queries.BY_PUBLIC_ID)
_WHOLE = _By(queries.FULL_BY_ID, queries.FULL, queries.FULL_BY_PUBLIC_ID)


def _message_ref(given: MessageRef) -> MessageRef:
    return MessageRef(inbox_id=given.inbox_id, message_id=given.message_id)


def _filter(given: ListMessages, hidden: frozenset[str]) -> Callable[[MessageLine], bool]:
    if given.labels or given.without_labels or given.from_ or given.to or given.subject:
        return lambda row: hidden.isdisjoint(row.labels) and _matches(row, given)
    return lambda row: hidden.isdisjoint(row.labels)


def _matches(row: MessageLine, given: ListMessages) -> bool:
    return (
        set(folded(given.labels)).issubset(row.labels)
        and set(folded(given.without_labels)).isdisjoint(row.labels)
        and contains(row.from_, given.from_)
        and contains(row.subject or "", given.subject)
        and (not given.to or contains(" ".join((*row.to, *row.cc, *row.bcc)), given.to))
    )


def _named(row: MessageSummary, given: Since) -> bool:
    return contains(row.from_, given.from_) and contains(row.subject or "", given.subject)


def contains(text: str, wanted: tuple[str, ...]) -> bool:
    """Tell whether a text contains all that is wanted, whatever the case."""
    if not wanted:
        return True
    plain = text.casefold()
    return all(w.casefold() in plain for w in wanted)


def _label_event(context: Context, kind: EventType, message: MessageSummary, label: str) -> None:
    facts = {"message": message.id, "message_id": message.message_id, "thread_id": message.thread_id}
    context.tx.emit(kind, message, {**facts, "label": label})
