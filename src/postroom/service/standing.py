"""Tells whether a key may still send, decide, or give rights, when it does: a request waits for files between its first
step and its mail, a scheduled draft for days, and who was let in may stay for long. Changes nothing.
"""

from postroom.model.draft import DraftSummary
from postroom.model.errors import Forbidden, Unauthenticated
from postroom.model.policy import Rule, Ruling
from postroom.model.tenant import ApiKey
from postroom.service.operation import Context
from postroom.store.queries import keys


def check(context: Context, permission: str) -> frozenset[str] | None:
    """Let pass whose key stands, with a permission, in the transaction that sends, decides, or gives rights.

    Return all that the key may do now, None for everything.

    Raises:
        Unauthenticated: the key was deleted since it was shown, or its time is over.
        Forbidden: it has lost the permission.
    """
    name = context.actor.api_key_id
    if name is None:
        return None
    key = _standing(context, name)
    if key is None:
        raise Unauthenticated("Nothing was done: the key was deleted meanwhile.", fix="Use a key that stands.")
    has_lost = context.actor.may(permission) and key.permissions is not None and permission not in key.permissions
    if has_lost:  # who never had it was turned away before
        raise Forbidden(f"This key lacks the permission {permission}.", fix=f"Use a key that has {permission}.")
    return key.permissions


def gone(context: Context, draft: DraftSummary) -> Ruling | None:
    """Return why a due draft is held whose writer could not send it now: a person decides in the writer's place."""
    if not draft.written_by:
        return None
    name = draft.written_by[0]
    key = _standing(context, name)
    if key is None:
        return Ruling(rule=Rule.KEY_GONE, reason=f"The key that wrote it, {name}, was deleted, or its time is over.")
    needed = {"draft_send"} if draft.original_id is None else {"draft_send", "message_read"}
    lacks = needed - (needed if key.permissions is None else key.permissions)
    if not lacks and _reaches(key, draft):
        return None
    lost = f"the permission {' and '.join(sorted(lacks))}" if lacks else "the inbox"
    return Ruling(rule=Rule.KEY_GONE, reason=f"The key that wrote it, {name}, has lost {lost}.")


def _standing(context: Context, name: str) -> ApiKey | None:
    key = context.tx.one(keys.STANDING, id=name)
    return None if key is None or (key.expires_at is not None and key.expires_at <= context.now) else key


def _reaches(key: ApiKey, draft: DraftSummary) -> bool:
    pods, inboxes = (None, draft.pod_id), (None, draft.inbox_id)
    return key.org_id == draft.org_id and key.pod_id in pods and key.inbox_id in inboxes
