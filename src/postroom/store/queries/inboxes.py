"""Queries over inboxes."""

from sqlalchemy import and_, bindparam, delete, insert, select, tuple_, update

from postroom.model.inbox import Inbox, Mailbox
from postroom.store.json import from_json
from postroom.store.queries.messages import Reference
from postroom.store.query import Query, Row
from postroom.store.tables import InboxRow, MessageReferenceRow, PurgeRow

_I = InboxRow.__table__  # type: ignore[attr-defined]
_P = PurgeRow.__table__  # type: ignore[attr-defined]
_R = MessageReferenceRow.__table__  # type: ignore[attr-defined]
_SHOWN = [c for c in _I.c if c.name != "address_key"]
_MAILBOX = (_I.c.inbox_id, _I.c.org_id, _I.c.pod_id, _I.c.address)


def _inbox(row: Row) -> Inbox:
    values = {column.name: value for column, value in zip(_SHOWN, row, strict=True)}
    return Inbox(**{**values, "metadata": from_json(values["metadata"])})


ADD = Query[None]("inboxes.add", insert(_I).values({c.name: bindparam(c.name) for c in _I.c}))
BY_ADDRESS = Query[Inbox](
    "inboxes.by_address", select(*_SHOWN).where(_I.c.address_key == bindparam("address_key")), row=_inbox, reached=_I
)
BY_ID = Query[Inbox](
    "inboxes.by_id", select(*_SHOWN).where(_I.c.inbox_id == bindparam("inbox_id")), row=_inbox, reached=_I
)
BY_CLIENT_ID = Query[Inbox](
    "inboxes.by_client_id",
    select(*_SHOWN).where(_I.c.org_id == bindparam("org_id"), _I.c.client_id == bindparam("client_id")),
    row=_inbox,
    reached=_I,
)
MAILBOX = Query[Mailbox](
    "inboxes.mailbox",
    select(*_MAILBOX).where(_I.c.address_key == bindparam("address_key")),
    row=Mailbox._make,
    inner=True,
)
# What filing an arrival has to know, in one look: where its recipient is, and what its Message-ID is there so far.
DESTINATION = Query[tuple[Mailbox, Reference | None]](
    "inboxes.destination",
    select(*_MAILBOX, *(_R.c[name] for name in Reference._fields))
    .select_from(_I.outerjoin(_R, and_(_R.c.inbox_id == _I.c.inbox_id, _R.c.reference == bindparam("reference"))))
    .where(_I.c.address_key == bindparam("address_key")),
    row=lambda row: (Mailbox(*row[:4]), None if row[4] is None else Reference(*row[4:])),
    inner=True,
)
_PLACE = tuple_(_I.c.created_at, _I.c.inbox_id)
PAGE = Query[Inbox](
    "inboxes.page",
    select(*_SHOWN)
    .where(_I.c.org_id == bindparam("org_id"), tuple_(bindparam("at"), bindparam("below")) > _PLACE)
    .order_by(_I.c.created_at.desc(), _I.c.inbox_id.desc())
    .limit(bindparam("n")),
    row=_inbox,
    reached=_I,
)
UPDATE = Query[None](
    "inboxes.update",
    update(_I)
    .where(_I.c.inbox_id == bindparam("key"))
    .values({c: bindparam(c) for c in ("display_name", "metadata", "updated_at")}),
    reached=_I,
)
DELETE = Query[None]("inboxes.delete", delete(_I).where(_I.c.inbox_id == bindparam("inbox_id")), reached=_I)

ADD_PURGE = Query[None]("purges.add", insert(_P).values({c.name: bindparam(c.name) for c in _P.c}))
NEXT_PURGE = Query[str](
    "purges.next", select(_P.c.inbox_id).order_by(_P.c.at).limit(1), row=lambda row: str(row[0]), inner=True
)
END_PURGE = Query[None]("purges.end", delete(_P).where(_P.c.inbox_id == bindparam("inbox_id")), inner=True)
