"""Queries over messages, their bodies, labels and references, and over the receipts that stop duplicates."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, case, column, delete, func, insert, select, table, tuple_, update
from sqlalchemy.dialects import postgresql

from postroom.model.message import (
    Attachment,
    Message,
    MessageLine,
    MessageSummary,
    Origin,
    Raw,
    plain_text,
    strings,
)
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.search import MAX_BODY
from postroom.store.tables import (
    MessageBodyRow,
    MessageLabelRow,
    MessageReferenceRow,
    MessageRow,
)

_M = MessageRow.__table__  # type: ignore[attr-defined]
_B = MessageBodyRow.__table__  # type: ignore[attr-defined]
_L = MessageLabelRow.__table__  # type: ignore[attr-defined]
_R = MessageReferenceRow.__table__  # type: ignore[attr-defined]
_LISTS = ("labels", "reply_to", "to", "cc", "bcc")
_upsert = postgresql.insert  # SQLite compiles it as well: ON CONFLICT is the same in both (not so the other way round)
_FIELDS = tuple(MessageSummary.model_fields)
# The columns in the order of the record's fields.
_NAMES = {"from_": "from", "message_id": "public_id"}
SUMMARY = [_M.c[_NAMES.get(name, name)] for name in _FIELDS]
LINE = [_M.c[_NAMES.get(name, name.removesuffix("_json"))] for name in MessageLine._fields]
_LEFT_OUT = ("message_seq", "client", "helo", "blob", "raw", "text_at")
_BODY = [*(c for c in _B.c if c.name not in _LEFT_OUT), _M.c.automatic]
_BODY_NAMES = [c.name for c in _BODY]
# A text that stands in the raw bytes as it is, NULL for all others.
_PLAIN = func.substr(_B.c.raw, _B.c.text_at + 1)


def _values(row: Row) -> dict[str, Any]:
    values = dict(zip(_FIELDS, row, strict=False))  # a body's columns may follow
    for name in _LISTS:
        values[name] = strings(values[name])
    files = values["attachments"]
    values["tainted"] = bool(values["tainted"])
    values["attachments"] = () if files == "[]" else tuple(Attachment(**file) for file in from_json(files))
    return values


def summary(row: Row) -> MessageSummary:
    """Return a row of the columns SUMMARY as a record."""
    return MessageSummary.trusted(_values(row))


def _message(row: Row) -> Message:
    values = _values(row)
    values.update(zip(_BODY_NAMES, row[len(_FIELDS) :], strict=False))  # the plain text follows
    if (plain := row[-1]) is not None:
        values["text"] = plain_text(plain)
    values["automatic"] = bool(values["automatic"])
    values["references"] = strings(values["references"])
    values["headers"] = tuple(map(tuple, from_json(values["headers"])))
    for kind in ("text", "html"):
        if values[f"extracted_{kind}"] is None:
            values[f"extracted_{kind}"] = values[kind]
    return Message.trusted(values)


# The view by which a message and all that belongs to it are written at once; its steps are in the migrations.
FILING = table(
    "filing",
    *(column(c.name) for c in (*_M.c, *_B.c) if c.name not in ("seq", "message_seq")),
    *(column(c) for c in ("digest", "subject_key", "thread_labels", "senders", "recipients")),
    *(column(c) for c in ("received_timestamp", "sent_timestamp", "event_type", "event_data")),
)
FILE = Query[None]("messages.file", insert(FILING).values({c.name: bindparam(c.name) for c in FILING.c}))
SEQ_OF = Query[int](
    "messages.seq_of", select(_M.c.seq).where(_M.c.id == bindparam("id")), row=lambda row: int(row[0]), reached=_M
)
BY_PUBLIC_ID = Query[MessageSummary](
    "messages.by_public_id",
    select(*SUMMARY)
    .join(_R, _R.c.message_seq == _M.c.seq)
    .where(_R.c.inbox_id == bindparam("inbox_id"), _R.c.reference == bindparam("public_id")),
    row=summary,
    reached=_M,
)
BY_ID = Query[MessageSummary](
    "messages.by_id", select(*SUMMARY).where(_M.c.id == bindparam("id")), row=summary, reached=_M
)
BY_SEQ = Query[MessageSummary](
    "messages.by_seq", select(*SUMMARY).where(_M.c.seq == bindparam("seq")), row=summary, reached=_M
)
_WHOLE = select(*SUMMARY, *_BODY, _PLAIN).join(_B, _B.c.message_seq == _M.c.seq)
FULL = Query[Message]("messages.full", _WHOLE.where(_M.c.seq == bindparam("seq")), row=_message, reached=_M)
FULL_BY_ID = Query[Message]("messages.full_by_id", _WHOLE.where(_M.c.id == bindparam("id")), row=_message, reached=_M)
FULL_BY_PUBLIC_ID = Query[Message](
    "messages.full_by_public_id",
    _WHOLE.join(_R, _R.c.message_seq == _M.c.seq).where(
        _R.c.inbox_id == bindparam("inbox_id"), _R.c.reference == bindparam("public_id")
    ),
    row=_message,
    reached=_M,
)


class NewText(NamedTuple):
    """What is new in a message: its text; the HTML that this is of, or that stands alone, where no text came; how it
    came, and whether it was written here of what came from outside.

    `more`: it quotes history besides.
    """

    seq: int
    org_id: str
    text: str | None
    html: str | None
    origin: Origin
    more: bool = False
    tainted: bool = False


def _new_text(row: Row) -> NewText:
    seq, org_id, text, plain, html, origin, more, tainted = row
    words = text if plain is None else plain_text(plain)
    return NewText(seq, org_id, words, html, origin, bool(more), bool(tainted))


SEQS = tuple(f"seq_{n}" for n in range(25))
_NEW = func.coalesce(_B.c.extracted_text, _B.c.text)
NEW_TEXTS = Query[NewText](
    "messages.new_texts",
    select(
        _M.c.seq,
        _M.c.org_id,
        _NEW,
        case((_B.c.extracted_text.is_(None), _PLAIN)),
        case((_B.c.text.is_(None) & _B.c.text_at.is_(None), func.coalesce(_B.c.extracted_html, _B.c.html))),
        _M.c.origin,
        func.coalesce(_B.c.extracted_text, _B.c.extracted_html).is_not(None),
        _M.c.tainted,
    )
    .join(_M, _B.c.message_seq == _M.c.seq)
    .where(_M.c.seq.in_([bindparam(name) for name in SEQS])),
    row=_new_text,
    reached=_M,
    steered=True,
)
# The text and the HTML of a message that a reached query gave.
BODIES = Query[tuple[str | None, str | None]](
    "messages.bodies",
    select(_B.c.text, _PLAIN, _B.c.html).where(_B.c.message_seq == bindparam("seq")),
    row=lambda row: (row[0] if row[1] is None else plain_text(row[1]), row[2]),
    inner=True,
)
RAW = Query[Raw](
    "messages.raw",
    select(_B.c.raw, _B.c.blob, _M.c.size).join(_M, _B.c.message_seq == _M.c.seq).where(_M.c.seq == bindparam("seq")),
    row=lambda row: Raw(content=row[0], blob=row[1], size=row[2]),
    reached=_M,
)
# The bytes of a message, and whether it was written of what came from outside.
SOURCE = Query[tuple[Raw, bool]](
    "messages.source",
    select(_B.c.raw, _B.c.blob, _M.c.size, _M.c.tainted)
    .join(_M, _B.c.message_seq == _M.c.seq)
    .where(_M.c.seq == bindparam("seq")),
    row=lambda row: (Raw(content=row[0], blob=row[1], size=row[2]), bool(row[3])),
    reached=_M,
)


def _of_thread(columns: list[Any]) -> Select[Any]:
    return (
        select(*columns)
        .where(
            _M.c.thread_id == bindparam("thread_id"),
            tuple_(_M.c.timestamp, _M.c.seq) < tuple_(bindparam("at"), bindparam("seq")),
        )
        .order_by(_M.c.timestamp.desc(), _M.c.seq.desc())
        .limit(bindparam("n"))
    )


OF_THREAD = Query[MessageSummary]("messages.of_thread", _of_thread(SUMMARY), row=summary, reached=_M, steered=True)
LINES_OF_THREAD = Query[MessageLine](
    "messages.lines_of_thread", _of_thread(LINE), row=MessageLine._make, reached=_M, steered=True, packed=True
)
SET_LABELS = Query[None](
    "messages.set_labels",
    update(_M)
    .where(_M.c.seq == bindparam("key"))
    .values(labels=bindparam("labels"), updated_at=bindparam("updated_at")),
    reached=_M,
)
DELETE = Query[None]("messages.delete", delete(_M).where(_M.c.seq == bindparam("seq")), reached=_M)
DELETE_BODY = Query[None]("messages.delete_body", delete(_B).where(_B.c.message_seq == bindparam("seq")), inner=True)
ORIGINS_OF_THREAD = Query[tuple[Origin, bool]](
    "messages.origins_of_thread",
    select(_M.c.origin, _M.c.tainted)
    .where(_M.c.thread_id == bindparam("thread_id"))
    .order_by(_M.c.timestamp.desc(), _M.c.seq.desc())
    .limit(bindparam("n")),
    row=lambda row: (row[0], bool(row[1])),
    inner=True,
)
HEADERS = Query[tuple[tuple[str, str], ...]](
    "messages.headers",
    select(_B.c.headers).where(_B.c.message_seq == bindparam("seq")),
    row=lambda row: tuple((name, value) for name, value in from_json(row[0])),
    inner=True,
)
BLOB_USED = Query[int](
    "messages.blob_used",
    select(_B.c.message_seq).where(_B.c.blob == bindparam("blob")).limit(1),
    row=lambda row: row[0],
    inner=True,
)
COUNT_SINCE = Query[int](
    "messages.count_since",
    select(func.count())
    .select_from(_M)
    .where(_M.c.inbox_id == bindparam("inbox_id"), _M.c.timestamp >= bindparam("since")),
    row=lambda row: row[0],
    reached=_M,
)

ADD_LABEL = Query[None]("labels.add", insert(_L).values({c.name: bindparam(c.name) for c in _L.c}))
REMOVE_LABEL = Query[None](
    "labels.remove",
    delete(_L).where(*(_L.c[name] == bindparam(name) for name in ("inbox_id", "label", "timestamp", "message_seq"))),
    inner=True,
)
DELETE_LABELS = Query[None]("labels.delete", delete(_L).where(_L.c.inbox_id == bindparam("inbox_id")), inner=True)

_COLUMNS: dict[str, Any] = {c.name: bindparam(c.name) for c in _R.c}
# An id that a message bears: new, or only referred to so far. Then it is in this message's thread from now on.
BEAR_REFERENCE = Query[None](
    "references.bear",
    _upsert(_R)
    .values(_COLUMNS)
    .on_conflict_do_update(
        index_elements=["inbox_id", "reference"],
        set_={name: bindparam(name) for name in ("thread_id", "message_seq", "digest", "at")},
        where=_R.c.message_seq.is_(None),
    ),
)
# What an arrival is known by where its Message-ID is another message's, or it has none.
REMEMBER_DIGEST = Query[None](
    "references.remember_digest",
    _upsert(_R)
    .values(_COLUMNS)
    .on_conflict_do_update(
        index_elements=["inbox_id", "reference"],
        set_={name: bindparam(name) for name in ("thread_id", "message_seq", "digest", "at")},
    ),
)
# An id that a message refers to: nothing if it is known already.
ADD_REFERENCE = Query[None](
    "references.add", _upsert(_R).values(_COLUMNS).on_conflict_do_nothing(index_elements=["inbox_id", "reference"])
)


class Reference(NamedTuple):
    """A row of message_reference without its key."""

    thread_id: str
    message_seq: int | None
    digest: bytes | None
    at: int


REFERENCE = Query[Reference](
    "references.get",
    select(_R.c.thread_id, _R.c.message_seq, _R.c.digest, _R.c.at).where(
        _R.c.inbox_id == bindparam("inbox_id"), _R.c.reference == bindparam("reference")
    ),
    row=Reference._make,
    inner=True,
)
# When an address first wrote to an inbox (`from:…`) and the inbox to it (`to:…`): keys are of service/contacts.
CONTACT = Query[tuple[str, int]](
    "references.contact",
    select(_R.c.reference, _R.c.at).where(
        _R.c.inbox_id == bindparam("inbox_id"), _R.c.reference.in_((bindparam("from_key"), bindparam("to_key")))
    ),
    row=lambda row: (row[0], row[1]),
    inner=True,
)
REFERENCES = tuple(f"reference_{n}" for n in range(20))
CONTACTS = Query[tuple[str, int]](
    "references.contacts",
    select(_R.c.reference, _R.c.at).where(
        _R.c.inbox_id == bindparam("inbox_id"), _R.c.reference.in_([bindparam(name) for name in REFERENCES])
    ),
    row=lambda row: (row[0], row[1]),
    inner=True,
    packed=True,
)
DELETE_REFERENCE = Query[None](
    "references.delete_of_message",
    delete(_R).where(
        _R.c.inbox_id == bindparam("inbox_id"),
        _R.c.reference == bindparam("reference"),
        _R.c.message_seq == bindparam("message_seq"),
    ),
    inner=True,
)
# All ids of a message, wherever they stand among its inbox's: for the few that bear more than their public one.
DELETE_REFERENCES_OF = Query[None](
    "references.delete_all_of_message",
    delete(_R).where(_R.c.inbox_id == bindparam("inbox_id"), _R.c.message_seq == bindparam("message_seq")),
    inner=True,
)
# Ids that messages of a thread only referred to.
DELETE_NOT_BORNE = Query[None](
    "references.delete_not_borne",
    delete(_R).where(_R.c.thread_id == bindparam("thread_id"), _R.c.message_seq.is_(None)),
    inner=True,
)
# What says that a thread was moved here from another server: the key is of service/importing.
MOVED_THREAD = Query[str](
    "references.moved_thread",
    select(_R.c.reference)
    .where(
        _R.c.thread_id == bindparam("thread_id"),
        _R.c.message_seq.is_(None),
        _R.c.reference.like("thread:%"),
    )
    .limit(1),
    row=lambda row: str(row[0]),
    inner=True,
)
DELETE_REFERENCES = Query[None](
    "references.delete", delete(_R).where(_R.c.inbox_id == bindparam("inbox_id")), inner=True
)


class Words(NamedTuple):
    """What the search index needs of a message, of its body the beginning."""

    seq: int
    id: str
    inbox_id: str
    subject: str | None
    from_: str
    to: str
    text: str | None
    html: str | None
    owners: str  # the ids of inbox, pod and organization, with spaces between


def _words(row: Row) -> Words:
    text = row[6] if row[7] is None else plain_text(row[7])
    return Words(row[0], row[1], row[2], row[3], row[4], row[5], text, row[8], f"{row[2]} {row[9]} {row[10]}")


# Bodies only as far as they can matter to the index: a batch of whole ones could be gigabytes.
_WORDS = (
    *(_M.c.seq, _M.c.id, _M.c.inbox_id, _M.c.subject, _M.c["from"], _M.c.to),
    *(func.substr(_B.c.text, 1, MAX_BODY), func.substr(_B.c.raw, _B.c.text_at + 1, MAX_BODY)),
    func.substr(_B.c.html, 1, 2 * MAX_BODY),
    *(_M.c.pod_id, _M.c.org_id),
)
WORDS = Query[Words](
    "messages.words",
    select(*_WORDS).join(_B, _B.c.message_seq == _M.c.seq).where(_M.c.seq == bindparam("seq")),
    row=_words,
    reached=_M,
)
TO_INDEX = Query[Words](
    "search.to_index",
    select(*_WORDS)
    .join(_B, _B.c.message_seq == _M.c.seq)
    .where(_M.c.seq > bindparam("above"))
    .order_by(_M.c.seq)
    .limit(bindparam("n")),
    row=_words,
    inner=True,
)
TO_PURGE = Query[Words](
    "messages.to_purge",
    select(*_WORDS)
    .join(_B, _B.c.message_seq == _M.c.seq)
    .where(_M.c.inbox_id == bindparam("inbox_id"))
    .limit(bindparam("n")),
    row=_words,
    inner=True,
)


@cache
def page(ascending: bool, labelled: bool) -> Query[MessageLine]:
    """Return the list of an inbox's messages by time: parameters inbox_id, at, seq (the place), n, and where it ends:
    until, or since where the newest come first.

    With `labelled` also `label`: the walk is then over the label's own index.
    """
    along = _L if labelled else _M
    seq = _L.c.message_seq if labelled else _M.c.seq
    place, mark = tuple_(along.c.timestamp, seq), tuple_(bindparam("at"), bindparam("seq"))
    statement = select(*LINE).where(
        along.c.inbox_id == bindparam("inbox_id"),
        place > mark if ascending else place < mark,
        along.c.timestamp < bindparam("until") if ascending else along.c.timestamp >= bindparam("since"),
    )
    if labelled:
        statement = statement.join(_L, _L.c.message_seq == _M.c.seq).where(_L.c.label == bindparam("label"))
    order = (along.c.timestamp, seq) if ascending else (along.c.timestamp.desc(), seq.desc())
    name = f"messages.page_{'up' if ascending else 'down'}{'_by_label' if labelled else ''}"
    return Query(name, statement.order_by(*order).limit(bindparam("n")), row=MessageLine._make, reached=_M, packed=True)


PAGES = tuple(page(ascending, labelled) for ascending in (True, False) for labelled in (True, False))
