"""Queries over the outbound queue: claim, record, look, give back."""

from sqlalchemy import bindparam, func, insert, select, update

from postroom.model.delivery import Delivery, DeliveryState
from postroom.store.query import Query, Row
from postroom.store.tables import DeliveryRow

_D = DeliveryRow.__table__  # type: ignore[attr-defined]
_SHOWN = (
    *(_D.c.id, _D.c.org_id, _D.c.pod_id, _D.c.inbox_id, _D.c.message_id, _D.c.recipient),
    *(_D.c.envelope_from, _D.c.state, _D.c.attempts, _D.c.last_error),
)
_NAMES = ("delivery_id", *(c.name for c in _SHOWN[1:]))


def _delivery(row: Row) -> Delivery:
    values = dict(zip(_NAMES, row, strict=True))
    return Delivery(**{**values, "state": DeliveryState(values["state"])})


ADD = Query[None]("deliveries.add", insert(_D).values({c.name: bindparam(c.name) for c in _D.c}))
_DUE = (
    select(_D.c.id)
    .where(_D.c.due_at <= bindparam("now"), _D.c.lease_until <= bindparam("now"))
    .order_by(_D.c.due_at)
    .limit(bindparam("n"))
    .with_for_update(skip_locked=True)
)
CLAIM = Query[Delivery](
    "deliveries.claim",
    update(_D)
    .where(_D.c.id.in_(_DUE.scalar_subquery()))
    .values(
        state=bindparam("sending"),
        lease_until=bindparam("until"),
        lease_owner=bindparam("owner"),
        attempts=_D.c.attempts + 1,
        updated_at=bindparam("now"),
    )
    .returning(*_SHOWN),
    row=_delivery,
    inner=True,
)
# Nothing is recorded by somebody whose lease has run out: another may have taken the row since.
RECORD = Query[None](
    "deliveries.record",
    update(_D)
    .where(_D.c.id == bindparam("key"), _D.c.lease_owner == bindparam("owner"))
    .values(
        state=bindparam("state"),
        due_at=bindparam("due_at"),
        lease_until=0,
        lease_owner=None,
        last_error=bindparam("last_error"),
        updated_at=bindparam("now"),
    ),
    inner=True,
)
SET_STATE = Query[None](
    "deliveries.set_state",
    update(_D)
    .where(_D.c.id == bindparam("key"))
    .values(state=bindparam("state"), due_at=None, last_error=bindparam("last_error"), updated_at=bindparam("now")),
    inner=True,
)
GIVE_BACK = Query[None](
    "deliveries.give_back",
    update(_D)
    .where(_D.c.due_at.is_not(None), _D.c.lease_owner == bindparam("owner"))
    .values(lease_until=0, lease_owner=None, state=bindparam("state")),
    inner=True,
)
OWNERS = Query[str](
    "deliveries.owners",
    select(_D.c.lease_owner).where(_D.c.lease_owner.is_not(None)).distinct(),
    row=lambda row: str(row[0]),
    inner=True,
)
NEXT_DUE = Query[int | None](
    "deliveries.next_due",
    select(func.min(_D.c.due_at)).where(_D.c.due_at.is_not(None), _D.c.lease_until <= bindparam("now")),
    row=lambda row: row[0],
    inner=True,
)
OF_MESSAGE = Query[Delivery](
    "deliveries.of_message",
    select(*_SHOWN).where(_D.c.message_id == bindparam("message_id")).order_by(_D.c.id),
    row=_delivery,
    reached=_D,
)
DELETE_OF_MESSAGE = Query[None](
    "deliveries.delete_of_message", _D.delete().where(_D.c.message_id == bindparam("message_id")), inner=True
)
