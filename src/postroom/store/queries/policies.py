"""Queries over policies: those that hold for a message, what was counted for them, who is known, who read what."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, case, delete, func, insert, literal, select, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import BindParameter

from postroom.model.message import strings
from postroom.model.policy import Need, Policy, Recipients, Subject
from postroom.model.tenant import Within
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import (
    CorrespondentRow,
    KeyFamilyRow,
    MessageBodyRow,
    MessageRow,
    PolicyCountRow,
    PolicyRow,
    TaintRow,
)

_P = PolicyRow.__table__  # type: ignore[attr-defined]
_N = PolicyCountRow.__table__  # type: ignore[attr-defined]
_C = CorrespondentRow.__table__  # type: ignore[attr-defined]
_T = TaintRow.__table__  # type: ignore[attr-defined]
_K = KeyFamilyRow.__table__  # type: ignore[attr-defined]
_M = MessageRow.__table__  # type: ignore[attr-defined]
_B = MessageBodyRow.__table__  # type: ignore[attr-defined]
_SHOWN = [_P.c[name] for name in Policy.model_fields]
_upsert = postgresql.insert  # SQLite compiles it as well
PLACES = ("one", "two", "three", "four")
_FOUR: list[BindParameter[Any]] = [bindparam(name) for name in PLACES]


def by_fours(places: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the parameters of the queries that take four names at a time, so many as there are."""
    step = len(PLACES)
    for first in range(0, len(places), step):
        yield dict(zip(PLACES, [*places[first : first + step], *[""] * step], strict=False))


def _policy(row: Row) -> Policy:
    values = dict(zip(Policy.model_fields, row, strict=True))
    return Policy(
        **values
        | {
            "subject": Subject(values["subject"]),
            "recipients": Recipients(values["recipients"]),
            "approval": Need(values["approval"]),
            "allowed": tuple(from_json(values["allowed"])),
            "reply_only": bool(values["reply_only"]),
            "taint": bool(values["taint"]),
            "elicitation": bool(values["elicitation"]),
        }
    )


class Exchange(NamedTuple):
    """How many of the newest messages of a thread were sent from the inbox, and how many came to it."""

    sent: int
    received: int


class Came(NamedTuple):
    """How a message came into its thread, who it says wrote it, whether that was written of mail from outside, and
    whether a program wrote it.
    """

    origin: str
    envelope_from: str | None
    from_: str
    tainted: bool
    automatic: bool = False


def _came(row: Row) -> Came:
    return Came(row[0], row[1], row[2], bool(row[3]), bool(row[4]))


class From(NamedTuple):
    """Who a message that came to an inbox may be from: as it shows it, its envelope, and where answers go."""

    from_: str
    envelope_from: str | None
    reply_to: tuple[str, ...]


LATEST = 10  # moments of messages that left which are kept for each correspondent
_DIGITS = 13  # of a moment


SET = Query[None](
    "policies.set",
    _upsert(_P)
    .values({c.name: bindparam(c.name) for c in _P.c})
    .on_conflict_do_update(
        index_elements=["place"],
        set_={c.name: bindparam(c.name) for c in _P.c if c.name not in ("place", "created_at")},
    ),
)
ONE = Query[Policy]("policies.one", select(*_SHOWN).where(_P.c.place == bindparam("place")), row=_policy, reached=_P)
DELETE = Query[None]("policies.delete", delete(_P).where(_P.c.place == bindparam("key")), reached=_P)
# What judging a message asks, whoever the caller is: a key of an inbox is bound by its pod and its organization too.
OF_PLACES = Query[Policy](
    "policies.of_places",
    select(*_SHOWN).where(_P.c.place.in_(_FOUR)),
    row=_policy,
    inner=True,
)
COUNTED = Query[tuple[int, int]](
    "policies.counted",
    select(_N.c.mails, _N.c.recipients).where(_N.c.place == bindparam("place"), _N.c.day == bindparam("day")),
    row=lambda row: (int(row[0]), int(row[1])),
    inner=True,
)
COUNT = Query[None](
    "policies.count",
    _upsert(_N)
    .values({c.name: bindparam(c.name) for c in _N.c})
    .on_conflict_do_update(
        index_elements=["place", "day"],
        set_={"mails": _N.c.mails + 1, "recipients": _N.c.recipients + bindparam("more")},
    ),
)
FORGET_COUNTS = Query[None]("policies.forget_counts", delete(_N).where(_N.c.day < bindparam("before")), inner=True)

ACQUAINT = Query[None](
    "correspondents.add",
    _upsert(_C)
    .values({c.name: bindparam(c.name) for c in _C.c})
    .on_conflict_do_nothing(index_elements=["inbox_id", "party"]),
)
# One that leaves: its moment stands before those of the messages before it.
WROTE = Query[None](
    "correspondents.wrote",
    _upsert(_C)
    .values({c.name: bindparam(c.name) for c in _C.c})
    .on_conflict_do_update(
        index_elements=["inbox_id", "party"],
        set_={"latest": func.substr(bindparam("latest", type_=Text).concat(_C.c.latest), 1, LATEST * _DIGITS)},
    ),
)
# When the last message but nine left to a correspondent (UTC milliseconds).
TENTH = Query[int](
    "correspondents.tenth",
    select(func.substr(_C.c.latest, (LATEST - 1) * _DIGITS + 1, _DIGITS)).where(
        _C.c.inbox_id == bindparam("inbox_id"), _C.c.party == bindparam("party")
    ),
    row=lambda row: int(row[0] or 0),
    inner=True,
)
# Who wrote to an inbox since a moment, the newest of them.
WROTE_HERE = Query[From](
    "messages.wrote_here",
    select(_M.c["from"], _B.c.envelope_from, _M.c.reply_to)
    .join(_B, _B.c.message_seq == _M.c.seq)
    .where(_M.c.inbox_id == bindparam("inbox_id"), _M.c.timestamp >= bindparam("since"), _M.c.origin != "sent")
    .order_by(_M.c.timestamp.desc(), _M.c.seq.desc())
    .limit(bindparam("n")),
    row=lambda row: From(row[0], row[1], strings(row[2])),
    inner=True,
)
IS_KNOWN = Query[bool](
    "correspondents.is_known",
    select(literal(1)).where(_C.c.inbox_id == bindparam("inbox_id"), _C.c.party == bindparam("party")),
    row=bool,
    inner=True,
)
FORGET_PARTIES = Query[None](
    "correspondents.delete_of_inbox", delete(_C).where(_C.c.inbox_id == bindparam("inbox_id")), inner=True
)

TAINT = Query[None](
    "taints.set",
    _upsert(_T)
    .values({c.name: bindparam(c.name) for c in _T.c})
    .on_conflict_do_update(index_elements=["reader"], set_={"at": bindparam("at")}, where=_T.c.at < bindparam("at")),
)
TAINTED_AT = Query[int](
    "taints.at",
    select(func.coalesce(func.max(_T.c.at), 0)).where(_T.c.reader.in_(_FOUR)),
    row=lambda row: int(row[0]),
    inner=True,
)
FORGET_TAINTS = Query[None]("taints.forget", delete(_T).where(_T.c.at < bindparam("before")), inner=True)

ADD_FAMILY = Query[None]("families.add", insert(_K).values({c.name: bindparam(c.name) for c in _K.c}))
FAMILY = Query[str](
    "families.of",
    select(_K.c.family).where(_K.c.api_key_id == bindparam("api_key_id")),
    row=lambda row: str(row[0]),
    inner=True,
)

# Of a thread that the caller's own inbox has: how its newest messages came.
CAME = Query[Came](
    "threads.came",
    select(_M.c.origin, _B.c.envelope_from, _M.c["from"], _M.c.tainted, _M.c.automatic)
    .join(_B, _B.c.message_seq == _M.c.seq)
    .where(_M.c.thread_id == bindparam("thread_id"))
    .order_by(_M.c.timestamp.desc(), _M.c.seq.desc())
    .limit(bindparam("n")),
    row=_came,
    inner=True,
)
CAME_ONE = Query[Came](
    "messages.came",
    select(_M.c.origin, _B.c.envelope_from, _M.c["from"], _M.c.tainted, _M.c.automatic)
    .join(_B, _B.c.message_seq == _M.c.seq)
    .where(_M.c.seq == bindparam("seq")),
    row=_came,
    inner=True,
)
_NEWEST = (
    select(_M.c.labels)
    .where(_M.c.thread_id == bindparam("thread_id"), _M.c.timestamp >= bindparam("since"))
    .order_by(_M.c.timestamp.desc(), _M.c.seq.desc())
    .limit(bindparam("n"))
    .subquery()
)


def _with(label: str) -> object:
    return func.coalesce(func.sum(case((_NEWEST.c.labels.like(f'%"{label}"%'), 1), else_=0)), 0)


EXCHANGED = Query[Exchange](
    "threads.exchanged",
    select(_with("sent"), _with("received")).select_from(_NEWEST),  # type: ignore[call-overload]
    row=lambda row: Exchange(int(row[0]), int(row[1])),
    inner=True,
)


@cache
def page(within: Within, ascending: bool) -> Query[Policy]:
    """Return the policies within an organization, a pod or an inbox: parameters owner, at, seq (the place), n."""
    place, mark = tuple_(_P.c.created_at, _P.c.place), tuple_(bindparam("at"), bindparam("seq"))
    order = (_P.c.created_at, _P.c.place) if ascending else (_P.c.created_at.desc(), _P.c.place.desc())
    return Query(
        f"policies.page_{'up' if ascending else 'down'}_by_{within}",
        select(*_SHOWN)
        .where(_P.c[within] == bindparam("owner"), place > mark if ascending else place < mark)
        .order_by(*order)
        .limit(bindparam("n")),
        row=_policy,
        reached=_P,
        steered=True,
    )


@cache
def below(within: Within) -> Query[Policy]:
    """Return the policies of two kinds within an organization or a pod: parameters owner, inbox and pod, n."""
    return Query(
        f"policies.below_{within}",
        select(*_SHOWN)
        .where(_P.c[within] == bindparam("owner"), _P.c.subject.in_([bindparam("inbox"), bindparam("pod")]))
        .order_by(_P.c.created_at, _P.c.place)
        .limit(bindparam("n")),
        row=_policy,
        reached=_P,
        steered=True,
    )


_ALL: tuple[Within, ...] = ("org_id", "pod_id", "inbox_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))
BELOW = tuple(below(within) for within in ("org_id", "pod_id"))
