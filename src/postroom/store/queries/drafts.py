"""Queries over drafts, over their files, and over the queue of those that are to be sent."""

from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, select, tuple_, update

from postroom.model.draft import Draft, DraftSummary, SendStatus
from postroom.model.message import Attachment, Raw
from postroom.model.policy import Taint
from postroom.model.tenant import Within
from postroom.store.json import from_json
from postroom.store.queries.trash import not_in_trash
from postroom.store.query import Query, Row
from postroom.store.tables import DraftFileRow, DraftRow

_D = DraftRow.__table__  # type: ignore[attr-defined]
_F = DraftFileRow.__table__  # type: ignore[attr-defined]
_BODIES = ("text", "html")
_QUEUE = ("due_at", "lease_until", "lease_owner")
_SHOWN = [c for c in _D.c if c.name not in (*_BODIES, *_QUEUE)]
_NAMES = tuple("draft_id" if c.name == "id" else c.name for c in _SHOWN)
# A draft that is in the trash, or whose inbox is, is neither seen nor sent.
_LIVES = and_(not_in_trash(_D.c.inbox_id), not_in_trash(_D.c.id))
_LISTS = ("reply_to", "to", "cc", "bcc", "references")


def _values(row: Row) -> dict[str, Any]:
    values = dict(zip(_NAMES, row, strict=False))
    for name in _LISTS:
        values[name] = tuple(from_json(values[name]))
    values["attachments"] = tuple(Attachment(**file) for file in from_json(values["attachments"]))
    status = values["send_status"]
    values["send_status"] = None if status is None else SendStatus(status)
    waits = {"scheduled"} if status in ("scheduled", "sending") else {"pending_approval"} & {status}
    values["written_by"] = tuple(from_json(values["written_by"] or "[]"))
    values["headers"] = from_json(values["headers"] or "{}")
    values["replaces"] = bool(values["replaces"])
    values["tainted"] = None if values["tainted"] is None else Taint(values["tainted"])
    values["labels"] = tuple(sorted({"draft", *waits, *from_json(values["labels"])}))
    return values


def _summary(row: Row) -> DraftSummary:
    return DraftSummary.trusted(_values(row))


def _draft(row: Row) -> Draft:
    return Draft.trusted({**_values(row), "text": row[-2], "html": row[-1]})


ADD = Query[None]("drafts.add", insert(_D).values({c.name: bindparam(c.name) for c in _D.c if c.name != "seq"}))
BY_ID = Query[DraftSummary](
    "drafts.by_id", select(*_SHOWN).where(_D.c.id == bindparam("id"), _LIVES), row=_summary, reached=_D
)
FULL = Query[Draft](
    "drafts.full",
    select(*_SHOWN, _D.c.text, _D.c.html).where(_D.c.id == bindparam("id"), _LIVES),
    row=_draft,
    reached=_D,
)
IN_TRASH = Query[DraftSummary](
    "drafts.in_trash",
    select(*_SHOWN).where(_D.c.id == bindparam("id"), not_in_trash(_D.c.inbox_id), ~not_in_trash(_D.c.id)),
    row=_summary,
    reached=_D,
)
BY_CLIENT_ID = Query[Draft](
    "drafts.by_client_id",
    select(*_SHOWN, _D.c.text, _D.c.html).where(
        _D.c.inbox_id == bindparam("inbox_id"), _D.c.client_id == bindparam("client_id")
    ),
    row=_draft,
    reached=_D,
)
_CHANGING = (
    *("labels", "reply_to", "to", "cc", "bcc", "subject", "preview", "attachments", "send_status", "send_at"),
    *("send_error", "due_at", "updated_at", "written_by", "tainted", "headers", *_BODIES),
)
UPDATE = Query[None](
    "drafts.update",
    update(_D)
    .where(_D.c.seq == bindparam("key"))
    .values({c: bindparam(c) for c in _CHANGING} | {"version": _D.c.version + 1}),
    reached=_D,
)
# Whoever sends a draft takes it out at the version that was composed: changed or sent meanwhile, it is not there.
DELETE = Query[None](
    "drafts.delete",
    delete(_D).where(_D.c.id == bindparam("id"), _D.c.version == bindparam("version")),
    reached=_D,
)
DELETE_OF_INBOX = Query[None](
    "drafts.delete_of_inbox", delete(_D).where(_D.c.inbox_id == bindparam("inbox_id")), reached=_D, steered=True
)

ADD_FILE = Query[None]("draft_files.add", insert(_F).values({c.name: bindparam(c.name) for c in _F.c}))
FILE = Query[Raw](
    "draft_files.get",
    select(_F.c.content, _F.c.blob, _F.c.size).where(_F.c.id == bindparam("id")),
    row=lambda row: Raw(content=row[0], blob=row[1], size=row[2]),
    inner=True,
)
DELETE_FILE = Query[None]("draft_files.delete", delete(_F).where(_F.c.id == bindparam("id")), inner=True)
FILES_OF_INBOX = Query[str](
    "draft_files.of_inbox",
    select(_F.c.id).where(_F.c.inbox_id == bindparam("inbox_id")).limit(bindparam("n")),
    row=lambda row: str(row[0]),
    inner=True,
)
BLOB_USED = Query[str](
    "draft_files.blob_used",
    select(_F.c.id).where(_F.c.blob == bindparam("blob")).limit(1),
    row=lambda row: str(row[0]),
    inner=True,
)

_DUE = (
    select(_D.c.seq)
    .where(_D.c.due_at <= bindparam("now"), _D.c.lease_until <= bindparam("now"), _LIVES)
    .order_by(_D.c.due_at)
    .limit(bindparam("n"))
    .with_for_update(skip_locked=True)
)
CLAIM = Query[DraftSummary](
    "drafts.claim",
    update(_D)
    .where(_D.c.seq.in_(_DUE.scalar_subquery()))
    .values(
        send_status=SendStatus.SENDING.value,
        lease_until=bindparam("until"),
        lease_owner=bindparam("owner"),
        version=_D.c.version + 1,
    )
    .returning(*_SHOWN),
    row=_summary,
    inner=True,
)
FAIL = Query[None](
    "drafts.fail",
    update(_D)
    .where(_D.c.id == bindparam("key"), _D.c.version == bindparam("at_version"))
    .values(
        send_status=SendStatus.FAILED.value,
        send_error=bindparam("send_error"),
        due_at=None,
        lease_until=0,
        lease_owner=None,
        version=_D.c.version + 1,
        updated_at=bindparam("now"),
    ),
    inner=True,
)
# Those that were to be sent while their inbox was away.
OVERDUE = Query[DraftSummary](
    "drafts.overdue",
    select(*_SHOWN).where(
        _D.c.inbox_id == bindparam("inbox_id"), _D.c.due_at <= bindparam("now"), not_in_trash(_D.c.id)
    ),
    row=_summary,
    reached=_D,
    steered=True,
)
# Into the trash: no lease, and whoever composes it is told that it was changed.
SET_ASIDE = Query[None](
    "drafts.set_aside",
    update(_D)
    .where(_D.c.id == bindparam("key"), _D.c.version == bindparam("at_version"))
    .values(
        send_status=bindparam("send_status"),
        send_at=bindparam("send_at"),
        lease_until=0,
        lease_owner=None,
        version=_D.c.version + 1,
    ),
    reached=_D,
)
# Held on its way out: no worker looks at it, whoever leased it; who composed it knows the version.
PARK = Query[None](
    "drafts.park",
    update(_D)
    .where(_D.c.id == bindparam("key"), _D.c.version == bindparam("at_version"))
    .values(
        send_status=SendStatus.PENDING_APPROVAL.value,
        send_error=None,
        due_at=None,
        lease_until=0,
        lease_owner=None,
        version=_D.c.version + 1,
        updated_at=bindparam("now"),
    ),
    reached=_D,
)
GIVE_BACK = Query[None](
    "drafts.give_back",
    update(_D)
    .where(_D.c.lease_owner == bindparam("owner"))
    .values(send_status=SendStatus.SCHEDULED.value, lease_until=0, lease_owner=None, version=_D.c.version + 1),
    inner=True,
)
OWNERS = Query[str](
    "drafts.owners",
    select(_D.c.lease_owner).where(_D.c.lease_owner.is_not(None)).distinct(),
    row=lambda row: str(row[0]),
    inner=True,
)
NEXT_DUE = Query[int | None](
    "drafts.next_due",
    select(func.min(_D.c.due_at)).where(_D.c.due_at.is_not(None), _D.c.lease_until <= bindparam("now"), _LIVES),
    row=lambda row: row[0],
    inner=True,
)


@cache
def page(within: Within, ascending: bool) -> Query[DraftSummary]:
    """Return the drafts of an organization, a pod or an inbox, by time of change: parameters owner, at, seq (the
    place), n, and where it ends: until, or since where the last changed come first.
    """
    place, mark = tuple_(_D.c.updated_at, _D.c.seq), tuple_(bindparam("at"), bindparam("seq"))
    order = (_D.c.updated_at, _D.c.seq) if ascending else (_D.c.updated_at.desc(), _D.c.seq.desc())
    return Query(
        f"drafts.page_{'up' if ascending else 'down'}_by_{within}",
        select(*_SHOWN)
        .where(
            _D.c[within] == bindparam("owner"),
            place > mark if ascending else place < mark,
            _D.c.updated_at < bindparam("until") if ascending else _D.c.updated_at >= bindparam("since"),
            _LIVES,
        )
        .order_by(*order)
        .limit(bindparam("n")),
        row=_summary,
        reached=_D,
        steered=True,
    )


_ALL: tuple[Within, ...] = ("org_id", "pod_id", "inbox_id")
PAGES = tuple(page(within, ascending) for within in _ALL for ascending in (True, False))
