"""Queries over policies: those that hold for a message, what was counted for them, who is known, who read what."""

from functools import cache
from typing import NamedTuple

from sqlalchemy import bindparam, case, delete, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql

from postroom.model.policy import Need, Policy, Recipients, Subject
from postroom.model.tenant import Within
from postroom.store.json import from_json
from postroom.store.query import Query, Row
from postroom.store.tables import (
    CorrespondentRow,
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
_M = MessageRow.__table__  # type: ignore[attr-defined]
_B = MessageBodyRow.__table__  # type: ignore[attr-defined]
_SHOWN = [_P.c[name] for name in Policy.model_fields]
_upsert = postgresql.insert  # SQLite compiles it as well
PLACES = ("one", "two", "three", "four")


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
    """How a message came into its thread, and who it says wrote it."""

    origin: str
    envelope_from: str | None
    from_: str


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
    select(*_SHOWN).where(_P.c.place.in_([bindparam(name) for name in PLACES])),
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
    "taints.at", select(_T.c.at).where(_T.c.reader == bindparam("reader")), row=lambda row: int(row[0]), inner=True
)
FORGET_TAINTS = Query[None]("taints.forget", delete(_T).where(_T.c.at < bindparam("before")), inner=True)

# Of a thread that the caller's own inbox has: how its newest messages came.
CAME = Query[Came](
    "threads.came",
    select(_B.c.origin, _B.c.envelope_from, _M.c["from"])
    .join(_B, _B.c.message_seq == _M.c.seq)
    .where(_M.c.thread_id == bindparam("thread_id"))
    .order_by(_M.c.timestamp.desc(), _M.c.seq.desc())
    .limit(bindparam("n")),
    row=Came._make,
    inner=True,
)
CAME_ONE = Query[Came](
    "messages.came",
    select(_B.c.origin, _B.c.envelope_from, _M.c["from"])
    .join(_B, _B.c.message_seq == _M.c.seq)
    .where(_M.c.seq == bindparam("seq")),
    row=Came._make,
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


_ALL: tuple[Within, ...] = ("org_id", "pod_id", "inbox_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))
