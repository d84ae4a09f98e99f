"""Files a message into an inbox: its thread, its rows, its labels, its place in the search queue, what is told of it.

Mail that arrives and mail that is sent are filed the same way, from the same bytes parsed by the same parser.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from postroom.mime import references
from postroom.model.address import address_key, read_address
from postroom.model.errors import InvalidInput
from postroom.model.event import EventType
from postroom.model.inbox import Mailbox
from postroom.model.message import Origin, ParsedMessage
from postroom.model.thread import Thread
from postroom.service import contacts, work
from postroom.service.hosting import message_id_domain
from postroom.service.operation import Context
from postroom.store.json import as_json
from postroom.store.queries import messages as queries
from postroom.store.queries import threads

DUPLICATE_WINDOW_MS = 7 * 86_400_000
# Of mail that its sender gave no Message-ID: who tries again after a lost 250 (RFC 5321 6.1) does so within minutes,
# and what comes later in the same words (a watchdog's, a cron job's) is said anew.
NAMELESS_WINDOW_MS = 10 * 60_000
SUBJECT_WINDOW_MS = 30 * 86_400_000
MAX_PEOPLE = 100
# Clients put an id into a path as it is: what follows one of these would not arrive, or arrive as another letter.
_NOT_IN_PATH = frozenset("?#%")
Why = Literal["in_reply_to", "references", "subject"]


@dataclass(kw_only=True, slots=True)
class Sheet:
    """A message that is to be filed. `raw` or `blob` holds the bytes; `bcc` what no bytes say."""

    message_id: str  # the inner id, msg_…
    parsed: ParsedMessage
    raw: bytes | None
    blob: str | None
    size: int
    labels: tuple[str, ...]
    bcc: tuple[str, ...] = ()
    origin: Origin = "sent"
    envelope_from: str | None = None
    client: str | None = None
    helo: str | None = None
    thread_id: str | None = None  # the caller knows it: a reply, a forward
    digest: bytes | None = None  # what makes two arrivals one; None: we wrote it
    event: EventType | None = None  # what the log is told, in the same statement; None: the caller tells it
    public_id: str | None = None  # what it was known by on the server that it comes from
    tainted: bool = False  # an inbox here wrote it, of what came from outside
    is_placed: bool = False  # its thread is decided: `thread_id`, a new one without


@dataclass(kw_only=True, slots=True)
class Filed:
    """Where a message is now: inner id, the id that faces show, its thread."""

    message_id: str
    public_id: str
    thread_id: str


def file(context: Context, mailbox: Mailbox, sheet: Sheet, known: queries.Reference | None) -> Filed | None:
    """Put a message into an inbox; None if it is there already: the same digest within the window of duplicates.

    `known` is what its Message-ID is in this inbox so far.
    """
    if _is_duplicate(context, mailbox, sheet, known):
        return None
    public_id = _public_id(context, mailbox, sheet, known)
    thread, why = _find_thread(context, mailbox, sheet, known)
    thread_id = thread.thread_id if thread else f"thd_{sheet.message_id[4:]}"
    filed = Filed(message_id=sheet.message_id, public_id=public_id, thread_id=thread_id)
    people = _people(sheet)
    row = _message_row(context, mailbox, sheet, filed, people)
    row |= _body_row(sheet, why)
    row |= _thread_row(context, sheet, people) if thread is None else _NO_THREAD
    row |= _event_row(context, sheet, filed)
    context.tx.insert(queries.FILE, row)
    context.tx.ring("search")
    _remember(context, mailbox, sheet, filed)
    _acquaint(context, mailbox, sheet, filed)
    work.note(context, mailbox, filed.thread_id, sheet.labels)
    if thread is not None:
        _join_thread(context, thread, sheet, filed, people)
    return filed


def known_as(context: Context, mailbox: Mailbox, reference: str) -> queries.Reference | None:
    """Return what a Message-ID is in an inbox."""
    return context.tx.one(queries.REFERENCE, inbox_id=mailbox.inbox_id, reference=reference)


def _is_duplicate(context: Context, mailbox: Mailbox, sheet: Sheet, known: queries.Reference | None) -> bool:
    if sheet.digest is None or (sheet.parsed.message_id is not None and (known is None or known.message_seq is None)):
        return False  # we wrote it, or its Message-ID is new here
    is_named = sheet.parsed.message_id is not None
    # A file that is imported again is the same file, however late.
    oldest = context.now - (DUPLICATE_WINDOW_MS if is_named or sheet.origin == "import" else NAMELESS_WINDOW_MS)
    if known is None or known.digest != sheet.digest or known.at <= oldest:
        known = known_as(context, mailbox, digest_reference(sheet.digest))
    if known is None or known.at <= oldest:
        return False
    return is_named or not _is_in_trash(context, known)


def _is_in_trash(context: Context, known: queries.Reference) -> bool:
    message = None if known.message_seq is None else context.tx.one(queries.BY_SEQ, seq=known.message_seq)
    return message is not None and "trash" in message.labels


def digest_reference(digest: bytes) -> str:
    """Return what stands in the place of a Message-ID for an arrival that none tells from others."""
    return f"digest:{digest.hex()}"


def _public_id(context: Context, mailbox: Mailbox, sheet: Sheet, known: queries.Reference | None) -> str:
    given, before = sheet.parsed.message_id, sheet.public_id
    if before is not None and before != given and _may_bear(before, known_as(context, mailbox, before)):
        return before
    if given is not None and _may_bear(given, known):
        return given
    return f"<{sheet.message_id}@{message_id_domain(mailbox.address)}>"


def _may_bear(message_id: str, known: queries.Reference | None) -> bool:
    """Tell whether a message may be shown by an id: it is no other's, and clients can ask for it."""
    is_free = known is None or known.message_seq is None
    return is_free and references.is_safe_message_id(message_id) and not _NOT_IN_PATH.intersection(message_id)


def _find_thread(
    context: Context, mailbox: Mailbox, sheet: Sheet, known: queries.Reference | None
) -> tuple[Thread | None, Why | None]:
    if sheet.thread_id is not None:
        thread = context.tx.one(threads.BY_ID, id=sheet.thread_id)
        if thread is not None:
            return thread, "in_reply_to" if sheet.parsed.in_reply_to else "references"  # a forward refers alone
    if sheet.is_placed:
        return None, None
    parsed = sheet.parsed
    for candidate in references.candidates(parsed.in_reply_to, parsed.references):
        if (thread := _thread_of(context, sheet, known_as(context, mailbox, candidate))) is not None:
            return thread, "in_reply_to" if candidate in parsed.in_reply_to else "references"
    # An answer that came before it, or its own copy (mail to oneself), has named it already.
    if (thread := _thread_of(context, sheet, known)) is not None:
        return thread, "references"
    return _thread_by_subject(context, mailbox, sheet)


def _thread_of(context: Context, sheet: Sheet, known: queries.Reference | None) -> Thread | None:
    thread = None if known is None else context.tx.one(threads.BY_ID, id=known.thread_id)
    return thread if thread is not None and _may_join(sheet, thread) else None


def _may_join(sheet: Sheet, thread: Thread) -> bool:
    """Keep what is blocked and what is not apart: one hidden message hides its thread, and its sender names any."""
    return ("blocked" in sheet.labels) is ("blocked" in thread.labels)


def _thread_by_subject(context: Context, mailbox: Mailbox, sheet: Sheet) -> tuple[Thread | None, Why | None]:
    parsed = sheet.parsed
    if not parsed.subject or not references.has_reply_prefix(parsed.subject):
        return None, None
    base = references.base_subject(parsed.subject)
    if not base:
        return None, None
    mine = address_key(mailbox.address)
    people = {a.key for a in (*parsed.from_, *parsed.to, *parsed.cc)} - {mine}
    since = context.now - SUBJECT_WINDOW_MS
    for thread in context.tx.all(
        threads.BY_SUBJECT, inbox_id=mailbox.inbox_id, subject_key=base[:200], since=since, n=20
    ):
        shown = (*thread.senders, *thread.recipients)
        if _may_join(sheet, thread) and any(_shown_key(one) in people for one in shown):
            return thread, "subject"
    return None, None


def thread_unasked(context: Context, mailbox: Mailbox, parsed: ParsedMessage, *, is_ours: bool) -> str | None:
    """Return the thread that what an inbox sends will be filed into where nobody names one: for what it refers to that
    may be joined, for its own id, or for its subject.

    `is_ours`: its Message-ID was drawn just now, so nobody can have named it before.
    """
    known = None if is_ours or parsed.message_id is None else known_as(context, mailbox, parsed.message_id)
    sheet = Sheet(message_id="", parsed=parsed, raw=None, blob=None, size=0, labels=("sent",))
    thread, _why = _find_thread(context, mailbox, sheet, known)
    return None if thread is None else thread.thread_id


def _shown_key(shown: str) -> str | None:
    """Return the identity of an address as a list shows it, None where it is none."""
    try:
        return read_address(shown).key
    except InvalidInput:
        return None


@dataclass(slots=True)
class _People:
    """The parties as lists show them."""

    from_: str
    reply_to: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]


def _people(sheet: Sheet) -> _People:
    parsed = sheet.parsed
    from_ = str(parsed.from_[0]) if parsed.from_ else (sheet.envelope_from or "")
    return _People(
        from_,
        tuple(str(a) for a in parsed.reply_to),
        tuple(str(a) for a in parsed.to),
        tuple(str(a) for a in parsed.cc),
    )


def _message_row(context: Context, mailbox: Mailbox, sheet: Sheet, filed: Filed, people: _People) -> dict[str, object]:
    parsed = sheet.parsed
    files = [{**a.model_dump(), "attachment_id": f"att_{sheet.message_id[4:]}_{a.part}"} for a in parsed.attachments]
    return {
        "id": sheet.message_id,
        "org_id": mailbox.org_id,
        "pod_id": mailbox.pod_id,
        "inbox_id": mailbox.inbox_id,
        "inbox_address": mailbox.address,
        "thread_id": filed.thread_id,
        "public_id": filed.public_id,
        "labels": as_json(sheet.labels),
        "timestamp": context.now,
        "from": people.from_,
        "reply_to": as_json(people.reply_to),
        "to": as_json(people.to),
        "cc": as_json(people.cc),
        "bcc": as_json(sheet.bcc or [str(a) for a in parsed.bcc]),
        "subject": parsed.subject,
        "preview": parsed.preview,
        "attachments": as_json(files),
        "in_reply_to": parsed.in_reply_to[0] if parsed.in_reply_to else None,
        "size": sheet.size,
        "parse_error": parsed.parse_error,
        "created_at": context.now,
        "updated_at": context.now,
        "tainted": sheet.tainted,
        "automatic": parsed.automatic or (sheet.origin == "smtp" and not sheet.envelope_from),
    }


def _body_row(sheet: Sheet, why: Why | None) -> dict[str, object]:
    parsed = sheet.parsed
    text_at = parsed.text_at if sheet.raw else None  # to SQLite a piece of no bytes is NULL
    return {
        "text": parsed.text if text_at is None else None,
        "text_at": text_at,
        "html": parsed.html,
        "extracted_text": None if parsed.extracted_text == parsed.text else parsed.extracted_text,
        "extracted_html": None if parsed.extracted_html == parsed.html else parsed.extracted_html,
        "references": as_json(parsed.references),
        "headers": as_json(parsed.headers),
        "date": parsed.date,
        "threaded_by": why,
        "origin": sheet.origin,
        "envelope_from": sheet.envelope_from,
        "client": sheet.client,
        "helo": sheet.helo,
        "blob": sheet.blob,
        "raw": sheet.raw,
        "digest": sheet.digest,
    }


def _thread_row(context: Context, sheet: Sheet, people: _People) -> dict[str, object]:
    """Return what a new thread shows beyond its first message."""
    received = "received" in sheet.labels
    base = references.base_subject(sheet.parsed.subject) if sheet.parsed.subject else ""
    return {
        "subject_key": base[:200] or None,
        "thread_labels": as_json(sorted(sheet.labels)),
        "senders": as_json([people.from_]),
        "recipients": as_json(_first(people.to, people.cc, sheet.bcc)),
        "received_timestamp": context.now if received else None,
        "sent_timestamp": None if received else context.now,
    }


_NO_THREAD: dict[str, object] = dict.fromkeys(
    ("subject_key", "thread_labels", "senders", "recipients", "received_timestamp", "sent_timestamp")
)


def _event_row(context: Context, sheet: Sheet, filed: Filed) -> dict[str, object]:
    if sheet.event is None:
        return {"event_type": None, "event_data": None}
    context.tx.ring("event")
    facts = {"message": filed.message_id, "message_id": filed.public_id, "thread_id": filed.thread_id}
    return {"event_type": sheet.event.value, "event_data": as_json(facts)}


def _remember(context: Context, mailbox: Mailbox, sheet: Sheet, filed: Filed) -> None:
    """Write down the further ids by which this message, and those it refers to, will be found."""
    parsed = sheet.parsed
    given = parsed.message_id
    place = {"inbox_id": mailbox.inbox_id, "thread_id": filed.thread_id, "at": context.now}
    if filed.public_id != given:
        seq = context.tx.one(queries.SEQ_OF, id=filed.message_id)
        mine = {**place, "message_seq": seq, "digest": sheet.digest}
        if given is not None:
            context.tx.insert(queries.BEAR_REFERENCE, {**mine, "reference": given})
        if sheet.digest is not None:
            context.tx.insert(queries.REMEMBER_DIGEST, {**mine, "reference": digest_reference(sheet.digest)})
    for reference in dict.fromkeys((*parsed.references, *parsed.in_reply_to)):
        if reference not in (filed.public_id, given):
            other = {"reference": reference, "message_seq": None, "digest": None}
            context.tx.insert(queries.ADD_REFERENCE, {**place, **other})


def _acquaint(context: Context, mailbox: Mailbox, sheet: Sheet, filed: Filed) -> None:
    """Write down whom the inbox has heard of by this message; one that its lists block makes nobody known."""
    parsed = sheet.parsed
    if "sent" in sheet.labels:
        people = {a.key for a in (*parsed.to, *parsed.cc, *parsed.bcc)}.union(map(_shown_key, sheet.bcc))
        contacts.note(context, mailbox.inbox_id, filed.thread_id, recipients=filter(None, people))
    elif "blocked" not in sheet.labels:
        contacts.note(context, mailbox.inbox_id, filed.thread_id, senders=[a.key for a in parsed.from_[:1]])


def _join_thread(context: Context, thread: Thread, sheet: Sheet, filed: Filed, people: _People) -> None:
    received = "received" in sheet.labels
    # What is moved here from another server may be older than what is here already.
    is_newest = context.now >= thread.timestamp
    context.tx.run(
        threads.UPDATE,
        key=thread.seq,
        preview=sheet.parsed.preview if is_newest else thread.preview,
        labels=as_json(sorted({*thread.labels, *sheet.labels})),
        senders=as_json(_first(thread.senders, (people.from_,))),
        recipients=as_json(_first(thread.recipients, people.to, people.cc, sheet.bcc)),
        last_message_id=filed.public_id if is_newest else thread.last_message_id,
        message_count=thread.message_count + 1,
        size=thread.size + sheet.size,
        # Clocks step back, and two processes commit in another order than they read theirs.
        timestamp=max(context.now, thread.timestamp),
        received_timestamp=max(context.now, thread.received_timestamp or 0) if received else thread.received_timestamp,
        sent_timestamp=thread.sent_timestamp if received else max(context.now, thread.sent_timestamp or 0),
        updated_at=max(context.now, thread.updated_at),
    )


def _first(*lists: Iterable[str]) -> list[str]:
    """Return the union in order, bounded: a list view shows parties, it is no archive of them."""
    return list(dict.fromkeys(item for items in lists for item in items))[:MAX_PEOPLE]
