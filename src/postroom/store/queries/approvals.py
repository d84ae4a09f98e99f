"""Queries over approvals: the messages that wait for a person, and what became of them."""

from functools import cache
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select, tuple_, update

from postroom.model.policy import Approval, ApprovalState, Rule
from postroom.model.tenant import Within
from postroom.store.json import from_json
from postroom.store.queries.trash import not_in_trash
from postroom.store.query import Query, Row
from postroom.store.tables import ApprovalRow

_A = ApprovalRow.__table__  # type: ignore[attr-defined]
_FIELDS = tuple(name for name in Approval.model_fields if name != "approval_id")
_SHOWN = (_A.c.id, *(_A.c[name] for name in _FIELDS))
_LISTS = ("recipients", "bcc", "labels", "asked_by")
_IS_PENDING = _A.c.state == ApprovalState.PENDING.value
# While its inbox is in the trash, a question is absent; its week goes on.
_LIVES = not_in_trash(_A.c.inbox_id)


def _approval(row: Row) -> Approval:
    values = dict(zip(("approval_id", *_FIELDS), row, strict=False))
    for name in _LISTS:
        values[name] = tuple(from_json(values[name]))
    return Approval(**values | {"state": ApprovalState(values["state"]), "rule": Rule(values["rule"])})


class Composed(NamedTuple):
    """The bytes of a held message, and (JSON) its bodies where they are shown otherwise."""

    size: int
    blob: str | None
    content: bytes | None
    shown: str | None


ADD = Query[None]("approvals.add", insert(_A).values({c.name: bindparam(c.name) for c in _A.c}))
BY_ID = Query[Approval](
    "approvals.by_id", select(*_SHOWN).where(_A.c.id == bindparam("id"), _LIVES), row=_approval, reached=_A
)
COMPOSED = Query[Composed](
    "approvals.composed",
    select(_A.c.size, _A.c.blob, _A.c.content, _A.c.shown).where(_A.c.id == bindparam("id"), _IS_PENDING, _LIVES),
    row=Composed._make,
    reached=_A,
)
OF_DRAFT = Query[Approval](
    "approvals.of_draft",
    select(*_SHOWN).where(_A.c.draft_id == bindparam("draft_id"), _IS_PENDING),
    row=_approval,
    reached=_A,
)
# Once: whoever finds it pending ends it, and its bytes go.
END = Query[None](
    "approvals.end",
    update(_A)
    .where(_A.c.id == bindparam("key"), _IS_PENDING)
    .values(
        state=bindparam("ended"),
        decided_by=bindparam("decider"),
        decided_at=bindparam("now"),
        comment=bindparam("said"),
        subject=None,
        shown=None,
        blob=None,
        content=None,
    ),
    reached=_A,
)
EXPIRED = Query[Approval](
    "approvals.expired",
    select(*_SHOWN).where(_IS_PENDING, _A.c.expires_at <= bindparam("now")).limit(bindparam("n")),
    row=_approval,
    inner=True,
)
BLOB_USED = Query[str](
    "approvals.blob_used",
    select(_A.c.id).where(_A.c.blob == bindparam("blob")).limit(1),
    row=lambda row: str(row[0]),
    inner=True,
)
DELETE_OF_INBOX = Query[None](
    "approvals.delete_of_inbox", delete(_A).where(_A.c.inbox_id == bindparam("inbox_id")), reached=_A, steered=True
)


@cache
def page(within: Within, ascending: bool) -> Query[Approval]:
    """Return the approvals of one state: parameters owner, state, at, seq (the place), n."""
    place, mark = tuple_(_A.c.created_at, _A.c.id), tuple_(bindparam("at"), bindparam("seq"))
    order = (_A.c.created_at, _A.c.id) if ascending else (_A.c.created_at.desc(), _A.c.id.desc())
    return Query(
        f"approvals.page_{'up' if ascending else 'down'}_by_{within}",
        select(*_SHOWN)
        .where(
            _A.c[within] == bindparam("owner"),
            _A.c.state == bindparam("state"),
            place > mark if ascending else place < mark,
            _LIVES,
        )
        .order_by(*order)
        .limit(bindparam("n")),
        row=_approval,
        reached=_A,
        steered=True,
    )


_ALL: tuple[Within, ...] = ("org_id", "pod_id", "inbox_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))
