"""Files a message into an inbox: its thread, its rows, its labels, its place in the search queue. Emits nothing.

Mail that arrives and mail that is sent are filed the same way, from the same bytes parsed by the same parser.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from postroom.mime import references
from postroom.model.inbox import Mailbox
from postroom.model.message import Origin, ParsedMessage
from postroom.model.thread import Thread
from postroom.service.operation import Context
from postroom.store.queries import messages as queries
from postroom.store.queries import threads

SUBJECT_WINDOW_MS = 30 * 86_400_000
MAX_PEOPLE = 100
Why = Literal["in_reply_to", "references", "subject"]


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class Filed:
    """Where a message is now: inner id, row number, the id that faces show, its thread."""

    message_id: str
    seq: int
    public_id: str
    thread_id: str


def file(context: Context, mailbox: Mailbox, sheet: Sheet) -> Filed:
    """Put a message into an inbox."""
    public_id = _public_id(context, mailbox, sheet)
    thread, why = _find_thread(context, mailbox, sheet)
    thread_id = thread.thread_id if thread else f"thd_{sheet.message_id[4:]}"
    people = _people(sheet)
    seq = context.tx.insert(queries.ADD, _message_row(context, mailbox, sheet, public_id, thread_id, people))
    context.tx.insert(queries.ADD_BODY, _body_row(sheet, seq, why))
    for label in sheet.labels:
        row = {"inbox_id": mailbox.inbox_id, "label": label, "timestamp": context.now, "message_seq": seq}
        context.tx.insert(queries.ADD_LABEL, row)
    context.tx.insert(queries.QUEUE_SEARCH, {"message_seq": seq})
    context.tx.ring("search")
    filed = Filed(message_id=sheet.message_id, seq=seq, public_id=public_id, thread_id=thread_id)
    _remember_references(context, mailbox, sheet, filed)
    if thread is None:
        _begin_thread(context, mailbox, sheet, filed, people)
    else:
        _join_thread(context, thread, sheet, filed, people)
    return filed


def _public_id(context: Context, mailbox: Mailbox, sheet: Sheet) -> str:
    given = sheet.parsed.message_id
    if given is not None and references.is_safe_message_id(given):
        taken = context.tx.one(queries.PUBLIC_ID_TAKEN, inbox_id=mailbox.inbox_id, public_id=given)
        if taken is None:
            return given
    return f"<{sheet.message_id}@{context.house.message_id_domain}>"


def _find_thread(context: Context, mailbox: Mailbox, sheet: Sheet) -> tuple[Thread | None, Why | None]:
    if sheet.thread_id is not None:
        thread = context.tx.one(threads.BY_ID, id=sheet.thread_id)
        if thread is not None:
            return thread, "in_reply_to"
    parsed = sheet.parsed
    if not parsed.in_reply_to and not parsed.references:
        return _thread_by_subject(context, mailbox, parsed)
    for candidate in references.candidates(parsed.in_reply_to, parsed.references):
        known = context.tx.one(queries.REFERENCE, inbox_id=mailbox.inbox_id, reference=candidate)
        if known is not None and (thread := context.tx.one(threads.BY_ID, id=known[0])) is not None:
            return thread, "in_reply_to" if candidate in parsed.in_reply_to else "references"
    return _thread_by_subject(context, mailbox, parsed)


def _thread_by_subject(context: Context, mailbox: Mailbox, parsed: ParsedMessage) -> tuple[Thread | None, Why | None]:
    if not parsed.subject or not references.has_reply_prefix(parsed.subject):
        return None, None
    base = references.base_subject(parsed.subject)
    if not base:
        return None, None
    mine = mailbox.address.lower()
    people = {a.key for a in (*parsed.from_, *parsed.to, *parsed.cc)} - {mine}
    since = context.now - SUBJECT_WINDOW_MS
    for thread in context.tx.all(
        threads.BY_SUBJECT, inbox_id=mailbox.inbox_id, subject_key=base[:200], since=since, n=20
    ):
        shown = " ".join((*thread.senders, *thread.recipients)).lower()
        if any(person in shown for person in people):
            return thread, "subject"
    return None, None


@dataclass(frozen=True, slots=True)
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


def _message_row(
    context: Context, mailbox: Mailbox, sheet: Sheet, public_id: str, thread_id: str, people: _People
) -> dict[str, object]:
    parsed = sheet.parsed
    files = [{**a.model_dump(), "attachment_id": f"att_{sheet.message_id[4:]}_{a.part}"} for a in parsed.attachments]
    return {
        "id": sheet.message_id,
        **_owner(mailbox),
        "inbox_address": mailbox.address,
        "thread_id": thread_id,
        "public_id": public_id,
        "labels": _json(sheet.labels),
        "timestamp": context.now,
        "from": people.from_,
        "reply_to": _json(people.reply_to),
        "to": _json(people.to),
        "cc": _json(people.cc),
        "bcc": _json(sheet.bcc or [str(a) for a in parsed.bcc]),
        "subject": parsed.subject,
        "preview": parsed.preview,
        "attachments": _json(files),
        "in_reply_to": parsed.in_reply_to[0] if parsed.in_reply_to else None,
        "size": sheet.size,
        "parse_error": parsed.parse_error,
        "created_at": context.now,
        "updated_at": context.now,
    }


def _body_row(sheet: Sheet, seq: int, why: Why | None) -> dict[str, object]:
    parsed = sheet.parsed
    return {
        "message_seq": seq,
        "text": parsed.text,
        "html": parsed.html,
        "extracted_text": None if parsed.extracted_text == parsed.text else parsed.extracted_text,
        "extracted_html": None if parsed.extracted_html == parsed.html else parsed.extracted_html,
        "references": _json(parsed.references),
        "headers": _json(parsed.headers),
        "date": parsed.date,
        "threaded_by": why,
        "origin": sheet.origin,
        "envelope_from": sheet.envelope_from,
        "client": sheet.client,
        "helo": sheet.helo,
        "blob": sheet.blob,
        "raw": sheet.raw,
    }


def _remember_references(context: Context, mailbox: Mailbox, sheet: Sheet, filed: Filed) -> None:
    own = {filed.public_id, sheet.parsed.message_id}
    for reference in dict.fromkeys((*own, *sheet.parsed.references, *sheet.parsed.in_reply_to)):
        if reference is None:
            continue
        mine = filed.seq if reference in own else None
        known = context.tx.one(queries.REFERENCE, inbox_id=mailbox.inbox_id, reference=reference)
        if known is None:
            row = {"inbox_id": mailbox.inbox_id, "reference": reference, "thread_id": filed.thread_id}
            context.tx.insert(queries.ADD_REFERENCE, {**row, "message_seq": mine})
        elif mine is not None and known[1] is None:
            # It was referenced before it came: from now on it is in this thread.
            context.tx.run(
                queries.FILL_REFERENCE,
                of_inbox=mailbox.inbox_id,
                of_reference=reference,
                message_seq=mine,
                thread_id=filed.thread_id,
            )


def _begin_thread(context: Context, mailbox: Mailbox, sheet: Sheet, filed: Filed, people: _People) -> None:
    received = "received" in sheet.labels
    base = references.base_subject(sheet.parsed.subject) if sheet.parsed.subject else ""
    row = {
        "id": filed.thread_id,
        **_owner(mailbox),
        "inbox_address": mailbox.address,
        "subject": sheet.parsed.subject,
        "subject_key": base[:200] or None,
        "preview": sheet.parsed.preview,
        "labels": _json(sorted(sheet.labels)),
        "senders": _json([people.from_]),
        "recipients": _json(_first(people.to, people.cc, sheet.bcc)),
        "last_message_id": filed.public_id,
        "message_count": 1,
        "size": sheet.size,
        "timestamp": context.now,
        "received_timestamp": context.now if received else None,
        "sent_timestamp": None if received else context.now,
        "created_at": context.now,
        "updated_at": context.now,
    }
    context.tx.insert(threads.ADD, row)


def _join_thread(context: Context, thread: Thread, sheet: Sheet, filed: Filed, people: _People) -> None:
    received = "received" in sheet.labels
    context.tx.run(
        threads.UPDATE,
        key=thread.seq,
        preview=sheet.parsed.preview,
        labels=_json(sorted({*thread.labels, *sheet.labels})),
        senders=_json(_first(thread.senders, (people.from_,))),
        recipients=_json(_first(thread.recipients, people.to, people.cc, sheet.bcc)),
        last_message_id=filed.public_id,
        message_count=thread.message_count + 1,
        size=thread.size + sheet.size,
        timestamp=context.now,
        received_timestamp=context.now if received else thread.received_timestamp,
        sent_timestamp=thread.sent_timestamp if received else context.now,
        updated_at=context.now,
    )


def _first(*lists: Iterable[str]) -> list[str]:
    """Return the union in order, bounded: a list view shows parties, it is no archive of them."""
    return list(dict.fromkeys(item for items in lists for item in items))[:MAX_PEOPLE]


def _owner(mailbox: Mailbox) -> dict[str, str]:
    return {"org_id": mailbox.org_id, "pod_id": mailbox.pod_id, "inbox_id": mailbox.inbox_id}


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
