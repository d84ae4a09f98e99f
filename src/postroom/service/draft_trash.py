"""Drafts into the trash and back: one in it is absent for everybody and sends nothing. `trash` lists and empties it."""

from typing import Any

from postroom.model.draft import DraftSummary, SendStatus
from postroom.model.errors import Forbidden
from postroom.model.event import EventType
from postroom.service import holding
from postroom.service.draft_wording import DraftRef
from postroom.service.drafts import find_draft, find_trashed
from postroom.service.inboxes import TRASH_MS
from postroom.service.operation import Context
from postroom.service.trash import InTrash
from postroom.store.queries import drafts as queries
from postroom.store.queries import trash

_LATE = "It was in the trash when it was to be sent."


def trash_draft(context: Context, given: DraftRef) -> InTrash:
    """Put a draft into the trash: it is not sent, and after 30 days it goes for good. What it waits for is over."""
    draft = find_draft(context, given)
    holding.void(context, draft)
    # A new version: whoever is sending it right now has the message thrown away.
    context.tx.run(queries.SET_ASIDE, key=draft.draft_id, at_version=draft.version, **_standing(draft))
    place = {"org_id": draft.org_id, "pod_id": draft.pod_id, "inbox_id": draft.inbox_id}
    context.tx.insert(trash.ADD, {"id": draft.draft_id, **place, "at": context.now})
    return InTrash(inbox_id=draft.inbox_address, draft_id=draft.draft_id, until=context.now + TRASH_MS)


def restore_draft(context: Context, given: DraftRef) -> DraftSummary:
    """Bring a draft back from the trash as it was; one that was to be sent meanwhile has failed.

    Raises:
        Forbidden: it would be sent by itself again, and the key may not send drafts.
    """
    draft = find_trashed(context, given)
    if draft is None:
        return find_draft(context, given)
    waits = draft.send_status is SendStatus.SCHEDULED
    if waits and not context.actor.may("draft_send"):
        raise Forbidden("This key lacks the permission draft_send.", fix="Use a key that has draft_send.")
    context.tx.run(trash.REMOVE, id=draft.draft_id)
    if waits and (draft.send_at or 0) <= context.now:
        context.tx.run(queries.FAIL, key=draft.draft_id, at_version=draft.version, send_error=_LATE, now=context.now)
        context.tx.emit(EventType.DRAFT_FAILED, draft, {"draft": draft.draft_id, "reason": _LATE})
    elif waits:
        context.tx.ring("draft")
    return find_draft(context, DraftRef(draft_id=draft.draft_id))


def _standing(draft: DraftSummary) -> dict[str, Any]:
    """Return how a draft stands in the trash: on its way no more, waiting for no person."""
    if draft.send_status is SendStatus.PENDING_APPROVAL:
        return {"send_status": None, "send_at": None}
    is_leaving = draft.send_status is SendStatus.SENDING
    status = SendStatus.SCHEDULED if is_leaving else draft.send_status
    return {"send_status": None if status is None else status.value, "send_at": draft.send_at}
