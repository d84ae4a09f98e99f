"""Queries over inboxes."""

from functools import cache
from typing import Literal

from sqlalchemy import (
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)

from postroom.model.inbox import Inbox, InboxStatus, Mailbox
from postroom.model.lists import Direction
from postroom.store.json import from_json
from postroom.store.queries.messages import Reference
from postroom.store.queries.trash import not_in_trash
from postroom.store.query import Query, Row
from postroom.store.tables import ClientIdRow, InboxRow, InboxWordRow, ListEntryRow, MessageReferenceRow, PurgeRow

_C = ClientIdRow.__table__  # type: ignore[attr-defined]
_I = InboxRow.__table__  # type: ignore[attr-defined]
_L = ListEntryRow.__table__  # type: ignore[attr-defined]
_P = PurgeRow.__table__  # type: ignore[attr-defined]
_R = MessageReferenceRow.__table__  # type: ignore[attr-defined]
_W = InboxWordRow.__table__  # type: ignore[attr-defined]
_SHOWN = [c for c in _I.c if c.name != "address_key"]
_FIELDS = [c.name for c in _SHOWN]
_MAILBOX = (_I.c.inbox_id, _I.c.org_id, _I.c.pod_id, _I.c.address, _I.c.status)
Within = Literal["org_id", "pod_id"]
# One that is in the trash is found by nothing but its way back.
_LIVES = not_in_trash(_I.c.inbox_id)


def _inbox(row: Row) -> Inbox:
    values = dict(zip(_FIELDS, row, strict=True))
    values["status"] = InboxStatus(values["status"])
    values["metadata"] = from_json(values["metadata"])
    return Inbox.trusted(values)


def _mailbox(row: Row, has_lists: bool = False) -> Mailbox:
    inbox_id, org_id, pod_id, address, status = row[:5]
    return Mailbox(inbox_id, org_id, pod_id, address, paused=status != "active", has_lists=has_lists)


ADD = Query[None]("inboxes.add", insert(_I).values({c.name: bindparam(c.name) for c in _I.c}))
BY_ADDRESS = Query[Inbox](
    "inboxes.by_address",
    select(*_SHOWN).where(_I.c.address_key == bindparam("address_key"), _LIVES),
    row=_inbox,
    reached=_I,
)
BY_ID = Query[Inbox](
    "inboxes.by_id", select(*_SHOWN).where(_I.c.inbox_id == bindparam("inbox_id"), _LIVES), row=_inbox, reached=_I
)
IN_TRASH = Query[Inbox](
    "inboxes.in_trash",
    select(*_SHOWN).where(_I.c.inbox_id == bindparam("inbox_id"), ~_LIVES),
    row=_inbox,
    reached=_I,
)
BY_CLIENT_ID = Query[Inbox](
    "inboxes.by_client_id",
    select(*_SHOWN)
    .select_from(_C.join(_I, _I.c.inbox_id == _C.c.id))
    .where(_C.c.kind == "inbox", _C.c.place == bindparam("pod_id"), _C.c.client_id == bindparam("client_id"), _LIVES),
    row=_inbox,
    reached=_I,
)
MAILBOX = Query[Mailbox](
    "inboxes.mailbox",
    select(*_MAILBOX).where(_I.c.address_key == bindparam("address_key"), _LIVES),
    row=_mailbox,
    inner=True,
)
# Where nobody keeps a list, the first look is all that an arrival pays. AND would have SQLite do both; and values that
# are bound, though constant, would be bound again for every arrival.
_HAS_LISTS = case(
    (
        exists(select(_L.c.place)),
        exists().where(
            _L.c.place.in_([_I.c.inbox_id, _I.c.pod_id, _I.c.org_id]),
            _L.c.direction.in_([literal_column(f"'{d.value}'") for d in (Direction.RECEIVE, Direction.REPLY)]),
        ),
    ),
    else_=false(),
)
# What filing an arrival has to know, in one look: where its recipient is, whether any list may hold it there, and what
# its Message-ID is there so far.
DESTINATION = Query[tuple[Mailbox, Reference | None]](
    "inboxes.destination",
    select(*_MAILBOX, _HAS_LISTS, *(_R.c[name] for name in Reference._fields))
    .select_from(_I.outerjoin(_R, and_(_R.c.inbox_id == _I.c.inbox_id, _R.c.reference == bindparam("reference"))))
    .where(_I.c.address_key == bindparam("address_key"), _LIVES),
    row=lambda row: (_mailbox(row, bool(row[5])), None if row[6] is None else Reference(*row[6:])),
    inner=True,
)


@cache
def page(within: Within, ascending: bool) -> Query[Inbox]:
    """Return the list of the inboxes of an organization or a pod: parameters owner, at, seq (the place), n; skip."""
    place, mark = tuple_(_I.c.created_at, _I.c.inbox_id), tuple_(bindparam("at"), bindparam("seq"))
    order = (_I.c.created_at, _I.c.inbox_id) if ascending else (_I.c.created_at.desc(), _I.c.inbox_id.desc())
    return Query(
        f"inboxes.page_{'up' if ascending else 'down'}_by_{within}",
        select(*_SHOWN)
        .where(_I.c[within] == bindparam("owner"), place > mark if ascending else place < mark, _LIVES)
        .order_by(*order)
        .limit(bindparam("n"))
        .offset(bindparam("skip", 0)),
        row=_inbox,
        reached=_I,
    )


@cache
def count_words(within: Within) -> Query[int]:
    """Return how many words begin alike, counted up to `n`: parameters owner, begin, end, n."""
    found = (
        select(_W.c.word)
        .where(_W.c[within] == bindparam("owner"), _W.c.word >= bindparam("begin"), _W.c.word < bindparam("end"))
        .limit(bindparam("n"))
        .subquery()
    )
    return Query(
        f"inboxes.count_words_by_{within}",
        select(func.count()).select_from(found),
        row=lambda row: int(row[0]),
        inner=True,
    )


@cache
def by_word(within: Within) -> Query[tuple[str, Inbox]]:
    """Return the inboxes with a word from `begin` to `end`, by word: parameters owner, word, seq (the place), n."""
    return Query(
        f"inboxes.page_by_word_by_{within}",
        select(_W.c.word, *_SHOWN)
        .select_from(_W.join(_I, _I.c.inbox_id == _W.c.inbox_id))
        .where(
            _W.c[within] == bindparam("owner"),
            tuple_(_W.c.word, _W.c.inbox_id) > tuple_(bindparam("word"), bindparam("seq")),
            _W.c.word < bindparam("end"),
            _LIVES,
        )
        .order_by(_W.c.word, _W.c.inbox_id)
        .limit(bindparam("n")),
        row=lambda row: (str(row[0]), _inbox(row[1:])),
        reached=_W,
    )


_ALL: tuple[Within, ...] = ("org_id", "pod_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))
SEARCHES = tuple(search(within) for within in _ALL for search in (count_words, by_word))
ADD_WORD = Query[None]("inboxes.add_word", insert(_W).values({c.name: bindparam(c.name) for c in _W.c}))
DELETE_WORDS = Query[None](
    "inboxes.delete_words", delete(_W).where(_W.c.inbox_id == bindparam("inbox_id")), reached=_W, steered=True
)
UPDATE = Query[None](
    "inboxes.update",
    update(_I)
    .where(_I.c.inbox_id == bindparam("key"))
    .values({c: bindparam(c) for c in ("display_name", "status", "metadata", "updated_at")}),
    reached=_I,
)
DELETE = Query[None]("inboxes.delete", delete(_I).where(_I.c.inbox_id == bindparam("inbox_id")), reached=_I)

ADD_PURGE = Query[None]("purges.add", insert(_P).values({c.name: bindparam(c.name) for c in _P.c}))
NEXT_PURGE = Query[str](
    "purges.next", select(_P.c.inbox_id).order_by(_P.c.at).limit(1), row=lambda row: str(row[0]), inner=True
)
END_PURGE = Query[None]("purges.end", delete(_P).where(_P.c.inbox_id == bindparam("inbox_id")), inner=True)
